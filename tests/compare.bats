#!/usr/bin/env bats
# compare.bats - scripts/compare puts two traces side by side: what is equal
# stands on one row, and what differs is marked.

# shellcheck disable=SC2154 # status, output: from Bats

load helpers

# What is compared is built: a make that does nothing says so sooner.
setup_file() {
    mkdir "$BATS_FILE_TMPDIR/bin"
    ln -s "$(type -P true)" "$BATS_FILE_TMPDIR/bin/make"
    events 06-epoll-lt one >"$BATS_FILE_TMPDIR/left"
    events 08-epoll-et one >"$BATS_FILE_TMPDIR/right"
}

setup() {
    own=$BATS_TEST_TMPDIR
    usual_path=$PATH
    left_right="'$BATS_FILE_TMPDIR/left' '$BATS_FILE_TMPDIR/right'"
    PATH=$BATS_FILE_TMPDIR/bin:$PATH
    unset COLUMNS NO_COLOR
    cd "$own" || return 1
}

compare() {
    timeout -k 1 "$LIMIT" "$TOP/scripts/compare" "$@"
}

# Standard input has the arguments of a comparison in each line. What the Nth
# prints, with room for every line, goes to N.out and N.err, its exit status to
# N.status. One interpreter runs the program again and again: it starts slowly.
compare_all() {
    COLUMNS=203 timeout -k 1 $((3 * LIMIT)) python3 -c '
import contextlib, runpy, shlex, sys
program = sys.argv[1]
sys.path[0] = program.rpartition("/")[0]
for n, line in enumerate(sys.stdin.read().splitlines(), 1):
    sys.argv = [program, *shlex.split(line)]
    with open(f"{n}.out", "w") as out, open(f"{n}.err", "w") as err, \
         open(f"{n}.status", "w") as status, \
         contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(program, run_name="__main__")
        except SystemExit as end:
            print(end.code, file=status)
' "$TOP/scripts/compare"
}

# The Nth comparison has ended with this status; its rows go to the file rows,
# their columns to the files left, marks and right.
compared() {
    cat "$1.out" "$1.err"
    [ "$(<"$1.status")" = "$2" ]
    awk 'function put(text, file) {
             sub(/ *$/, "", text)
             if (text != "") print text >file
         }
         BEGIN  { printf "" >"rows"; printf "" >"left"
                  printf "" >"marks"; printf "" >"right" }
         /^$/   { exit }
         NR > 1 { print >"rows"; put(substr($0, 1, 100), "left")
                  put(substr($0, 102, 1), "marks")
                  put(substr($0, 104), "right") }' "$1.out"
}

# The events of a stage's trace of a scenario.
events() {
    demo "$1" -S "$TOP/demos/scenarios/$2.scn" | sed '/^$/,$d'
}

@test "a stage is equal to itself, and the status is 0" {
    compare_all <<<'6 06-epoll-lt'
    compared 1 0
    [ ! -s marks ]
    events 06-epoll-lt one | diff - left
    diff left right
}

@test "each column has every line of its stage, in order" {
    local left right n=0
    printf '%s -s three\n' '01-blocking 02-threads' \
        '02-threads 03-nonblocking' '06-epoll-lt 08-epoll-et' >pairs
    compare_all <pairs
    while read -r left right _; do
        n=$((n + 1))
        compared $n 1
        events "$left" three | diff - left
        events "$right" three | diff - right
        # What the clients do stands on one row.
        awk '/^\[(client|player|demo)/ { n++
                 if (substr($0, 102, 1) ~ /[^ ]/) { print; marked = 1 } }
             END { exit n < 14 || marked }' rows
    done <pairs
    [ $n = 3 ]
}

@test "06 and 08 differ in two-messages: edge-triggered epoll must drain" {
    run compare 06-epoll-lt 08-epoll-et -s two-messages
    echo "$output"
    [ "$status" -eq 1 ]
    # One screen.
    [ "$(wc -l <<<"$output")" -le 50 ]
    # After each recv that brought bytes only 08 asks again.
    [ "$(grep -cE '^ {48}> \[server\]   recv from .*EAGAIN$' \
        <<<"$output")" = 2 ]
    grep -qE '^\[server\]   send to .*8 bytes +  \[server\]   send to .*8 ' \
        <<<"$output"
    grep -qE ' fd:5 \(c1\) IN +\| \[server\]     fd:5 \(c1\) IN\|OUT$' \
        <<<"$output"
    # Messages are cut, and events are not.
    grep -qE ' 3 bytes, ?m?~ +\[server\]   recv from ' <<<"$output"
    grep -qE '~events:IN\|OUT\|RDHUP\|ET$' <<<"$output"
    # ... and the counts of both summaries.
    grep -qE '^06-epoll-lt( +[0-9.]+){8}$' <<<"$output"
    demo 08-epoll-et -S "$TOP/demos/scenarios/two-messages.scn" |
        sed -n 's/^  calls  *epoll_wait \([0-9]*\), accept \([0-9]*\), recv'\
' \([0-9]*\), send \([0-9]*\), .*epoll_ctl \([0-9]*\)$/\1 \1 \2 \3 4 \4 \5/p
            ' >counts
    grep '^08-epoll-et .*[0-9.]$' <<<"$output" | tr -s ' ' |
        grep -F "08-epoll-et $(<counts) 6.7"
}

