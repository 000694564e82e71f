#!/usr/bin/env bats
# clients.bats - clients that nobody here wrote get their echo from each
# stage; and the course's own clients notice each fault of a server.

# shellcheck disable=SC2154 # pid, socket: from helpers.bash
# shellcheck disable=SC2016,SC2094 # $names are perl's; a FIFO both ways

load helpers

setup_file() {
    head -c 1000000 /dev/urandom >"$BATS_FILE_TMPDIR/random"
    write_wrong_server
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    random=$BATS_FILE_TMPDIR/random
}

# Start a server; what an earlier one said is forgotten.
fresh_server() {
    rm -f "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
    start_server "$@"
}

# A client, with a limit.
client() {
    timeout -k 1 "$LIMIT" "$@" 3>&- 4>&-
}

# Send standard input, half-close, print what comes back.
echo_by() {
    case $1 in
    socat) client socat -t "$LIMIT" - "UNIX-CONNECT:$socket" ;;
    nc) client nc -U -N "$socket" ;;
    perl)
        client perl -MSocket -e '
            socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, pack_sockaddr_un($ARGV[0])) or die "connect: $!";
            local $/;
            defined(send($s, <STDIN>, 0)) or die "send: $!";
            shutdown($s, 1);
            print <$s>;' "$socket"
        ;;
    python)
        client python3 -c 'if True:
            import socket, sys
            s = socket.socket(socket.AF_UNIX)
            s.connect(sys.argv[1])
            s.sendall(sys.stdin.buffer.read())
            s.shutdown(socket.SHUT_WR)
            sys.stdout.buffer.write(s.makefile("rb").read())' "$socket"
        ;;
    esac
}

@test "socat, nc, perl and python get their text back" {
    local stage tool
    for stage in $(all_stages); do
        fresh_server "$stage"
        printf 'one\ntwo\n\nno newline at the end' >in
        for tool in socat nc perl python; do
            echo "stage $stage, $tool"
            echo_by "$tool" <in >"echo"
            cmp in "echo"
        done
        stop_server
        grep -qx '  clients      4 accepted, 0 refused, 4 closed' out
        [ ! -s err ]
    done
}

@test "socat and nc get a million random bytes back" {
    local stage tool
    for stage in $(all_stages); do
        fresh_server "$stage" -q
        for tool in socat nc; do
            echo "stage $stage, $tool"
            echo_by "$tool" <"$random" >"echo"
            cmp "$random" "echo"
        done
        stop_server
    done
}

@test "a client that says nothing, and one that leaves at once" {
    local stage
    for stage in $(all_stages); do
        echo "stage $stage"
        fresh_server "$stage"
        [ -z "$(echo_by socat </dev/null)" ]
        client nc -U -z "$socket"
        [ "$(echo still here | echo_by nc)" = "still here" ]
        stop_server
        grep -q 'clientfd:[0-9]* (x1), eof$' out
    done
}

@test "twenty at once get each its own echo" {
    local stage i pids p
    mkfifo gate
    for stage in $(all_stages); do
        echo "stage $stage"
        fresh_server "$stage"
        # All wait for the end of what comes through the gate: nothing.
        exec 9<>gate 8<gate
        pids=()
        for i in {1..20}; do
            { echo "this is $i" && head -c $((i * 5000)) "$random"; } >"in$i"
            { read -r _ <&8 || cat "in$i"; } 9>&- |
                echo_by socat >"echo$i" 8<&- 9>&- &
            pids+=($!)
        done
        case $stage in
        01-*) ;; # one by one
        *) wait_for_line '(x20)' out ;;
        esac
        exec 9>&- 8<&-
        for p in "${pids[@]}"; do
            wait "$p"
        done
        for i in {1..20}; do
            cmp "in$i" "echo$i"
        done
        stop_server
        grep -qx '  clients      20 accepted, 0 refused, 20 closed' out
    done
}

