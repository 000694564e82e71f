#!/usr/bin/env bats
#
# accepting.bats - the program of walkthrough/accepting.md: which of several
# processes accepts a connection. The claims of that page are in extra/claims.

load helpers

# accepts MODE COUNTS: the counts of the workers match the regular expression.
accepts() {
    run timeout -k 1 "$LIMIT" "$BUILD/accepting" "$1" 3>&- 4>&-
    echo "$output"
    if [[ $output = "not tried: "* ]]; then
        skip "$output"
    fi
    [ "$status" -eq 0 ]
    [[ $output =~ ^"$1":' '$2,' sum 40'$ ]]
}

@test "with EPOLLEXCLUSIVE the first worker accepts all connections" {
    accepts exclusive '40 0 0 0'
}

@test "of the workers on one epoll instance, the last to sleep accepts all" {
    accepts shared '0 0 0 40'
}

@test "workers that block in accept4 take turns" {
    accepts blocking '10 10 10 10'
}

@test "with an epoll instance each, the workers accept all connections" {
    accepts plain '[0-9]+ [0-9]+ [0-9]+ [0-9]+'
}

@test "with SO_REUSEPORT more than one worker accepts" {
    accepts reuseport '[0-9]+ [0-9]+ [0-9]+ [0-9]+'
    [[ $output != *" 40"[,\ ]*" 40" ]]
}

@test "without a mode, accepting lists them" {
    run "$BUILD/accepting"
    [ "$status" -eq 2 ]
    [[ $output = "usage: accepting plain|exclusive|"* ]]
    run "$BUILD/accepting" nonsense
    [ "$status" -eq 2 ]
    run "$BUILD/accepting" plain plain
    [ "$status" -eq 2 ]
}
