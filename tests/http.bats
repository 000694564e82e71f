#!/usr/bin/env bats
# http.bats - stage 11: the requests of HTTP clients, and their hazards.
#
# http.py plays the client. After each hazard it checks that the server still
# serves and ends as it should. To repeat one of them by hand:
#
#     tests/http.py build/11-http slow-head-times-out

load helpers

suffer() {
    local said status=0
    # -IS: the standard library alone, which starts in half the time.
    said=$(timeout -k 1 $((6 * LIMIT)) \
        python3 -IS "$TOP/tests/http.py" "$BUILD/11-http" "$1" \
        2>&1 3>&- 4>&-) || status=$?
    case $status in
    0) ;;
    77) skip "$said" ;;
    124 | 137) echo "hazard $1 did not end; $said" && return 1 ;;
    *) echo "$said" && return 1 ;;
    esac
}

@test "every hazard of HTTP has a test" {
    # tests/extra/hazards_tcp.bats cuts each request at each byte.
    diff -u <(python3 -IS "$TOP/tests/http.py" --list |
        sed 's/ .*//; /^requests-in-two-pieces$/d') \
        <(sed -n 's/^    suffer //p' "$BATS_TEST_FILENAME")
}

# Requests.

@test "each of the requests, valid or not, gets its status" {
    suffer requests
}

@test "... also if it arrives in small pieces" {
    suffer requests-in-small-pieces
}

# Clients that leave.

@test "a client of HTTP that connects and leaves at once does no harm" {
    suffer connect-and-leave
}

@test "a client that leaves in the middle of a head does no harm" {
    suffer leave-in-a-head
}

@test "a client that leaves in the middle of a large reply does no harm" {
    suffer leave-in-a-large-reply
}

@test "a client that leaves before its reply does no harm" {
    suffer leave-before-the-reply
}

@test "a client that half-closes gets all its replies" {
    suffer half-close
}

# Clients that are slow.

@test "a client with a slow head does not delay others" {
    suffer slow-head
}

@test "a head that does not end in time gets 408" {
    suffer slow-head-times-out
}

@test "a body that does not arrive in time gets 408" {
    suffer slow-body-times-out
}

@test "a late HEAD gets a 408 without a body" {
    suffer late-head-without-a-body
}

@test "empty lines are not a request, so no 408 follows them" {
    suffer empty-lines-are-not-a-request
}

@test "a reply restarts the time-out, and a piece of a head does not" {
    suffer an-answer-restarts-the-time
}

@test "a client that sends no request is closed in the end" {
    suffer idle-times-out
}

@test "a client that has left is not closed again by a time-out" {
    suffer leave-before-the-time-out
}

@test "a client that does not read a large reply does not delay others" {
    suffer stalled-reader
}

@test "a client that never reads its reply is closed in the end" {
    suffer stalled-reader-times-out
}

@test "a client that still sends after an error is closed in the end" {
    suffer linger-times-out
}

# Many clients and much data.

@test "a client that floods waits for its own replies and delays no other" {
    suffer flood-of-requests
}

@test "a turn answers one request" {
    suffer turns-are-short
}

@test "100 new clients among 500 busy ones do not wait for 100 rotations" {
    suffer newcomers-do-not-wait
}

@test "thousands of dots in a path cost no call each" {
    suffer a-path-of-dots
}

@test "EPOLLOUT is registered only while a part of a reply is unsent" {
    suffer out-only-while-there-is-a-rest
}

@test "200 requests leave no descriptor behind" {
    suffer no-descriptor-lost
}

@test "4,000 requests leave no memory behind" {
    suffer no-memory-lost
}

# Failures of the system.

@test "without a descriptor for a file the reply is 503" {
    suffer no-descriptors
}

@test "a client is refused during a download that has the last descriptor" {
    suffer room-after-a-file
}

@test "if accept4 fails without a client that leaves, the server tries again" {
    suffer no-room-in-the-system
}

@test "a client without memory is refused, and the next one is served" {
    suffer no-memory-for-a-client
}

@test "a file that fstat cannot examine is not served as an empty file" {
    suffer no-word-about-a-file
}

@test "no file has a date in the future" {
    suffer dates-of-files
}

@test "a stop and a continue in the middle of a file lose no byte" {
    suffer stop-and-continue
}

@test "a file that gets shorter while it is sent ends its connection" {
    suffer file-gets-shorter
}

@test "a request does not wake a writer of a FIFO" {
    suffer fifo-is-left-alone
}

# The graceful stop.

@test "after SIGTERM the requests end that have begun, and idle clients too" {
    suffer stop-with-requests
}

@test "requests that have arrived before SIGTERM are answered" {
    suffer stop-with-arrived-requests
}

