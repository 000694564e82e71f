#!/usr/bin/env bats
# compare.bats - scripts/compare puts two traces side by side: what is equal
# stands on one row, and what differs is marked.

# shellcheck disable=SC2154 # status, output: from Bats

load helpers

setup() {
    own=$BATS_TEST_TMPDIR
    unset COLUMNS NO_COLOR
}

compare() {
    timeout -k 1 "$LIMIT" "$TOP/scripts/compare" "$@"
}

# Compare, with room for every line; the status must be $1. The output goes to
# $own/out, its rows to $own/rows.
compare_to() {
    local wanted=$1 got=0
    shift
    COLUMNS=203 compare "$@" >"$own/out" || got=$?
    cat "$own/out"
    [ "$got" -eq "$wanted" ]
    sed '1d; /^$/,$d' "$own/out" >"$own/rows"
}

# The left, the marks, the right column of the rows.
column() {
    case $1 in
    left) cut -c 1-100 "$own/rows" ;;
    marks) cut -c 102 "$own/rows" ;;
    right) cut -c 104- "$own/rows" ;;
    esac | sed 's/ *$//; /^$/d'
}

# The events of a stage's trace of a scenario.
events() {
    demo "$1" -S "$TOP/demos/scenarios/$2.scn" | sed '/^$/,$d'
}

@test "a stage is equal to itself, and the status says so" {
    compare_to 0 6 06-epoll-lt
    [ -z "$(column marks)" ]
    diff <(column left) <(events 06-epoll-lt one)
    diff <(column right) <(events 06-epoll-lt one)
}

@test "both columns have every line of their stage, in its order" {
    local pair
    for pair in '01-blocking 02-threads' '02-threads 03-nonblocking' \
        '06-epoll-lt 08-epoll-et'; do
        # shellcheck disable=SC2086 # two words
        compare_to 1 $pair -s three
        diff <(column left) <(events "${pair% *}" three)
        diff <(column right) <(events "${pair#* }" three)
        # What the clients do stands on one row.
        grep -E '^\[(client|player|demo)' "$own/rows" >"$own/clients"
        [ "$(wc -l <"$own/clients")" -ge 14 ]
        [ -z "$(cut -c 102 "$own/clients" | tr -d ' \n')" ]
    done
}

@test "06 and 08 on two messages: why edge-triggered must drain" {
    run compare 06-epoll-lt 08-epoll-et -s two-messages
    echo "$output"
    [ "$status" -eq 1 ]
    # One screen.
    [ "$(wc -l <<<"$output")" -le 50 ]
    # After each recv that brought bytes only 08 asks again.
    [ "$(grep -cE '^ {49}> \[server\]   recv from .*EAGAIN$' \
        <<<"$output")" = 2 ]
    grep -qE '^\[server\]   send to .*8 bytes +  \[server\]   send to .*8 ' \
        <<<"$output"
    grep -qE ' fd:5 \(c1\) IN +\| \[server\]     fd:5 \(c1\) IN\|OUT$' \
        <<<"$output"
    # ... and the counts of both summaries.
    grep -qE '^06-epoll-lt( +[0-9.]+){8}$' <<<"$output"
    demo 08-epoll-et -S "$TOP/demos/scenarios/two-messages.scn" |
        sed -n 's/^  calls  *epoll_wait \([0-9]*\), accept \([0-9]*\), recv'\
' \([0-9]*\), send \([0-9]*\), .*epoll_ctl \([0-9]*\)$/\1 \1 \2 \3 4 \4 \5/p
            ' >"$own/counts"
    grep '^08-epoll-et .*[0-9.]$' <<<"$output" | tr -s ' ' |
        grep -F "08-epoll-et $(<"$own/counts") 6.7"
}

@test "descriptor numbers and the name of the wait are no difference" {
    # poll adds HUP to the listening socket's end, and that is all.
    compare_to 1 4 5
    [ "$(column marks)" = '|' ]
    grep -q 'select\.\.\.  .* poll\.\.\.' "$own/rows"
    # 06 has a descriptor more, so its clients' numbers are others.
    compare_to 1 5 6
    grep '=====>' "$own/rows" >"$own/row"
    grep -q 'fd:4 (c1) .*fd:5 (c1)$' "$own/row"
    [ "$(cut -c 102 "$own/row")" = ' ' ]
}

@test "a stage is named by number or name, a scenario by name or path" {
    local name
    printf 'c1 connect\nc1 close\n' >"$own/mine.scn"
    for name in 4 04 select 04-select; do
        compare_to 0 "$name" 04-select -s one.scn
        [ "$(head -n 1 "$own/out" | tr -s ' ')" = "04-select 04-select" ]
    done
    cd "$own"
    compare_to 0 4 4 --scenario mine.scn
    ! grep -q send\ to "$own/rows" || return 1
    cd /
    compare_to 0 -s "$own/mine.scn" 4 4
}

@test "two files, text or JSON, are compared as the stages are" {
    local stage
    for stage in 06-epoll-lt 07-epollout; do
        demo "$stage" -S "$TOP/demos/scenarios/slow-reader.scn" \
            -j "$own/$stage.json" >"$own/$stage.text"
    done
    compare_to 0 "$own/06-epoll-lt.text" "$own/06-epoll-lt.json"
    compare_to 1 "$own/06-epoll-lt.json" "$own/07-epollout.text"
    grep -qE '> \[server\]   epoll_ctl MOD fd:5 \(c1\) events:OUT' "$own/rows"
    cp "$own/rows" "$own/from-files"
    compare_to 1 6 7 -s slow-reader
    diff "$own/rows" "$own/from-files"
    # A stage beside a file.
    compare_to 0 6 "$own/06-epoll-lt.json" -s slow-reader
}

