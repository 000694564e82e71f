#!/usr/bin/env bats
#
# code.bats - the promises that the code makes as a text: stages of a size one
# can read, neighbours that differ by one idea, one place for each thing.

load helpers

# Lines of code, without comments. Comments add about half as much again.
@test "each stage is short enough to be read at once" {
    local stage lines most
    while read -r stage most; do
        lines=$("$TOP/tests/code_size.py" lines "$TOP/demos/$stage.c")
        echo "demos/$stage.c: ${lines% *} lines of code, at most $most"
        [ "${lines%% *}" -le "$most" ]
    done <<'LIMITS'
01-blocking 60
02-threads 110
03-nonblocking 80
04-select 100
05-poll 100
06-epoll-lt 85
07-epollout 125
08-epoll-et 160
09-epoll-pool 160
10-reactor 145
11-http 260
12-io-uring 180
LIMITS
    # And there is a limit for each stage.
    [ "$(grep -c '^[0-9][0-9]-.* [0-9]*$' "$BATS_TEST_FILENAME")" -eq \
        "$(STAGES='' ladder | wc -l)" ]
}

@test "serve() has at most 40 lines, and no statement is deeper than four" {
    local lines depth name file serves=0
    while read -r lines depth name file; do
        [ "$name" != serve ] || ((serves += 1))
        if [ "$depth" -gt 4 ] || [[ $name = serve && $lines -gt 40 ]]; then
            echo "$file: $name() has $lines lines, and its depth is $depth"
            false
        fi
    done < <("$TOP/tests/code_size.py" functions "$TOP"/demos/[0-9]*.c)
    [ "$serves" -eq "$(STAGES='' ladder | wc -l)" ]
}