@test "08 and 08 over TCP: reading is no edge, and the end is not HUP" {
    compare_all <<'END'
8 8:tcp -s two-messages
08-epoll-et:tcp epoll-et:tcp
END
    compared 2 0
    compared 1 1
    grep -qE '^08-epoll-et +08-epoll-et:tcp$' 1.out
    [ "$(tr -d '\n' <marks)" = '<<<||<>' ]
    # After it has read, the client causes an edge on one side only.
    grep -qE 'fd:5 \(c1\) OUT +<$' rows
    grep -qE 'fd:5 \(c1\) IN\|OUT\|HUP\|RDHUP +\| .*\(c1\) IN\|OUT\|RDHUP$' rows
}

@test "descriptor numbers and names of waits are not differences" {
    compare_all <<<$'4 5\n5 6'
    # poll adds HUP to the listening socket's end, and that is all.
    compared 1 1
    [ "$(<marks)" = '|' ]
    grep -q 'select\.\.\.  .* poll\.\.\.' rows
    # 06 has a descriptor more, so its clients' numbers are others.
    compared 2 1
    grep '=====>' rows >row
    grep -q 'fd:4 (c1) .*fd:5 (c1)$' row
    [ "$(cut -c 102 row)" = ' ' ]
}

@test "a stage is given by number or name, a scenario by name or path" {
    local n left right
    printf 'c1 connect\nc1 close\n' >mine.scn
    compare_all <<END
4 04 -s one.scn
select 04-select -s one.scn
4 4 --scenario mine.scn
-s '$own/mine.scn' 4 4
END
    for n in 1 2; do
        compared $n 0
        read -r left right <$n.out
        [ "$left $right" = "04-select 04-select" ]
        grep -q 'send to' rows
    done
    for n in 3 4; do
        compared $n 0
        ! grep -q 'send to' rows || return 1
    done
}

@test "a scenario for some stages is played with the options that it lists" {
    compare_all <<<'10 10 -s idle-timeout'
    compared 1 0
    grep -q 'timer' rows
}

@test "two files, text or JSON, are compared like stages" {
    local stage
    for stage in 06-epoll-lt 07-epollout; do
        demo "$stage" -S "$TOP/demos/scenarios/slow-reader.scn" \
            -j "$own/$stage.json" >"$own/$stage.text"
    done
    compare_all <<END
./06-epoll-lt.text '$own/06-epoll-lt.json'
./06-epoll-lt.json ./07-epollout.text
6 7 -s slow-reader
6 ./06-epoll-lt.json -s slow-reader
END
    compared 1 0
    compared 2 1
    grep -qE '> \[server\]   epoll_ctl MOD fd:5 \(c1\) events:OUT' rows
    mv rows from-files
    compared 3 1
    diff rows from-files
    # A stage beside a file.
    compared 4 0
}

@test "free runs are compared client by client" {
    local stage=06-epoll-lt
    demo $stage -c 3 -m 2 -i 0 >a
    # The same for each client, in another order of all.
    { grep '^\[server\]' a && grep '^\[client 3' a &&
        grep '^\[client [12]' a; } >ordered
    ! cmp -s <(head -n "$(wc -l <ordered)" a) ordered || return 1
    # One byte more for one client; one line less.
    sed '/^\[server\]   recv .*hello 2 from client 2/s/21 b/22 b/' a >longer
    sed '/^\[client 2\] shutdown/d' a >shorter
    compare_all <<<$'a ordered\na longer\na shorter\nshorter a'
    rm longer # it breaks a law
    compared 1 0
    grep -q '^c1: what it does' 1.out
    grep -q '^c3: what the server does' 1.out
    compared 2 1
    [ "$(<marks)" = '|' ]
    grep '21 bytes.*22 bytes' rows
    compared 3 1
    [ "$(<marks)" = '<' ]
    compared 4 1
    [ "$(<marks)" = '>' ]
}

# Run it on a terminal of 70 columns, with these variables.
on_terminal() {
    local command
    need_terminal
    printf -v command 'stty cols 70; %q %s' "$TOP/scripts/compare" "$left_right"
    (SHELL=/bin/bash timeout -k 1 "$LIMIT" env TERM=xterm "$@" \
        script -qec "$command" /dev/null </dev/null |
        tr -d '\r' >screen 3>&- 4>&-)
    grep -q 'accept new' screen
}

