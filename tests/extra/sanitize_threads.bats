#!/usr/bin/env bats
#
# sanitize_threads.bats - every stage under ThreadSanitizer: free runs,
# scenarios, stops and hazards.

load helpers
load sanitize

use_tsan() {
    use tsan -fsanitize=thread
    if ! "$BUILD/06-epoll-lt" --version >/dev/null 2>&1; then
        skip "ThreadSanitizer cannot start here (vm.mmap_rnd_bits too high?)"
    fi
}

# Without -q, the lock of the trace orders the threads, which hides races.
run_quietly() {
    local output
    output=$(demo "$1" -q -c 8 -m 100 -i 0 2>&1) || {
        echo "$output" | tail -n 40
        return 1
    }
    [[ $output == *"800 sent, 800 echoed"* ]]
}

@test "ThreadSanitizer finds no race in a run of any stage" {
    use_tsan
    each_stage run_with_its_clients
}

@test "ThreadSanitizer finds no race in a quiet run of any stage" {
    use_tsan
    each_stage run_quietly
}

# The servers 02 and 09 have several threads. In the others only the player has
# some, and it is the same everywhere: 06 stands for all.
@test "ThreadSanitizer finds no race in a scenario" {
    use_tsan
    STAGES=${STAGES:-0[269]-*.c} each_stage play_scenarios
}

@test "ThreadSanitizer finds no race when a signal stops a stage" {
    use_tsan
    each_stage stop_with_clients
    each_stage stop_a_free_run
}

@test "ThreadSanitizer finds no race in the thread pool of chapter 02" {
    use_tsan
    local mode
    for mode in block refuse; do
        run timeout -k 1 "$LIMIT" "$BUILD/taskpool" "$mode" 3>&- 4>&-
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output != *WARNING* ]]
    done
}

@test "ThreadSanitizer reports two workers that use one client" {
    local copy=$BATS_TEST_TMPDIR/copy
    use_tsan
    mkdir -p "$copy/tests"
    cp -r "$TOP/Makefile" "$TOP/common" "$TOP/demos" "$copy"
    cp "$TOP/tests/tsan.c" "$copy/tests"
    cd "$copy"
    # In one twin, a worker uses the client after epoll_ctl: swap two lines. In
    # the other, a report does not disable its descriptor.
    sed '/^    trace_arming/{h;d};/^    int result = epoll_ctl/{p;x}' \
        demos/09-epoll-pool.c >demos/10-late.c
    ! cmp -s demos/10-late.c demos/09-epoll-pool.c || return 1
    sed -i 's/{events | EPOLLONESHOT,/{events,/' demos/09-epoll-pool.c
    ! cmp -s "$TOP/demos/09-epoll-pool.c" demos/09-epoll-pool.c || return 1
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

# The other stages have one thread under a hazard, so no race.

@test "ThreadSanitizer finds no race under any hazard in stage 02" {
    use_tsan
    suffer_all --loop 02-threads
}

@test "ThreadSanitizer finds no race under any hazard in stage 09" {
    use_tsan
    suffer_all --loop 09-epoll-pool
}

@test "ThreadSanitizer finds no race in the reactor's calls and signals" {
    use_tsan
    again reactor
}
