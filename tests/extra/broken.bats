#!/usr/bin/env bats
#
# broken.bats - the tests detect classic bugs.
#
# Each tests/broken/NAME.patch adds one bug to one stage, which is then a broken
# twin of this stage. The first lines of the patch name the stage, the bug, the
# programs that have it (Wild), the test that shows it, and some words that this
# test prints when it fails. The stage passes the test and the twin fails it.
# If the bug is in another file of the stage, such as reactor.c, File names it.
# To run a twin: scripts/twin hup-first

load helpers

BROKEN=$TOP/tests/broken
BREAKS_LAWS=yes # the traces of twins do

setup_file() {
    make -s -C "$TOP" build/tests/reactor
}

# Prints the text after KEY: in a patch.
field() {
    sed -n "/^---/q; s/^$1: *//p" "$2"
}

# Plays a scenario, with the options that follow. The trace goes to a file, and
# messages to $said. A twin that spins is limited to 256 KiB of trace and one
# second of CPU time (SIGXCPU). A twin that has failed as expected is killed,
# because it may hang at the end.
play() {
    local program=$1 scenario=$BROKEN/$2.scn trace=$3 status=0
    local -a options=("${@:4}")
    local end=$((SECONDS + LIMIT)) player
    [ -e "$scenario" ] || scenario=$TOP/demos/scenarios/$2.scn
    (
        ulimit -c 0 -f 256
        ulimit -S -t "${TIMEOUT_MULT:-1}"
        TMPDIR=$BATS_TEST_TMPDIR exec "$program" -S "$scenario" "${options[@]}"
    ) >"$trace" 2>"$said" 3>&- 4>&- &
    player=$!
    echo "$player" >>"$BATS_TEST_TMPDIR/pids"
    while [[ $(state_of "$player") == [!Z] ]]; do
        if [ $SECONDS -ge $end ] || grep -q -F -e "$fails" "$said"; then
            kill -KILL "$player" 2>/dev/null || :
            break
        fi
        pause
    done
    reap "$player" || status=$?
    echo "status $status" >>"$said"
    return $status
}

# show_scenario PROGRAM NAME: succeeds if the program plays the scenario with
# status 0 and with the same trace as the program of the first call, the stage.
show_scenario() {
    local trace=$BATS_TEST_TMPDIR/trace status=0
    if [ ! -e "$trace" ]; then
        play "$1" "$2" "$trace"
    else
        play "$1" "$2" "$trace.twin" || status=1
        diff -u "$trace" "$trace.twin" >>"$said" || status=1
        return $status
    fi
}

# The same over TCP.
show_tcp() {
    play "$1" "$2" "$BATS_TEST_TMPDIR/trace" -s tcp:0
}

show_hazard() {
    local status=0
    (
        ulimit -c 0
        exec timeout -k 1 $((3 * LIMIT)) \
            python3 -IS "$TOP/tests/hazard.py" "$1" "$2"
    ) >"$said" 2>&1 3>&- 4>&- || status=$?
    [ $status -ne 77 ] || skip "$(cat "$said")"
    return $status
}

# Runs one of the tests of the reactor, which is built beside the program.
show_reactor() {
    local status=0
    (
        ulimit -c 0
        # Freed memory is overwritten, so that its use shows.
        export GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=90
        exec timeout -k 1 "$LIMIT" "$(dirname "$1")/tests/reactor" "$2"
    ) >"$said" 2>&1 3>&- 4>&- || status=$?
    echo "status $status" >>"$said"
    return $status
}

# Prints the name of the file that a patch changes.
file_of() {
    local file
    file=$(field File "$1")
    echo "${file:-demos/$(field Stage "$1").c}"
}

