#!/usr/bin/env bats
# limits.bats - what each stage can and cannot do, as the README's table says.
#
# scripts/limits measures; it runs once, before the first test. Each test
# reads one column. A "no" that turns into "yes" fails as well: then a header
# and the README promise too little.

load helpers

# Measure all stages: the table and, for the tests, a line of JSON a stage.
setup_file() {
    local hard
    hard=$(ulimit -Hn)
    if [ "$hard" != unlimited ] && [ "$hard" -lt 2100 ]; then
        echo "needs 2100 descriptors, allowed are $hard (ulimit -Hn)" \
            >"$BATS_FILE_TMPDIR/why_not"
        return
    fi
    # shellcheck disable=SC2046 # one word a stage
    timeout -k 1 $((5 * LIMIT)) "$TOP/scripts/limits" \
        --json "$BATS_FILE_TMPDIR/json" $(all_stages) \
        >"$BATS_FILE_TMPDIR/table" 3>&- 4>&-
}

setup() {
    [ ! -e "$BATS_FILE_TMPDIR/why_not" ] ||
        skip "$(cat "$BATS_FILE_TMPDIR/why_not")"
}

# expect COLUMN VALUE STAGE...: these stages, and no others, have this value.
expect() {
    local column=$1 value=$2 stage found wanted status=0
    shift 2
    for stage in $(all_stages); do
        wanted=differs
        [[ " $* " != *" $stage "* ]] || wanted=equals
        found=differs
        grep -F "\"stage\": \"$stage\"" "$BATS_FILE_TMPDIR/json" |
            grep -q -F "\"$column\": \"$value\"" && found=equals
        [ $found = $wanted ] && continue
        echo "$stage: '$column' $found '$value', expected it $wanted. Run:"
        echo "    scripts/limits $stage"
        grep -F "\"stage\": \"$stage\"" "$BATS_FILE_TMPDIR/json"
        status=1
    done
    return $status
}

@test "every stage except 01 serves a second client while the first is idle" {
    expect two no 01-blocking
    expect two - # none
}

@test "every stage except 03 sleeps while its clients are idle" {
    expect sleeps no 03-nonblocking
    expect sleeps - # none
}

@test "every stage except 04 serves the last of 1,100 clients" {
    expect above no 04-select
    expect above - 01-blocking
}

@test "a client that does not read delays others in 01 and 03 to 06 only" {
    expect stalled no 01-blocking 03-nonblocking 04-select 05-poll 06-epoll-lt
    expect stalled - # none
}

@test "a message costs more among 2,000 idle clients in 03 to 05 only" {
    expect cost no 03-nonblocking 04-select 05-poll
    expect cost - 01-blocking
}

@test "limits.md shows the table that scripts/limits prints" {
    [ -z "${STAGES-}" ] || skip "only some stages were measured"
    [ -e "$TOP/walkthrough/limits.md" ] || skip "there is no limits.md"
    sed -n '/<!-- scripts\/limits -->/,/<!-- \/scripts\/limits -->/p' \
        "$TOP/walkthrough/limits.md" | grep '^|' |
        { has_io_uring && cat || grep -v 12-io-uring; } |
        diff -u --label limits.md --label 'scripts/limits' \
            - "$BATS_FILE_TMPDIR/table"
}
