#!/usr/bin/env bats
# clients.bats - clients of other projects get their echo from each stage, and
# the clients of the course detect the errors of a server.

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
    mapfile -t stages < <(all_stages)
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names no echo server"
}

# Start the servers of these stages, and wait for all; a process more for each
# is less than for each client. STAGE.sock, STAGE.out and STAGE.err are theirs.
serve() {
    local stage
    servers=()
    for stage in "${serving[@]}"; do
        "$BUILD/$stage" --serve -s "$stage.sock" "$@" \
            >"$stage.out" 2>"$stage.err" 3>&- 4>&- &
        servers+=($!)
        echo $! >>pids
    done
    for stage in "${serving[@]}"; do
        wait_for_line '^ready: ' "$stage.out"
    done
}

# See all end with status 0, and without a word on standard error.
stop_servers() {
    local i
    kill -TERM "${servers[@]}"
    for i in "${!servers[@]}"; do
        echo "end of ${serving[i]}"
        wait_for_end "${servers[i]}"
        [ ! -s "${serving[i]}.err" ]
    done
}

# has FILE TEXT...: it has these lines.
has() {
    local text line
    IFS= read -r -d '' text <"$1" || :
    for line in "${@:2}"; do
        [[ $'\n'$text == *$'\n'"$line"$'\n'* ]] || {
            echo "no line '$line' in $1"
            return 1
        }
    done
}

# echo_by TOOL SOCKET: send standard input, half-close, print what comes back.
# Each tool has a limit of its own.
echo_by() {
    case $1 in
    socat) socat -T "$LIMIT" -t "$LIMIT" - "UNIX-CONNECT:$2" 3>&- 4>&- ;;
    nc) nc -w "$LIMIT" -U -N "$2" 3>&- 4>&- ;;
    esac
}

# perl and python talk to each of the sockets in turn, in one process.
perl_to() {
    perl -MSocket -we '
        alarm shift;
        my $text = shift;
        for my $path (@ARGV) {
            socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, pack_sockaddr_un($path)) or die "connect: $!";
            defined(send($s, $text, 0)) or die "send: $!";
            shutdown($s, 1);
            local $/;
            my $back = <$s> // "";
            $back eq $text or die "$path, perl: came back: $back\n";
        }' "$LIMIT" "$@" 3>&- 4>&-
}

python_to() {
    python3 -c 'if True:
        import socket, sys
        for path in sys.argv[3:]:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(float(sys.argv[1]))
            s.connect(path)
            s.sendall(sys.argv[2].encode())
            s.shutdown(socket.SHUT_WR)
            back = s.makefile("rb").read().decode()
            if back != sys.argv[2]:
                sys.exit(f"{path}, python: came back: {back}")
        ' "$LIMIT" "$@" 3>&- 4>&-
}

@test "socat, nc, perl and python get their text back" {
    local stage tool back text=$'one\ntwo\n\nno newline at the end'
    printf '%s' "$text" >in
    serving=("${stages[@]}")
    serve
    for stage in "${stages[@]}"; do
        for tool in socat nc; do
            echo "stage $stage, $tool"
            echo_by "$tool" "$stage.sock" <in >"echo"
            IFS= read -r -d '' back <"echo" || :
            [ "$back" = "$text" ]
        done
    done
    perl_to "$text" "${stages[@]/%/.sock}"
    python_to "$text" "${stages[@]/%/.sock}"
    stop_servers
    for stage in "${stages[@]}"; do
        has "$stage.out" '  clients      4 accepted, 0 refused, 4 closed'
    done
}

@test "socat and nc get a million random bytes back" {
    local stage tool
    serving=("${stages[@]}")
    serve -q
    for stage in "${stages[@]}"; do
        for tool in socat nc; do
            echo "stage $stage, $tool"
            echo_by "$tool" "$stage.sock" <"$random" | cmp "$random" -
        done
    done
    stop_servers
}

