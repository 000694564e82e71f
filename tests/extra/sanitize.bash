# sanitize.bash - what the tests under the two kinds of sanitizers share.

# Build with a sanitizer into a folder of its own, and use that.
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

# The file of tests again, with the programs of this build.
again() {
    run bats --tap "$TOP/tests/$1.bats" 3>&- 4>&-
    echo "$output" | grep -v '^ok'
    [ "$status" -eq 0 ]
}
