#!/usr/bin/env bats
#
# valgrind.bats - no stage loses memory or a descriptor, not even when it is
# stopped in the middle of its work.

load helpers

# Valgrind runs a program some twenty times slower, on one CPU.
LIMIT=$((LIMIT * 6))

# Valgrind of Debian 13 counts an inherited descriptor as a leak: give it none.
CLOSE_ALL='import os, sys
os.closerange(3, 65536)
os.execvp(sys.argv[1], sys.argv[1:])'

# Every leak and every error makes the exit status 99. Set in $memcheck.
memcheck() {
    log=$BATS_TEST_TMPDIR/$1.valgrind
    memcheck=(python3 -c "$CLOSE_ALL" valgrind -q --error-exitcode=99 --leak-check=full
        --show-leak-kinds=all --errors-for-leak-kinds=all --track-fds=yes
        --fair-sched=yes --log-file="$log")
}

# Nothing may stay open but what the program was given.
expect_all_closed() {
    awk '/Open (file descriptor|AF_UNIX socket)/ { open = $0; next }
         /<inherited from parent>/ { open = "" }
         open != "" { print open; print; bad = 1; open = "" }
         END { exit bad }' "$log" || {
        cat "$log"
        return 1
    }
}

# Prints the program of a stage. Stage 12 has one that waits in poll(2), because
# Valgrind 3.19 stops in io_uring_enter(2).
program_of() {
    if [ "$1" = 12-io-uring ]; then
        make -s -C "$TOP" build/valgrind/12-io-uring
        echo "$TOP/build/valgrind/12-io-uring"
    else
        echo "$BUILD/$1"
    fi
}

run_with_its_clients() {
    local program
    program=$(program_of "$1")
    memcheck "$1"
    timeout -k 1 "$LIMIT" "${memcheck[@]}" "$program" -c 3 -m 3 -i 1 \
        -j "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/out" 3>&- 4>&- || {
        cat "$log"
        return 1
    }
    expect_all_closed
    grep -qE '9 sent, 9 (echoed|answered)' "$BATS_TEST_TMPDIR/out"
}

# Three clients stay connected: one silent, one who talks, one who stalls.
stop_with_clients() {
    local program
    program=$(program_of "$1")
    memcheck "$1"
    socket=$BATS_TEST_TMPDIR/$1.sock
    background "${memcheck[@]}" "$program" --serve -s "$socket"
    wait_for_line '^ready: ' "$BATS_TEST_TMPDIR/out"
    local server=$pid
    python3 "$TOP/tests/three_clients.py" "$socket" \
        >"$BATS_TEST_TMPDIR/clients" 3>&- 4>&- &
    echo $! >>"$BATS_TEST_TMPDIR/pids"
    wait_for_line '^connected$' "$BATS_TEST_TMPDIR/clients"
    kill -TERM "$server"
    wait_for_end "$server" || {
        cat "$log"
        return 1
    }
    expect_all_closed
}

# Do one hazard of HTTP to stage 11 under Valgrind.
suffer() {
    local wrapper=$BATS_TEST_TMPDIR/11-http pattern=$log log
    rm -f "$pattern".*
    printf '#!/bin/bash\nexec %s "$@"\n' \
        "$(printf '%q ' "${memcheck[@]}" --log-file="$pattern.%p" \
            "$BUILD/11-http")" >"$wrapper"
    chmod +x "$wrapper"
    TIMEOUT_MULT=$((6 * ${TIMEOUT_MULT:-1})) timeout -k 1 $((3 * LIMIT)) \
        python3 -IS "$TOP/tests/http.py" "$wrapper" "$1" 3>&- 4>&- || {
        cat "$pattern".*
        return 1
    }
    for log in "$pattern".*; do
        expect_all_closed
    done
}

@test "Valgrind finds nothing when a stage runs with its clients" {
    each_stage run_with_its_clients
}

@test "Valgrind finds nothing in the reactor's own tests" {
    local name
    make -s -C "$TOP" build/tests/reactor
    memcheck reactor
    for name in $("$BUILD/tests/reactor"); do
        timeout -k 1 "$LIMIT" "${memcheck[@]}" "$BUILD/tests/reactor" "$name" \
            3>&- 4>&- || {
            cat "$log"
            return 1
        }
        expect_all_closed
    done
}

@test "Valgrind finds nothing when a stage is stopped with clients connected" {
    each_stage stop_with_clients
}

@test "Valgrind finds nothing when stage 11 answers, and when it is stopped" {
    run_with_its_clients 11-http
    suffer requests
    suffer leave-in-a-large-reply
    suffer end-with-clients
}
