#!/usr/bin/env bats
# options.bats - a wrong command line: one sentence names what is wrong and what
# would be right, the status is 2, and no file is left.

# shellcheck disable=SC2154 # pid: from helpers.bash

load helpers

# Every stage parses its options with the same object code, so one is enough.
setup_file() {
    program=$(all_stages | tail -n 1)
    export program
    for stage in $(STAGES='' ladder); do
        [ -x "$BUILD/$stage" ] || continue # 12 needs liburing
        demo "$stage" --help >"$BATS_FILE_TMPDIR/$stage.help"
    done
}

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
    cd "$TMPDIR" || return 1
    shopt -s dotglob
}

# The directory is empty. Prints the files that are in it.
nothing_left() {
    ! compgen -G '*'
}

# fails STATUS WORDS ARGUMENT...: with these arguments the program ends with
# this status, and the first line of standard error matches *WORDS* (a pattern).
# Sets $lines to the lines of standard error.
fails() {
    local wanted=$1 words=$2 status=0
    shift 2
    demo "$program" "$@" >../out 2>../err || status=$?
    mapfile -t lines <../err
    printf '%s %q: status %s, prints: %s\n' "$program" "$*" "$status" "${lines[0]}"
    # shellcheck disable=SC2053 # a pattern, on purpose
    [[ ${lines[0]} == "$program: "*$words* ]] || return 1
    [ "$status" = "$wanted" ] || return 1
    nothing_left
}

