#!/usr/bin/env bats
#
# sanitize.bats - every stage under ThreadSanitizer, and under
# AddressSanitizer with UBSan: at its usual work, and under every hazard.

load helpers

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

use_tsan() {
    use tsan -fsanitize=thread
    if ! "$BUILD/06-epoll-lt" --version >/dev/null 2>&1; then
        skip "ThreadSanitizer cannot start here (vm.mmap_rnd_bits too high?)"
    fi
}

use_asan() {
    use asan '-fsanitize=address,undefined -fno-sanitize-recover=undefined'
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

# The lock of a trace that is printed brings the threads into one order, which
# hides what would else be a race.
run_quietly() {
    local output
    output=$(demo "$1" -q -c 8 -m 100 -i 0 2>&1) || {
        echo "$output" | tail -n 40
        return 1
    }
    [[ $output == *"800 sent, 800 echoed"* ]]
}

# The file of tests again, with the programs of this build.
again() {
    run bats --tap "$TOP/tests/$1.bats" 3>&- 4>&-
    echo "$output" | grep -v '^ok'
    [ "$status" -eq 0 ]
}

@test "ThreadSanitizer finds no race in a run of any stage" {
    use_tsan
    each_stage run_with_its_clients
}

@test "ThreadSanitizer finds no race in a quiet run of any stage" {
    use_tsan
    each_stage run_quietly
}

@test "ThreadSanitizer would see two workers at one client, or a look too late" {
    local copy=$BATS_TEST_TMPDIR/copy
    use_tsan
    mkdir "$copy"
    cp -r "$TOP/Makefile" "$TOP/common" "$TOP/demos" "$copy"
    cd "$copy"
    # The client's number is looked at after epoll has been told: swap two lines.
    sed '/^    trace_arming/{h;d};/^    const int result = epoll_ctl/{p;x}' \
        demos/09-epoll-pool.c >late.c
    ! cmp -s late.c demos/09-epoll-pool.c || return 1
    sed -i 's/events | EPOLLONESHOT;/events;/' demos/09-epoll-pool.c
    ! cmp -s "$TOP/demos/09-epoll-pool.c" demos/09-epoll-pool.c || return 1
    cp late.c demos/10-late.c
    BUILD=$copy/build
    make -s -j2 BUILD=build CFLAGS='-O1 -g' SANITIZE=-fsanitize=thread \
        build/09-epoll-pool build/10-late
    local twin
    for twin in 09-epoll-pool 10-late; do
        run demo $twin -q -w 8 -c 16 -m 100 -i 0
        [ "$status" -ne 0 ]
        [[ $output == *"WARNING: ThreadSanitizer: "* ]]
    done
}

@test "ThreadSanitizer finds no race under any hazard" {
    use_tsan
    again hazards
}

@test "ThreadSanitizer finds no race in the reactor's calls and signals" {
    use_tsan
    again reactor
}

@test "AddressSanitizer and UBSan find nothing in the reactor's own tests" {
    use_asan
    again reactor
}

@test "AddressSanitizer and UBSan find nothing in a run of any stage" {
    use_asan
    each_stage run_with_its_clients
}

@test "AddressSanitizer and UBSan find nothing under any hazard" {
    use_asan
    again hazards
}

@test "ThreadSanitizer finds no race in stage 11, whatever it is asked" {
    use_tsan
    again http
}

@test "AddressSanitizer and UBSan find nothing in stage 11, whatever it is asked" {
    use_asan
    again http
}
