#!/usr/bin/env bats
#
# reactor.bats - the event loop of demos/reactor.h by itself, and the idle
# time-out of the stage that stands on it. The tests of the loop are a
# program, tests/reactor.c; `build/tests/reactor NAME` runs one of them.

load helpers

setup_file() {
    # The sanitizers have built their own.
    [ -n "${IOMUX_BUILD:-}" ] || make -s -C "$TOP" build/tests/reactor
}

# Freed memory is overwritten at once, mallopt(3): who reads it fails.
reactor() {
    GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=90 \
        timeout -k 1 "$LIMIT" "$BUILD/tests/reactor" "$1" \
        3>&- 4>&-
}

@test "every test of the program is run here" {
    diff -u <("$BUILD/tests/reactor" | sort) \
        <(sed -n 's/^    reactor \([a-z]\)/\1/p' "$BATS_TEST_FILENAME" | sort)
}

@test "timers come in the order of their deadlines, equals as they were set" {
    reactor timer-order
}

@test "a timer that is set anew comes at its new time, earlier or later" {
    reactor timer-again
}

@test "a repeating timer comes until it is cancelled, any other once" {
    reactor timer-repeats
}

@test "a timer may cancel itself, and another that is due as well" {
    reactor timer-cancel
}

@test "a timer may start a timer, a thousand times" {
    reactor timer-starts-timer
}

@test "10,000 timers, many of them set anew or cancelled, keep their order" {
    reactor many-timers
}

@test "a descriptor removed by another's callback in its batch is not called" {
    reactor remove-in-batch
}

@test "a number closed and used again in one batch has none of the old events" {
    reactor reuse
}

@test "a callback may remove its own descriptor, and add it again" {
    reactor remove-itself
}

@test "a callback may add a descriptor, however high its number" {
    reactor add-in-callback
}

@test "what is no longer asked for is not delivered, told of or not" {
    reactor modify-in-batch
}

@test "a loop that was stopped goes on where it was" {
    reactor stop
}

@test "every function says by errno what it cannot do, and goes on" {
    reactor errors
}

@test "without a descriptor for it there is no reactor, and nothing is left" {
    reactor no-descriptor-left
}

@test "a reactor gives back all its descriptors and memory" {
    reactor all-is-given-back
}

@test "signals come as events" {
    reactor signals
}

@test "a signal handler that interrupts the wait does not end the loop" {
    reactor eintr
}

@test "calls of four threads come once each, in the order of their thread" {
    reactor calls
}

@test "a call that calls itself comes once a turn" {
    reactor call-again
}

@test "calls that make calls for ever leave the others their turn" {
    reactor bounded-calls
}

@test "a thousand timers that are due leave the others their turn" {
    reactor bounded-timers
}

@test "of 200 descriptors that are always ready each has its turns" {
    reactor fair
}

# One is silent, one sends and never reads, one speaks until both are gone.
IDLE_CLIENTS='
import select, socket, sys
silent, stalled, quick = (socket.socket(socket.AF_UNIX) for _ in range(3))
for client in (silent, stalled, quick):
    client.settimeout(float(sys.argv[2]))
    client.connect(sys.argv[1])
stalled.setblocking(False)
poll = select.poll()
poll.register(silent, select.POLLIN)
poll.register(stalled, select.POLLRDHUP)
left = {silent.fileno(), stalled.fileno()}
messages = 0
while left:
    quick.sendall(b"hello")
    assert quick.recv(5, socket.MSG_WAITALL) == b"hello"
    messages += 1
    if messages == 1:
        try:
            while True:
                stalled.send(b"x" * 4096)
        except BlockingIOError:
            pass
    for fd, events in poll.poll(20):
        poll.unregister(fd)
        left.remove(fd)
assert silent.recv(1) == b""
quick.sendall(b"still here")
assert quick.recv(10, socket.MSG_WAITALL) == b"still here"
print("the others are gone")
'

@test "10-reactor closes who is silent and who does not read, not who speaks" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    start_server 10-reactor --idle-timeout $((1000 * ${TIMEOUT_MULT:-1}))
    run timeout -k 1 "$LIMIT" python3 -c "$IDLE_CLIENTS" "$socket" "$LIMIT" \
        3>&- 4>&-
    echo "$output"
    [ "$output" = "the others are gone" ]
    stop_server
    [ "$(grep -c '^\[server\]   timer$' "$BATS_TEST_TMPDIR/out")" = 2 ]
    grep -qx '  clients      3 accepted, 0 refused, 3 closed' \
        "$BATS_TEST_TMPDIR/out"
}

# Two clients are answered; both speak while the server is stopped for longer
# than its idle time-out; then it goes on.
SPEAK_WHILE_STOPPED='
import os, signal, socket, sys, time
path, server, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
clients = [socket.socket(socket.AF_UNIX) for _ in range(2)]
for c in clients:
    c.connect(path)
    c.sendall(b"before")
    assert c.recv(6, socket.MSG_WAITALL) == b"before"
end = time.monotonic() + seconds
os.kill(server, signal.SIGSTOP)
while open(f"/proc/{server}/stat").read().rpartition(") ")[2][0] != "T":
    pass
for c in clients:
    c.sendall(b"while it sleeps")
while time.monotonic() < end: # what runs out here is the time-out
    time.sleep(end - time.monotonic())
os.kill(server, signal.SIGCONT)
for c in clients:
    assert c.recv(15, socket.MSG_WAITALL) == b"while it sleeps"
print("answered")
'

@test "10-reactor, stopped and continued, hears clients before their time-outs" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    local seconds=$((2 * ${TIMEOUT_MULT:-1}))
    start_server 10-reactor --idle-timeout $((1000 * seconds))
    run timeout -k 1 "$LIMIT" python3 -c "$SPEAK_WHILE_STOPPED" "$socket" \
        "$pid" "$seconds.5" 3>&- 4>&-
    echo "$output"
    [ "$output" = answered ]
    stop_server
}

@test "without --idle-timeout 10-reactor sets no timer, however many clients" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    run demo 10-reactor -c 20 -m 5 -i 1
    [ "$status" -eq 0 ]
    ! grep -e ' timer$' -e 'num:0$' <<<"$output"
}
