#!/usr/bin/env bats
#
# hazards_others.bats - all hazards of tests/hazards.bats, in the stages that
# file leaves out because each of them resembles one that it has.

load helpers

# Does all hazards to one stage, three at a time.
suffer_all() {
    local stage=$1 said=$BATS_TEST_TMPDIR/said
    all_stages | grep -qx "$stage" || skip "STAGES does not name it"
    python3 -IS "$TOP/tests/hazard.py" --list | sed 's/ .*//' |
        xargs -P 3 -I NAME timeout -k 1 $((8 * LIMIT)) python3 -IS \
            "$TOP/tests/hazard.py" "$BUILD/$stage" NAME \
            >"$said" 2>&1 3>&- 4>&- || :
    grep -E '^SKIP' "$said" | sed 's/^/# /' >&3 || :
    if grep -qE '^BAD|Traceback' "$said"; then
        grep -vE '^(GOOD|SKIP)' "$said"
        return 1
    fi
    # Every hazard has ended, one way or the other.
    [ "$(grep -cE '^(GOOD|SKIP)' "$said")" -eq \
        "$(python3 -IS "$TOP/tests/hazard.py" --list | wc -l)" ]
}

@test "no hazard harms 01-blocking" {
    suffer_all 01-blocking
}

@test "no hazard harms 03-nonblocking" {
    suffer_all 03-nonblocking
}

@test "no hazard harms 04-select" {
    suffer_all 04-select
}

@test "no hazard harms 05-poll" {
    suffer_all 05-poll
}

@test "no hazard harms 07-epollout" {
    suffer_all 07-epollout
}

@test "no hazard harms 10-reactor" {
    suffer_all 10-reactor
}

@test "no hazard harms 12-io-uring" {
    suffer_all 12-io-uring
}
