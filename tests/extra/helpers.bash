# The heavy tests share the helpers of the others.
# shellcheck source=tests/helpers.bash
source "$BATS_TEST_DIRNAME/../helpers.bash"

# Does all hazards to one stage. Each has a limit of its own.
suffer_all() {
    local stage=$1 said=$BATS_TEST_TMPDIR/said status=0
    need_stage "$stage"
    python3 -IS "$TOP/tests/hazard.py" "$BUILD/$stage" all \
        >"$said" 2>&1 3>&- 4>&- || status=$?
    grep -E '^SKIP' "$said" | sed 's/^/# /' >&3 || :
    grep -vE '^(GOOD|SKIP)' "$said" || :
    [ "$status" -eq 0 ]
    # Every hazard has ended, one way or the other.
    diff <(python3 -IS "$TOP/tests/hazard.py" --list | sed 's/ .*//' | sort) \
        <(sed -nE 's/^(GOOD|SKIP) +[^ ]+ ([^ ]+):.*/\2/p' "$said" | sort)
}
