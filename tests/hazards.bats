#!/usr/bin/env bats
# hazards.bats - what clients, users and systems do to servers, and that no
# server minds.
#
# hazard.py does it, and asks after each hazard whether the server still
# serves and ends as it should. To repeat one of them by hand:
#
#     tests/hazard.py build/06-epoll-lt flood-and-leave

load helpers

# Does one hazard to two stages of different shape, or to those of STAGES.
# tests/extra/hazards_others.bats does all hazards to the other stages. Prints
# which stages were left out because their model does not allow the hazard.
suffer() {
    local status=0 said=$BATS_TEST_TMPDIR/said
    local -a stages
    mapfile -t stages < <(STAGES=${STAGES:-0[89]-*.c} all_stages)
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names no echo server"
    # -IS: the standard library alone, which starts in half the time.
    timeout -k 1 $((${#stages[@]} * 4 * LIMIT)) \
        python3 -IS "$TOP/tests/hazard.py" "${stages[@]/#/"$BUILD/"}" "$1" \
        >"$said" 2>&1 3>&- 4>&- || status=$?
    case $status in
    0) sed -n 's/^SKIP/#/p' "$said" >&3 ;;
    77) skip "$(head -n 1 "$said")" ;;
    124 | 137) echo "hazard $1 did not end" && cat "$said" && return 1 ;;
    *) cat "$said" && return 1 ;;
    esac
}

@test "every hazard has a test" {
    diff -u <(python3 -IS "$TOP/tests/hazard.py" --list | sed 's/ .*//') \
        <(sed -n 's/^    suffer //p' "$BATS_TEST_FILENAME")
}

# Clients that leave.

@test "a client that connects and leaves at once does no harm" {
    suffer connect-and-leave
}

@test "a client that leaves without reading its echo does no harm" {
    suffer leave-unread
}

@test "if a client has closed, its messages are still read" {
    suffer leave-before-the-echo
}

@test "a client that floods and leaves does not stop the server" {
    suffer flood-and-leave
}

@test "a client that shuts down its reading side does no harm" {
    suffer stop-reading
}

@test "a client that shuts down both directions and stays costs no CPU time" {
    suffer shut-down-and-stay
}

@test "200 clients leave no descriptor behind" {
    suffer no-descriptor-lost
}

@test "4,000 clients leave no memory behind" {
    suffer no-memory-lost
}

# What clients send.

@test "60 kB, and more bytes than all buffers take, are echoed completely" {
    suffer large-messages
}

@test "a client that sends everything before it reads gets the whole echo" {
    suffer patient-reader
}

@test "a client that half-closes gets its last byte, then end of file" {
    suffer half-close
}

@test "bytes that come one at a time are echoed one at a time" {
    suffer byte-by-byte
}

@test "an out-of-band byte neither stops the server nor keeps it busy" {
    suffer out-of-band
}

@test "descriptors that a client passes are refused, or closed by an older Linux" {
    suffer pass-descriptors
}

@test "no message can forge a line of the trace or drive the terminal" {
    suffer forge-the-trace
}

@test "no name that a client binds can confuse the trace" {
    suffer forge-a-name
}

# Clients that stall, and clients that want too much.

@test "a client that does not read delays nobody, or only while it is connected" {
    suffer stalled-reader
}

@test "a client that reads late gets every byte" {
    suffer stalled-and-back
}

@test "a client that never reads costs one buffer and no CPU time" {
    suffer never-reads
}

@test "a client that sends and reads as fast as it can does not starve another" {
    suffer flood-and-read
}

@test "1,500 clients at once are served, or refused by select" {
    suffer crowd
}

# A server that sleeps.

@test "clients that arrive while the server is stopped are all served" {
    suffer arrive-while-stopped
}

@test "clients that come and go while the server is stopped do no harm" {
    suffer leave-while-stopped
}

@test "a server that is stopped and continued loses no byte" {
    suffer stop-and-continue
}

# No descriptor left, no memory left, calls that always fail.

@test "with 24 descriptors and 40 clients, surplus clients are refused" {
    suffer few-descriptors
}

@test "with no free descriptor, a client is refused and the server sleeps" {
    suffer no-descriptors
}

@test "with no free descriptor, a signal ends the server" {
    suffer no-descriptors-and-end
}

@test "a server that is allowed fewer descriptors closes no client" {
    suffer fewer-descriptors
}

@test "a wait that always fails ends the server with a message" {
    suffer wait-fails
}

@test "while accept always fails, connected clients are served in time" {
    suffer accept-fails
}

@test "without memory for all clients the server serves some" {
    suffer no-memory
}

# Paths and names.

@test "a server that was killed starts again on its path" {
    suffer killed-and-again
}

@test "a second server on a live path is refused, unseen by the first" {
    suffer second-instance
}

@test "a file that is not a socket is left as it is" {
    suffer regular-file
}

@test "a path of 107 bytes works, a longer one is refused" {
    suffer long-path
}

@test "an abstract name works, and is refused to a second server" {
    suffer abstract-name
}

@test "a server whose socket file was removed continues, and removes no other" {
    suffer path-taken-away
}

@test "if two servers start at once on a stale file, clients reach one of them" {
    suffer two-at-once
}

@test "a server that starts while another ends keeps its socket file" {
    # ThreadSanitizer may defer a signal that arrives just before a wait.
    [[ $BUILD != */tsan ]] || skip "ThreadSanitizer defers signals"
    suffer handover
}

# Signals, and the end.

@test "Ctrl-C, SIGTERM and SIGHUP end a server, even if a client does not read" {
    suffer signals-end-it
}

@test "SIGINT and SIGTERM end a server that inherited them ignored or blocked" {
    suffer signals-inherited
}

@test "signals without a meaning for a server lose no byte" {
    suffer signals-that-mean-nothing
}

@test "SIGTERM ends a server in the middle of a flood" {
    suffer end-in-a-flood
}

@test "SIGTERM ends a server at each of 25 moments of its start" {
    suffer sigterm-while-it-starts
}

@test "SIGTERM ends a server at each of 20 moments while many clients connect" {
    suffer sigterm-in-a-storm
}

@test "SIGTERM ends a server with idle clients and one that does not read" {
    suffer sigterm-with-clients
}

@test "a server has one thread, unless threads are the lesson" {
    suffer one-thread
}

# An output that fails.

@test "a demo whose output goes to head or to a full disk ends" {
    suffer output-fails
}

@test "a demo whose output and errors go to head ends as it should" {
    suffer both-outputs-fail
}

@test "a second SIGTERM ends a demo whose output nobody reads" {
    suffer output-unread
}

@test "a second SIGTERM ends a server that blocks in a write" {
    suffer second-signal
}

@test "one SIGTERM ends a server that blocks in a write, within seconds" {
    suffer first-signal
}

# Server and clients in one program.

@test "Ctrl-C ends a busy demo, and no client complains" {
    suffer demo-interrupted
}

@test "a run that a signal cuts short ends by that signal" {
    suffer cut-short
}

@test "a demo with too few descriptors for its clients ends" {
    suffer demo-of-few-descriptors
}

@test "another program cannot take the name of one of a demo's clients" {
    suffer impostor
}

@test "stage 11 has one thread, with and without a client" {
    ladder | grep -qx 11-http || skip "STAGES leaves out 11-http"
    start_server 11-http
    grep -qx $'Threads:\t1' "/proc/$pid/status"
    status=$(python3 -IS -c '
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
assert client.recv(4) == b"HTTP"
print(open(f"/proc/{sys.argv[2]}/status").read())' "$socket" "$pid")
    grep -qx $'Threads:\t1' <<<"$status"
    stop_server
}