# Succeeds if the stage passes, and its twin fails with the words of its patch.
break_it() {
    local patch=$BROKEN/$1.patch stage twin kind what
    local fails said=$BATS_TEST_TMPDIR/said tries=1
    stage=$(field Stage "$patch")
    all_stages | grep -qx "$stage" || skip "STAGES leaves out $stage"
    read -r kind what < <(field Shows "$patch")
    fails=$(field Fails "$patch")
    [[ $stage != *-pool ]] || tries=5 # a race does not occur each time
    "show_$kind" "$BUILD/$stage" "$what" || {
        echo "the stage, without the bug, fails $kind $what:"
        cat "$said"
        return 1
    }
    twin=$("$TOP/scripts/twin" --build "$1" 2>"$BATS_TEST_TMPDIR/warnings") || {
        cat "$BATS_TEST_TMPDIR/warnings"
        return 1
    }
    while "show_$kind" "$twin" "$what" || ! grep -qF -e "$fails" "$said"; do
        if ((--tries == 0)); then
            echo "the twin does not fail $kind $what with '$fails':"
            head -c 4000 "$said"
            return 1
        fi
    done
}

@test "every patch has a test" {
    diff -u <(cd "$BROKEN" && printf '%s\n' *.patch | sed 's/\.patch$//') \
        <(sed -n 's/^    break_it //p' "$BATS_TEST_FILENAME" | sort)
}

@test "every patch names its stage, its bug and what shows it" {
    local patch shows
    for patch in "$BROKEN"/*.patch; do
        echo "$patch"
        [ "$(sed -nE '/^---/q; s/^(Stage|Bug|Wild|Shows|Fails): +[^ ].*/\1/p' \
            "$patch" | tr '\n' ' ')" = "Stage Bug Wild Shows Fails " ]
        [ -e "$TOP/demos/$(field Stage "$patch").c" ]
        shows=$(field Shows "$patch")
        [[ $shows =~ ^(scenario|tcp|hazard|reactor)\ [a-z-]+$ ]]
    done
}

