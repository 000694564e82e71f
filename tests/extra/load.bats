#!/usr/bin/env bats
#
# load.bats - the benchmark finds servers that do not echo, counts correctly,
# and prints clear errors. No test asserts a time.

load helpers

setup_file() {
    make -s -C "$TOP" bench-programs
}

# Runs the load generator, with a limit.
load_generator() {
    timeout -k 1 "$LIMIT" "$TOP/build/bench/load" "$@" 3>&- 4>&-
}

# Runs scripts/bench as quickly as possible, with a limit.
bench() {
    timeout -k 1 $((6 * LIMIT)) "$TOP/scripts/bench" --tiny "$@" 3>&- 4>&-
}

# Starts a server with a fault on $socket.
start_faulty() {
    socket=$BATS_TEST_TMPDIR/faulty-$1.sock
    background "$TOP/tests/bench/faulty.py" "$1" "$socket"
    wait_for_line '^ready: ' "$BATS_TEST_TMPDIR/out"
}

# The load generator finds the fault, and its sentence matches.
finds() {
    start_faulty "$1"
    run load_generator -a 3 -n 10 --timeout 1 "${@:3}" "$socket"
    echo "$1: $output"
    [ "$status" -eq 1 ]
    [[ $output =~ $2 ]]
    kill -KILL "$pid" 2>/dev/null || :
}

@test "the load generator accepts a correct echo server, in both modes" {
    start_faulty none
    load_generator -a 3 -i 2 -n 10 "$socket"
    load_generator -a 3 -n 10 -z 9000 "$socket"
    if [ "$(nproc)" -gt 1 ]; then
        load_generator -a 3 -i 2 -n 10 -m closed "$socket"
    fi
}

@test "the load generator finds a byte that is changed, lost or doubled" {
    finds corrupt '^load: client [1-3], message [0-9]+: byte 1 of 64 came back'
    finds lose '63 of 64 bytes came back, and no more within 1 s$'
    finds double 'came back as|more bytes than it sent'
}

@test "the load generator finds a changed or lost byte in a closed loop, too" {
    [ "$(nproc)" -gt 1 ] || skip "a closed loop needs two CPUs"
    finds corrupt 'byte 1 of 64 came back as 0x' -m closed
    finds lose '63 of 64 bytes came back, and no more' -m closed
}

@test "the load generator finds a message that goes to another client" {
    finds swap 'this is a message of client [1-3]$'
}

@test "the load generator reports a server that closes, crashes or does not answer" {
    finds hang-up 'the server closed the connection after 0 of 64 bytes$'
    finds crash 'the server closed the connection|ECONNRESET|EPIPE'
    finds silent 'message 0: 0 of 64 bytes came back, and no more within 1 s$'
}

@test "the load generator and the server count the same messages" {
    local messages
    start_server 06-epoll-lt
    messages=$(load_generator --json -a 4 -i 3 -n 25 "$socket" | jq .messages)
    stop_server
    # 25 rounds, 10 to warm up, one when each of the 7 connects
    [ "$messages" -eq $((4 * 35 + 7)) ]
    grep -qx "  messages     $messages (recv calls that returned data)" \
        "$BATS_TEST_TMPDIR/out"
}

@test "the load generator's JSON has the requested number of round trips" {
    start_server 06-epoll-lt -q
    load_generator --json -a 4 -n 25 "$socket" |
        jq -e '.round_trips == 100 and .mode == "lockstep" and .server_us > 0
            and .p50_us <= .p99_us and .p99_us <= .p999_us'
    load_generator --json -i 200 -n 2 "$socket" |
        jq -e '.bytes_per_connection >= 0'
}

@test "a wrong option of the load generator gets a clear sentence" {
    local line
    while IFS='|' read -r line wanted; do
        # shellcheck disable=SC2086 # words
        run load_generator $line
        echo "$line: $output"
        [ "$status" -eq 2 ]
        [[ $output == *"$wanted"* ]]
    done <<'EOT'
-a 0 x|--active takes a number from 1 to 60000, not '0'
-z 64k x|--size takes a number from 1 to 65536, not '64k'
-t never x|--time takes seconds, 0.001 to 3600, not 'never'
-m open x|--mode is lockstep or closed, not 'open'
-m closed --settle x|--settle belongs to --mode lockstep
-n 5|name one socket, the server's, not 0
EOT
    run load_generator "$BATS_TEST_TMPDIR/nobody"
    [ "$status" -eq 1 ]
    [[ $output == *"cannot connect to '$BATS_TEST_TMPDIR/nobody': ENOENT"* ]]
    run bash -c "ulimit -n 100 && '$TOP/build/bench/load' -i 200 x"
    [ "$status" -eq 1 ]
    [[ $output == *"the limit is 100: raise it with 'ulimit -n 217'"* ]]
}

