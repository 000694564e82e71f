#!/usr/bin/env bats
#
# hazards_tcp.bats - what clients do to servers over TCP, to the stages from 06
# on. Hazards about paths and about the output are not repeated.

load helpers

# suffer_all SCRIPT STAGE...: does all hazards of a script over TCP to these
# stages, three at a time.
suffer_all() {
    local script=$TOP/tests/$1 said=$BATS_TEST_TMPDIR/said stage
    local -a names
    shift
    mapfile -t names < <(python3 -IS "$script" --tcp --list | sed 's/ .*//')
    [ ${#names[@]} -gt 20 ]
    for stage; do
        printf "$BUILD/$stage %s\n" "${names[@]}"
    done | xargs -P 3 -L 1 timeout -k 1 $((8 * LIMIT)) python3 -IS \
        "$script" --tcp >"$said" 2>&1 3>&- 4>&- || :
    grep -E '^SKIP' "$said" | sed 's/^/# /' >&3 || :
    if grep -qE '^BAD|Traceback' "$said"; then
        grep -vE '^(GOOD|SKIP)' "$said"
        return 1
    fi
    # Every hazard has ended, one way or the other.
    [ "$(grep -cE '^(GOOD|SKIP)' "$said")" -eq $(($# * ${#names[@]})) ]
}

@test "over TCP, no hazard harms a stage from 06 on" {
    local -a stages
    mapfile -t stages < <(all_stages | grep -E '^(0[6-9]|1)')
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names none of them"
    suffer_all hazard.py "${stages[@]}"
}

@test "over TCP, no hazard of HTTP harms 11-http" {
    ladder | grep -qx 11-http || skip "STAGES leaves out 11-http"
    suffer_all http.py 11-http
}
