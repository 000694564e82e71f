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

@test "the container starts from a POSIX shell and from PowerShell" {
    local line
    line=$(grep -o 'docker run .*' "$TOP/README.md")
    # PowerShell takes "$PWD:/iomux" for a variable of a drive, and stops.
    # shellcheck disable=SC2016 # another shell's variable
    [[ $line == *'-v "${PWD}:/iomux"'* ]]
    # shellcheck disable=SC2016
    ! grep -rEn '\$(PWD|HOME|pwd):' "$TOP"/README.md "$TOP"/CONTRIBUTING.md \
        "$TOP"/walkthrough --include='*.md' || return 1
}

@test "README.md names the least versions that are checked" {
    local glibc python
    glibc=$(sed -n 's/.*__GLIBC_MINOR__ < //p' "$TOP/common/requirements.h")
    python=$(sed -n 's/^LEAST = (\([0-9]*\), \([0-9]*\))/\1.\2/p' \
        "$TOP/scripts/iomux/__init__.py")
    grep -qF "glibc 2.$glibc" "$TOP/README.md"
    grep -qF "Python $python" "$TOP/README.md"
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
