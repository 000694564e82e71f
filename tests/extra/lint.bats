#!/usr/bin/env bats
#
# lint.bats - other readers of the code: compilers, linters, formatters.

load helpers

setup() {
    cd "$TOP" || return
}

# A compiler must find nothing to warn of, optimizing or not.
compiles_clean() {
    local compiler=$1 level
    for level in -O0 -O2; do
        rm -rf "$BATS_TEST_TMPDIR/build"
        run make -s -j2 all claims bench-programs CC="$compiler" \
            BUILD="$BATS_TEST_TMPDIR/build" CFLAGS="$level -g -Werror"
        echo "$output"
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    done
}

@test "gcc compiles everything without a warning" {
    compiles_clean gcc
}

@test "clang compiles everything without a warning" {
    need_tool clang
    compiles_clean clang
}

@test "a fresh copy builds in parallel without a warning, and only once" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir "$copy"
    cp -r "$TOP/Makefile" "$TOP/common" "$TOP/demos" "$copy"
    run make -C "$copy" -s -j4 CFLAGS='-O2 -Werror'
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run make -C "$copy"
    [[ $output == *"Nothing to be done"* ]]
    touch "$copy/common/trace.h"
    run make -C "$copy" -n V=1
    [[ $output == *"demos/06-epoll-lt.c"* ]]
}

@test "the code has the form that .clang-format asks for" {
    need_tool clang-format
    if ! clang-format --version | grep -q 'version 14\.'; then
        skip "clang-format is not of version 14, as Debian 12's is"
    fi
    find demos common tests walkthrough -name '*.[ch]' \
        -exec clang-format --dry-run -Werror {} +
}

@test "cppcheck finds nothing" {
    need_tool cppcheck
    cppcheck --quiet --error-exitcode=1 --inline-suppr \
        --enable=warning,performance,portability --std=c11 \
        -D_GNU_SOURCE -DIOMUX_VERSION='"0"' -Icommon \
        --suppress=missingIncludeSystem \
        --suppress=normalCheckLevelMaxBranches \
        --suppress='nullPointerOutOfMemory:tests/*' \
        --suppress='ctunullpointerOutOfMemory:tests/*' demos common tests/*.c tests/bench \
        walkthrough
}

@test "shellcheck finds nothing" {
    need_tool shellcheck
    local file
    local -a scripts=()
    for file in scripts/* .ci/run; do
        if [ -f "$file" ] && head -n 1 "$file" | grep -q bash; then
            scripts+=("$file")
        fi
    done
    shellcheck -x "${scripts[@]}"
    [ ${#scripts[@]} -ge 7 ]
    shellcheck -x scripts/iomux/environment.bash
    shellcheck -x -s bash -e SC2034,SC2154 tests/helpers.bash
    shellcheck -x -e SC2030,SC2031,SC2034,SC2154,SC2314,SC2315 \
        tests/*.bats tests/extra/*.bats
}
