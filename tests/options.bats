#!/usr/bin/env bats
# options.bats - what a user sees who mistypes: one sentence that names what
# is wrong and what would be right, status 2, and nothing left behind.

# shellcheck disable=SC2154 # pid: from helpers.bash

load helpers

setup() {
    program=$(all_stages | tail -n 1)
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
    cd "$TMPDIR" || return 1
}

# fails STATUS WORDS ARGUMENT...: with these arguments the program ends with
# this status; the first line of its complaint matches *WORDS* (a pattern).
fails() {
    local wanted=$1 words=$2 status=0 first
    shift 2
    demo "$program" "$@" >../out 2>../err || status=$?
    first=$(head -n 1 ../err)
    printf '%s %q: status %s, says: %s\n' "$program" "$*" "$status" "$first"
    # shellcheck disable=SC2053 # a pattern, on purpose
    [[ $first == "$program: "*$words* ]] || return 1
    [ "$status" = "$wanted" ] || return 1
    if [ -n "$(ls -A)" ]; then
        echo "left behind: $(ls -A)"
        return 1
    fi
}

# refuses WORDS ARGUMENT...: the command line is wrong. Nothing but one
# sentence, and perhaps the advice to ask for help.
refuses() {
    fails 2 "$@" || return 1
    [ ! -s ../out ] || return 1
    ! tail -n +2 ../err | grep -vxF "try 'build/$program --help'"
}

# A text of so many letters.
letters() {
    printf "%$1s" '' | tr ' ' a
}

# The options that take a number, and its range.
numbers() {
    cat <<END
--clients -c 1 1000000
--messages -m 0 1000000000
--size -z 1 1073741824
--interval -i 0 3600000
--stagger - 0 3600000
END
}

@test "a number is whole, decimal, and nothing but digits" {
    local long short least most bad status
    while read -r long short least most; do
        for bad in '' ' ' - -1 -0 +5 ' 5' '5 ' 12x x12 0x10 5.0 1e3 1,000 \
            ٣ 99999999999999999999999 -99999999999999999999999 \
            9223372036854775808 18446744073709551617 4294967297; do
            refuses "$long*from $least to $most*not '$bad'" "$long=$bad"
            if [ "$short" != - ]; then
                refuses "$long*not '$bad'" "$short" "$bad"
            fi
        done
        demo "$program" "$long" $'5\n' >../out 2>../err || status=$?
        [ "$status" = 2 ]
    done < <(numbers)
}

@test "a number has its least and its most" {
    local long short least most
    while read -r long short least most; do
        refuses "$long*from $least to $most*'$((least - 1))'" \
            "$long" $((least - 1))
        refuses "$long*from $least to $most*'$((most + 1))'" \
            "$long" $((most + 1))
        demo "$program" "$long" "$least" --version
        demo "$program" "$long" "$most" --version
    done < <(numbers)
}

@test "an option without its value" {
    local option
    for option in -c -m -z -i -s -j --clients --messages --size --interval \
        --stagger --socket --json; do
        refuses "option '$option' needs a value" "$option"
        refuses "option '$option' needs a value" -q "$option"
    done
    refuses "'-qc' needs a value" -qc
    refuses "--clients*'-m'" -c -m 5
}

@test "an option that there is not" {
    refuses "no option '-x'" -x
    refuses "no option '-x'" -qx
    refuses "no option '-x'" -xq
    refuses "no option '-x'" -q -x -c 1
    refuses "no option '-C'" -C 3
    refuses "no option '--nope'" --nope
    refuses "no option '--nope=3'" --nope=3
    refuses "no option '--nope'" -q --nope -c 1
    refuses "no option '--Clients'" --Clients 3
    refuses "no option '--c'" --c 3 # --clients, or --connect?
    refuses "no option '--='" --=
}

@test "a letter that is not ASCII is no option either" {
    refuses "options are ASCII letters" -é
    [[ $(<../err) != *"$BUILD"* ]]
}

@test "options in a cluster" {
    demo "$program" -qV
    refuses "--clients*'q5'" -cq5
    refuses "no option '-9'" -q9
}

@test "an argument too many" {
    refuses "'foo' is no option" foo
    refuses "'foo' is no option" -q foo
    refuses "'foo' is no option" foo -q
    refuses "'foo' is no option" -- foo
    refuses "'-q' is no option" -- -q
    refuses "'' is no option" ''
    refuses "'-' is no option" -
}

@test "a value for an option that takes none" {
    local option
    for option in quiet serve connect help version; do
        refuses "'--$option' takes no value" "--$option=1"
        refuses "'--$option' takes no value" "--$option="
    done
}

@test "options that do not go together" {
    local option
    refuses "--serve and --connect are two programs" --serve --connect
    refuses "--serve and --connect" --connect -s /tmp/echo --serve
    refuses "--connect needs --socket PATH" --connect
    refuses "--connect needs --socket PATH" --connect -c 1
    for option in clients messages size interval stagger; do
        refuses "--$option is for clients" --serve "--$option" 1
        refuses "--$option is for clients" "--$option=1" --serve
    done
    refuses "--stagger 3600000*3 clients*an hour" --stagger 3600000
}