@test "colours are for a terminal; the width is the terminal's, COLUMNS, or 100" {
    local escape=$'\033['
    on_terminal A=B
    grep -qF "$escape" screen
    # What is equal has none.
    ! grep -F "$escape" screen | grep -q 'send 5 bytes' || return 1
    on_terminal NO_COLOR=
    grep -qF "$escape" screen
    on_terminal TERM=dumb
    ! grep -qF "$escape" screen || return 1
    on_terminal NO_COLOR=1
    ! grep -qF "$escape" screen || return 1
    is_wide screen 69 # two columns of 33, and three between
    TERM=xterm compare "$BATS_FILE_TMPDIR"/{left,right} >pipe || [ $? -eq 1 ]
    ! grep -qF "$escape" pipe || return 1
    is_wide pipe 99
    grep -q '~events:IN|OUT|RDHUP|ET$' pipe # cut before the events
    COLUMNS=60 compare "$BATS_FILE_TMPDIR"/{left,right} >pipe || [ $? -eq 1 ]
    is_wide pipe 59
}

# The widest row of a file is so wide.
is_wide() {
    sed '/^$/,$d' "$1" | awk -v wide="$2" '
        length > most { most = length }
        END { print "the widest has " most; exit most != wide }'
}

@test "a stage is compared with a broken twin, in the scenario of the bug" {
    PATH=$usual_path
    COLUMNS=203 compare 6 twin:hup-first >1.out 2>1.err || echo $? >1.status
    compared 1 1
    # Two lines are only in the trace of the stage.
    [ "$(tr -d '\n' <marks)" = '<<' ]
    grep -qE 'recv from clientfd:5 \(c1\), 7 bytes, msg:goodbye +<$' rows
    [ "$(tail -n 1 1.out)" = 'twin:hup-first ends with status 0' ]
    # A twin that spins prints thousands of lines.
    COLUMNS=203 compare twin:equals-not-and 6 >1.out 2>1.err || echo $? >1.status
    compared 1 1
    [ "$(wc -l <1.out)" -lt 60 ]
    [[ $(tail -n 1 1.out) == 'twin:equals-not-and spins, and was ended; only'* ]]
    # Another scenario does not show the bug.
    compare 6 twin:eagain-is-the-end -s one >1.out
    run compare 6 twin:timer-first
    [ "$status" -eq 2 ]
    [[ $output == *"timer-first shows in a test, not in a scenario"* ]]
    run compare 6 twin:no-such-bug
    [ "$status" -eq 2 ]
    [[ $output == "compare: there is no twin 'no-such-bug'; the twins are "* ]]
}

@test "it builds the stages first" {
    PATH=$usual_path
    mkdir -p copy/tests copy/build
    cp -a "$TOP"/{Makefile,common,demos,scripts} copy
    cp -a "$TOP"/build/{common,demos,[0-9]*} copy/build
    cp "$TOP/tests/grammar.txt" copy/tests
    rm -f copy/build/05-poll
    copy/scripts/compare 5 5 >out
    [ -x copy/build/05-poll ]
    echo '#error no' >>copy/demos/05-poll.c
    run copy/scripts/compare 5 5
    [ "$status" -eq 2 ]
    [[ ${lines[-1]} == "compare: the programs cannot be built"* ]]
}

@test "a problem is reported in one sentence, with status 2" {
    local words arguments said n=0
    demo 06-epoll-lt -c 1 -m 1 >good
    printf '[server]   listen fd:3\nnonsense\n' >bad
    printf 'c1 connect\nc1 expect "a"\n' >unmet.scn
    : >empty
    demo 06-epoll-lt -q -c 1 -m 1 >quiet
    cat >cases <<'END'
give two stages|6
give two stages|
not 3|1 2 3
'8:udp' is not a stage and not a file|8 8:udp
'99' is not a stage and not a file; the stages are 01-blocking|6 99
there is no scenario 'none'; there are abort|6 8 -s none
unrecognized|6 8 --frobnicate
--scenario is for stages|good good -s one
bad:2: this is not an event|good bad
empty is empty|empty good
was it recorded with -q|quiet good
cannot read|. good
c1 expected a, but after 0 bytes|6 8 -s unmet.scn
the scenario idle-timeout.scn is for 10-reactor alone|7 10 -s idle-timeout
the scenario apart.scn is for 06-epoll-lt alone|6 7 -s apart
END
    cut -d '|' -f 2 cases | compare_all
    while IFS='|' read -r words arguments; do
        n=$((n + 1))
        compared $n 2
        mapfile -t said <$n.err
        [ ${#said[@]} = 1 ]
        [[ ! -s $n.out && ${said[0]} == "compare: "*"$words"* ]]
    done <cases
    [ $n = 15 ]
    run compare 6 # as a program of its own
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == 'compare: give two stages'* ]]
}

@test "--help explains the marks, and head(1) may end early" {
    run compare --help
    [ "$status" -eq 0 ]
    [[ $output == *"usage: scripts/compare"*"STAGE STAGE"*"FILE FILE"* ]]
    ! awk 'length > 80' <<<"$output" | grep . || return 1
    # shellcheck disable=SC2016 # another bash's argument
    run bash -c 'set +o pipefail; "$0" 6 8 -s slow-reader | head -n 1' \
        "$TOP/scripts/compare"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == 06-epoll-lt* ]]
}
