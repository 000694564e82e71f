#!/usr/bin/env bats
#
# pool.bats - stage 09 with any number of workers: all of them run, every client
# is served, no worker wakes up in vain, and all are joined at the end.

# shellcheck disable=SC2154 # pid, socket: from helpers.bash

load helpers

setup() {
    stage=09-epoll-pool
    all_stages | grep -qx "$stage" || skip "STAGES leaves out $stage"
    cd "$BATS_TEST_TMPDIR" || return 1
}

# wait_for_threads N: waits until the server has N threads.
wait_for_threads() {
    local end=$((SECONDS + LIMIT))
    until [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" = \
        "$1" ]; do
        [ $SECONDS -lt $end ]
        pause
    done
}

@test "1, 2, 8 and 64 workers serve all clients, and the laws of the trace hold" {
    local workers
    for workers in 1 2 8 64; do
        echo "$workers workers"
        demo "$stage" -w "$workers" -c 20 -m 10 -i 0 >trace
        grep -q '  messages     200 sent, 200 echoed$' trace
        "$TOP/scripts/check-trace" trace
    done
}

@test "the default of --workers is 2, on every machine" {
    start_server "$stage" -q
    wait_for_threads 3 # and the main thread
    stop_server
    demo "$stage" --help | grep -q -- "--workers N .*(default 2)$"
}

@test "a connection wakes one of 8 workers, and the others sleep" {
    local again
    demo "$stage" -w 8 -c 200 -m 1 -i 0 >trace
    grep -q '  clients      200 accepted' trace
    # At the stop, the listening socket is reported to each worker.
    again=$(sed '/^\[demo\]  *stop$/,$d' trace | grep -c 'accept EAGAIN') || :
    echo "$again accepts without a connection"
    [ "$again" -le 8 ]
}

@test "SIGTERM wakes and joins every worker, with clients connected" {
    local workers
    for workers in 1 2 64; do
        start_server "$stage" -w "$workers"
        python3 "$TOP/tests/three_clients.py" "$socket" >clients 3>&- 4>&- &
        echo $! >>pids
        wait_for_line '^connected$' clients
        wait_for_threads $((workers + 1))
        stop_server
        "$TOP/scripts/check-trace" out
        [ ! -s err ]
        rm clients
    done
}

@test "--workers takes a number from 1 to 1000, and is for the server" {
    local bad
    for bad in 0 -1 1001 x '' 2x; do
        run demo "$stage" --workers="$bad"
        [ "$status" -eq 2 ]
        [[ $output == *"--workers takes a whole number from 1 to 1000, not '$bad'"* ]]
    done
    run demo "$stage" -w 2 --connect -s nowhere
    [ "$status" -eq 2 ]
    [[ $output == *"--workers is for the server, but --connect starts none"* ]]
    run demo 07-epollout -w 2
    [ "$status" -eq 2 ]
    [[ $output == *"there is no option '-w'"* ]]
}
