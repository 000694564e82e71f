# sanitize.bash - shared by the tests with ThreadSanitizer and AddressSanitizer.

# Builds with a sanitizer into a separate folder, and uses its programs.
use() {
    BUILD=$TOP/build/$1
    make -s -C "$TOP" -j2 BUILD="build/$1" CFLAGS='-O1 -g' SANITIZE="$2" \
        all "build/$1/tests/reactor"
    export IOMUX_BUILD=$BUILD TIMEOUT_MULT=5
    export TSAN_OPTIONS=exitcode=66
    export ASAN_OPTIONS=detect_stack_use_after_return=1
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    LIMIT=$((LIMIT * 5))
}

run_with_its_clients() {
    local output
    output=$(demo "$1" -c 5 -m 20 -i 0 -j "$BATS_TEST_TMPDIR/json" 2>&1) ||
        {
            echo "$output" | tail -n 40
            return 1
        }
    [[ $output == *"100 sent, 100 echoed"* ]]
}

# Plays all golden scenarios and some random ones. ThreadSanitizer does not know
# that the player has a table of descriptors of its own, and takes equal numbers
# for one descriptor. The option makes it ignore what calls do to descriptors.
play_scenarios() {
    local -x TSAN_OPTIONS=$TSAN_OPTIONS:ignore_interceptors_accesses=1
    timeout -k 1 $((10 * LIMIT)) "$TOP/tests/golden.py" "$1" 3>&- 4>&-
    timeout -k 1 $((10 * LIMIT)) "$TOP/tests/random_scenarios.py" --seed 1 \
        --count 5 --repeat 1 "$1" 3>&- 4>&-
}

# SIGTERM while three clients stay connected: an idle one, one that has got an
# echo, and one that sends and never reads.
stop_with_clients() {
    local server
    start_server "$1"
    server=$pid
    python3 "$TOP/tests/three_clients.py" "$socket" \
        >"$BATS_TEST_TMPDIR/clients" 3>&- 4>&- &
    echo $! >>"$BATS_TEST_TMPDIR/pids"
    wait_for_line '^connected$' "$BATS_TEST_TMPDIR/clients"
    kill -TERM "$server"
    wait_for_end "$server" || {
        cat "$BATS_TEST_TMPDIR/err"
        return 1
    }
}

# SIGTERM while client threads run: the program ends by the signal.
stop_a_free_run() {
    local status=0
    background "$BUILD/$1" -c 20 -m 100000 -i 0
    wait_for_line 'send to clientfd' "$BATS_TEST_TMPDIR/out"
    kill -TERM "$pid"
    wait_for_end "$pid" || status=$?
    [ "$status" -eq $((128 + 15)) ] || {
        cat "$BATS_TEST_TMPDIR/err"
        return 1
    }
}

# Runs a file of tests with the programs of this build.
again() {
    run bats --tap "$TOP/tests/$1.bats" 3>&- 4>&-
    echo "$output" | grep -v '^ok'
    [ "$status" -eq 0 ]
}
