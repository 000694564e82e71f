#!/usr/bin/env bats
#
# reactor.bats - the event loop of demos/reactor.h alone, and the idle time-out
# of stage 10, which uses it. The tests of the loop are a program,
# tests/reactor.c. `build/tests/reactor NAME` runs one of them.

load helpers

setup_file() {
    # The tests with sanitizers have built their own program.
    [ -n "${IOMUX_BUILD:-}" ] || make -s -C "$TOP" build/tests/reactor
}

# Freed memory is overwritten at once (mallopt(3)), so a test that reads it
# fails.
reactor() {
    GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=90 \
        timeout -k 1 "$LIMIT" "$BUILD/tests/reactor" "$1" \
        3>&- 4>&-
}

@test "every test of the program is run here" {
    diff -u <("$BUILD/tests/reactor" | sort) \
        <(sed -n 's/^    reactor \([a-z]\)/\1/p' "$BATS_TEST_FILENAME" | sort)
}

@test "timers expire by deadline, those of equal delay as they were set" {
    reactor timer-order
}

@test "a timer that is set again expires at the new deadline only" {
    reactor timer-again
}

@test "a repeating timer expires until it is cancelled, any other timer once" {
    reactor timer-repeats
}

@test "the function of a timer may cancel it, and another timer that is due" {
    reactor timer-cancel
}

@test "the function of a timer may start a timer, a thousand times" {
    reactor timer-starts-timer
}

@test "10,000 timers, many of them set again or cancelled, keep their order" {
    reactor many-timers
}

@test "a callback is not called if another one of its batch has removed it" {
    reactor remove-in-batch
}

@test "a descriptor reused within a batch gets no event of the old one" {
    reactor reuse
}

@test "a descriptor reused 256 times within a batch gets no event of the old one" {
    reactor reuse-often
}

@test "a walk calls every callback that has not been removed" {
    reactor walk
}

@test "a callback may remove its own descriptor, and add it again" {
    reactor remove-itself
}

@test "a callback may add a descriptor with a high number" {
    reactor add-in-callback
}

@test "a reported event that is no longer registered is not delivered" {
    reactor modify-in-batch
}

@test "a loop that was stopped can run again and loses no event" {
    reactor stop
}

@test "every function fails with the documented errno and changes nothing" {
    reactor errors
}

@test "if descriptors run out, reactor_create fails and leaves nothing open" {
    reactor no-descriptor-left
}

@test "reactor_destroy closes its descriptors and frees its memory" {
    reactor all-is-given-back
}

@test "signals are delivered as events" {
    reactor signals
}

@test "a signal handler that interrupts epoll_wait does not end the loop" {
    reactor eintr
}

@test "calls from four threads run once each, in the order of each thread" {
    reactor calls
}

@test "a call that calls itself again runs once per iteration" {
    reactor call-again
}

@test "calls that never end do not starve descriptors" {
    reactor bounded-calls
}

@test "a thousand timers that are due do not starve descriptors" {
    reactor bounded-timers
}

@test "200 descriptors that are always ready are served equally often" {
    reactor fair
}

@test "ready descriptors are reported before the timers that are due" {
    reactor ready-before-timers
}

@test "after an interrupted epoll_wait, ready descriptors are reported first" {
    reactor eintr-before-timers
}

@test "descriptors that are always ready do not starve timers" {
    reactor timer-while-busy
}

@test "reactor.c and reactor.h compile and work without the other files" {
    local alone=$BATS_TEST_TMPDIR/alone
    mkdir "$alone"
    cp "$TOP"/demos/reactor.[ch] "$alone"
    cat >"$alone/main.c" <<'EOF'
#include "reactor.h"

#include <stdio.h>

static void stop(struct reactor *reactor, void *data)
{
    puts(data);
    reactor_stop(reactor);
}

int main(void)
{
    struct reactor *reactor = reactor_create();
    if (reactor == NULL ||
        reactor_timer_start(reactor, 1, 0, stop, "expired") == NULL)
        return 1;
    int result = reactor_run(reactor);
    reactor_destroy(reactor);
    return -result;
}
EOF
    cd "$alone"
    run "${CC:-cc}" -std=gnu17 -Wall -Wextra -Wpedantic -Wshadow -Werror \
        -pthread -o alone main.c reactor.c
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run ./alone
    [ "$status" -eq 0 ]
    [ "$output" = expired ]
}