@test "no file of common/ has over 460 lines, and no function over 60" {
    local count file functions=0 lines depth name
    while read -r count file; do
        if [ "$count" -gt 460 ]; then
            echo "$file has $count lines"
            false
        fi
    done < <(wc -l "$TOP"/common/*.[ch] | grep -v ' total$')
    while read -r lines depth name file; do
        ((functions += 1))
        if [ "$lines" -gt 60 ]; then
            echo "$file: $name() has $lines lines"
            false
        fi
    done < <("$TOP/tests/code_size.py" functions "$TOP"/{common,demos}/*.c)
    # Every function was seen: each ends with a brace of its own.
    [ "$functions" -eq "$(cat "$TOP"/{common,demos}/*.c | grep -c '^}$')" ]
}

@test "neighbours differ by less than before" {
    "$TOP/tests/code_size.py" neighbours >"$BATS_TEST_TMPDIR/table" || {
        cat "$BATS_TEST_TMPDIR/table"
        false
    }
    sed 's/^/# /' "$BATS_TEST_TMPDIR/table" >&3
}

@test "the header of each stage has Adds, Limitations and Try" {
    local stage word text
    for stage in $(ladder); do
        text=$(<"$TOP/demos/$stage.c")
        text=${text%%$'\n */'*}
        for word in "$stage - " "Adds: " "Limitations: " "Try: "; do
            if [[ $text != *$'\n * '"$word"* ]]; then
                echo "the header of demos/$stage.c lacks '$word'"
                false
            fi
        done
    done
}

@test "a stage includes demo.h, listener.h, trace.h and the system's headers" {
    run grep -h '^#include "' "$TOP"/demos/[0-9]*.c
    [ "$(printf '%s\n' "${lines[@]}" | grep -v '"http_' | sort -u)" = '#include "demo.h"
#include "listener.h"
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

@test "functions of the same name are the same in neighbours" {
    cd "$BATS_TEST_TMPDIR"
    cut_functions
    [[ -s 01.echo && -s 03.echo && -s 07.save_unsent ]]
    diff 01.echo 02.echo
    diff --from-file=04.echo 0[56].echo
    # 03 has no reports, so its comments differ.
    diff <("$TOP/tests/code_size.py" code 03.echo) \
        <("$TOP/tests/code_size.py" code 04.echo)
    diff --from-file=07.save_unsent {08,09,10}.save_unsent
    diff 07.echo 10.echo
}

@test "no name and no header is of an earlier design" {
    ! grep -nE '\b(demo_no_room|DEMO_RETRY_MS|listen_again|disarmed)\b' \
        "$TOP"/{demos,common}/*.[ch] || return 1
    ! grep -nE '\b(keep|admit|hire|attend|leave)\(|\brest\b' \
        "$TOP"/demos/[0-9]*.c || return 1
    ! grep -n 'Cannot:' "$TOP"/demos/[0-9]*.c || return 1
}

@test "08 never calls epoll_ctl MOD; 04 never sets a bit that is not there" {
    ! grep -q EPOLL_CTL_MOD "$TOP/demos/08-epoll-et.c"
    grep -q 'client_fd >= FD_SETSIZE' "$TOP/demos/04-select.c"
}

@test "make compare-code shows the diff of two stages, without headers" {
    run make -s -C "$TOP" compare-code A=05 B=06
    [ "$status" -eq 0 ]
    [[ $output == *"-        int n = poll("* ]]
    [[ $output == *"+        int n = epoll_wait("* ]]
    [[ $output != *"Limitations:"* ]]
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

@test "demo works from any directory, and with options it runs stage 6 freely" {
    make_nothing
    cd /
    run "$TOP/scripts/demo"
    [ "$status" -eq 0 ]
    [[ $output == "$(cat "$TOP/tests/golden/one/06-epoll-lt.txt")"*"summary of"* ]]
    run "$TOP/scripts/demo" -q
    [ "$status" -eq 0 ]
    [[ $output == *"summary of 06-epoll-lt"*"15 sent, 15 echoed"* ]]
}

@test "demo --all runs every stage" {
    local stage
    make_nothing
    run "$TOP/scripts/demo" --all -q -i 1
    if has_io_uring || [ ! -x "$BUILD/12-io-uring" ]; then
        [ "$status" -eq 0 ]
    else
        [ "$status" -eq 1 ]
        grep "^12-io-uring: .*io_uring" <<<"$output"
    fi
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
    [[ $output == *"'everything' is none of run, uring, compare, learn, grade, bench, test, book, extra"* ]]
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
    # The exercises need neither Bats nor Valgrind.
    run env PATH="$bin" "$bin/bash" "$TOP/scripts/setup" learn
    [[ $output == *"missing: git "* && $output == *"missing: python3 "* ]]
    [[ $output != *bats* && $output != *valgrind* ]]
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

@test "setup installs what the heavy tests need, and names what the system lacks" {
    local bin=$BATS_TEST_TMPDIR/bin copy=$BATS_TEST_TMPDIR/copy/scripts tool
    unset STAGES # the copy has no stages
    mkdir -p "$bin" "$copy/iomux"
    cp "$TOP/scripts/setup" "$copy"
    cp "$TOP"/scripts/iomux/environment.* "$copy/iomux"
    for tool in bash env id dirname readlink cat mktemp rm grep tail mkdir gcc; do
        ln -s "$(command -v $tool)" "$bin/$tool"
    done
    printf '%s\n' '#!/bin/sh' "echo \"\$@\" >>'$bin/asked'" >"$bin/apt-get"
    # shellcheck disable=SC2016 # a script; furo and chromium as on Ubuntu
    printf '%s\n' '#!/bin/sh' '[ "$2" != furo ] || exit 0' \
        '[ "$2" != chromium ] || set "(none)"' \
        'echo "  Installed: (none)"; echo "  Candidate: $1"' >"$bin/apt-cache"
    # shellcheck disable=SC2016 # a script
    printf '%s\n' '#!/bin/sh' 'exec "$@"' >"$bin/sudo"
    ln -s "$(command -v true)" "$bin/npm"
    chmod +x "$bin"/{sudo,apt-get,apt-cache}
    run env PATH="$bin" "$bin/bash" "$copy/setup" extra
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"apt-get has no package chromium here: tests that need it are skipped"* ]]
    [[ $output == *"installing "*" shellcheck "* ]]
    [[ $output != *"installing "*" chromium"* ]]
    grep 'install .* bats .* shellcheck' "$bin/asked"
    ! grep 'install .* chromium' "$bin/asked" || return 1
    # A compiler is not left out.
    rm "$bin/gcc"
    printf '%s\n' '#!/bin/sh' 'echo "  Candidate: (none)"' >"$bin/apt-cache"
    run env PATH="$bin" "$bin/bash" "$copy/setup" extra
    tail -n 1 "$bin/asked" | grep 'install .* gcc '
}

@test ".ci/run repeats up to three failures alone, and fails if one fails again" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy"/{.ci,scripts/iomux}
    cp "$TOP/.ci/run" "$copy/.ci"
    cp "$TOP"/scripts/iomux/environment.* "$copy/scripts/iomux"
    # A name of a test with characters of a regular expression.
    cat >"$copy/scripts/test" <<'END'
#!/bin/bash
case $* in
--junit*)
    echo "ok 1 good"
    for ((i = 1; i <= FAILURES; i++)); do echo "not ok $i bad (a+b) $i"; done
    echo "1 passed, $FAILURES failed, 0 skipped"
    [ "$FAILURES" -eq 0 ]
    ;;
--extra*--junit*)
    echo "2 passed, 0 failed, 1 skipped"
    [ -z "$EXTRA_ENDS" ]
    ;;
*)
    [[ "bad (a+b) $AGAIN" =~ $1 ]]
    ;;
esac
END
    chmod +x "$copy/scripts/test"
    export FAILURES AGAIN EXTRA_ENDS
    FAILURES=0 run "$copy/.ci/run"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "3 passed, 0 failed, 1 skipped" ]
    FAILURES=1 AGAIN=1 run "$copy/.ci/run"
    [ "$status" -eq 0 ]
    [ "${lines[-2]}" = "passed when it was repeated alone: bad (a+b) 1" ]
    [ "${lines[-1]}" = "4 passed, 0 failed, 1 skipped" ]
    FAILURES=2 AGAIN=1 run "$copy/.ci/run"
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = "4 passed, 1 failed, 1 skipped" ]
    FAILURES=4 AGAIN=1 run "$copy/.ci/run"
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = "3 passed, 4 failed, 1 skipped" ]
    FAILURES=0 EXTRA_ENDS=1 run "$copy/.ci/run"
    [ "$status" -eq 1 ]
}

@test "scripts/test counts the same with and without a report in JUnit's XML" {
    local copy=$BATS_TEST_TMPDIR/copy xml=$BATS_TEST_TMPDIR/report.xml
    unset STAGES # the copy has no stages
    mkdir -p "$copy"/{scripts/iomux,tests/extra,demos,bin}
    cp "$TOP/scripts/test" "$copy/scripts"
    cp "$TOP"/scripts/iomux/environment.* "$copy/scripts/iomux"
    ln -s "$(type -P true)" "$copy/scripts/setup"
    ln -s "$(type -P true)" "$copy/bin/make"
    cp "$TOP"/scripts/iomux/*.py "$copy/scripts/iomux"
    # Bats would take a line that begins with @test for a test of this file.
    sed 's/^TEST/@test/' >"$copy/tests/own.bats" <<'END'
TEST "bad <&\" é" {
    printf 'escape \033[31m one \001 byte \377 <x> ]]>\n'
    false
}
TEST "left out" { skip "no <tool>"; }
TEST "good" { true; }
END
    cp "$copy/tests/own.bats" "$copy/tests/other.bats"
    PATH=$copy/bin:$PATH run "$copy/scripts/test"
    [ "$status" -eq 1 ]
    local without=$output
    PATH=$copy/bin:$PATH run "$copy/scripts/test" --junit "$xml"
    [ "$status" -eq 1 ]
    echo "$output"
    diff <(echo "$without") <(echo "$output")
    [ "${lines[-1]}" = "2 passed, 2 failed, 2 skipped" ]
    [[ $without != *"# failed:"* ]]
    python3 - "$xml" <<'END'
import sys
import xml.etree.ElementTree as tree
top = tree.parse(sys.argv[1]).getroot()
for word, count in ("testcase", 6), ("failure", 2), ("skipped", 2):
    assert len(top.findall(f".//{word}")) == count, word
assert "escape \\x1b[31m one \\x01 byte" in top.find(".//failure").text
assert top.find(".//skipped").get("message") == "no <tool>"
assert {case.get("name") for case in top.iter("testcase")} == {
    'bad <&" é', "left out", "good"}
END
    PATH=$copy/bin:$PATH run "$copy/scripts/test" \
        --junit "$BATS_TEST_TMPDIR/none/report.xml"
    [ "$status" -eq 2 ]
    [[ $output == "test: cannot write the file"* ]]
    # A long output ends with the failures.
    printf 'TEST "%s" { true; }\n' {1..20} | sed 's/^TEST/@test/' \
        >"$copy/tests/many.bats"
    PATH=$copy/bin:$PATH run "$copy/scripts/test"
    sed '1,/^# failed:$/d' <<<"$output" >"$BATS_TEST_TMPDIR/failed"
    [ "$(grep -c '^not ok' "$BATS_TEST_TMPDIR/failed")" -eq 2 ]
    grep -q '^# escape' "$BATS_TEST_TMPDIR/failed"
    ! grep '^ok' "$BATS_TEST_TMPDIR/failed" || return 1
}
