#!/usr/bin/env bats
#
# pool.bats - what stage 09 promises with any number of workers: all are there,
# all are served, nobody is woken in vain, and all are joined in the end.

# shellcheck disable=SC2154 # pid, socket: from helpers.bash

load helpers

setup() {
    stage=09-epoll-pool
    all_stages | grep -qx "$stage" || skip "STAGES leaves out $stage"
    cd "$BATS_TEST_TMPDIR" || return 1
}

# Wait until the server has so many threads.
wait_for_threads() {
    local end=$((SECONDS + LIMIT))
    until [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" = \
        "$1" ]; do
        [ $SECONDS -lt $end ]
        pause
    done
}

@test "1, 2, 8 and 64 workers serve all, by the laws of the trace" {
    local workers
    for workers in 1 2 8 64; do
        echo "$workers workers"
        demo "$stage" -w "$workers" -c 20 -m 10 -i 0 >trace
        grep -q '  messages     200 sent, 200 echoed$' trace
        "$TOP/scripts/check-trace" trace
    done
}

@test "without --workers there is one for each CPU" {
    local cpus
    cpus=$(getconf _NPROCESSORS_ONLN)
    start_server "$stage" -q
    wait_for_threads $((cpus + 2)) # the main thread, and the conductor
    stop_server
    demo "$stage" --help | grep -q -- "--workers N .*(default $cpus)$"
}

@test "... but 1000 at most, and one where nobody knows how many CPUs there are" {
    local cpus workers
    ! grep -qE '__[amt]san_init' "$BUILD/$stage" ||
        skip "a sanitizer wants to be the first library"
    cat >cpus.c <<'CPUS'
#include <stdlib.h>
#include <unistd.h>
long __sysconf(int name);
long sysconf(int name)
{
    return name == _SC_NPROCESSORS_ONLN ? atol(getenv("CPUS"))
                                        : __sysconf(name);
}
CPUS
    cc -shared -fPIC -o cpus.so cpus.c
    while read -r cpus workers; do
        echo "$cpus CPUs"
        CPUS=$cpus LD_PRELOAD=$PWD/cpus.so demo "$stage" --help >help
        grep -q -- "--workers N .*(default $workers)$" help
        CPUS=$cpus LD_PRELOAD=$PWD/cpus.so demo "$stage" -c 1 -m 1 >trace
        grep -q '  messages     1 sent, 1 echoed$' trace
    done <<'CASES'
1200 1000
0 1
-1 1
CASES
}

@test "of 8 workers one is woken for a connection, the others sleep on" {
    local again
    demo "$stage" -q -w 8 -c 200 -m 1 -i 0 >summary
    grep -q '  clients      200 accepted' summary
    again=$(sed -n 's/^  EAGAIN  *\([0-9]*\) .*/\1/p' summary)
    echo "$again accepts in vain"
    [ "$again" -le 8 ] # when it stops, each finds the listener shut down
}

@test "SIGTERM wakes and joins every worker, whoever is connected" {
    local workers
    for workers in 1 2 64; do
        start_server "$stage" -w "$workers"
        python3 "$TOP/tests/three_clients.py" "$socket" >clients 3>&- 4>&- &
        echo $! >>pids
        wait_for_line '^connected$' clients
        wait_for_threads $((workers + 2))
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
    [[ $output == *"--workers is for the server, and --connect starts none"* ]]
    run demo 07-epollout -w 2
    [ "$status" -eq 2 ]
    [[ $output == *"there is no option '-w'"* ]]
}
