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

@test "AddressSanitizer and UBSan find nothing in a scenario" {
    use_asan
    each_stage play_scenarios
}

@test "AddressSanitizer and UBSan find nothing when a signal stops a stage" {
    use_asan
    each_stage stop_with_clients
    each_stage stop_a_free_run
}

@test "AddressSanitizer and UBSan find nothing under any hazard" {
    use_asan
    again hazards
}

@test "AddressSanitizer and UBSan find nothing in stage 11, whatever the requests are" {
    use_asan
    again http
}