@test "free runs are compared client by client, in no other order" {
    local stage=06-epoll-lt
    demo $stage -c 3 -m 2 -i 0 >"$own/a"
    # The same for each client, in another order of all.
    { grep '^\[server\]' "$own/a" && grep '^\[client 3' "$own/a" &&
        grep '^\[client [12]' "$own/a"; } >"$own/b"
    ! cmp -s <(head -n "$(wc -l <"$own/b")" "$own/a") "$own/b" || return 1
    compare_to 0 "$own/a" "$own/b"
    grep -q '^c1: what it does' "$own/out"
    grep -q '^c3: what the server does' "$own/out"
    # One byte more for one client.
    sed '/^\[server\]   recv from .*hello 2 from client 2/s/21 b/22 b/' \
        "$own/a" >"$own/b"
    compare_to 1 "$own/a" "$own/b"
    [ "$(column marks)" = '|' ]
    grep '21 bytes.*22 bytes' "$own/rows"
    # One line less.
    sed '/^\[client 2\] shutdown/d' "$own/a" >"$own/b"
    compare_to 1 "$own/a" "$own/b"
    [ "$(column marks)" = '<' ]
    compare_to 1 "$own/b" "$own/a"
    [ "$(column marks)" = '>' ]
}

# Run it on a terminal of 70 columns, with these variables.
on_terminal() {
    (SHELL=/bin/sh timeout -k 1 "$LIMIT" env TERM=xterm "$@" script -qec \
        "stty cols 70; $TOP/scripts/compare 6 8" /dev/null </dev/null |
        tr -d '\r' >"$own/tty" 3>&- 4>&-)
    grep -q 'accept new' "$own/tty"
}

@test "colour on a terminal, and nowhere else" {
    local escape=$'\033['
    on_terminal A=B
    grep -qF "$escape" "$own/tty"
    # What is equal has none.
    ! grep -F "$escape" "$own/tty" | grep -q 'send 5 bytes' || return 1
    on_terminal NO_COLOR=
    grep -qF "$escape" "$own/tty"
    on_terminal NO_COLOR=1
    ! grep -qF "$escape" "$own/tty" || return 1
    on_terminal TERM=dumb
    ! grep -qF "$escape" "$own/tty" || return 1
    TERM=xterm compare 6 8 >"$own/pipe" || [ $? -eq 1 ]
    ! grep -qF "$escape" "$own/pipe" || return 1
}

# The widest row of a file is so wide.
is_wide() {
    sed '/^$/,$d' "$1" | awk -v wide="$2" '
        length > most { most = length }
        END { print "the widest has " most; exit most != wide }'
}

@test "as wide as the terminal, or 100 in a pipe; what is cut ends in ~" {
    on_terminal NO_COLOR=1
    is_wide "$own/tty" 69 # two columns of 33, and three between
    compare 6 8 >"$own/pipe" || [ $? -eq 1 ]
    is_wide "$own/pipe" 99
    grep -q 'events:IN|OUT|RDH~$' "$own/pipe"
    COLUMNS=60 compare 6 8 >"$own/pipe" || [ $? -eq 1 ]
    is_wide "$own/pipe" 59
}

@test "it builds first" {
    mkdir "$own/copy"
    cp -a "$TOP"/{Makefile,common,demos,scripts,build} "$own/copy"
    mkdir "$own/copy/tests"
    cp "$TOP/tests/grammar.txt" "$own/copy/tests"
    rm -f "$own/copy/build/05-poll"
    "$own/copy/scripts/compare" 5 5 >"$own/out"
    [ -x "$own/copy/build/05-poll" ]
    echo '#error no' >>"$own/copy/demos/05-poll.c"
    run "$own/copy/scripts/compare" 5 5
    [ "$status" -eq 2 ]
    [[ ${lines[-1]} == "compare: the stages cannot be built"* ]]
}

# Trouble: status 2, and one sentence.
refuses() {
    local words=$1
    run compare "${@:2}"
    echo "$output"
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "compare: "*"$words"* ]]
}

@test "trouble is said in one sentence, with status 2" {
    demo 06-epoll-lt -c 1 -m 1 >"$own/good"
    printf '[server]   listen fd:3\nnonsense\n' >"$own/bad"
    printf 'c1 connect\nc1 expect "a"\n' >"$own/unmet.scn"
    : >"$own/empty"
    refuses 'give two stages' 6
    refuses 'give two stages'
    refuses 'not 3' 1 2 3
    refuses "'99' is no stage and no file; the stages are 01-blocking" 6 99
    refuses "there is no scenario 'none'; there are abort" 6 8 -s none
    refuses 'unrecognized' 6 8 --frobnicate
    refuses '--scenario is for stages' "$own/good" "$own/good" -s one
    refuses "bad:2: this is no event" "$own/good" "$own/bad"
    refuses 'no events' "$own/empty" "$own/good"
    refuses 'cannot read' "$own" "$own/good"
    refuses 'c1 expected a; after 0 bytes' 6 8 -s "$own/unmet.scn"
}

@test "--help says what the marks mean, and head(1) may leave" {
    run compare --help
    [ "$status" -eq 0 ]
    [[ $output == *"usage: scripts/compare"*"STAGE STAGE"*"FILE FILE"* ]]
    ! awk 'length > 80' <<<"$output" | grep . || return 1
    run bash -c "set +o pipefail; '$TOP/scripts/compare' 6 8 \
        -s slow-reader | head -n 1"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == 06-epoll-lt* ]]
}
