#!/usr/bin/env bats
#
# readme.bats - what README.md promises is there. What it shows, and its links,
# are checked with the rest of the text: walkthrough.bats, extra/sessions.bats.

load helpers

@test "README.md has at most 100 lines" {
    [ "$(wc -l <"$TOP/README.md")" -le 100 ]
}

@test "scripts/demo prints exactly what README.md shows" {
    # The session of the page begins with this command and ends with its fence.
    sed -n '/^\$ scripts\/demo$/,/^```$/p' "$TOP/README.md" | sed '1d;$d' \
        >"$BATS_TEST_TMPDIR/shown"
    [ -s "$BATS_TEST_TMPDIR/shown" ]
    ln -s "$(type -P true)" "$BATS_TEST_TMPDIR/make" # all is built
    PATH=$BATS_TEST_TMPDIR:$PATH "$TOP/scripts/demo" 2>&1 3>&- |
        diff "$BATS_TEST_TMPDIR/shown" -
}

@test "the table in README.md lists every stage of demos/ and its chapter" {
    diff <(sed -n 's/^| \[\([0-9][^]]*\)\](walkthrough\/\1\.md) .*/\1/p' \
        "$TOP/README.md") <(STAGES='' ladder)
}

@test "the container starts from a POSIX shell and from PowerShell" {
    local line
    line=$(grep -o 'docker run .*' "$TOP/walkthrough/usage.md")
    # PowerShell takes "$PWD:/iomux" for a variable of a drive, and stops.
    # shellcheck disable=SC2016 # another shell's variable
    [[ $line == *'-v "${PWD}:/iomux"'* ]]
    # shellcheck disable=SC2016
    ! grep -rEn '\$(PWD|HOME|pwd):' "$TOP"/README.md "$TOP"/CONTRIBUTING.md \
        "$TOP"/walkthrough --include='*.md' || return 1
}

@test "README.md and usage.md name the least versions that are checked" {
    local glibc python page
    glibc=$(sed -n 's/.*__GLIBC_MINOR__ < //p' "$TOP/common/requirements.h")
    python=$(sed -n 's/^LEAST = (\([0-9]*\), \([0-9]*\))/\1.\2/p' \
        "$TOP/scripts/iomux/__init__.py")
    for page in README.md walkthrough/usage.md; do
        grep -qF "glibc 2.$glibc" "$TOP/$page"
        grep -qF "Python $python" "$TOP/$page"
    done
}

@test "a module of common/ includes only modules below it in CONTRIBUTING.md" {
    local modules module included
    modules=$(sed -n '/^These are the modules/,/^The trace controls/s/^    \([a-z_, ]*[a-z]\)   .*/\1/p' \
        "$TOP/CONTRIBUTING.md" | tr -d ' ' | tr ',' '\n')
    diff <(sort <<<"$modules") \
        <(cd "$TOP/common" && printf '%s\n' *.c | sed 's/\.c$//' | sort)
    for module in $modules; do
        while read -r included; do
            sed "0,/^$module\$/d" <<<"$modules" | grep -qx "$included" || {
                echo "common/$module.c includes $included.h, which is above it"
                false
            }
        done < <(sed -n 's/^#include "\(.*\)\.h"/\1/p' \
            "$TOP/common/$module.c" | grep -vx "$module")
    done
}

@test "every command that README.md and the pages beside it name exists" {
    local word
    while read -r word; do
        [ -x "$TOP/$word" ] || {
            echo "there is no $word"
            false
        }
    done < <(grep -ho '\(scripts\|build\)/[0-9][0-9a-z-]*\|scripts/[a-z-]*' \
        "$TOP"/README.md "$TOP"/CONTRIBUTING.md "$TOP"/walkthrough/usage.md \
        "$TOP"/demos/*.c | sort -u)
}