# refuses WORDS ARGUMENT...: the command line is wrong. The program prints one
# sentence, and perhaps the advice to read --help.
refuses() {
    fails 2 "$@" || return 1
    [ ! -s ../out ] || return 1
    [ ${#lines[@]} = 1 ] ||
        [ "${lines[*]:1}" = "try 'build/$program --help'" ]
}

# under_one_limit FUNCTION: runs it with one timeout for all the programs that
# it starts. It starts many, and a timeout(1) for each would double the time.
under_one_limit() {
    export BUILD
    demo() { "$BUILD/$1" "${@:2}" 3>&- 4>&-; }
    # shellcheck disable=SC2163 # the name of a function
    export -f demo fails refuses nothing_left numbers "$1"
    timeout -k 1 $((5 * LIMIT)) bash -eO dotglob -c "$1"
}

# letters N: sets $text to N letters.
letters() {
    printf -v text "%$1s" ''
    text=${text// /a}
}

# The options that take a number, and their ranges.
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
    local long short min max bad status
    while read -r long short min max; do
        for bad in '' ' ' - -1 -0 +5 ' 5' '5 ' 12x x12 0x10 5.0 1e3 1,000 \
            ٣ 99999999999999999999999 -99999999999999999999999 \
            9223372036854775808 18446744073709551617 4294967297; do
            refuses "$long*from $min to $max*not '$bad'" "$long=$bad"
            if [ "$short" != - ]; then
                refuses "$long*not '$bad'" "$short" "$bad"
            fi
        done
        status=0
        demo "$program" "$long" $'5\n' >../out 2>../err || status=$?
        [ "$status" = 2 ]
    done < <(numbers)
}

@test "a number is whole and decimal, and has only digits" {
    under_one_limit wrong_numbers
}

numbers_at_the_border() {
    local long short min max
    while read -r long short min max; do
        refuses "$long*from $min to $max*'$((min - 1))'" \
            "$long" $((min - 1))
        refuses "$long*from $min to $max*'$((max + 1))'" \
            "$long" $((max + 1))
        demo "$program" "$long" "$min" --version
        demo "$program" "$long" "$max" --version
    done < <(numbers)
}

@test "a number must be in the range of its option" {
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

@test "an option without its value is refused" {
    under_one_limit values_left_out
}

@test "an unknown option is refused" {
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

@test "a letter that is not ASCII is refused" {
    refuses "an option is an ASCII letter" -é
    [[ $(<../err) != *"$BUILD"* ]]
}

@test "letters may be joined, as in -qV" {
    demo "$program" -qV
    refuses "--clients*'q5'" -cq5
    refuses "no option '-9'" -q9
}

@test "an argument that is not an option is refused" {
    refuses "unexpected argument 'foo'*takes only options" foo
    refuses "unexpected argument 'foo'*takes only options" -q foo
    refuses "unexpected argument 'foo'*takes only options" foo -q
    refuses "unexpected argument 'foo'*takes only options" -- foo
    refuses "unexpected argument '-q'*takes only options" -- -q
    refuses "unexpected argument ''*takes only options" ''
    refuses "unexpected argument '-'*takes only options" -
}

@test "a value for an option that takes none is refused" {
    local option
    for option in quiet serve connect help version; do
        refuses "'--$option' takes no value" "--$option=1"
        refuses "'--$option' takes no value" "--$option="
    done
}

@test "options that exclude each other are refused" {
    local option
    refuses "--serve and --connect exclude each other" --serve --connect
    refuses "--serve and --connect exclude" --connect -s /tmp/echo --serve
    refuses "--connect needs --socket PATH" --connect
    refuses "--connect needs --socket PATH" --connect -c 1
    for option in clients messages size interval stagger; do
        refuses "--$option is for clients, but --serve starts none" \
            --serve "--$option" 1
        refuses "--$option is for clients" "--$option=1" --serve
    done
    refuses "--stagger 3600000*last of 3 clients*an hour" --stagger 3600000
}

@test "the path of a socket has at most 107 bytes" {
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

@test "an empty path is refused" {
    local mode
    for mode in '' --serve --connect; do
        refuses "the path of the socket is empty*@NAME" ${mode:+"$mode"} --socket=
        refuses "the path of the socket is empty*@NAME" ${mode:+"$mode"} -s @
    done
}

@test "a TCP address is a port of this machine" {
    local port mode
    for port in '' x -1 +1 ' 1' 1x 65536 99999 000080 0x50; do
        refuses "must be a number from 0 to 65535: use tcp:8080" -s "tcp:$port"
        refuses "must be a number" --serve -s "tcp:[::1]:$port"
        refuses "must be a number" --serve -s "tcp:127.0.0.1:$port"
    done
    for port in '[::1]' ::1:80 '[::1]80' 0.0.0.0:80 localhost:80 '[::]:80' \
        127.0.0.2:80 80: :80 '[::1]:80:' 127.0.0.1:127.0.0.1:80; do
        for mode in --serve --connect; do
            refuses "listens on this machine alone: use tcp:PORT for" \
                "$mode" -s "tcp:$port"
            [[ ${lines[0]} == *", not 'tcp:$port'" ]]
        done
    done
    for port in 0 '[::1]:0' 127.0.0.1:0; do
        refuses "--connect needs the port of the server*'ready:'" \
            --connect -s "tcp:$port"
    done
}

@test "a socket that cannot be created is refused, and other files stay" {
    refuses "nowhere/echo*ENOENT*create its directory first" \
        --serve -s nowhere/echo
    refuses "nowhere/echo*ENOENT" -s nowhere/echo
    refuses "/dev/null/echo*ENOTDIR" -s /dev/null/echo
    refuses "..*is not a socket: choose another path*" -s ..
    refuses "/dev/null*is not a socket: choose another path*" --serve -s /dev/null
    echo precious >../file
    refuses "../file*is not a socket: choose another path*" -s ../file
    [ "$(<../file)" = precious ]
}

@test "a socket whose lstat fails is refused, and no file is left" {
    strace -f -o /dev/null true 2>../why ||
        skip "strace may not trace here: $(head -n 1 ../why)"
    # fails() runs the program under strace.
    demo() {
        ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" strace --quiet=all \
            -f -o ../log -P echo -e 'inject=?lstat,?newfstatat:error=EIO' \
            "$BUILD/$1" "${@:2}" 3>&- 4>&-
    }
    refuses "echo*lstat*EIO" --serve -s echo
}

@test "a JSON file that cannot be written is refused" {
    refuses "cannot write --json nowhere/trace: ENOENT" -j nowhere/trace
    refuses "cannot write --json ..: EISDIR" --json ..
    refuses "cannot write --json : ENOENT" --json=
    refuses "cannot write --json nowhere/trace: ENOENT" --serve -s echo -j nowhere/trace
}

@test "a TMPDIR in which no directory can be created is reported" {
    TMPDIR=../nowhere fails 1 "../nowhere/iomux-*ENOENT" -q
    [ ! -s ../out ]
    local text
    letters 100
    TMPDIR=/$text fails 1 "TMPDIR*107*--socket" -q
    [ ! -s ../out ]
}

# Builds a stage with two options of its own, a number and a text. Its server
# prints their values and ends. Sets $program, and $BUILD to its directory.
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
         .min = 2, .max = 9, .number = &number},
        {.name = "text", .argument = "TEXT", .help = "a text", .text = &text}};
    return demo_main_with(argc, argv, serve, own, 2);
}
END
    make -s -j2 -C "$copy" BUILD=build build/99-own
    program=99-own
    BUILD=$copy/build
}

# own VALUES ARGUMENT...: with these arguments its options have these values.
own() {
    fails 1 'the server has ended before it was stopped' --serve -q -s echo "${@:2}"
    [[ $'\n'$(<../out) == *$'\n'"own: $1" ]]
}

@test "a stage can have options of its own" {
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
    refuses "--number is for the server, but --connect starts none" \
        --connect -s nowhere -n 3
    refuses "--text is for the server" --text there --connect -s nowhere
    demo 99-own --help >../help
    grep -qx '  -n, --number N       a number  *(default 7)' ../help
    grep -qx '      --text TEXT      a text  *(default here)' ../help
    demo 99-own -n 3 --text there -c 5 -s echo --help | diff ../help -
    [ "$(wc -L <../help)" -le 80 ]
}

@test "-q does not change the summary" {
    stage_with_options
    demo 99-own -c 1 -m 0 | sed -n '/^summary/,$p' >../whole
    demo 99-own -c 1 -m 0 -q | sed -n '/^summary/,$p' >../quiet
    diff ../whole ../quiet
    grep -qx '  EAGAIN       2 of these calls' ../quiet
}

# Prints the options that only some stages have, each with its stages.
options_elsewhere() {
    sed -n '/ other_stages\[\] = /,/;$/p' "$TOP/common/options.c" |
        grep -o '"[a-z-]*", "[^"]*"' | tr -d '",'
}

@test "the error for an option of another stage names the stage" {
    local option stage
    [ -n "$(options_elsewhere)" ]
    while read -r option stage; do
        program=06-epoll-lt refuses "--$option is an option of stage $stage" \
            "--$option" 1
        program=06-epoll-lt refuses "--$option is an option of stage $stage" \
            -q "--$option=1"
        program=06-epoll-lt refuses "no option '--${option}s'" "--${option}s"
    done < <(options_elsewhere)
    # The table has the options that the stages print, and no others.
    awk '/^usage: /                   { stage = $2; own = 0 }
         /^Only this stage has:/      { own = 1 }
         /^try:/                      { own = 0 }
         own && match($0, /--[a-z-]* /) {
             name = substr($0, RSTART + 2, RLENGTH - 3)
             of[name] = of[name] (of[name] ? " or " : "") stage }
         END { for (name in of) print name, of[name] }' \
        "$BATS_FILE_TMPDIR"/*.help | sort | diff - <(options_elsewhere | sort)
}

@test "--help prints all options of the parser, and no others" {
    local long short
    local first=06-epoll-lt # one without options of its own
    demo "$first" --help >../help 2>../err
    [ ! -s ../err ]
    demo "$first" -h | cmp - ../help

    sed -n '/ common_options\[\] = /,/;$/s/.*{\.name = "\([a-z]*\)",$/--\1/p' \
        "$TOP/common/options.c" | sort >../parser
    [ "$(wc -l <../parser)" -ge 12 ]
    grep -Eo '^ +(-[a-zA-Z], +)?--[a-z]+' ../help | grep -o -e '--.*' |
        sort >../shown
    diff ../parser ../shown

    # The parser accepts each option as --help prints it: --version runs.
    grep -E '^ +(-[a-zA-Z], +)?--[a-z]+' ../help >../lines
    sed -nE 's/^ +(-.), (--[a-z]+) ([A-Z]+)? .*/\1 \3\n\2 \3/p
             s/^ +(--[a-z]+) ([A-Z]+)? .*/\1 \2/p' ../lines >../words
    [ "$(wc -l <../words)" -ge 20 ]
    while read -r long short; do
        echo "$long $short"
        demo "$first" "$long" ${short:+1} --version >../out 2>&1
    done <../words
}

@test "--help has one column for all texts, and names the effect of a signal" {
    local stage
    for stage in $(STAGES='' ladder); do
        [ -x "$BUILD/$stage" ] || continue # 12 needs liburing
        # The text of an option begins in column 24, or on the next line.
        ! sed -n '/^  -c/,/^try/p' "$BATS_FILE_TMPDIR/$stage.help" |
            grep -vE '^( {2}.{19}  [^ ].*| {6}--[a-z-]{10,} [A-Z]+|Only .*|try.*|)$' ||
            return 1
        grep -q 'ends by that signal' "$BATS_FILE_TMPDIR/$stage.help"
    done
}

@test "--help names the stage, and has at most 80 columns" {
    local stage line
    local -a lines
    for stage in $(STAGES='' ladder); do
        [ -x "$BUILD/$stage" ] || continue # 12 needs liburing
        mapfile -t lines <"$BATS_FILE_TMPDIR/$stage.help"
        [[ ${lines[0]} == "usage: $stage "* ]]
        for line in "${lines[@]}"; do
            [ ${#line} -le 80 ]
        done
    done
}

@test "--version prints the version of the Makefile" {
    local version
    version=$(sed -n 's/^VERSION *:*= *//p' "$TOP/Makefile")
    [ -n "$version" ]
    [ "$(demo "$program" --version)" = "$program (iomux) $version" ]
    [ "$(demo 06-epoll-lt -V)" = "06-epoll-lt (iomux) $version" ]
}

@test "--connect without a server is an error with advice" {
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

@test "the default socket is private, whatever the umask, and is removed" {
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

@test "the socket of --socket has mode 0600 and is removed" {
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

@test "a normal run leaves no file" {
    local stage
    for stage in $(all_stages); do
        demo "$stage" -q -m 1 >/dev/null
        nothing_left
    done
    demo "$program" -q -m 1 -s echo >/dev/null
    nothing_left
}
