#!/usr/bin/env bats
# states.bats - what the kernel holds between two lines: the states of the JSON
# trace, scripts/step --text, and the law of the bytes that wait.

# shellcheck disable=SC2154 # status, output: from Bats

load helpers

step() {
    timeout "$((60 * ${TIMEOUT_MULT:-1}))" "$TOP/scripts/step" "$@"
}

# played STAGE SCENARIO: writes text and json of a play with states.
played() {
    demo "$1" -S "$TOP/demos/scenarios/$2.scn" "${@:3}" --states \
        -j "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/text"
}

@test "step --text prints what was read and approved" {
    local file stage scenario
    for file in "$TOP"/tests/step/*.txt; do
        stage=${file##*/} scenario=${stage#*.}
        step "${stage%%.*}" -s "${scenario%.txt}" --text |
            diff "$file" -
    done
}

@test "step --text prints all lines of a twin, also those outside the grammar" {
    run step twin:slots-not-compacted -s abort --text
    [ "$status" -eq 0 ]
    [[ $output = *"recv from fd:4, EBADF"*"[demo]     stop"* ]]
}

@test "step --text ends a twin that spins" {
    run step twin:eof-is-nothing -s one --text
    [ "$status" -eq 0 ]
    [[ $output = *"recv from clientfd:5 (c1), eof"* ]]
    [ "${#lines[@]}" -lt 5000 ]
}

@test "taking states does not change what the server does" {
    local stage
    for stage in 02-threads 06-epoll-lt 08-epoll-et; do
        played "$stage" hand-over
        sed '/^$/,$d' "$BATS_TEST_TMPDIR/text" |
            diff "$TOP/tests/golden/hand-over/$stage.txt" -
    done
    played 10-reactor idle-timeout --idle-timeout 1000
    [ "$(jq -s 'map(select(.cat == "state")) | length > 5' \
        "$BATS_TEST_TMPDIR/json")" = true ]
}

@test "a state that is a byte wrong breaks a law, and a right one does not" {
    played 08-epoll-et flood
    cd "$BATS_TEST_TMPDIR"
    "$TOP/scripts/check-trace" json
    sed 's/\[5,75904,/[5,75903,/' json >wrong
    run "$TOP/scripts/check-trace" wrong
    [ "$status" -eq 1 ]
    [[ $output = *"broken law 'waiting'"*"75903 bytes of c1 are waiting"* ]]
    sed 's/"ready":1/"ready":2/' json >wrong
    run "$TOP/scripts/check-trace" wrong
    [ "$status" -eq 1 ]
    [[ $output = *"broken law 'grammar'"* ]]
}

@test "a state may be taken between a recv and its line" {
    # The recv of a thread has returned, and its line follows the state.
    played 02-threads coalesce
    "$TOP/scripts/check-trace" "$BATS_TEST_TMPDIR/json"
}

@test "JSON names the program, the scenario's lines and the size of a recv" {
    played 06-epoll-lt flood
    cd "$BATS_TEST_TMPDIR"
    jq -es '.[0].name == "process_name" and .[0].args.name == "06-epoll-lt"
        and .[0].args.version != "" and .[0].args.options[2] == "--states"
        and (.[0].args.scenario | endswith("flood.scn"))' json
    # Each client's line names the step that it belongs to.
    jq -r 'select(.args.who // "" | startswith("client"))
        | .args.src + " " + .cat' json | sed 's/.*flood.scn://' >steps
    grep -Fx '8 send' steps
    grep -Fx '11 recv' steps
    jq -es 'map(select(.cat == "recv" and .args.who == "server").args.room)
        | unique == [4096]' json
}

@test "a state has the time-out of each wait, and a page whether there is one" {
    local call
    cd "$BATS_TEST_TMPDIR"
    played 10-reactor idle-timeout --idle-timeout 1000
    # Without a client there is no timer.
    jq -es 'map(select(.cat == "state").args | select(.timeout_ms))
        | map({timer: (.fds | any(.[0] == 6)), ms: .timeout_ms.server})
        | all(if .timer then .ms > 0 and .ms <= 1000 else .ms == -1 end)
            and any(.timer) and any(.timer | not)' json
    step 10 -s idle-timeout --text >10.txt
    [ "$(grep -c 'epoll_wait.*<- blocks, with a time-out$' 10.txt)" -eq 4 ]
    [ "$(grep -c 'epoll_wait.*<- blocks$' 10.txt)" -eq 3 ]
    # All three calls, without a time-out and with one.
    waits() {
        "./$1" -q -S "$TOP/demos/scenarios/one.scn" --states -j json >/dev/null
        jq -cs 'map(.args.timeout_ms | values | .server) | unique' json
    }
    sed 's/NULL, NULL, NULL);/NULL, NULL, \&(struct timeval){3600, 0});/' \
        "$TOP/demos/04-select.c" >select.c
    sed 's/clients.count, -1/clients.count, 3600000/' \
        "$TOP/demos/05-poll.c" >poll.c
    sed 's/MAX_EVENTS, -1/MAX_EVENTS, 3600000/' \
        "$TOP/demos/06-epoll-lt.c" >epoll_wait.c
    for call in select poll epoll_wait; do
        cc -D_GNU_SOURCE -I"$TOP/common" -o "$call" "$call.c" \
            "$BUILD"/common/*.o -pthread
    done
    [ "$(waits select)" = '[null]' ]
    [ "$(waits poll)" = '[3600000]' ]
    [ "$(waits epoll_wait)" = '[3600000]' ]
    for call in 04-select 05-poll 06-epoll-lt; do
        ln -s "$BUILD/$call" .
        [ "$(waits "$call")" = '[-1]' ]
    done
    # In the others, accept and recv have none.
    ln -s "$BUILD/01-blocking" .
    [ "$(waits 01-blocking)" = '[]' ]
}

@test "--states needs a scenario and a file of JSON" {
    run demo 06-epoll-lt --states
    [ "$status" -eq 2 ]
    [[ $output = *"--states needs --scenario FILE"* ]]
    run demo 06-epoll-lt --states -S "$TOP/demos/scenarios/one.scn"
    [ "$status" -eq 2 ]
    [[ $output = *"--json FILE, where the states go"* ]]
}

@test "step names the stages and scenarios that there are" {
    run step 99 --text
    [ "$status" -eq 2 ]
    [[ $output = *"'99' is not a stage; the stages are 01-blocking"* ]]
    run step 6 -s nothing --text
    [ "$status" -eq 2 ]
    [[ $output = *"there is no scenario 'nothing'"* ]]
}
