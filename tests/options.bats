#!/usr/bin/env bats
# options.bats - what a user sees who mistypes: one sentence that names what
# is wrong and what would be right, status 2, and nothing left behind.

# shellcheck disable=SC2154 # pid: from helpers.bash

load helpers

# The options are read by the same object code in every stage: one is asked.
setup_file() {
    program=$(all_stages | tail -n 1)
    export program
    for stage in $(STAGES='' ladder); do
        demo "$stage" --help >"$BATS_FILE_TMPDIR/$stage.help"
    done
}

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
    cd "$TMPDIR" || return 1
    shopt -s dotglob
}

# Nothing lies in the directory; what does is printed.
nothing_left() {
    ! compgen -G '*'
}

# fails STATUS WORDS ARGUMENT...: with these arguments the program ends with
# this status; the first line of its complaint matches *WORDS* (a pattern).
# Sets $said, the lines.
fails() {
    local wanted=$1 words=$2 status=0
    shift 2
    demo "$program" "$@" >../out 2>../err || status=$?
    mapfile -t said <../err
    printf '%s %q: status %s, says: %s\n' "$program" "$*" "$status" "${said[0]}"
    # shellcheck disable=SC2053 # a pattern, on purpose
    [[ ${said[0]} == "$program: "*$words* ]] || return 1
    [ "$status" = "$wanted" ] || return 1
    nothing_left
}

