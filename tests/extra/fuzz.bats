#!/usr/bin/env bats
#
# fuzz.bats - no input crashes a parser.

load helpers

fuzz() {
    run "$TOP/scripts/fuzz" "$2" "$1"
    echo "$output" | tail -n 20
    [ "$status" -ne 77 ] || skip "${lines[-1]}"
    [ "$status" -eq 0 ]
}

@test "20 seconds of fuzzing do not crash the parser of scenarios" {
    fuzz scenario 20
}

@test "a minute of fuzzing finds no request that stage 11 answers wrongly" {
    fuzz http 60
}
