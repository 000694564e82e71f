#!/usr/bin/env bats
#
# bench.bats - a whole quick run of scripts/bench: nothing is missing, and the
# two shapes that the plots show are there. They are told apart by a factor of
# three, where the figures differ by ten; no time is asserted.

load helpers

setup_file() {
    timeout -k 1 $((30 * LIMIT)) "$TOP/scripts/bench" \
        --json "$BATS_FILE_TMPDIR/json" --plots "$BATS_FILE_TMPDIR/plots" \
        >"$BATS_FILE_TMPDIR/tables" 3>&- 4>&-
}

# A question about the figures, for jq.
holds() {
    jq -e "$1" "$BATS_FILE_TMPDIR/json" >/dev/null || {
        echo "not so: $1; these are the tables:"
        cat "$BATS_FILE_TMPDIR/tables"
        return 1
    }
}

@test "every stage that echoes is measured, and every peer that is built" {
    local stage peer
    for stage in $(all_stages); do
        [[ $stage != *-http ]] || continue
        holds ".servers[\"$stage\"][\"1+0\"].x > 0"
        case $stage in
        01-blocking) ;;
        *) holds ".servers[\"$stage\"][\"1000+0\"].x > 0" ;;
        esac
    done
    for peer in libevent bufferevent libev libuv io_uring; do
        [ ! -x "$TOP/build/bench/$peer" ] ||
            holds ".servers[\"$peer\"] or (.left_out | any(.server == \"$peer\"))"
    done
}

@test "among 1,000 idle clients poll and select pay for each, epoll does not" {
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

@test "all three plots are drawn" {
    local plot
    for plot in idle active share; do
        grep -q '</svg>' "$BATS_FILE_TMPDIR/plots/$plot.svg"
    done
}