@test "every patch applies, to its stage alone, and changes 12 lines at most" {
    local patch
    cp -r "$TOP/demos" "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR"
    for patch in "$BROKEN"/*.patch; do
        echo "$patch"
        GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR git apply --check "$patch"
        [ "$(grep '^+++ ' "$patch")" = "+++ b/$(file_of "$patch")" ]
        [ "$(sed '1,/^+++/d' "$patch" | grep -c '^[-+]')" -le 12 ]
    done
}

# Reports of a wait.

@test "equals-not-and: the twin fails where the stage passes" {
    break_it equals-not-and
}

@test "hup-first: the twin fails where the stage passes" {
    break_it hup-first
}

@test "eagain-is-the-end: the twin fails where the stage passes" {
    break_it eagain-is-the-end
}

@test "blocking-recv: the twin fails where the stage passes" {
    break_it blocking-recv
}

@test "eintr-ends: the twin fails where the stage passes" {
    break_it eintr-ends
}

# End of file, and closed descriptors.

@test "eof-is-nothing: the twin fails where the stage passes" {
    break_it eof-is-nothing
}

@test "descriptor-leak: the twin fails where the stage passes" {
    break_it descriptor-leak
}

@test "slots-not-compacted: the twin fails where the stage passes" {
    break_it slots-not-compacted
}

@test "stale-number: the twin fails where the stage passes" {
    break_it stale-number
}

@test "freed-client: the twin fails where the stage passes" {
    break_it freed-client
}

# Sending.

@test "sigpipe: the twin fails where the stage passes" {
    break_it sigpipe
}

@test "blocking-send: the twin fails where the stage passes" {
    break_it blocking-send
}

@test "short-send: the twin fails where the stage passes" {
    break_it short-send
}

@test "out-left-on: the twin fails where the stage passes" {
    break_it out-left-on
}

# Buffers.

@test "one-buffer: the twin fails where the stage passes" {
    break_it one-buffer
}

@test "unsigned-recv: the twin fails where the stage passes" {
    break_it unsigned-recv
}

@test "no-terminator: the twin fails where the stage passes" {
    break_it no-terminator
}

# Edge-triggered: one report per event.

@test "one-accept: the twin fails where the stage passes" {
    break_it one-accept
}

@test "one-recv: the twin fails where the stage passes" {
    break_it one-recv
}

@test "no-out-edge: the twin fails where the stage passes" {
    break_it no-out-edge
}

# Several workers.

@test "no-oneshot: the twin fails where the stage passes" {
    break_it no-oneshot
}

@test "not-rearmed: the twin fails where the stage passes" {
    break_it not-rearmed
}

# No descriptor left, or one too high for select.

@test "emfile-spin: the twin fails where the stage passes" {
    break_it emfile-spin
}

@test "beyond-fd-setsize: the twin fails where the stage passes" {
    break_it beyond-fd-setsize
}

# Callbacks.

@test "stale-event: the twin fails where the stage passes" {
    break_it stale-event
}

@test "short-generation: the twin fails where the stage passes" {
    break_it short-generation
}

@test "late-timer: the twin fails where the stage passes" {
    break_it late-timer
}

@test "timer-first: the twin fails where the stage passes" {
    break_it timer-first
}

# ends_with STATUS NAME WORDS: the twin ends with this status, and the last
# lines on standard error are these.
ends_with() {
    local status=0
    "$TOP/scripts/twin" "$2" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- || status=$?
    cat "$BATS_TEST_TMPDIR/err"
    [ "$status" -eq "$1" ]
    [[ "
$(<"$BATS_TEST_TMPDIR/err")" == *"
twin: $3" ]]
}

@test "scripts/twin ends with what the stage does instead" {
    ends_with 0 hup-first "without the bug, 06-epoll-lt prints in line 23:\
 [server]   recv from clientfd:5 (c1), 7 bytes, msg:goodbye; to see both:\
 scripts/compare 6 twin:hup-first"
    # Line 23 of the trace of the stage; the twin's trace is printed as usual.
    sed -n 23p "$TOP/tests/golden/last-message/06-epoll-lt.txt" |
        grep 'recv from clientfd:5 (c1), 7 bytes, msg:goodbye$'
    grep -q '^summary of 06-epoll-lt' "$BATS_TEST_TMPDIR/out"
    ends_with 141 sigpipe "sigpipe ended by SIGPIPE
twin: without the bug, 06-epoll-lt prints in line 24: [server]   send to\
 clientfd:5 (c1), EPIPE; to see both: scripts/compare 6 twin:sigpipe"
    ends_with 152 equals-not-and "equals-not-and spins: it was ended after 2 s\
 of CPU time
twin: without the bug, 06-epoll-lt prints in line 23: [server]   recv from\
 clientfd:5 (c1), 7 bytes, msg:goodbye; to see both: scripts/compare 6\
 twin:equals-not-and"
    ends_with 1 timer-first "without the bug, 10-reactor passes this test:\
 make build/tests/reactor; build/tests/reactor ready-before-timers"
}

@test "scripts/twin runs a twin, and lists all twins" {
    run "$TOP/scripts/twin" --list
    [ "$status" -eq 0 ]
    [ "$(grep -c '^[a-z]' <<<"$output")" -eq \
        "$(printf '%s\n' "$BROKEN"/*.patch | wc -l)" ]
    [[ $output == *"
hup-first             06-epoll-lt
    The server checks EPOLLHUP before EPOLLIN. "* ]]
    run "$TOP/scripts/twin" one-accept 3>&- 4>&-
    [ "$status" -eq 1 ]
    [[ $output == *"scenarios/many.scn:33: c3 expected hello,"* ]]
    run "$TOP/scripts/twin" hup-first -q -c 1 -m 1 3>&- 4>&-
    [ "$status" -eq 0 ]
    [[ $output == *"summary of 06-epoll-lt"* ]]
    run "$TOP/scripts/twin" no-such-bug
    [ "$status" -eq 2 ]
    [[ $output == *"there is no twin 'no-such-bug'"*"hup-first "* ]]
    run "$TOP/scripts/twin" --edit 's/not in there//' 01-blocking
    [ "$status" -eq 2 ]
    [[ $output == "twin: this script changes nothing in demos/01-blocking.c:"* ]]
    run "$TOP/scripts/twin" --edit 's/half' 01-blocking
    [ "$status" -eq 2 ]
    [[ $output == *"twin: sed cannot run the script: s/half" ]]
}

# Requests in flight.

@test "buffer-in-flight: the twin fails where the stage passes" {
    break_it buffer-in-flight
}

@test "freed-in-flight: the twin fails where the stage passes" {
    break_it freed-in-flight
}

@test "short-result: the twin fails where the stage passes" {
    break_it short-result
}
