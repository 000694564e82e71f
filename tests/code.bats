#!/usr/bin/env bats
#
# code.bats - the promises that the code makes as a text: stages of a size one
# can read, neighbours that differ by one idea, one place for each thing.

load helpers

@test "each stage is 60 to 150 lines long, 08 and 10 190, 09 210, 11 330" {
    local stage text lines most
    for stage in $(ladder); do
        mapfile text <"$TOP/demos/$stage.c"
        lines=${#text[@]}
        most=150
        [[ $stage != 08-epoll-et && $stage != 10-reactor ]] || most=190
        [ "$stage" != 09-epoll-pool ] || most=210
        [ "$stage" != 11-http ] || most=330
        if [ "$lines" -lt 60 ] || [ "$lines" -gt "$most" ]; then
            echo "demos/$stage.c has $lines lines, not 60 to $most"
            false
        fi
    done
}

@test "each stage says what it adds, what it cannot do, and what to try" {
    local stage word text
    for stage in $(ladder); do
        text=$(<"$TOP/demos/$stage.c")
        text=${text%%$'\n */'*}
        for word in "$stage - " "Adds: " "Cannot: " "Try: "; do
            if [[ $text != *$'\n * '"$word"* ]]; then
                echo "the header of demos/$stage.c lacks '$word'"
                false
            fi
        done
    done
}

@test "a stage includes demo.h, trace.h and the system's headers, no more" {
    run grep -h '^#include "' "$TOP"/demos/[0-9]*.c
    [ "$(printf '%s\n' "${lines[@]}" | grep -v '"http_' | sort -u)" = '#include "demo.h"
#include "reactor.h"
#include "trace.h"' ]
    # The reactor is from 10 on; it knows the trace, and no demo.
    ! grep -qE '^#include "(reactor|http_.*)\.h"' "$TOP"/demos/0*.c
    [ "$(grep -h '^#include "' "$TOP"/demos/reactor.[ch])" = \
        '#include "reactor.h"
#include "trace.h"' ]
}

# Write each function of a stage to a file, 03.echo
cut_functions() {
    awk 'FNR == 1 { stage = FILENAME; sub(/.*\//, "", stage)
                    stage = substr(stage, 1, 2); file = "" }
         /^static .*[a-z_]+\(/ && !/;$/ {
             name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
             file = stage "." name }
         file  { print >file }
         /^}/  { if (file) close(file); file = "" }' "$TOP"/demos/[0-9]*.c
}

@test "echo() is the same, letter by letter, in 01 and 02, and in 03 to 06" {
    cd "$BATS_TEST_TMPDIR"
    cut_functions
    [[ -s 01.echo && -s 03.echo && -s 07.keep ]]
    diff 01.echo 02.echo
    diff --from-file=03.echo 0[456].echo
    diff --from-file=07.keep {08,09,10}.keep
    # In 10 it asks a reactor, not epoll; else it is the same.
    diff <(sed '/^static/d; /epoll_ctl\|EPOLL/d; /watch/d' 07.echo) \
        <(sed '/^static/d; /reactor_modify/d' 10.echo)
}

@test "08 never calls epoll_ctl MOD; 04 never sets a bit that is not there" {
    ! grep -q EPOLL_CTL_MOD "$TOP/demos/08-epoll-et.c"
    grep -q 'client_fd >= FD_SETSIZE' "$TOP/demos/04-select.c"
}

@test "make compare-code shows the diff of two stages, without headers" {
    run make -s -C "$TOP" compare-code A=05 B=06
    [ "$status" -eq 0 ]
    [[ $output == *"-        const int n = poll("* ]]
    [[ $output == *"+        const int n = epoll_wait("* ]]
    [[ $output != *"Cannot:"* ]]
    [[ $output != *$'\e'* ]]
}

@test "make compare-code says what it wants when asked for too little" {
    run make -s -C "$TOP" compare-code A=05
    [ "$status" -ne 0 ]
    [[ $output == *"make compare-code A=05 B=06"* ]]
    run "$TOP/scripts/compare-code" 05 99
    [ "$status" -eq 2 ]
    [[ $output == *"no stage '99'"* ]]
    run "$TOP/scripts/compare-code" --help
    [ "$status" -eq 0 ]
    [[ $output == "usage: scripts/compare-code STAGE STAGE"* ]]
}

@test "make help lists every target" {
    local target
    run make -s -C "$TOP" help
    [ "$status" -eq 0 ]
    while read -r target; do
        [[ $output == *"make $target "* ]]
    done < <(sed -n 's/^\.PHONY: //p' "$TOP/Makefile" | tr ' ' '\n')
}

@test "the version stands in one place" {
    local version
    version=$(sed -n 's/^VERSION := //p' "$TOP/Makefile")
    [ -n "$version" ]
    [ "$("$BUILD/06-epoll-lt" --version)" = "06-epoll-lt (iomux) $version" ]
    ! grep -rqF "$version" "$TOP/common" "$TOP/demos" "$TOP/scripts"
}

@test "demo --list names every stage with its idea" {
    run "$TOP/scripts/demo" --list
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq "$(STAGES='' ladder | wc -l)" ]
    [[ ${lines[4]} == "05-poll "*"array"* ]]
}

# The stages are built, and make is not asked again.
make_nothing() {
    ln -s "$(type -P true)" "$BATS_TEST_TMPDIR/make"
    PATH=$BATS_TEST_TMPDIR:$PATH
}

@test "demo takes a stage by number or name, and says so when there is none" {
    local name
    make_nothing
    for name in 4 04 select 04-select; do
        run "$TOP/scripts/demo" "$name" -q -c 1 -m 1
        [ "$status" -eq 0 ]
        [[ $output == *"summary of 04-select"* ]]
    done
    run "$TOP/scripts/demo" 99
    [ "$status" -eq 2 ]
    [[ $output == *"there is no stage '99'"*"06-epoll-lt"* ]]
}

@test "demo works from any directory, with 06-epoll-lt when told nothing" {
    make_nothing
    cd /
    run "$TOP/scripts/demo" -q
    [ "$status" -eq 0 ]
    [[ $output == *"summary of 06-epoll-lt"*"15 sent, 15 echoed"* ]]
}

@test "demo --all runs every stage" {
    local stage
    make_nothing
    run "$TOP/scripts/demo" --all -q -i 1
    [ "$status" -eq 0 ]
    for stage in $(STAGES='' all_stages); do
        [[ $output == *"summary of $stage"* ]]
    done
}

@test "setup does nothing when nothing is missing, and says what it does not know" {
    run "$TOP/scripts/setup" --dry-run run
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run "$TOP/scripts/setup" everything
    [ "$status" -eq 2 ]
    [[ $output == *"'everything' is none of run, compare, bench, test, extra"* ]]
}

@test "setup says what is missing and why, and how to get it without apt-get" {
    local bin=$BATS_TEST_TMPDIR/bin tool
    mkdir "$bin"
    for tool in bash env id dirname readlink; do
        ln -s "$(command -v $tool)" "$bin/$tool"
    done
    ln -s "$(command -v cat)" "$bin/cat"
    run env PATH="$bin" "$bin/bash" "$TOP/scripts/setup" run
    [ "$status" -eq 1 ]
    [[ $output == *"missing: gcc "*"compiles the stages"* ]]
    [[ $output == *"there is no apt-get here"* ]]
    printf '#!%s/bash\nexit 1\n' "$bin" >"$bin/apt-get"
    chmod +x "$bin/apt-get"
    run env PATH="$bin" "$bin/bash" "$TOP/scripts/setup" --dry-run run
    if [ "$(id -u)" -eq 0 ]; then
        [ "$status" -eq 0 ]
        [[ $output == *"would run: "*"apt-get install "*gcc* ]]
    else
        [ "$status" -eq 1 ]
        [[ $output == *"be root or have sudo"* ]]
    fi
}
