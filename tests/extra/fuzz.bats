#!/usr/bin/env bats
#
# fuzz.bats - no input crashes a parser.

load helpers

fuzz() {
    run "$TOP/scripts/fuzz" 60 "$1"
    echo "$output" | tail -n 20
    [ "$status" -ne 77 ] || skip "${lines[-1]}"
    [ "$status" -eq 0 ]
}

@test "a minute of fuzzing does not crash the parser of scenarios" {
    fuzz scenario
}

@test "a minute of fuzzing finds no request that stage 11 answers wrongly" {
    fuzz http
}
