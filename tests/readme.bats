#!/usr/bin/env bats
#
# readme.bats - what README.md shows and promises is so.

load helpers

# The block that follows a comment "<!-- trace: ... -->", and its command.
block_of() {
    awk -v start="<!-- trace: $1 -->" '
        $0 == start { on = 1; next }
        on && /^```/ { if (++fences == 2) exit; next }
        on { print }' "$TOP/README.md"
}

# Client and server run at once: only the order of each one's lines is fixed.
by_speaker() {
    local speaker
    for speaker in '\[server\]' '\[client 1\]' '\[demo\]'; do
        grep "^$speaker" "$1" || :
    done
    grep -v '^\[' "$1"
}

@test "the traces in README.md come out again" {
    local command shown=$BATS_TEST_TMPDIR/shown got=$BATS_TEST_TMPDIR/got
    grep -q '^<!-- trace: ' "$TOP/README.md"
    while read -r command; do
        block_of "$command" >"$shown"
        # shellcheck disable=SC2086 # the command is words
        demo $command >"$got"
        diff <(by_speaker "$shown") <(by_speaker "$got")
    done < <(sed -n 's/^<!-- trace: \(.*\) -->$/\1/p' "$TOP/README.md")
}

@test "the ladder in README.md is that of demos/" {
    # shellcheck disable=SC2016 # the backquotes are Markdown's
    diff <(sed -n 's/^| \[`\([0-9][^`]*\)`\](demos\/\1\.c) .*/\1/p' \
        "$TOP/README.md") <(STAGES='' ladder)
}

@test "every link in README.md and CONTRIBUTING.md leads somewhere" {
    local link
    while read -r link; do
        [ -e "$TOP/$link" ] || {
            echo "nothing there: $link"
            false
        }
    done < <(grep -ho '](\([^):]*\))' "$TOP"/README.md "$TOP"/CONTRIBUTING.md |
        sed 's/^](//; s/)$//' | sort -u)
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
