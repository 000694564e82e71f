#!/usr/bin/env bats
#
# predict.bats - scripts/predict judges a guess by the trace.

load helpers

predict() {
    timeout -k 1 $((3 * LIMIT)) "$TOP/scripts/predict" "$@" 3>&- 4>&-
}

@test "a right guess is reported as right" {
    run predict 06-epoll-lt two-messages waits=5 recv=3
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "How often does 06-epoll-lt call a function that waits\
 in two-messages? 5: right
How often does 06-epoll-lt call recv in two-messages? 3: right
2 of 2 right" ]
}

@test "a wrong guess is reported as too many or too few, without the answer" {
    run predict 6 two-messages waits=6 recv=1 send=2
    echo "$output"
    [ "$status" -eq 1 ]
    [ "$output" = "How often does 06-epoll-lt call a function that waits\
 in two-messages? 6: too many
How often does 06-epoll-lt call recv in two-messages? 1: too few
How often does 06-epoll-lt call send in two-messages? 2: right
1 of 3 right" ]
}

@test "every count of scripts/compare can be guessed" {
    local name
    local -a names numbers
    COLUMNS=160 run "$TOP/scripts/compare" 8 7 -s many 3>&- 4>&-
    [ "$status" -le 1 ]
    read -ra names < <(grep '^ *waits ' <<<"$output")
    read -ra numbers < <(grep '^08-epoll-et .*[0-9]$' <<<"$output")
    [ "${#numbers[@]}" -eq 9 ]
    for name in 0 1 2 3 4 5 6; do
        predict 8 many "${names[name]}=${numbers[name + 1]}"
    done
}

# refused WORDS ARGUMENT...
refused() {
    local words=$1
    shift
    run predict "$@"
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == "predict: "*"$words"* ]]
    [ "${#lines[@]}" -eq 1 ]
}

@test "an argument that is not a guess is refused with a sentence" {
    refused "write WHAT=NUMBER" 6 one waits
    refused "write WHAT=NUMBER" 6 one waits=many
    refused "write WHAT=NUMBER" 6 one waits=-1
    refused "write WHAT=NUMBER" 6 one "waits=$(printf '\302\262')" # a small 2
    refused "'sleeps' is not counted; guess one of waits" 6 one sleeps=1
    refused "'99' is not a stage" 99 one waits=1
    refused "no scenario 'none'" 6 none waits=1
    refused "--help" 6
}

@test "predict --help lists what can be guessed" {
    run predict --help
    [ "$status" -eq 0 ]
    [[ $output == *"wake-ups"*"EAGAIN"*"try:"* ]]
}
