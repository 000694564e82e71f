#!/usr/bin/env bats
#
# hazards_tcp.bats - what clients do to servers over TCP, to the stages from 06
# on. Hazards about paths and about the output are not repeated.

load helpers

@test "over TCP, no hazard harms a stage from 06 on" {
    local -a stages
    mapfile -t stages < <(all_stages | grep -E '^(0[6-9]|1)')
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names none of them"
    do_hazards hazard.py --tcp "${stages[@]}"
}

@test "over TCP, no hazard of HTTP harms 11-http" {
    ladder | grep -qx 11-http || skip "STAGES leaves out 11-http"
    do_hazards http.py --tcp 11-http
}