@test "a client that sends nothing, and one that closes at once" {
    local stage back
    echo still here >in
    serving=("${stages[@]}")
    serve
    for stage in "${stages[@]}"; do
        echo "stage $stage"
        echo_by socat "$stage.sock" </dev/null >"echo"
        [ ! -s "echo" ]
        nc -w "$LIMIT" -U -z "$stage.sock" 3>&- 4>&-
        echo_by nc "$stage.sock" <in >"echo"
        [ "$(<"echo")" = "still here" ]
    done
    stop_servers
    for stage in "${stages[@]}"; do
        [[ $(<"$stage.out") =~ clientfd:[0-9]*' (x1), eof' ]]
    done
}

@test "each of twenty concurrent clients gets its own echo" {
    local stage talkers
    serving=("${stages[@]}")
    serve
    mkfifo gate
    exec 9<>gate 8<gate
    # All twenty of each server wait for the end of what comes through the
    # gate: nothing. Then all send and receive at the same time.
    python3 - "$random" "${stages[@]/%/.sock}" \
        7<&8 8<&- 9>&- 3>&- 4>&- <<'END' &
import os, selectors, socket, sys
random = open(sys.argv[1], "rb").read()
everyone = selectors.DefaultSelector()
for path in sys.argv[2:]:
    for i in range(1, 21):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.setblocking(False)
        message = b"this is %d\n" % i + random[:i * 5000]
        everyone.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE,
                          [f"client {i} of {path}", message, 0, b""])
os.read(7, 1)
while everyone.get_map():
    for key, events in everyone.select():
        s, talk = key.fileobj, key.data
        name, message, sent, back = talk
        if events & selectors.EVENT_WRITE:
            talk[2] += s.send(message[sent:sent + 4096])
            if talk[2] == len(message):
                s.shutdown(socket.SHUT_WR)
                everyone.modify(s, selectors.EVENT_READ, talk)
        if events & selectors.EVENT_READ:
            more = s.recv(65536)
            talk[3] += more
            if not more:
                everyone.unregister(s)
                if back != message:
                    sys.exit(f"{name} got something else")
END
    talkers=$!
    echo "$talkers" >>pids
    exec 8<&-
    for stage in "${stages[@]}"; do
        # 01 takes one after the other.
        [[ $stage == 01-* ]] || wait_for_line '(x20)' "$stage.out"
    done
    exec 9>&-
    wait_for_end "$talkers"
    stop_servers
    for stage in "${stages[@]}"; do
        has "$stage.out" '  clients      20 accepted, 0 refused, 20 closed'
    done
}

@test "clients wait in the backlog of stage 01, and are served one after another" {
    local i clients=()
    [[ ${stages[0]} == 01-* ]] || skip "STAGES leaves out 01-blocking"
    serving=("${stages[0]}")
    serve
    mv "${stages[0]}.sock" sock
    # The first keeps the server to itself until the others wait.
    mkfifo hold
    echo_by socat sock <hold >echo1 &
    clients+=($!)
    exec 9>hold
    echo first >&9
    wait_for_line '(x1), 6 bytes' "${stages[0]}.out"
    for i in {2..6}; do
        echo "this is $i" >"in$i"
        echo_by socat sock <"in$i" >"echo$i" 9>&- &
        clients+=($!)
    done
    # All five have connected, in the kernel's eyes; nobody is accepted.
    wait_until five_in_backlog
    [ "$(grep -c 'accept new' "${stages[0]}.out")" = 1 ]
    exec 9>&-
    for i in "${clients[@]}"; do
        wait "$i"
    done
    [ "$(<echo1)" = first ]
    for i in {2..6}; do
        [ "$(<"echo$i")" = "this is $i" ]
    done
    stop_servers
    # Each is closed before the next is accepted.
    sed -nE 's/.*(accept new|close) clientfd:[0-9]+ \((x[0-9])\)/\1 \2/p' \
        "${stages[0]}.out" >turns
    for i in {1..6}; do
        printf 'accept new x%d\nclose x%d\n' "$i" "$i"
    done | diff turns -
}

