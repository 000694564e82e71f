#!/usr/bin/env bats
#
# sanitize_addresses.bats - every stage under AddressSanitizer with UBSan: at
# its usual work, and under every hazard.

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

@test "AddressSanitizer and UBSan find nothing under any hazard" {
    use_asan
    again hazards
}

@test "AddressSanitizer and UBSan find nothing in stage 11, whatever it is asked" {
    use_asan
    again http
}