# One client is idle, one sends and never reads, and one sends and reads until
# both are closed.
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
print("both are closed")
'

@test "10-reactor closes idle clients and those that do not read, no others" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    start_server 10-reactor --idle-timeout $((1000 * ${TIMEOUT_MULT:-1}))
    run timeout -k 1 "$LIMIT" python3 -c "$IDLE_CLIENTS" "$socket" "$LIMIT" \
        3>&- 4>&-
    echo "$output"
    [ "$output" = "both are closed" ]
    stop_server
    [ "$(grep -c '^\[server\]   timer$' "$BATS_TEST_TMPDIR/out")" = 2 ]
    grep -qx '  clients      3 accepted, 0 refused, 3 closed' \
        "$BATS_TEST_TMPDIR/out"
}

# The server answers 400 clients and is stopped. All clients send, and their
# time-out passes. Then the server continues.
SPEAK_WHILE_STOPPED='
import os, signal, socket, sys, time
path, server, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
clients = [socket.socket(socket.AF_UNIX) for _ in range(400)]
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
while time.monotonic() < end: # until the time-out has passed
    time.sleep(end - time.monotonic())
os.kill(server, signal.SIGCONT)
answers = [c.recv(15, socket.MSG_WAITALL) for c in clients]
print(answers.count(b"while it sleeps"), "answered")
'

@test "10-reactor, stopped beyond the time-out, answers 400 of 400 clients" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    local seconds=$((2 * ${TIMEOUT_MULT:-1}))
    start_server 10-reactor --idle-timeout $((1000 * seconds))
    run timeout -k 1 "$LIMIT" python3 -c "$SPEAK_WHILE_STOPPED" "$socket" \
        "$pid" "$seconds.5" 3>&- 4>&-
    echo "$output"
    [ "$output" = "400 answered" ]
    stop_server
}

# 128 clients are connected, and ten more connect while the server is stopped.
NEWCOMERS='
import os, signal, socket, sys
path, server = sys.argv[1], int(sys.argv[2])
def client():
    c = socket.socket(socket.AF_UNIX)
    c.connect(path)
    return c
def echo(c):
    c.sendall(b"hello")
    assert c.recv(5, socket.MSG_WAITALL) == b"hello"
clients = []
for _ in range(128):
    clients.append(client())
    echo(clients[-1])
os.kill(server, signal.SIGSTOP)
while open(f"/proc/{server}/stat").read().rpartition(") ")[2][0] != "T":
    pass
newcomers = [client() for _ in range(10)]
os.kill(server, signal.SIGCONT)
for c in newcomers:
    echo(c)
'

@test "with 128 clients 10-reactor accepts three connections per report" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    start_server 10-reactor
    timeout -k 1 "$LIMIT" python3 -c "$NEWCOMERS" "$socket" "$pid" 3>&- 4>&-
    stop_server
    run awk '/ accept new / { n++ }
             / epoll_wait done/ { if (n) counts = counts " " n; n = 0 }
             END { print counts }' "$BATS_TEST_TMPDIR/out"
    echo "$output"
    [[ $output =~ ^(\ 1){128}\ 3\ 3\ 3\ 1$ ]]
}

@test "without --idle-timeout no timer of 10-reactor expires" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    run demo 10-reactor -c 20 -m 5 -i 1
    [ "$status" -eq 0 ]
    ! grep -e ' timer$' -e 'num:0$' <<<"$output"
}
