#!/usr/bin/env bats
#
# taskpool.bats - the program of walkthrough/02-threads.md: a pool of threads
# with a bounded task queue, and what happens when the queue is full. The
# program waits until no thread can continue, so its numbers are exact.

load helpers

# taskpool MODE ROW...: the rows of numbers that the program prints, in order.
taskpool() {
    run timeout -k 1 "$LIMIT" "$BUILD/taskpool" "$1" 3>&- 4>&-
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[*]//  */}" = \
        " 8 clients connect client 1 leaves client 9 connects all leave" ]
    [ "$(sed '1d; s/^.* [a-z]\+  *//; s/  */ /g' <<<"$output")" = \
        "$(printf '%s\n' "${@:2}")" ]
}

@test "a full task queue blocks the accepting thread, and no client is lost" {
    # echoes, busy workers, queue, held by put(), backlog, refused
    taskpool block '2 2 3 1 2 0' '3 2 3 1 1 0' '3 2 3 1 2 0' '9 0 0 0 0 0'
}

@test "a full task queue refuses clients, until a worker takes a task" {
    taskpool refuse '2 2 3 0 0 3' '3 2 2 0 0 3' '3 2 3 0 0 3' '6 0 0 0 0 3'
}

@test "without a mode, or with a wrong one, taskpool lists the modes" {
    local words
    for words in "" nonsense "block refuse"; do
        # shellcheck disable=SC2086 # the words are separate arguments
        run "$BUILD/taskpool" $words
        [ "$status" -eq 2 ]
        [ "$output" = "usage: taskpool block|refuse" ]
    done
}
