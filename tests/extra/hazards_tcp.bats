#!/usr/bin/env bats
#
# hazards_tcp.bats - what clients do to servers over TCP, to the stages from 06
# on. What only common/ handles is done to 06 alone.

load helpers

@test "over TCP, no hazard harms 06-epoll-lt" {
    need_stage 06-epoll-lt
    do_hazards hazard.py --tcp 06-epoll-lt
}

@test "over TCP, no hazard harms a stage from 07 on" {
    local -a stages
    mapfile -t stages < <(all_stages | grep -E '^(0[7-9]|1)')
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names none of them"
    do_hazards hazard.py --tcp --loop "${stages[@]}"
}

@test "over TCP, no hazard of HTTP harms 11-http" {
    ladder | grep -qx 11-http || skip "STAGES leaves out 11-http"
    do_hazards http.py --tcp 11-http
}
