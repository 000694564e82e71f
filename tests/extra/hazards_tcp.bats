#!/usr/bin/env bats
#
# hazards_tcp.bats - what clients do to servers over TCP, to the stages from 06
# on. Hazards about paths and about the output are not repeated.

load helpers

# suffer_tcp SCRIPT STAGE...: does all hazards of a script to these stages.
suffer_tcp() {
    local script=$TOP/tests/$1 said=$BATS_TEST_TMPDIR/said status=0 stage
    local -a names
    shift
    mapfile -t names < <(python3 -IS "$script" --tcp --list | sed 's/ .*//')
    [ ${#names[@]} -gt 30 ]
    python3 -IS "$script" --tcp "${@/#/"$BUILD/"}" all \
        >"$said" 2>&1 3>&- 4>&- || status=$?
    grep -E '^SKIP' "$said" | sed 's/^/# /' >&3 || :
    grep -vE '^(GOOD|SKIP)' "$said" || :
    [ "$status" -eq 0 ]
    # Every hazard has ended, one way or the other.
    for stage; do
        printf "$stage %s:\n" "${names[@]}"
    done | sort | diff - <(sed -nE 's/^(GOOD|SKIP) +([^ ]+ [^ ]+:).*/\2/p' \
        "$said" | sort)
}

@test "over TCP, no hazard harms a stage from 06 on" {
    local -a stages
    mapfile -t stages < <(all_stages | grep -E '^(0[6-9]|1)')
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names none of them"
    suffer_tcp hazard.py "${stages[@]}"
}

@test "over TCP, no hazard of HTTP harms 11-http" {
    ladder | grep -qx 11-http || skip "STAGES leaves out 11-http"
    suffer_tcp http.py 11-http
}