# /proc/net/unix has a line for each end of a connection: with its server's
# path, those that wait to be accepted, too.
five_in_backlog() {
    # The listening socket, the one that is served, and five.
    [ "$(grep -c " 01-blocking.sock\$" /proc/net/unix)" -ge 7 ]
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

@test "from stage 02 on, an idle client does not delay the others" {
    local stage silent
    mapfile -t serving < <(printf '%s\n' "${stages[@]}" | grep -v ^01)
    [ ${#serving[@]} -gt 0 ] || skip "STAGES names none from 02 on"
    serve
    mkfifo hold
    echo hello >in
    for stage in "${serving[@]}"; do
        echo "stage $stage"
        echo_by socat "$stage.sock" <hold >echo1 &
        silent=$!
        exec 9>hold
        wait_for_line 'accept new clientfd:[0-9]* (x1)' "$stage.out"
        echo_by nc "$stage.sock" <in >echo2 9>&-
        [ "$(<echo2)" = hello ]
        [[ $(<"$stage.out") == *"(x2), eof"$'\n'* ]]
        [[ $(<"$stage.out") != *"close clientfd:"+([0-9])" (x1)"* ]]
        echo late >&9
        exec 9>&-
        wait "$silent"
        [ "$(<echo1)" = late ]
    done
    stop_servers
}

@test "--serve runs the server alone, and --connect the clients alone" {
    local i next
    serving=("${stages[@]}")
    serve
    for i in "${!stages[@]}"; do
        next=${stages[i + 1]:-${stages[0]}} # the next stage's clients
        echo "server ${stages[i]}, clients of $next"
        demo "$next" --connect -s "${stages[i]}.sock" -c 3 -i 1 \
            >"${stages[i]}.clients" 2>problems
        [ ! -s problems ]
        has "${stages[i]}.clients" "summary of $next --connect" \
            '  messages     15 sent, 15 echoed'
    done
    stop_servers
    for i in "${stages[@]}"; do
        has "$i.out" '  clients      3 accepted, 0 refused, 3 closed' \
            '  bytes        315 in, 315 out'
    done
    # Both sides call a client by the same name.
    [ "$(grep -hc '^\[client [123]\] connect fd:' \
        "${stages[@]/%/.clients}" | sort -u)" = 3 ]
    sed -nE 's/.*recv from .*\((c[0-9])\), .*client ([0-9])/\1 c\2/p' \
        "${stages[@]/%/.out}" | sort | uniq -c | sed 's/^ *//' |
        diff - <(printf "$((5 * ${#stages[@]})) c%d c%d\n" 1 1 2 2 3 3)
}

@test "external clients are x1, x2, ... in the order of arrival" {
    local stage i names
    serving=("${stages[@]}")
    serve
    for i in 1 2 3; do
        perl_to "I am $i"$'\n' "${stages[@]/%/.sock}"
    done
    # c1 is c1, also among strangers.
    for stage in "${stages[@]}"; do
        demo "$stage" --connect -s "$stage.sock" -c 1 -m 1 >/dev/null
    done
    perl_to $'I am 4\n' "${stages[@]/%/.sock}"
    stop_servers
    for stage in "${stages[@]}"; do
        echo "stage $stage"
        names=$(sed -nE 's/.*accept new clientfd:[0-9]+ \((.*)\)/\1/p' \
            "$stage.out")
        [ "${names//$'\n'/ }" = "x1 x2 x3 c1 x4" ]
        for i in 1 2 3 4; do
            [[ $(<"$stage.out") =~ 'recv from clientfd:'[0-9]*" (x$i), 7 "\
'bytes, msg:I am '$i ]]
        done
        [[ $stage != 02-* ]] ||
            grep -q '^\[thread x2\] recv from clientfd:[0-9]* (x2)' "$stage.out"
    done
}

# Names are handled in common/listener.c, so two stages are enough.
@test "an abstract name works like a path" {
    local stage name
    for stage in "${stages[0]}" "${stages[-1]}"; do
        name=iomux-test-$BASHPID-$stage
        rm -f out
        background "$BUILD/$stage" --serve -q -s "@$name"
        wait_for_line "^ready: @$name\$" out
        [ "$(echo hello | socat -T "$LIMIT" -t "$LIMIT" - \
            "ABSTRACT-CONNECT:$name" 3>&- 4>&-)" = hello ]
        demo "$stage" --connect -q -s "@$name" -i 0 >clients
        has clients '  messages     15 sent, 15 echoed'
        stop_server
    done
}

# A server that echoes wrongly, in the ways that its arguments name; each is
# the name of a socket, too.
write_wrong_server() {
    cat >"$BATS_FILE_TMPDIR/wrong.py" <<'END'
import socket, sys, threading

def serve(how, listener):
    while True:
        peer, _ = listener.accept()
        if how != "hang up":
            echo(how, peer)
        peer.close()

def echo(how, peer):
    position = 0  # in the stream
    while data := bytearray(peer.recv(65536)):
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
                return
        if how == "double" and start > 0:
            data += b"!"
        if how == "forget" and start > 0:
            return
        peer.sendall(data)
    if how == "postscript":
        peer.sendall(b"!")
    if how in ("silent", "never close", "deaf"):
        threading.Event().wait()  # for ever

for how in sys.argv[1:]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(how)
    listener.listen()
    threading.Thread(target=serve, args=[how, listener]).start()
print("ready:", flush=True)
END
}

# ends_by SIGNAL: the background program gets this signal and ends by it.
ends_by() {
    local status=0
    kill "-$1" "$pid"
    wait_for_end "$pid" || status=$?
    [ "$status" = $((128 + $(kill -l "$1"))) ]
}

# Starts the wrong server.
start_wrong() {
    background python3 "$BATS_FILE_TMPDIR/wrong.py" "$@"
    wait_for_line "^ready:" out
}

# finds HOW WORDS: against the server that does so, --connect ends with status
# 1 and a sentence that matches.
finds() {
    local status=0 problems
    demo "$program" --connect -s "$1" -c 1 -m 3 -i 0 \
        >clients 2>problems || status=$?
    IFS= read -r -d '' problems <problems || :
    printf 'server that does "%s": status %s, says: %s\n' "$1" "$status" \
        "$problems"
    [ "$status" = 1 ] || return 1
    [[ $problems =~ ^"$program: client 1: "$2$'\n'$ ]] || return 1
    [[ ${problems%$'\n'} != *$'\n'* ]] || return 1
}

@test "--connect reports client, message and byte of a wrong echo" {
    program=${stages[-1]}
    start_wrong drop change double "stop short" forget postscript "hang up"
    # "hello 2 from client 1": byte 5 is the blank, 0x20; then comes the 2.
    finds drop 'byte 5 of message 2 came back as 0x32 instead of 0x20'
    finds change 'byte 5 of message 2 came back as 0x00 instead of 0x20'
    finds double 'the echo of message 2 is longer than its 21 bytes'
    finds "stop short" \
        'only 5 bytes of message 2, which has 21, came back before the server closed'
    finds forget \
        'only 0 bytes of message 2, which has 21, came back before the server closed'
    finds postscript 'expected end of file, but the result was 1 bytes: !'
    finds "hang up" '(send: EPIPE|recv: ECONNRESET|only 0 bytes of message 1, '\
'which has 21, came back before the server closed).*'
    # The same in another stage: they share the client.
    program=${stages[0]}
    finds change 'byte 5 of message 2 came back as 0x00 instead of 0x20'
    has clients '  messages     2 sent, 1 echoed'
}

@test "--connect detects that socat changes, adds or drops bytes" {
    local how words status
    program=${stages[-1]}
    while IFS='#' read -r how words; do
        rm -f wrong.sock
        background socat "UNIX-LISTEN:wrong.sock" "SYSTEM:$how"
        wait_until test -S wrong.sock
        status=0
        demo "$program" --connect -s wrong.sock -c 1 -m 1 -z 22 \
            >clients 2>problems || status=$?
        echo "$how: status $status, $(<problems)"
        [ "$status" = 1 ]
        grep -qE "client 1: $words" problems
        kill "$pid" 2>/dev/null || :
    done <<'END'
head -c 22 | tr h H#byte 0 of message 1 came back as 0x48 instead of 0x68
head -c 20#only 20 bytes of message 1, which has 22, came back
sed -u s/hello/hullo/#byte 1 of message 1 came back as 0x75 instead of 0x65
sed -u 's/$/!/'#byte 21 of message 1 came back as 0x21 instead of 0x0a
head -c 22; echo#(the echo of message 1 is longer than its 22 bytes|expected end of file, but the result was 1 bytes)
END
}

@test "Ctrl-C ends clients whose server does not answer" {
    local how
    start_wrong silent deaf "never close"
    for how in silent:send deaf:send "never close:shutdown"; do
        background "$BUILD/${stages[-1]}" --connect -s "${how%:*}" -c 1 -m 2 \
            -i 0
        wait_for_line "^\[client 1\] ${how#*:}" out
        if [ "${how%:*}" = deaf ]; then
            wait_for_line 'send 21 bytes, msg:hello 2' out
        fi
        ends_by INT
        [ ! -s err ]
    done
}

@test "Ctrl-C ends clients that no server accepts" {
    local stage=${stages[-1]}
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
    ends_by INT
    [ ! -s err ]
}

# run_all OPTION...: run each stage, all under one limit, into STAGE.text.
run_all() {
    # shellcheck disable=SC2016 # for the shell that has the limit
    BUILD=$BUILD timeout -k 1 $((${#stages[@]} * LIMIT)) bash -c '
        for stage in $0; do
            echo "stage $stage, $*"
            "$BUILD/$stage" "$@" >"$stage.text" || exit
        done' "${stages[*]}" "$@" 3>&- 4>&-
}

@test "messages of any size are echoed completely" {
    local stage size
    for size in 1 4095 4096 4097 65537 1048576; do
        run_all -q -c 2 -m 2 -i 0 -z "$size"
        for stage in "${stages[@]}"; do
            has "$stage.text" '  messages     4 sent, 4 echoed' \
                "  bytes        $((4 * size)) in, $((4 * size)) out"
        done
    done
}

@test "a run without messages" {
    local stage
    run_all -m 0
    for stage in "${stages[@]}"; do
        has "$stage.text" '  clients      3 accepted, 0 refused, 3 closed' \
            '  messages     0 sent, 0 echoed' '  bytes        0 in, 0 out'
        [[ ! $(<"$stage.text") =~ 'recv from '[^$'\n']*' bytes' ]]
        [ "$(grep -c 'recv from clientfd:[0-9]* (c[123]), eof' \
            "$stage.text")" = 3 ]
    done
}

@test "a hundred clients are served" {
    local stage
    run_all -c 100 -m 3 -i 0
    for stage in "${stages[@]}"; do
        has "$stage.text" '  messages     300 sent, 300 echoed' \
            '  clients      100 accepted, 0 refused, 100 closed'
    done
    # Each by its own name, once in each stage.
    sed -nE 's/.*accept new .*\(c([0-9]+)\)/\1/p' "${stages[@]/%/.text}" |
        sort -n | uniq -c | awk -v stages=${#stages[@]} '
            $1 != stages || $2 != NR { exit bad = 1 }
            END { exit bad || NR != 100 }'
    # One trace is enough to be checked for its laws, as long as it is.
    mv "${stages[-1]}.text" text && rm -f ./*.text
}

@test "with --stagger each client starts later than the one before" {
    local stage=${stages[-1]}
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
    local stage=${stages[-1]}
    # An hour before the first would end in the limit.
    demo "$stage" -q -c 2 -m 1 -i 3600000 >text
    grep -qx '  messages     2 sent, 2 echoed' text
    demo "$stage" -q -j json -c 1 -m 3 -i 50 >text
    jq -se 'map(select(.cat == "send" and .args.who == "client 1") | .ts)
        | length == 3 and .[2] - .[0] >= 100000' json
}
