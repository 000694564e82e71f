#!/usr/bin/env bats
#
# walkthrough.bats - what the text shows of the sources and of the golden
# traces is what stands there, and every link leads somewhere.
#
# scripts/walkthrough does the work; see its --help. That it sees what is wrong,
# and that every session comes out again, is tested with the heavy tests.

load helpers

text() {
    "$TOP/scripts/walkthrough" "$@" 3>&- 4>&-
}

@test "every excerpt is what stands in its source" {
    text --only excerpts
}

@test "every trace is a golden one, and so is what each diagram draws" {
    text --only traces
}

@test "every link leads to a file, and to a heading in it" {
    text --only links
}

@test "every stage has a chapter of the common shape; every claim is named" {
    text --only shape
}

@test "every exercise in words has an answer, with a run, a claim or a check" {
    run text --only answers
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output =~ ([0-9]+)" exercises in words" ]]
    [ "${BASH_REMATCH[1]}" -ge 50 ]
}