@test "a stop refuses clients for which no descriptor is left" {
    suffer stop-without-descriptors
}

@test "--drain limits the time for a half request and for a stalled reader" {
    suffer stop-ends
}

@test "with --drain 0 a stop closes all connections at once" {
    suffer stop-at-once
}

@test "a second signal ends a server that waits for its last replies" {
    suffer stop-twice
}

@test "SIGTERM ends the server in every state of its clients" {
    suffer end-with-clients
}

@test "the trace is plain text, so nothing in it is HTML" {
    suffer nothing-is-html
}

@test "without --root no file is served" {
    suffer without-a-root
}

@test "a server that cannot serve closes what it has opened" {
    suffer nothing-stays-open
}

# The program.

@test "the scenarios of this stage give their golden traces" {
    [[ $BUILD != */tsan ]] ||
        skip "ThreadSanitizer takes the player's descriptors for the server's"
    [ "$("$TOP/tests/golden.py" --list 11-http)" = \
        $'drain/11-http\nslow-headers/11-http' ]
    "$TOP/tests/golden.py" 11-http 3>&- 4>&-
}

@test "the scenarios of 11-http obey all laws, the bytes that wait included" {
    local name scenario
    local -a words
    cd "$BATS_TEST_TMPDIR" || return
    for name in drain slow-headers; do
        scenario=$TOP/demos/scenarios/$name.scn
        read -ra words < <(sed -n 's/^# options 11-http: //p' "$scenario")
        demo 11-http "${words[@]}" -S "$scenario" --states -j "$name.json" \
            >"$name.txt"
        "$TOP/scripts/check-trace" -s "$scenario" "$name.json" "$name.txt"
    done
    sed 's/\[7,16,/[7,15,/' drain.json >wrong
    run "$TOP/scripts/check-trace" wrong
    [ "$status" -eq 1 ]
    [[ $output == *"broken law 'waiting'"*"15 bytes of c2 are waiting"* ]]
    # The same bytes from a server that echoes break a law.
    sed 's/"done":"answered"/"done":"echoed"/' drain.json >wrong
    run "$TOP/scripts/check-trace" wrong
    [ "$status" -eq 1 ]
    [[ $output == *"broken law 'echo'"* ]]
}

@test "11-http runs with its clients like any stage, and all get replies" {
    run demo 11-http -c 3 -m 5 -i 1 -j "$BATS_TEST_TMPDIR/json"
    [ "$status" -eq 0 ]
    [[ $output == *"15 sent, 15 answered"* ]]
    [[ $output == *"GET / HTTP/1.1"* ]]
    jq -s '{traceEvents:.}' "$BATS_TEST_TMPDIR/json" >/dev/null
}

@test "a client of the demo detects a wrong reply" {
    mkdir "$BATS_TEST_TMPDIR/root"
    run demo 11-http -c 1 -m 1 --root "$BATS_TEST_TMPDIR/root"
    [ "$status" -eq 1 ]
    [[ $output == *"the answer to request 1 is wrong"* ]]
    echo home >"$BATS_TEST_TMPDIR/root/index.html"
    run demo 11-http -c 1 -m 1 --root "$BATS_TEST_TMPDIR/root"
    [ "$status" -eq 0 ]
}

@test "its help does not mention an echo, and --size is refused" {
    run demo 11-http --help
    [ "$status" -eq 0 ]
    [[ $output == *"curl --unix-socket /tmp/echo"*"answered and closed"* ]]
    [[ $output != *"An echo"* ]]
    run demo 11-http --size 10
    [ "$status" -eq 2 ]
    [[ $output == *"--size is an option of echo servers"* ]]
}

@test "a client of the demo rejects an impossible length of a reply" {
    local length
    for length in 9223372036854775807 -1 -99999999999999999999; do
        rm -f "$BATS_TEST_TMPDIR/odd"
        background python3 -c '
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
client = listener.accept()[0]
client.recv(1000)
client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n"
               % sys.argv[2].encode())
client.recv(1000)' "$BATS_TEST_TMPDIR/odd" "$length"
        wait_for_line '^ready$' "$BATS_TEST_TMPDIR/out"
        run demo 11-http --connect -s "$BATS_TEST_TMPDIR/odd" -q -c 1 -m 1
        [ "$status" -eq 1 ]
        [[ $output != *"runtime error"* ]]
        [[ $output == *"the answer to request 1 is wrong"* ]]
    done
}

@test "a root that is not a directory is refused with a sentence" {
    local root
    for root in "$BATS_TEST_TMPDIR/none" /dev/null ''; do
        run demo 11-http --root "$root"
        [ "$status" -eq 2 ]
        [[ $output == *"--root takes a directory, not '$root'"* ]]
    done
}
