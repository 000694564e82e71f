#!/usr/bin/env bats
#
# uring.bats - stage 12 with crowds of clients, with rings that are too small,
# and on a system that creates no thread for it.

load helpers

setup_file() {
    make -s -C "$TOP" build/bench/load
}

setup() {
    need_stage 12-io-uring
}

# Does one test of tests/uring.py to stage 12.
crowd() {
    local status=0
    timeout -k 1 $((10 * LIMIT)) python3 -S "$TOP/tests/uring.py" "$1" \
        "$BUILD/12-io-uring" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- ||
        status=$?
    [ $status -ne 77 ] || skip "$(<"$BATS_TEST_TMPDIR/said")"
    cat "$BATS_TEST_TMPDIR/said"
    return $status
}

# echo_to ACTIVE ROUNDS: each of the clients on $socket gets each of its bytes.
echo_to() {
    timeout -k 1 $((5 * LIMIT)) "$TOP/build/bench/load" -a "$1" -n "$2" \
        --timeout "$LIMIT" "$socket" 3>&- 4>&-
}

# run_load ACTIVE ROUNDS: prints how many messages there were, and how many calls.
run_load() {
    start_server 12-io-uring -j "$BATS_TEST_TMPDIR/json"
    echo_to "$1" "$2" >"$BATS_TEST_TMPDIR/load"
    stop_server
    tail -n 1 "$BATS_TEST_TMPDIR/json" |
        jq -r '.args | "\(.messages) \(.io_uring_enter)"'
    rm "$BATS_TEST_TMPDIR"/{json,out} # too long to check the laws
}

# Prints the calls per message with so many active clients: the slope between
# two runs, without the calls for accepts and ends.
calls_per_message() {
    local messages calls more_messages more_calls
    read -r messages calls < <(run_load "$1" "$2")
    read -r more_messages more_calls < <(run_load "$1" $(($2 * 4)))
    jq -n "($more_calls - $calls) / ($more_messages - $messages)"
}

@test "19,000 idle clients are connected, and two of them get an echo" {
    crowd idle
}

@test "a client that never reads holds one buffer, and stops none of 100" {
    crowd never-reads
}

@test "a server that was killed starts again at once, 20 times" {
    crowd killed
}

@test "100 and 1,000 active clients get every byte, and share the calls" {
    local few many
    few=$(calls_per_message 100 20)
    many=$(calls_per_message 1000 4)
    echo "calls per message: $few with 100 clients, $many with 1,000"
    jq -en "$few > 0 and $few < 0.1 and $many > 0 and $many < 0.05"
}

@test "results that do not fit into the ring are not lost" {
    local twin=$TOP/build/twins/edit-12-io-uring
    "$TOP/scripts/twin" --edit \
        's/REQUESTS = 256, RESULTS = 2048/REQUESTS = 64, RESULTS = 128/' \
        12-io-uring --version >"$BATS_TEST_TMPDIR/edit"
    grep -q 'RESULTS = 128' "$BATS_TEST_TMPDIR/edit"
    BUILD=$twin/build start_server 12-io-uring -q
    echo_to 1000 10
    stop_server
}

# A request that cannot complete otherwise goes to a thread of the kernel: the
# last accept does, when the listening socket is shut down.
@test "the server ends where the kernel may create no thread for it" {
    local program=$BATS_TEST_TMPDIR/12-io-uring
    [ "$(id -u)" -eq 0 ] || skip "only root can become a user without processes"
    cp "$BUILD/12-io-uring" "$program"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    background setpriv --reuid 61234 --clear-groups --inh-caps=-all \
        --bounding-set=-all bash -c 'ulimit -u 1 && exec "$@"' bash \
        "$program" --serve -s "@iomux-$$"
    wait_for_line '^ready: ' "$BATS_TEST_TMPDIR/out"
    stop_server
    grep -qx '\[server\]   accept ECANCELED' "$BATS_TEST_TMPDIR/out"
}

@test "no hazard harms 12-io-uring" {
    suffer_all 12-io-uring
}
