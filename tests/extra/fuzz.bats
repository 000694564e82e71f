#!/usr/bin/env bats
#
# fuzz.bats - the parser of scenarios bears whatever is in a file.

load helpers

@test "a minute of fuzzing does not crash the parser of scenarios" {
    run "$TOP/scripts/fuzz" 60
    echo "$output" | tail -n 20
    [ "$status" -ne 77 ] || skip "clang's fuzzer is missing"
    [ "$status" -eq 0 ]
}
