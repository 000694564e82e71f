#!/usr/bin/env bats
#
# step.bats - the pages of scripts/step, in a browser.

load helpers

MODULES=$TOP/build/npm/node_modules

setup() {
    need_tool python3
    cd "$BATS_TEST_TMPDIR" || return
    export TIMEOUT_MULT=${TIMEOUT_MULT:-1}
}

# Skips the test where pages cannot be looked at. Sets $browser.
need_browser() {
    need_tool node # drives the browser
    if [ ! -e "$MODULES/playwright-core" ] || [ ! -e "$MODULES/axe-core" ]; then
        skip "scripts/setup extra fetches playwright-core and axe-core"
    fi
    browser=$(command -v chromium || command -v chromium-browser ||
        command -v google-chrome) ||
        skip "there is no browser: scripts/setup extra"
}

# Checks pages, or with --message TEXT a page that must show TEXT.
look() {
    timeout -k 1 $((60 * LIMIT)) node "$TOP/tests/extra/step.mjs" "$MODULES" \
        "$browser" "$@" 3>&- 4>&-
}

step() {
    timeout -k 1 $((20 * LIMIT)) "$TOP/scripts/step" "$@" 3>&- 4>&-
}

@test "every page of the text shows each step as the trace has it" {
    need_browser
    local -a pages
    mapfile -t pages < <(step --all)
    [ "${#pages[@]}" -eq 11 ]
    run look "${pages[@]/#/$TOP/}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^11\ pages,\ ([0-9]+)\ steps,\ ([0-9]+)\ questions$ ]]
    [ "${BASH_REMATCH[1]}" -gt 500 ]
    [ "${BASH_REMATCH[2]}" -gt 50 ]
}

@test "a page is the same in every run, and small" {
    local run
    for run in 1 2 3; do
        step 8 twin:one-recv -s flood -o "page$run.html"
        step 2 9 -s three -o "threads$run.html"
    done
    cmp page1.html page2.html
    cmp page1.html page3.html
    cmp threads1.html threads2.html
    cmp threads1.html threads3.html
    [ "$(stat -c %s page1.html)" -le 150000 ]
}

@test "a message that is HTML stays text" {
    need_browser
    cat >html.scn <<'SCENARIO'
c1 connect
c1 send "</script><img onerror=x>"
c1 expect "</script><img onerror=x>"
SCENARIO
    step 6 -s html.scn -o html.html
    run look --message '</script><img onerror=x>' html.html
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == "1 pages"* ]]
}

@test "a page that shows something else than the trace is seen" {
    need_browser
    step 6 -s one -o good.html
    sed 's/"place":\[0,[0-9]*,[0-9]*\]/"place":[0,1,1]/g' good.html >place.html
    sed 's/<title>/<link rel="stylesheet" href="x.css">&/' \
        good.html >asks.html
    run look place.html asks.html
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"place.html: step "*": the source is"* ]]
    [[ $output == *"asks.html: "* ]]
}

@test "a scenario that is too long for a page is refused" {
    {
        echo "c1 connect"
        for ((i = 0; i < 400; i++)); do
            echo "c1 send $((i % 50 + 1))"
        done
        echo "c1 close"
    } >long.scn
    run step 6 -s long.scn -o long.html
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output =~ ^"step: the scenario long has "[0-9]+" steps, and a page" ]]
    [ ! -e long.html ]
}

@test "each wrong argument of scripts/step is a sentence" {
    run step
    [ "$status" -eq 2 ]
    [[ $output == "step: give one stage or two, not 0"* ]]
    run step 6 7 --text
    [ "$status" -eq 2 ]
    run step 99
    [ "$status" -eq 2 ]
    [[ $output == "step: '99' is not a stage"* ]]
    run step twin:nothing
    [ "$status" -eq 2 ]
    [[ $output == "step: there is no twin 'nothing'"* ]]
    run step 4 -s idle-timeout
    [ "$status" -eq 2 ]
    [[ $output == *"idle-timeout.scn is for 10-reactor alone" ]]
    run step --all 6
    [ "$status" -eq 2 ]
    run step 6 -o /nowhere/page.html
    [ "$status" -eq 2 ]
    [[ $output == "step: cannot write /nowhere/page.html"* ]]
}
