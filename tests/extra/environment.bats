#!/usr/bin/env bats
#
# environment.bats - whole runs of scripts/test where something is unusual: in a
# checkout with an odd path, and for one stage alone.

load helpers

# Runs scripts/test in the tree $1 with these files, to its end.
test_files() {
    "$1/scripts/test" "${@:2}" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- 4>&- || {
        grep -v '^ok' "$BATS_TEST_TMPDIR/log"
        return 1
    }
    tail -n 1 "$BATS_TEST_TMPDIR/log" | grep -q '^[1-9][0-9]* passed, 0 failed'
}

@test "with STAGES the tests of other stages are skipped, or do not need it" {
    STAGES=09-epoll-pool.c test_files "$TOP" scenario_language pool reactor
}

@test "the tests pass in a checkout whose path has blanks and quotes" {
    local odd
    odd="$BATS_TEST_TMPDIR/it's & a\\b \"q\" \$(x) "$'\303\274'
    mkdir "$odd"
    cp -r "$TOP"/{Makefile,README.md,CONTRIBUTING.md,common,demos,scripts} "$odd"
    cp -r "$TOP"/{tests,walkthrough} "$odd"
    STAGES=06-epoll-lt.c test_files "$odd" compare scenario_language
}

@test "STAGES names stages as scripts/demo does, and an unknown word is an error" {
    local words
    for words in 6 06 epoll-lt 06-epoll-lt.c '06-*'; do
        STAGES=$words run bash -c '. "$1/scripts/iomux/environment.bash"
            echo "$STAGES"' bash "$TOP"
        echo "$words: $output"
        [ "$output" = 06-epoll-lt ]
    done
    STAGES='6 13' run "$TOP/scripts/test" code
    [ "$status" -eq 2 ]
    [[ $output == "test: STAGES: there is no stage '13'; "* ]]
}
