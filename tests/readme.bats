#!/usr/bin/env bats
#
# readme.bats - what README.md promises is there. What it shows, and its links,
# are checked with the rest of the text: walkthrough.bats, extra/sessions.bats.

load helpers

@test "the ladder in README.md is that of demos/" {
    # shellcheck disable=SC2016 # the backquotes are Markdown's
    diff <(sed -n 's/^| \[`\([0-9][^`]*\)`\](demos\/\1\.c) .*/\1/p' \
        "$TOP/README.md") <(STAGES='' ladder)
}

@test "every command that README.md names is there" {
    local word
    while read -r word; do
        [ -x "$TOP/$word" ] || {
            echo "nothing there: $word"
            false
        }
    done < <(grep -ho '\(scripts\|build\)/[0-9a-z-]*' "$TOP"/README.md \
        "$TOP"/CONTRIBUTING.md "$TOP"/demos/*.c | sort -u)
}
