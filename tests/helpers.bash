# helpers.bash - what the test files share. Each loads it with `load helpers`.
#
# The title of a test is what a user would see. A test never sleeps to
# synchronise: it waits for a line or a file, and every wait has a limit, scaled
# by TIMEOUT_MULT for Valgrind and slow machines.

# shellcheck source=scripts/iomux/environment.bash
source "${BATS_TEST_DIRNAME%/tests*}/scripts/iomux/environment.bash"
# A proxy would answer in the place of stage 11.
unset -v {http,https,all,no}_proxy {HTTP,HTTPS,ALL,NO}_PROXY

TOP=${BATS_TEST_DIRNAME%/tests*}
BUILD=${IOMUX_BUILD:-$TOP/build} # where the programs are; sanitizers have others
LIMIT=$((20 * ${TIMEOUT_MULT:-1})) # seconds that anything may take

# The stages, or those that STAGES names: STAGES=6 scripts/test
ladder() {
    # shellcheck disable=SC2086 # STAGES is words, or else a pattern
    (cd "$TOP/demos" && printf '%s\n' ${STAGES:-[0-9]*.c}) | sed 's/\.c$//'
}

# Those of them that are echo servers and can run here. A stage with a protocol
# of its own has tests of its own: tests/http.bats.
all_stages() {
    local -a files
    local left_out=none
    mapfile -t files < <(ladder)
    has_io_uring || left_out=12-io-uring
    (cd "$TOP/demos" && grep -L 'demo_protocol(' "${files[@]/%/.c}") |
        sed 's/\.c$//' | grep -vx "$left_out"
}

# Can stage 12 run here? It needs liburing, and a system that allows io_uring.
# tests/uring.bats prints the reason. A yes is kept for all tests of a run.
has_io_uring() {
    local answer=$BATS_RUN_TMPDIR/io_uring-${BUILD//\//-}
    [ -e "$answer" ] ||
        { [ -x "$BUILD/12-io-uring" ] &&
            demo 12-io-uring -q -c 1 -m 1 </dev/null >/dev/null 2>&1 &&
            : >"$answer"; }
}

# Skips the test if STAGES leaves out one of these stages.
need_stage() {
    local stage
    for stage; do
        all_stages | grep -qxF "$stage" || skip "STAGES leaves out $stage"
    done
}

# Writes a scenario to file $2, in which the backlog is full and a non-blocking
# connect fails with the error $1.
write_full_backlog() {
    local most
    most=$(</proc/sys/net/core/somaxconn)
    [ "$most" -le 8192 ] || skip "the backlog has $most places, too many to fill"
    cat >"$2" <<END
c1 connect
hold
c1 send "x"
repeat $((most + 1)) {
    c2 connect
    c2 close
}
repeat 2 {
    c3 connect-nonblocking
    c3 expect-error $1
    c3 close
}
release
c3 connect-nonblocking
c3 expect-nothing
END
}

# Skips the test where no pseudo-terminal can be made, as in some containers.
need_terminal() {
    python3 -IBc 'import os; os.openpty()' 2>/dev/null ||
        skip "no pseudo-terminal can be made here (/dev/ptmx, /dev/pts)"
}

# Runs "$@ STAGE" for each stage; a failure names the stage.
each_stage() {
    local stage
    for stage in $(all_stages); do
        "$@" "$stage" || {
            echo "this was stage $stage" >&2
            return 1
        }
    done
}

# Run a program of the suite to its end, with a limit. Bats keeps descriptors
# 3 and 4 open; a program that inherited them would number its own from 5.
demo() {
    local program=$1
    shift
    timeout -k 1 "$LIMIT" "$BUILD/$program" "$@" 3>&- 4>&-
}

# Start "$@" in the background; its output goes to the files out and err in
# the test's directory. Sets $pid. Killed at the end of the test.
background() {
    rm -f "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
    pid=$!
    echo "$pid" >>"$BATS_TEST_TMPDIR/pids"
}

# Start a stage's server on $socket, with the options that follow, and wait
# until it says that it is ready.
start_server() {
    local stage=$1
    shift
    socket=$BATS_TEST_TMPDIR/$stage.sock
    background "$BUILD/$stage" --serve -s "$socket" "$@"
    wait_for_line "^ready: " "$BATS_TEST_TMPDIR/out"
}

# Send the server SIGTERM and see it end with status 0.
stop_server() {
    kill -TERM "$pid"
    wait_for_end "$pid"
}

# Wait for a background program and return its exit status.
wait_for_end() {
    local end=$((SECONDS + LIMIT))
    while kill -0 "$1" 2>/dev/null && [ "$(state_of "$1")" != Z ]; do
        if [ $SECONDS -ge $end ]; then
            echo "process $1 did not end within $LIMIT s" >&2
            return 1
        fi
        pause
    done
    reap "$1"
}

# Return the exit status of a process that has ended. From then on its number
# may be anybody's: it leaves the list of those that teardown kills.
reap() {
    local status=0
    wait "$1" || status=$?
    [ ! -e "$BATS_TEST_TMPDIR/pids" ] ||
        sed -i "/^$1\$/d" "$BATS_TEST_TMPDIR/pids"
    return "$status"
}

# R, S, D, Z, T ...: the state of a process, from proc(5).
state_of() {
    local stat
    { read -r -d '' stat <"/proc/$1/stat"; } 2>/dev/null || :
    stat=${stat##*) }
    echo "${stat%% *}"
}

# Wait until a file has a line that matches the pattern.
wait_for_line() {
    local end=$((SECONDS + LIMIT))
    until grep -q -e "$1" "$2" 2>/dev/null; do
        if [ $SECONDS -ge $end ]; then
            echo "no line '$1' in $2 within $LIMIT s; it ends with:" >&2
            tail -n 40 "$2" >&2
            return 1
        fi
        pause
    done
}

# Without a tool of scripts/setup extra the test is skipped.
need_tool() {
    command -v "$1" >/dev/null || skip "there is no $1: scripts/setup extra"
}

# Give others the processor between two looks: nothing ever comes out of a FIFO
# that is open both ways, so read waits until its time is over.
pause() {
    local never=$BATS_RUN_TMPDIR/never
    [ -p "$never" ] || mkfifo "$never" 2>/dev/null || :
    read -r -t 0.02 <>"$never" || :
}

# End what the test left running, by its pid; then check the traces it made.
teardown() {
    local left
    compgen -G "$BATS_TEST_TMPDIR/*" >/dev/null || return 0
    if [ -e "$BATS_TEST_TMPDIR/pids" ]; then
        while read -r left; do
            kill -CONT "$left" 2>/dev/null || :
            kill -KILL "$left" 2>/dev/null || :
            wait "$left" 2>/dev/null || :
        done <"$BATS_TEST_TMPDIR/pids"
    fi
    [ -n "${BREAKS_LAWS:-}" ] || check_traces
}

# Every trace that the test has left in its directory, from its first line to
# its summary, obeys the laws. Who breaks them on purpose sets BREAKS_LAWS. What
# stage 11 answers is no echo: tests/http.py checks its traces.
check_traces() {
    local -a whole
    mapfile -t whole < <(find "$BATS_TEST_TMPDIR" -type f -size -4M -exec awk '
        FNR == 1 && !/^\[server\] +listen fd:[0-9]+$|"name":"thread_name"/ {
            nextfile
        }
        /^summary of |"name":"summary"/ && !/11-http/ { print FILENAME }
        ' {} +)
    [ ${#whole[@]} -eq 0 ] || "$TOP/scripts/check-trace" "${whole[@]}"
}