# refuses WORDS ARGUMENT...: the command line is wrong. Nothing but one
# sentence, and perhaps the advice to ask for help.
refuses() {
    fails 2 "$@" || return 1
    [ ! -s ../out ] || return 1
    [ ${#said[@]} = 1 ] ||
        [ "${said[*]:1}" = "try 'build/$program --help'" ]
}

# under_one_limit FUNCTION: run it, which starts programs very often, with one
# timeout for all of them: one for each would take as long as they.
under_one_limit() {
    export BUILD
    demo() { "$BUILD/$1" "${@:2}" 3>&- 4>&-; }
    # shellcheck disable=SC2163 # the name of a function
    export -f demo fails refuses nothing_left numbers "$1"
    timeout -k 1 $((5 * LIMIT)) bash -eO dotglob -c "$1"
}

# Set $text to so many letters.
letters() {
    printf -v text "%$1s" ''
    text=${text// /a}
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

wrong_numbers() {
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
        status=0
        demo "$program" "$long" $'5\n' >../out 2>../err || status=$?
        [ "$status" = 2 ]
    done < <(numbers)
}

@test "a number is whole, decimal, and nothing but digits" {
    under_one_limit wrong_numbers
}

numbers_at_the_border() {
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

@test "a number has its least and its most" {
    under_one_limit numbers_at_the_border
}

values_left_out() {
    local option
    for option in -c -m -z -i -s -j --clients --messages --size --interval \
        --stagger --socket --json; do
        refuses "option '$option' needs a value" "$option"
        refuses "option '$option' needs a value" -q "$option"
    done
    refuses "'-qc' needs a value" -qc
    refuses "--clients*'-m'" -c -m 5
}

@test "an option without its value" {
    under_one_limit values_left_out
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
    local n text
    for n in 108 109 200 5000; do
        letters $n
        refuses "$n bytes*the limit is 107" --serve -s "$text"
        refuses "$n bytes*the limit is 107" -s "@${text:1}"
        refuses "$n bytes*the limit is 107" --connect -s "/${text:1}"
    done
    demo "$program" -c 1 -m 1 -s "${text:0:107}"
    demo "$program" -c 1 -m 1 -s "@${text:0:97}-$BASHPID"
    nothing_left
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

@test "a socket that cannot be looked at is no socket, and nothing is left" {
    strace -f -o /dev/null true 2>../why ||
        skip "strace may not trace here: $(head -n 1 ../why)"
    # Only strace is between: see fails().
    demo() {
        ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" strace --quiet=all \
            -f -o ../log -P echo -e 'inject=?lstat,?newfstatat:error=EIO' \
            "$BUILD/$1" "${@:2}" 3>&- 4>&-
    }
    refuses "echo*lstat*EIO" --serve -s echo
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
    local text
    letters 100
    TMPDIR=/$text fails 1 "TMPDIR*107*--socket" -q
    [ ! -s ../out ]
}

# A stage with two options of its own, a number and a text; its server says
# what it was given, and ends. Sets $program, and $BUILD where it lies.
stage_with_options() {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/demos" "$copy/build"
    cp -a "$TOP/Makefile" "$TOP/common" "$copy"
    cp -a "$TOP/build/common" "$copy/build" # make compares their times
    cat >"$copy/demos/99-own.c" <<'END'
#include "demo.h"
#include "trace.h"
#include <errno.h>
#include <stdio.h>

static long number = 7;
static const char *text = "here";

static int serve(int listen_fd)
{
    char line[80];
    snprintf(line, sizeof(line), "own: %ld %s\n", number, text);
    trace_print(line);
    errno = EAGAIN;
    trace_woke("poll", -1);
    trace_failed("nothing", listen_fd);
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
    fails 1 'the server has ended by itself' --serve -q -s echo "${@:2}"
    [[ $'\n'$(<../out) == *$'\n'"own: $1" ]]
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

@test "the summary with -q is the one without it" {
    stage_with_options
    demo 99-own -c 1 -m 0 | sed -n '/^summary/,$p' >../whole
    demo 99-own -c 1 -m 0 -q | sed -n '/^summary/,$p' >../quiet
    diff ../whole ../quiet
    grep -qx '  EAGAIN       2 of these calls' ../quiet
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
    awk '/^usage: /                   { stage = $2; own = 0 }
         /^Only this stage has:/      { own = 1 }
         /^try:/                      { own = 0 }
         own && match($0, /--[a-z-]* /) {
             name = substr($0, RSTART + 2, RLENGTH - 3)
             of[name] = of[name] (of[name] ? " or " : "") stage }
         END { for (name in of) print name, of[name] }' \
        "$BATS_FILE_TMPDIR"/*.help | sort | diff - <(options_elsewhere | sort)
}

@test "--help knows each option that the parser knows, and no other" {
    local long short
    local first=06-epoll-lt # one without options of its own
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
}

@test "--help names the stage, and fits into 80 columns" {
    local stage line
    local -a lines
    for stage in $(STAGES='' ladder); do
        mapfile -t lines <"$BATS_FILE_TMPDIR/$stage.help"
        [[ ${lines[0]} == "usage: $stage "* ]]
        for line in "${lines[@]}"; do
            [ ${#line} -le 80 ]
        done
    done
}

@test "--version is the Makefile's" {
    local version
    version=$(sed -n 's/^VERSION *:*= *//p' "$TOP/Makefile")
    [ -n "$version" ]
    [ "$(demo "$program" --version)" = "$program (iomux) $version" ]
    [ "$(demo 06-epoll-lt -V)" = "06-epoll-lt (iomux) $version" ]
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
    while read -r mask signal; do
        echo "umask $mask, SIG$signal"
        umask "$mask"
        background "$BUILD/$program" --serve -q
        umask 0022
        wait_for_line "^ready: " ../out
        path=$(<../out)
        path=${path#ready: }
        [ "${path%/*/echo}" = "$TMPDIR" ]
        [ "$(stat -c '%a %F' "$path" "${path%/echo}")" = \
            $'600 socket\n700 directory' ]
        kill -s "$signal" "$pid"
        wait_for_end "$pid"
        nothing_left
    done <<<$'0000 INT\n0022 TERM\n0077 HUP\n0177 INT'
}

@test "a socket of the user's own choice has mode 0600, and goes away" {
    local mask
    for mask in 0000 0022 0077 0177; do
        echo "umask $mask"
        umask "$mask"
        background "$BUILD/$program" --serve -q -s echo
        umask 0022
        wait_for_line "^ready: echo" ../out
        [ "$(stat -c '%a %F' echo)" = "600 socket" ]
        stop_server
        nothing_left
    done
}

@test "after a normal run nothing is left" {
    local stage
    for stage in $(all_stages); do
        demo "$stage" -q -m 1 >/dev/null
        nothing_left
    done
    demo "$program" -q -m 1 -s echo >/dev/null
    nothing_left
}
