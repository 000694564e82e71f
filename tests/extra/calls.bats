#!/usr/bin/env bats
# calls.bats - what a message costs in system calls, a client in memory.
#
# The counts are strace's, taken by calls.py; where strace may not trace, the
# tests say so and are skipped.

load helpers

# Run calls.py with a limit; -S: the standard library alone, for a quick start.
calls() {
    timeout -k 1 $((30 * LIMIT)) python3 -S "$TOP/tests/calls.py" \
        "$@" 3>&- 4>&-
}

# The calls of all stages for each message, a line each: "06-epoll-lt recv 1".
setup_file() {
    local -a all
    mapfile -t all < <(all_stages | grep -v io-uring) # it makes one call
    calls allowed >"$BATS_FILE_TMPDIR/reason"
    [ -s "$BATS_FILE_TMPDIR/reason" ] ||
        calls message "${all[@]}" >"$BATS_FILE_TMPDIR/calls" 2>&1 || :
}

needs_strace() {
    local reason
    reason=$(<"$BATS_FILE_TMPDIR/reason")
    [ -z "$reason" ] || skip "$reason"
}

# Those of a stage: "recv 1".
per_message() {
    sed -n "s/^$1 //p" "$BATS_FILE_TMPDIR/calls"
}

# equals WANTED STAGE: these calls, in this order of names, and no others.
equals() {
    local wanted=$1 stage=$2 found
    found=$(per_message "$stage" | paste -sd ' ')
    [ "$found" = "$wanted" ] && return
    echo "$stage, system calls for a message:"
    echo "  expected: $wanted"
    echo "  found:    ${found:-"$(<"$BATS_FILE_TMPDIR/calls")"}"
    echo "again: tests/calls.py message $stage"
    return 1
}

# Run "$@ STAGE" for those of the given stages that are to be tested.
with() {
    local stages=$1 stage
    shift
    for stage in $(all_stages); do
        [[ " $stages " != *" $stage "* ]] || "$@" "$stage"
    done
}

@test "a message costs 01 and 02 two system calls: recv, send" {
    needs_strace
    with "01-blocking 02-threads" equals "recv 1 send 1"
}

@test "a message costs 04 to 07 and 10 three: the wait, recv, send" {
    needs_strace
    with 04-select equals "recv 1 select 1 send 1"
    with 05-poll equals "poll 1 recv 1 send 1"
    with "06-epoll-lt 07-epollout 10-reactor" \
        equals "epoll_wait 1 recv 1 send 1"
}

@test "a message costs 09 four: the wait, recv, send, and to re-arm" {
    needs_strace
    with 09-epoll-pool equals "epoll_ctl 1 epoll_wait 1 recv 1 send 1"
}

# One send, and at most two waits and two recv: how many depends on who is
# faster, the client or the server.
at_most_five() {
    per_message "$1" | awk -v stage="$1" '
        $1 == "send" && $2 == 1 { sends = 1 }
        $1 != "send" && $2 > 2 { bad = 1 }
        $1 !~ /^(epoll_wait|recv|send)$/ { bad = 1 }
        { print stage ": " $0 }
        END { exit bad || !sends }'
}

@test "a message costs 08 at most five: two waits, two recv, one send" {
    needs_strace
    with 08-epoll-et at_most_five
}

# The calls that a lesson is about are all that a quiet server makes, whoever
# it is: not one is the trace's, and the interest list does not change.
only_the_lesson() {
    local name number
    per_message "$1" >"$BATS_TEST_TMPDIR/calls"
    grep -q '^send 1$' "$BATS_TEST_TMPDIR/calls" || {
        echo "$1 does not make one send for a message:"
        cat "$BATS_TEST_TMPDIR/calls"
        return 1
    }
    while read -r name number; do
        case $name in
        accept) [ "$1" = 03-nonblocking ] && continue ;; # it asks everybody
        epoll_ctl) [ "$1" = 09-epoll-pool ] && continue ;; # it re-arms
        select | poll | epoll_wait | recv | send) continue ;;
        esac
        echo "$1 makes a call that is none of the lesson's: $name," \
            "$number for a message"
        return 1
    done <"$BATS_TEST_TMPDIR/calls"
}

@test "a quiet trace makes no call, and only 09 an epoll_ctl for a message" {
    needs_strace
    with "$(all_stages | grep -v io-uring | paste -sd ' ')" only_the_lesson
}

# calls.py prints what it compared, and marks what differs.
@test "the summary, as text and as JSON, counts as strace counts" {
    local stage said
    local -a all
    needs_strace
    mapfile -t all < <(all_stages)
    calls summary "${all[@]}" >"$BATS_TEST_TMPDIR/summaries"
    said=$(<"$BATS_TEST_TMPDIR/summaries")
    echo "$said"
    echo "again: tests/calls.py summary STAGE"
    for stage in "${all[@]}"; do
        echo "stage $stage"
        if [ "$stage" = 12-io-uring ]; then # some calls return two results
            [[ $said == *"$stage --serve io_uring_enter: strace "[34][0-9],* ]]
            continue
        fi
        [[ $said == *"$stage --serve send: strace 20,"* ]]
        [[ $said == *"$stage -c 2 -m 10 send: strace 20,"* ]]
    done
    [[ $said != *differ* ]]
}

@test "one of 5,000 idle clients costs 06 to 10 at most 200 bytes, 12 a buffer" {
    local hard stage bytes
    local -a all
    hard=$(ulimit -Hn)
    [ "$hard" = unlimited ] || [ "$hard" -ge 11000 ] ||
        skip "needs 11000 descriptors, allowed are $hard (ulimit -Hn)"
    [ -r /proc/self/smaps_rollup ] || skip "no /proc/self/smaps_rollup here"
    mapfile -t all < <(all_stages | grep -E '^(06|07|08|09|10|12)-')
    calls memory "${all[@]}" >"$BATS_TEST_TMPDIR/memory"
    while read -r stage bytes; do
        echo "$stage: $bytes bytes for an idle client"
        case $stage in
        12-*) [ "$bytes" -ge 4096 ] && [ "$bytes" -le 4200 ] ;;
        *) [ "$bytes" -le 200 ] ;;
        esac
    done <"$BATS_TEST_TMPDIR/memory"
}
