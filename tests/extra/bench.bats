#!/usr/bin/env bats
#
# bench.bats - a quick run of scripts/bench is complete, and shows how the cost
# of idle clients differs. The tests compare figures of one run by a factor of
# three, where they differ by ten. No test asserts a time.

load helpers

setup_file() {
    timeout -k 1 $((30 * LIMIT)) "$TOP/scripts/bench" \
        --json "$BATS_FILE_TMPDIR/json" --plots "$BATS_FILE_TMPDIR/plots" \
        >"$BATS_FILE_TMPDIR/tables" 3>&- 4>&-
}

# Evaluates an expression about the figures with jq.
holds() {
    jq -e "$1" "$BATS_FILE_TMPDIR/json" >/dev/null || {
        echo "false: $1; these are the tables:"
        cat "$BATS_FILE_TMPDIR/tables"
        return 1
    }
}

@test "scripts/bench measures every stage that echoes, and every built peer" {
    local stage peer
    for stage in $(all_stages); do
        [[ $stage != *-http ]] || continue
        holds ".servers[\"$stage\"][\"1+0\"].x > 0"
        case $stage in
        01-* | 03-*) ;; # one client at a time; scans all clients all the time
        *) holds ".servers[\"$stage\"][\"1000+0\"].x > 0" ;;
        esac
    done
    for peer in libevent bufferevent libev libuv io_uring; do
        [ ! -x "$TOP/build/bench/$peer" ] ||
            holds ".servers[\"$peer\"] or (.left_out | any(.server == \"$peer\"))"
    done
}

@test "1,000 idle clients cost time with select and poll, but not with epoll" {
    local stage cost='.servers["%s"]["10+1000"].server_us'
    for stage in 04-select 05-poll; do
        # shellcheck disable=SC2059 # the format is ours
        holds "$(printf "$cost > 3 * $cost" "$stage" 06-epoll-lt)"
    done
    for stage in 06-epoll-lt 07-epollout 08-epoll-et; do
        # shellcheck disable=SC2059
        holds "$(printf "$cost < 3 * $cost" "$stage" bare)"
    done
}

@test "scripts/bench draws all three plots" {
    local plot
    for plot in idle active share; do
        grep -q '</svg>' "$BATS_FILE_TMPDIR/plots/$plot.svg"
    done
}

# Options of the script, on runs that are as short as possible.

# Runs scripts/bench as quickly as possible, with a limit.
bench() {
    timeout -k 1 $((6 * LIMIT)) "$TOP/scripts/bench" --tiny "$@" 3>&- 4>&-
}

@test "scripts/bench prints a table, writes JSON, and measures your server" {
    local json=$BATS_TEST_TMPDIR/b.json
    bench --json "$json" --add \
        "mine=$TOP/tests/bench/faulty.py none {path}" 6 >"$BATS_TEST_TMPDIR/t"
    cat "$BATS_TEST_TMPDIR/t"
    grep -q '^| server  *| 1 active ' "$BATS_TEST_TMPDIR/t"
    jq -e '.servers | keys == ["06-epoll-lt", "bare", "mine"]' "$json"
    jq -e '.servers[] | .["1+0", "10+0", "100+0", "10+100"] |
        .x > 0 and .server_us > 0' "$json"
    if strace -o /dev/null true 2>/dev/null; then
        jq -e '.calls["06-epoll-lt"]["1"] | . > 2.8 and . < 3.3' "$json"
        jq -e '.calls["06-epoll-lt"]["100"] | . > 1.9 and . < 2.4' "$json"
    fi

    # The same from the file, the plots, and a comparison with itself.
    "$TOP/scripts/bench" --from "$json" | diff - "$BATS_TEST_TMPDIR/t"
    "$TOP/scripts/bench" --from "$json" --compare "$json" |
        grep -q 'changed by less than 0.0%'
    if command -v gnuplot >/dev/null; then
        "$TOP/scripts/bench" --from "$json" --plots "$BATS_TEST_TMPDIR/plots"
        grep -q '</svg>' "$BATS_TEST_TMPDIR/plots/idle.svg"
        grep -q '</svg>' "$BATS_TEST_TMPDIR/plots/active.svg"
    fi

    # Figures of another machine are refused, with the reason.
    jq '.machine.cpu = "another"' "$json" >"$BATS_TEST_TMPDIR/other.json"
    run "$TOP/scripts/bench" --compare "$BATS_TEST_TMPDIR/other.json"
    [ "$status" -eq 2 ]
    [[ $output == *"two machines, which differ in the CPU (another, now "* ]]
}

@test "scripts/bench leaves out servers that do not echo, and prints why" {
    bench --add "wrong=$TOP/tests/bench/faulty.py corrupt {path}" \
        --add "gone=false {path}" 1 >"$BATS_TEST_TMPDIR/t"
    cat "$BATS_TEST_TMPDIR/t"
    grep -q '^- wrong (all): client 1, message 4: byte 1 of 1 came back as 0x' \
        "$BATS_TEST_TMPDIR/t"
    grep -q '^- gone (all): gone ended with status 1 before it listened' \
        "$BATS_TEST_TMPDIR/t"
    grep -q '^| 01-blocking  *| [0-9.*]* ±[0-9.]*  *| -  *| -  *| -  *|' \
        "$BATS_TEST_TMPDIR/t"
}

@test "scripts/bench ends every server, even one that never blocks" {
    command -v pgrep >/dev/null || skip "pgrep is not there"
    TMPDIR=$BATS_TEST_TMPDIR bench 3 >"$BATS_TEST_TMPDIR/t"
    cat "$BATS_TEST_TMPDIR/t"
    ! strace -o /dev/null true 2>/dev/null ||
        grep -q '^- 03-nonblocking (calls): the server never sleeps' \
            "$BATS_TEST_TMPDIR/t"
    run pgrep -f "$BATS_TEST_TMPDIR/iomux-bench"
    [ "$status" -eq 1 ]
}
