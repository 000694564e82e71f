#!/usr/bin/env bats
#
# lockstep.bats - scenarios in unusual places: under a tracer, as process 1, at
# an interactive prompt, with inherited descriptors, and without /proc.

load helpers

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir tmp
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    scenario=$TOP/demos/scenarios/stop-continue.scn
}

# play COMMAND...: ends within the limit, and either is a complete play or has
# printed one sentence that starts with the program's name. Leaves nothing.
play() {
    local status=0
    timeout -k 1 $((3 * LIMIT)) "$@" >out 2>err 3>&- 4>&- || status=$?
    echo "$*: status $status"
    tail -n 5 out err
    case $status in
    0) grep -q '^  clients ' out && [ ! -s err ] || return 1 ;;
    1) [ "$(wc -l <err)" -eq 1 ] && grep -q '^[01][0-9]-[a-z-]*: ' err || return 1 ;;
    *) return 1 ;;
    esac
    [ -z "$(ls -A tmp)" ]
}

@test "a scenario that stops the process ends under strace -f" {
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    local stage
    for stage in $(all_stages); do
        play strace -f -o strace.log "$BUILD/$stage" -S "$scenario"
        grep -q 'epoll_wait\|recvfrom\|accept4' strace.log
    done
}

# As process 1 of a PID namespace, where signals without a handler do nothing.
as_first() {
    unshare --pid --fork --mount-proc --kill-child "$@"
}

@test "a scenario that stops the process ends as process 1" {
    as_first true 2>why || skip "no PID namespace: $(head -n 1 why)"
    local stage
    for stage in $(all_stages); do
        play unshare --pid --fork --mount-proc --kill-child \
            "$BUILD/$stage" -S "$scenario"
    done
}

@test "SIGTERM ends a scenario that waits after a stop, under strace -f" {
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    local stage tracee
    stage=$(all_stages | tail -n 1)
    printf '%s\n' 'c1 connect' 'signal stop' 'signal cont' >stop.scn
    printf 'repeat 100000 {\nc1 send "a"\nc1 expect "a"\n}\n' >>stop.scn
    # -D: strace is a grandchild, so $pid is the program.
    background strace -D -f --seccomp-bpf -e trace=accept4 -o log \
        "$BUILD/$stage" -S stop.scn
    wait_for_line '^\[client 1\] connect' out
    kill -TERM "$pid"
    local status=0
    wait_for_end "$pid" || status=$?
    echo "status $status"
    [ "$status" -eq 143 ] || [ "$status" -eq 1 ]
    [ -z "$(ls -A tmp)" ]
}

@test "the prompt of a shell does not return in the middle of a scenario" {
    local shell status tried=0
    for shell in 'bash --norc --noprofile -i' 'dash -i' 'zsh -f -i'; do
        command -v "${shell%% *}" >/dev/null || continue
        local i
        for i in 1 2 3; do
            status=0
            python3 -IS "$TOP/tests/prompt.py" "$shell" \
                "$BUILD/06-epoll-lt -S $scenario" >out 3>&- 4>&- || status=$?
            [ "$status" -ne 77 ] || skip "$(cat out)"
            echo "$shell:"
            cat out
            [ "$status" -eq 0 ]
            # The first prompt comes after the summary; no job is stopped.
            sed '/<prompt> /q' out >before
            grep -q 'per message' before
            ! grep -qi 'stopped\|suspended' out || return 1
            ! grep -q "summary.*no more jobs" out || return 1
            ((tried += 1))
        done
    done
    [ "$tried" -gt 0 ]
}

# Start "$@" with these descriptors open, beside the first three.
with_descriptors() {
    python3 -IS -c '
import os, sys
descriptors, command = sys.argv[1].split(), sys.argv[2:]
null = os.open("/dev/null", os.O_RDWR)
for number in descriptors:
    if int(number) != null:
        os.dup2(null, int(number))
os.closerange(3, min(map(int, descriptors)))
os.execv(command[0], command)' "$@"
}

@test "inherited descriptors do not change a trace" {
    local stage scenario number all
    all="10 $(seq -s ' ' 98 112) 401 402 403"
    for stage in $(all_stages); do
        for scenario in three stop-continue; do
            echo "$stage, $scenario"
            for number in alone inherited; do
                set -- "$BUILD/$stage" -S "$TOP/demos/scenarios/$scenario.scn"
                [ $number = alone ] || set -- with_descriptors "$all" "$@"
                "$@" >$number.out 2>err 3>&- 4>&-
                [ ! -s err ]
                sed '/^$/,$d' $number.out >$number
            done
            [ -s alone ]
            diff alone inherited
        done
    done
}

# blind COMMAND... STAGE: the play that COMMAND starts ends at once, with a
# sentence.
blind() {
    local stage=${*: -1} status=0
    timeout -k 1 "$LIMIT" "${@:1:$#-1}" "$BUILD/$stage" \
        -S "$TOP/demos/scenarios/one.scn" >out 2>err 3>&- 4>&- || status=$?
    echo "$*: status $status"
    cat out err
    [ "$status" -eq 1 ] || return 1
    [ "$(wc -l <err)" -eq 1 ] || return 1
    grep -q "^$stage: .*/proc" err || return 1
    # At the first step at the latest: no echo has come.
    ! grep -q 'client 1\] recv' out || return 1
    [ -z "$(ls -A tmp)" ]
}

@test "without /proc a scenario ends at once with a sentence" {
    unshare --mount mount -t tmpfs none /proc 2>why ||
        skip "no mount namespace: $(head -n 1 why)"
    each_stage blind unshare --mount \
        bash -c 'mount -t tmpfs none /proc && exec "$@"' sh
}

@test "with /proc of another namespace a scenario ends at once, too" {
    unshare --pid --fork true 2>why ||
        skip "no PID namespace: $(head -n 1 why)"
    each_stage blind unshare --pid --fork --kill-child
}

@test "a server and a free run need no /proc" {
    unshare --mount mount -t tmpfs none /proc 2>why ||
        skip "no mount namespace: $(head -n 1 why)"
    local stage
    for stage in $(all_stages); do
        timeout -k 1 "$LIMIT" unshare --mount bash -c \
            'mount -t tmpfs none /proc && exec "$@"' sh \
            "$BUILD/$stage" -q -i 0 >out 3>&- 4>&-
        grep -q '15 sent, 15 echoed' out
    done
}
