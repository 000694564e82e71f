#!/usr/bin/env bats
#
# scenarios.bats - a scenario gives the same trace where everything is slower:
# under Valgrind, and while other processes use all CPUs.

load helpers

golden() {
    local -a names
    local left_out='^room/'
    # Valgrind limits descriptors in its own way: accept(2) takes the client,
    # then Valgrind closes it. So there is no scenario "room". The stage 12 for
    # Valgrind waits in another call. A signal or a hold ends it elsewhere.
    if [ "$1" = 12-io-uring ]; then
        make -s -C "$TOP" build/valgrind/12-io-uring
        local -x IOMUX_BUILD=$TOP/build/valgrind
        left_out='^(room|hand-over|stop-continue)/'
    fi
    mapfile -t names < <("$TOP/tests/golden.py" --list "$1" |
        grep -vE "$left_out|\.tcp")
    "$TOP/tests/golden.py" "$1" "${names[@]%/*}" 3>&- 4>&-
}

@test "each scenario gives its golden trace under Valgrind, without an error" {
    export TIMEOUT_MULT=10
    export IOMUX_WRAPPER='valgrind -q --error-exitcode=99 --leak-check=full
        --fair-sched=yes'
    # These differ most: a queue of turns, threads, requests of io_uring.
    STAGES=${STAGES:-0[89]-*.c 12-*.c} each_stage golden
}

# Other processes use all CPUs from now on; teardown ends them. They leave most
# of the time to the players, of which there are two for each CPU.
keep_busy() {
    local i
    for ((i = 0; i < $(nproc); i++)); do
        nice -n 15 bash -c 'while :; do :; done' 3>&- 4>&- &
        echo $! >>"$BATS_TEST_TMPDIR/pids"
    done
}

@test "200 random scenarios give one trace each while all CPUs are busy" {
    local -a stages
    mapfile -t stages < <(all_stages)
    keep_busy
    timeout -k 1 $((90 * LIMIT)) "$TOP/tests/random_scenarios.py" \
        --seed 1001 --count 200 --repeat 3 "${stages[@]}" 3>&- 4>&-
}

# tests/golden.py explains why stages 03 and 09 are left out.
@test "over TCP, 40 random scenarios give one trace each while CPUs are busy" {
    local -a stages
    mapfile -t stages < <(all_stages | grep -v '^0[39]-')
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names none of them"
    keep_busy
    timeout -k 1 $((60 * LIMIT)) "$TOP/tests/random_scenarios.py" \
        --tcp --seed 2001 --count 40 --repeat 2 "${stages[@]}" 3>&- 4>&-
}