@test "each peer that was built echoes to many clients, and large messages" {
    local program name
    for program in "$TOP"/build/bench/*; do
        name=$(basename "$program")
        case $name in
        load | dispatch | trace_cost | untraced-*) continue ;;
        esac
        [ -x "$program" ] && [ ! -d "$program" ] || continue
        socket=$BATS_TEST_TMPDIR/$name.sock
        background "$program" "$socket"
        wait_for_line "^ready: $socket\$" "$BATS_TEST_TMPDIR/out" || {
            grep -q io_uring "$BATS_TEST_TMPDIR/err" && continue # forbidden
            false
        }
        echo "# $name" >&2
        load_generator -a 50 -i 50 -n 3 "$socket"
        load_generator -a 3 -n 3 -z 65536 "$socket"
        kill -KILL "$pid"
    done
}

# Starts the io_uring peer on $socket, or skips the test.
start_io_uring() {
    [ -x "$TOP/build/bench/io_uring" ] ||
        skip "there is no liburing: scripts/setup bench"
    ulimit -n 4096 2>/dev/null || skip "the hard limit of open files is low"
    socket=$BATS_TEST_TMPDIR/io_uring.sock
    # shellcheck disable=SC2016 # that shell expands them
    background sh -c 'exec "$0" "$1" 2>&1' "$TOP/build/bench/io_uring" "$socket"
    wait_for_line '^ready: \|^peer: io_uring: ' "$BATS_TEST_TMPDIR/out"
    ! grep '^peer: ' "$BATS_TEST_TMPDIR/out" || skip "io_uring is refused here"
}

@test "300 clients that do not read cannot stop the io_uring peer" {
    start_io_uring
    timeout -k 1 $((6 * LIMIT)) "$TOP/tests/bench/stalled.py" "$socket" 300 20 \
        3>&- 4>&-
}

@test "the io_uring peer loses no byte when all its buffers are taken" {
    start_io_uring
    # It has 1,024 buffers, and 1,500 messages wait when it begins.
    load_generator -a 1500 -n 3 "$socket"
    # One client alone fills more buffers than the ring has at first.
    load_generator -a 3 -n 3 -z 65536 "$socket"
}

@test "SIGTERM stops a stage that is built without its trace, at any moment" {
    local program hazard
    for program in "$TOP"/build/bench/untraced-*; do
        for hazard in sigterm-while-it-starts sigterm-in-a-storm \
            sigterm-with-clients; do
            timeout -k 1 $((4 * LIMIT)) python3 -IS "$TOP/tests/hazard.py" \
                "$program" "$hazard" 3>&- 4>&-
        done
    done
}

@test "dispatch measures each call, and reports wrong arguments" {
    "$TOP/build/bench/dispatch" --json 40 8 | jq -e '.watched == 40 and
        .active == 8 and .select > 0 and .poll > 0 and .lt > 0 and .et > 0 and
        .oneshot > 0'
    run "$TOP/build/bench/dispatch" 10 11
    [ "$status" -eq 2 ]
    [[ $output == "dispatch: '11' is no number from 1 to 10; usage:"* ]]
}

@test "a wrong option of scripts/bench gets a clear sentence" {
    run bench --add mine=server
    [ "$status" -eq 2 ]
    [[ $output == *"a server is added as NAME='COMMAND {path}'"* ]]
    run bench 99
    [ "$status" -eq 2 ]
    [[ $output == *"no server '99' echoes; there are bare, 01-blocking,"* ]]
    run bench --from "$TOP/README.md"
    [ "$status" -eq 2 ]
    [[ $output == *"README.md is not a file that --json has written" ]]
    run bench --from "$BATS_TEST_TMPDIR/none"
    [ "$status" -eq 2 ]
    [[ $output == *"cannot read $BATS_TEST_TMPDIR/none: No such file"* ]]
}