@test "a path that is too long: the limit is 107 bytes" {
    local n
    for n in 108 109 200 5000; do
        refuses "$n bytes*the limit is 107" --serve -s "$(letters $n)"
        refuses "$n bytes*the limit is 107" -s "@$(letters $((n - 1)))"
        refuses "$n bytes*the limit is 107" --connect -s "/$(letters \
            $((n - 1)))"
    done
    demo "$program" -c 1 -m 1 -s "$(letters 107)"
    demo "$program" -c 1 -m 1 -s "@$(letters 97)-$BASHPID"
    [ -z "$(ls -A)" ]
}

@test "a path that is no name" {
    local mode
    for mode in '' --serve --connect; do
        refuses "path is empty*@NAME" ${mode:+"$mode"} --socket=
        refuses "path is empty*@NAME" ${mode:+"$mode"} -s @
    done
}

@test "a socket where none can be" {
    refuses "nowhere/echo*ENOENT*directory has to be there" \
        --serve -s nowhere/echo
    refuses "nowhere/echo*ENOENT" -s nowhere/echo
    refuses "/dev/null/echo*ENOTDIR" -s /dev/null/echo
    refuses "..*not a socket*another path" -s ..
    refuses "/dev/null*not a socket*another path" --serve -s /dev/null
    echo precious >../file
    refuses "../file*not a socket*another path" -s ../file
    [ "$(<../file)" = precious ]
}

@test "a trace where none can be" {
    refuses "--json 'nowhere/trace'*ENOENT" -j nowhere/trace
    refuses "--json '..'*EISDIR" --json ..
    refuses "--json*ENOENT" --json=
    refuses "--json 'nowhere/trace'*ENOENT" --serve -s echo -j nowhere/trace
}

@test "TMPDIR where no directory can be made" {
    TMPDIR=../nowhere fails 1 "../nowhere/iomux-*ENOENT" -q
    [ ! -s ../out ]
    TMPDIR=/$(letters 100) fails 1 "TMPDIR*107*--socket" -q
    [ ! -s ../out ]
}

# A stage with two options of its own, a number and a text; its server says at
# the beginning what it was given. Sets $program, and $BUILD where it lies.
stage_with_options() {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/demos"
    cp -r "$TOP/Makefile" "$TOP/common" "$copy"
    cat >"$copy/demos/99-own.c" <<'END'
#include "demo.h"
#include "trace.h"
#include <poll.h>
#include <stdio.h>

static long number = 7;
static const char *text = "here";

static int serve(int listen_fd)
{
    char line[80];
    snprintf(line, sizeof(line), "own: %ld %s\n", number, text);
    trace_print(line);
    while (!demo_stopping()) /* then it is shut down: HUP */
        poll(&(struct pollfd){.fd = listen_fd}, 1, -1);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct demo_option own[] = {
        {.name = "number", .letter = 'n', .argument = "N", .help = "a number",
         .least = 2, .most = 9, .number = &number},
        {.name = "text", .argument = "TEXT", .help = "a text", .text = &text}};
    return demo_main_with(argc, argv, serve, own, 2);
}
END
    make -s -j2 -C "$copy" BUILD=build build/99-own
    program=99-own
    BUILD=$copy/build
}

# own WANTED ARGUMENT...: with these arguments its server is given this.
own() {
    local wanted=$1
    shift
    background "$BUILD/$program" --serve -q -s echo "$@"
    wait_for_line '^own: ' "$BATS_TEST_TMPDIR/out"
    stop_server
    grep -qx "own: $wanted" "$BATS_TEST_TMPDIR/out"
}

@test "a stage has options of its own: given, left out, wrong" {
    stage_with_options
    own '7 here'
    own '2 here' -n 2
    own '9 here' --number=9
    own '3 there' -n3 --text there
    own '4 ' -qn 4 --text=
    own '7 -n' --text -n
    refuses "--number takes a whole number from 2 to 9, not '1'" -n 1
    refuses "--number*from 2 to 9, not '10'" --number 10
    refuses "--number*not 'x'" -qnx
    refuses "option '--text' needs a value" --text
    refuses "option '-n' needs a value" -n
    refuses "no option '-t'" -t there
    refuses "--number is for the server, and --connect starts none" \
        --connect -s nowhere -n 3
    refuses "--text is for the server" --text there --connect -s nowhere
    demo 99-own --help >../help
    grep -qxF '  -n, --number N       a number  (default 7)' ../help
    grep -qxF '      --text TEXT      a text  (default here)' ../help
    [ "$(wc -L <../help)" -le 80 ]
}

# The options that some stages have and others have not, and whose they are.
options_elsewhere() {
    sed -n '/ elsewhere\[\] = /,/;$/p' "$TOP/common/demo.c" |
        grep -o '"[a-z-]*", "[^"]*"' | tr -d '",'
}

