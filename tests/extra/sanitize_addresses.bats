#!/usr/bin/env bats
#
# sanitize_addresses.bats - every stage under AddressSanitizer with UBSan: free
# runs, scenarios, stops and hazards.

load helpers
load sanitize

use_asan() {
    use asan '-fsanitize=address,undefined -fno-sanitize-recover=undefined'
}

@test "AddressSanitizer and UBSan find nothing in the reactor's own tests" {
    use_asan
    again reactor
}

@test "AddressSanitizer and UBSan find nothing in a run of any stage" {
    use_asan
    each_stage run_with_its_clients
}

# Stages 01, 04 and 06 allocate no memory, and 03 does it like 05.
@test "AddressSanitizer and UBSan find nothing in a scenario" {
    use_asan
    STAGES=${STAGES:-0[25789]-*.c 1*.c} each_stage play_scenarios
}

@test "AddressSanitizer and UBSan find nothing when a signal stops a stage" {
    use_asan
    each_stage stop_with_clients
    each_stage stop_a_free_run
}

# Three stages that keep memory for a client, each in its own way.

@test "AddressSanitizer and UBSan find nothing under any hazard in stage 08" {
    use_asan
    suffer_all 08-epoll-et
}

@test "AddressSanitizer and UBSan find nothing under any hazard in stage 09" {
    use_asan
    suffer_all --loop 09-epoll-pool
}

@test "AddressSanitizer and UBSan find nothing under any hazard in stage 10" {
    use_asan
    suffer_all --loop 10-reactor
}

@test "AddressSanitizer and UBSan find nothing in stage 11, whatever the requests are" {
    use_asan
    again http
}