@test "clients queue for stage 01, and are served in turn" {
    local i pids=()
    all_stages | grep -qx 01-blocking || skip "STAGES leaves out 01-blocking"
    fresh_server 01-blocking
    # The first keeps the server to itself until the others wait.
    mkfifo hold
    echo_by socat <hold >echo1 &
    pids+=($!)
    exec 9>hold
    echo first >&9
    wait_for_line '(x1), 6 bytes' out
    for i in {2..6}; do
        echo "this is $i" | echo_by socat >"echo$i" 9>&- &
        pids+=($!)
    done
    # All five have connected, in the kernel's eyes; nobody is accepted.
    wait_until five_in_backlog
    [ "$(grep -c 'accept new' out)" = 1 ]
    exec 9>&-
    for i in "${pids[@]}"; do
        wait "$i"
    done
    [ "$(<echo1)" = first ]
    for i in {2..6}; do
        [ "$(<"echo$i")" = "this is $i" ]
    done
    stop_server
    # Each is closed before the next is accepted.
    sed -nE 's/.*(accept new|close) clientfd:[0-9]+ \((x[0-9])\)/\1 \2/p' out \
        >turns
    for i in {1..6}; do
        printf 'accept new x%d\nclose x%d\n' "$i" "$i"
    done | diff turns -
}

# /proc/net/unix has a line for each end of a connection: with its server's
# path, those that wait to be accepted, too.
five_in_backlog() {
    # The listening socket, the one that is served, and five.
    [ "$(grep -c " $socket\$" /proc/net/unix)" -ge 7 ]
}

wait_until() {
    local end=$((SECONDS + LIMIT))
    until "$@"; do
        [ $SECONDS -lt $end ] || {
            echo "not within $LIMIT s: $*"
            return 1
        }
        pause
    done
}

@test "from stage 02 on nobody waits for a client that is silent" {
    local stage silent
    for stage in $(all_stages | grep -v ^01); do
        echo "stage $stage"
        fresh_server "$stage"
        rm -f hold
        mkfifo hold
        echo_by socat <hold >echo1 &
        silent=$!
        exec 9>hold
        wait_for_line 'accept new clientfd:[0-9]* (x1)' out
        [ "$(echo hello | echo_by nc 9>&-)" = hello ]
        grep -q '(x2), eof$' out
        grep -q 'close .*(x1)' out && return 1
        echo late >&9
        exec 9>&-
        wait "$silent"
        [ "$(<echo1)" = late ]
        stop_server
    done
}

@test "--serve here and --connect there" {
    local stage next server client
    mapfile -t server < <(all_stages)
    client=("${server[@]:1}" "${server[0]}") # the next stage's clients
    for stage in "${!server[@]}"; do
        next=${client[stage]}
        echo "server ${server[stage]}, clients of $next"
        fresh_server "${server[stage]}"
        demo "$next" --connect -s "$socket" -c 3 -i 1 >clients 2>problems
        [ ! -s problems ]
        stop_server
        [ ! -s err ]
        grep -qx "summary of $next --connect" clients
        grep -qx '  messages     15 sent, 15 echoed' clients
        grep -qx '  clients      3 accepted, 0 refused, 3 closed' out
        grep -qx '  bytes        315 in, 315 out' out

        # Both sides call a client by the same name.
        [ "$(grep -c '^\[client [123]\] connect fd:' clients)" = 3 ]
        sed -nE 's/.*recv from .*\((c[0-9])\), .*client ([0-9])/\1 c\2/p' \
            out | sort | uniq -c | sed 's/^ *//' |
            diff - <(printf '5 c%d c%d\n' 1 1 2 2 3 3)
    done
}

@test "clients without a name are x1, x2, ... in the order they come" {
    local stage i
    for stage in $(all_stages); do
        fresh_server "$stage"
        for i in 1 2 3; do
            echo "I am $i" | echo_by nc >/dev/null
        done
        # c1 is c1, also among strangers.
        demo "$stage" --connect -s "$socket" -c 1 -m 1 >/dev/null
        echo "I am 4" | echo_by nc >/dev/null
        stop_server
        sed -nE 's/.*accept new clientfd:[0-9]+ \((.*)\)/\1/p' out |
            paste -sd' ' | diff - <(echo x1 x2 x3 c1 x4)
        for i in 1 2 3 4; do
            grep -q "recv from clientfd:[0-9]* (x$i), 7 bytes, msg:I am $i" out
        done
        case $stage in
        02-*) grep -q '^\[thread x2\] recv from clientfd:[0-9]* (x2)' out ;;
        esac
    done
}

