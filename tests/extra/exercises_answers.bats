#!/usr/bin/env bats
#
# exercises_answers.bats - each exercise of walkthrough/exercises fails at first,
# passes when solved, and refuses wrong answers.

load helpers

# A wrong answer often waits for nothing, so three exercises are tested at a time.
@test "each exercise fails at first, passes when solved, and refuses wrong answers" {
    local exercise=$TOP/scripts/exercise said=$BATS_TEST_TMPDIR/said status=0
    unset -v EXERCISES
    # shellcheck disable=SC2016 # sh expands it
    "$exercise" </dev/null | awk '/^ *[0-9]/ {print $1}' |
        xargs -P 3 -I NUMBER sh -c '"$1" --test "$2" >"$3/NUMBER" 2>&1' \
            sh "$exercise" NUMBER "$BATS_TEST_TMPDIR" 3>&- 4>&- || status=$?
    cat "$BATS_TEST_TMPDIR"/[0-9]* >"$said"
    grep '^SKIP' "$said" | sed 's/^/# /' >&3 || :
    grep -v '^GOOD' "$said" || :
    [ "$(grep -c '^GOOD.*unsolved file is refused' "$said")" -ge 20 ]
    [ "$status" -eq 0 ]
}
