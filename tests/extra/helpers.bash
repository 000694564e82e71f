# The heavy tests share the helpers of the others.
# shellcheck source=tests/helpers.bash
source "$BATS_TEST_DIRNAME/../helpers.bash"

# do_hazards SCRIPT [--tcp] [--loop] STAGE...: does all hazards of a script to
# these stages. Each hazard has a limit of its own. With --loop, those are left
# out that only common/ handles.
do_hazards() {
    local said=$BATS_TEST_TMPDIR/said status=0 stage
    local -a script=(python3 -IS "$TOP/tests/$1") names
    shift
    while [[ $1 = --* ]]; do
        script+=("$1")
        shift
    done
    mapfile -t names < <("${script[@]}" --list | sed 's/ .*//')
    [ ${#names[@]} -gt 30 ]
    "${script[@]}" "${@/#/"$BUILD/"}" all >"$said" 2>&1 3>&- 4>&- || status=$?
    grep -E '^SKIP' "$said" | sed 's/^/# /' >&3 || :
    grep -vE '^(GOOD|SKIP)' "$said" || :
    [ "$status" -eq 0 ]
    # Every hazard has ended, one way or the other.
    for stage; do
        printf "$stage %s:\n" "${names[@]}"
    done | sort | diff - <(sed -nE 's/^(GOOD|SKIP) +([^ ]+ [^ ]+:).*/\2/p' \
        "$said" | sort)
}

# suffer_all [--loop] STAGE: does all hazards to one echo server.
suffer_all() {
    need_stage "${@: -1}"
    do_hazards hazard.py "$@"
}

MODULES=$TOP/build/npm/node_modules

# need_browser [MODULE...]: skips the test without a browser, or without node
# and the npm modules that drive it. Sets $browser.
need_browser() {
    local module
    browser=$(command -v chromium || command -v chromium-browser ||
        command -v google-chrome) || skip "there is no browser: scripts/setup extra"
    for module; do
        need_tool node
        [ -e "$MODULES/$module" ] ||
            skip "there is no $module in build/npm: scripts/setup extra"
    done
}