@test "an abstract name serves as well as a path" {
    local stage name
    for stage in $(all_stages); do
        name=iomux-test-$BASHPID-$stage
        rm -f out
        background "$BUILD/$stage" --serve -q -s "@$name"
        wait_for_line "^ready: @$name\$" out
        [ "$(echo hello |
            client socat -t "$LIMIT" - "ABSTRACT-CONNECT:$name")" = hello ]
        demo "$stage" --connect -q -s "@$name" -i 0 >clients
        grep -q '15 sent, 15 echoed' clients
        stop_server
    done
}

# A server that echoes wrongly, in a way that its first argument names; it
# serves one client at the path that its second names.
write_wrong_server() {
    cat >"$BATS_FILE_TMPDIR/wrong.py" <<'END'
import socket, sys

how, path = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print("ready:", path, flush=True)
peer, _ = listener.accept()
if how == "hang up":
    sys.exit()
position = 0  # in the stream
while True:
    data = bytearray(peer.recv(65536))
    if not data:
        break
    start, position = position, position + len(data)
    at = 21 + 5 - start  # byte 5 of message 2
    if how == "silent" or how == "deaf" and start > 0:
        continue
    if 0 <= at < len(data):
        if how == "drop":
            del data[at]
        if how == "change":
            data[at] ^= 0x20
        if how == "stop short":
            peer.sendall(data[:at])
            sys.exit()
        if how == "reset":
            listener.close()
            peer.close()
            sys.exit()
    if how == "double" and start > 0:
        data += b"!"
    if how == "forget" and start > 0:
        sys.exit()
    peer.sendall(data)
if how == "postscript":
    peer.sendall(b"!")
if how in ("silent", "never close", "deaf"):
    listener.accept()  # for ever
END
}

# Start the wrong server.
start_wrong() {
    rm -f wrong.sock out
    background python3 "$BATS_FILE_TMPDIR/wrong.py" "$1" wrong.sock
    wait_for_line "^ready: " out
}

# finds HOW WORDS: against the server that does so, --connect ends with status
# 1 and a sentence that matches.
finds() {
    local status=0
    start_wrong "$1"
    demo "$program" --connect -s wrong.sock -c 1 -m 3 -i 0 \
        >clients 2>problems || status=$?
    printf 'server that does "%s": status %s, says: %s\n' "$1" "$status" \
        "$(<problems)"
    [ "$status" = 1 ] || return 1
    [ "$(wc -l <problems)" = 1 ] || return 1
    grep -qE "^$program: client 1: $2\$" problems || return 1
    wait_for_end "$pid"
}

@test "--connect finds what a wrong server does: client, message, byte" {
    program=$(all_stages | tail -n 1)
    # "hello 2 from client 1": byte 5 is the blank, 0x20; then comes the 2.
    finds drop 'byte 5 of message 2 came back as 0x32, sent was 0x20'
    finds change 'byte 5 of message 2 came back as 0x00, sent was 0x20'
    finds double 'more came back of message 2 than its 21 bytes'
    finds "stop short" \
        'of message 2, 21 bytes, only 5 came back before the server closed'
    finds forget \
        'of message 2, 21 bytes, only 0 came back before the server closed'
    finds postscript 'more came back than was sent'
    finds "hang up" '(send: EPIPE|recv: ECONNRESET|of message 1, 21 bytes, '\
'only 0 came back before the server closed).*'
    # The same in each stage: they share the client.
    for program in $(all_stages); do
        finds change 'byte 5 of message 2 came back as 0x00, sent was 0x20'
        grep -qx '  messages     2 sent, 1 echoed' clients
    done
}

@test "socat as a server that changes, adds, or drops bytes" {
    local how words status
    program=$(all_stages | tail -n 1)
    while IFS='#' read -r how words; do
        rm -f wrong.sock
        background socat "UNIX-LISTEN:wrong.sock" "SYSTEM:$how"
        wait_until test -S wrong.sock
        status=0
        demo "$program" --connect -s wrong.sock -c 1 -m 1 -z 22 \
            >clients 2>problems || status=$?
        echo "$how: status $status, $(<problems)"
        [ "$status" = 1 ]
        grep -q "client 1: $words" problems
        kill "$pid" 2>/dev/null || :
    done <<'END'
head -c 22 | tr h H#byte 0 of message 1 came back as 0x48, sent was 0x68
head -c 20#of message 1, 22 bytes, only 20 came back
sed -u s/hello/hullo/#byte 1 of message 1 came back as 0x75, sent was 0x65
sed -u 's/$/!/'#byte 21 of message 1 came back as 0x21, sent was 0x0a
head -c 22; echo#more came back
END
}