@test "an option of another stage: the sentence says which has it" {
    local option stage
    [ -n "$(options_elsewhere)" ]
    while read -r option stage; do
        program=06-epoll-lt refuses "--$option is for stage $stage" \
            "--$option" 1
        program=06-epoll-lt refuses "--$option is for stage $stage" \
            -q "--$option=1"
        program=06-epoll-lt refuses "no option '--${option}s'" "--${option}s"
    done < <(options_elsewhere)
    # The list is that of the stages themselves.
    for stage in $(STAGES='' ladder); do
        demo "$stage" --help | sed '1,/^Only this stage has:/d; /^try:/,$d' |
            sed -n "s/^.*--\([a-z-]*\) .*/\1 $stage/p"
    done | awk '{ of[$1] = of[$1] (of[$1] ? " or " : "") $2 }
                END { for (option in of) print option, of[option] }' |
        sort | diff - <(options_elsewhere | sort)
}

@test "--help knows each option that the parser knows, and no other" {
    local long short stage first
    first=06-epoll-lt # one without options of its own
    demo "$first" --help >../help 2>../err
    [ ! -s ../err ]
    demo "$first" -h | cmp - ../help

    sed -n 's/^ *{"\([a-z]*\)", \(no\|required\|optional\)_.*/--\1/p' \
        "$TOP/common/demo.c" | sort >../parser
    [ "$(wc -l <../parser)" -ge 12 ]
    grep -Eo '^ +(-[a-zA-Z], +)?--[a-z]+' ../help | grep -o -e '--.*' |
        sort >../shown
    diff ../parser ../shown

    # ... and each, as it is shown, is one: the parser gets to --version.
    grep -E '^ +(-[a-zA-Z], +)?--[a-z]+' ../help >../lines
    sed -nE 's/^ +(-.), (--[a-z]+) ([A-Z]+)? .*/\1 \3\n\2 \3/p
             s/^ +(--[a-z]+) ([A-Z]+)? .*/\1 \2/p' ../lines >../words
    [ "$(wc -l <../words)" -ge 20 ]
    while read -r long short; do
        echo "$long $short"
        demo "$first" "$long" ${short:+1} --version >../out 2>&1
    done <../words

    for stage in $(all_stages); do
        demo "$stage" --help >../help
        grep -q "^usage: $stage " ../help
        [ "$(wc -L <../help)" -le 80 ]
    done
}

@test "--version is the Makefile's" {
    local stage version
    version=$(sed -n 's/^VERSION *:*= *//p' "$TOP/Makefile")
    [ -n "$version" ]
    for stage in $(all_stages); do
        [ "$(demo "$stage" --version)" = "$stage (iomux) $version" ]
        [ "$(demo "$stage" -V)" = "$stage (iomux) $version" ]
    done
}

@test "--connect, and no server is there" {
    local advice='no server is running there: start one with --serve'
    fails 1 "client 1: connect: ENOENT*$advice" --connect -q -s nowhere
    fails 1 "client 1: connect: ENOENT*$advice" --connect -q -s no/where
    fails 1 "connect: ECONNREFUSED*$advice" --connect -q -s "@iomux-no-$$"
    python3 - ../stale <<'END'
import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])
END
    [ -S ../stale ]
    fails 1 "connect: ECONNREFUSED*$advice" --connect -q -s ../stale
    [ -S ../stale ] # not ours
}

@test "the socket is its owner's alone, whatever the umask, and goes away" {
    local mask signal path
    for mask in 0000 0022 0077 0177; do
        for signal in INT TERM HUP; do
            echo "umask $mask, SIG$signal"
            umask "$mask"
            (umask 0022 && : >../out 2>../err) # exist, so stay readable
            background "$BUILD/$program" --serve -q
            umask 0022
            wait_for_line "^ready: " ../out
            path=$(sed -n 's/^ready: //p' ../out)
            [ "${path%/*/echo}" = "$TMPDIR" ]
            [ "$(stat -c '%a %F' "$path")" = "600 socket" ]
            [ "$(stat -c '%a %F' "${path%/echo}")" = "700 directory" ]
            kill -s "$signal" "$pid"
            wait_for_end "$pid"
            [ -z "$(ls -A)" ]
        done
    done
}

@test "a socket of the user's own choice has mode 0600, and goes away" {
    local mask
    for mask in 0000 0022 0077 0177; do
        echo "umask $mask"
        umask "$mask"
        (umask 0022 && : >../out 2>../err)
        background "$BUILD/$program" --serve -q -s echo
        umask 0022
        wait_for_line "^ready: echo" ../out
        [ "$(stat -c '%a %F' echo)" = "600 socket" ]
        stop_server
        [ -z "$(ls -A)" ]
    done
}

@test "after a normal run nothing is left" {
    local stage
    for stage in $(all_stages); do
        demo "$stage" -q -m 1 >/dev/null
        demo "$stage" -q -m 1 -s echo >/dev/null
        [ -z "$(ls -A)" ]
    done
}