@test "Ctrl-C ends clients whom no server answers, with status 0" {
    local how stage server
    stage=$(all_stages | tail -n 1)
    for how in silent:send deaf:send "never close:shutdown"; do
        start_wrong "${how%:*}"
        server=$pid
        rm out
        background "$BUILD/$stage" --connect -s wrong.sock -c 1 -m 2 -i 0
        wait_for_line "^\[client 1\] ${how#*:}" out
        if [ "${how%:*}" = deaf ]; then
            wait_for_line 'send 21 bytes, msg:hello 2' out
        fi
        kill -INT "$pid"
        wait_for_end "$pid"
        [ ! -s err ]
        grep -q '^summary of .*--connect' out
        kill "$server"
        wait "$server" || :
    done
}

@test "Ctrl-C ends clients whom nobody accepts, with status 0" {
    local stage
    stage=$(all_stages | tail -n 1)
    # A backlog of 0 holds one connection; connect(2) of the others sleeps.
    background python3 -c 'if True:
        import signal, socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.bind(sys.argv[1])
        s.listen(0)
        print("ready:", flush=True)
        signal.pause()' deaf.sock
    wait_for_line '^ready:' out
    rm out
    background "$BUILD/$stage" --connect -s deaf.sock
    wait_for_line 'client 1. connect' out
    wait_for_line 'client 2. connect' out
    wait_for_line 'client 3. connect' out
    kill -INT "$pid"
    wait_for_end "$pid"
    [ ! -s err ]
    grep -qx '  messages     [01] sent, 0 echoed' out
}

@test "messages of any size come back whole" {
    local stage size
    for stage in $(all_stages); do
        for size in 1 4095 4096 4097 65537 1048576; do
            echo "stage $stage, $size bytes"
            demo "$stage" -q -c 2 -m 2 -i 0 -z "$size" >text
            grep -qx '  messages     4 sent, 4 echoed' text
            grep -qx "  bytes        $((4 * size)) in, $((4 * size)) out" text
        done
    done
}

@test "no messages at all" {
    local stage
    for stage in $(all_stages); do
        echo "stage $stage"
        demo "$stage" -m 0 >text
        grep -qx '  clients      3 accepted, 0 refused, 3 closed' text
        grep -qx '  messages     0 sent, 0 echoed' text
        grep -qx '  bytes        0 in, 0 out' text
        grep -q 'recv from .* bytes' text && return 1
        [ "$(grep -c 'recv from clientfd:[0-9]* (c[123]), eof' text)" = 3 ]
    done
}

@test "a hundred clients" {
    local stage
    for stage in $(all_stages); do
        echo "stage $stage"
        demo "$stage" -c 100 -m 3 -i 0 >text
        grep -qx '  clients      100 accepted, 0 refused, 100 closed' text
        grep -qx '  messages     300 sent, 300 echoed' text
        # Each by its own name, once.
        sed -nE 's/.*accept new .*\(c([0-9]+)\)/\1/p' text | sort -n |
            diff - <(seq 100)
    done
}

@test "--stagger lets each client start later than the one before" {
    local stage
    stage=$(all_stages | tail -n 1)
    demo "$stage" -q -j json -c 4 -m 1 --stagger 60 >text
    grep -qx '  messages     4 sent, 4 echoed' text
    # How much later is the machine's affair; but never earlier than this.
    jq -se '(map(select(.cat == "listen"))[0].ts) as $start |
        [range(1; 5)] as $numbers | . as $all | $numbers | all(. as $n |
            ($all | map(select(.cat == "connect" and
                .args.who == "client \($n)"))[0].ts) - $start >=
            ($n - 1) * 60000)' json
}

@test "--interval is a pause between messages, not before the first" {
    local stage
    stage=$(all_stages | tail -n 1)
    # An hour before the first would end in the limit.
    demo "$stage" -q -c 2 -m 1 -i 3600000 >text
    grep -qx '  messages     2 sent, 2 echoed' text
    demo "$stage" -q -j json -c 1 -m 3 -i 50 >text
    jq -se 'map(select(.cat == "send" and .args.who == "client 1") | .ts)
        | length == 3 and .[2] - .[0] >= 100000' json
}
