#!/usr/bin/env bats
#
# tcp.bats - the stages over TCP: addresses, names, buffers, and a port in use.
# All of this is in common/, so some tests need two stages only.

load helpers

setup() {
    mapfile -t stages < <(all_stages)
    [ ${#stages[@]} -gt 0 ] || skip "STAGES names no echo server"
    cd "$BATS_TEST_TMPDIR" || return 1
}

# Skips the test where ::1 is missing, as in some containers.
need_ipv6() {
    python3 -IBc 'import socket; socket.create_server(
        ("::1", 0), family=socket.AF_INET6)' 2>why ||
        skip "there is no ::1 here: $(tail -n 1 why)"
}

# serve_tcp STAGE ADDRESS OPTION...: starts a server. Sets $address to the
# address that it prints, and $port.
serve_tcp() {
    background "$BUILD/$1" --serve -s "$2" "${@:3}"
    wait_for_line '^ready: tcp:' out
    address=$(sed -n 's/^ready: //p' out)
    port=${address##*:}
}

# The names of clients in lines "accept new", sorted.
accepted() {
    sed -nE 's/.*accept new clientfd:[0-9]+ \((.*)\)/\1/p' "$1" | sort | xargs
}

@test "in every stage, the clients of one program have their names over TCP" {
    local stage address
    for address in tcp:0 tcp:127.0.0.1:0; do
        for stage in "${stages[@]}"; do
            echo "$stage $address"
            demo "$stage" -s "$address" -c 3 -m 2 -i 0 >trace 2>errors
            [ "$(accepted trace)" = "c1 c2 c3" ]
            grep -q '  messages     6 sent, 6 echoed' trace
            [ "$(wc -l <errors)" -eq 1 ]
            rm trace
        done
    done
}

# A new network namespace has no addresses.
@test "where ::1 is missing, the message proposes tcp:PORT" {
    unshare --net true 2>why || skip "no namespace: $(<why)"
    run timeout -k 1 "$LIMIT" unshare --net \
        "$BUILD/${stages[0]}" --serve -s 'tcp:[::1]:0'
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"bind: EADDRNOTAVAIL"*"no ::1, so use tcp:PORT" ||
        $output == *"socket: EAFNOSUPPORT"*"no ::1, so use tcp:PORT" ]]
}

@test "over ::1 the clients of one program have their names, too" {
    local stage
    need_ipv6
    for stage in "${stages[@]}"; do
        echo "$stage"
        demo "$stage" -s 'tcp:[::1]:0' -c 3 -m 2 -i 0 >trace 2>errors
        [ "$(accepted trace)" = "c1 c2 c3" ]
        grep -q 'connect to tcp:\[::1\]:[1-9][0-9]*, because it has no perm' errors
    done
}

@test "a TCP server prints its port, and says who may connect" {
    serve_tcp "${stages[-1]}" tcp:0
    [[ $address =~ ^tcp:[1-9][0-9]*$ ]]
    [ "$(<err)" = "${stages[-1]}: any user of this machine may connect to \
$address, because it has no permissions" ]
    [ "$(printf 'hello\n' | socat -T "$LIMIT" -t "$LIMIT" - \
        "TCP:127.0.0.1:$port" 3>&- 4>&-)" = hello ]
    stop_server
    [ "$(wc -l <err)" -eq 1 ]
}

@test "an abstract name has no permissions either, and a path has" {
    demo "${stages[0]}" -q -m 1 -s "@iomux-test-$BASHPID" 2>err
    grep -q "any user of this machine may connect to @iomux-test-" err
    demo "${stages[0]}" -q -m 1 -s echo 2>err
    [ ! -s err ]
}

@test "clients of another program have their names, and strangers are x1, ..." {
    local stage
    for stage in "${stages[0]}" "${stages[-1]}"; do
        serve_tcp "$stage" tcp:0
        for _ in 1 2; do
            demo "${stages[0]}" --connect -s "$address" -c 3 -m 2 -i 0 \
                >clients 2>problems
            grep -q '  messages     6 sent, 6 echoed' clients
            [ ! -s problems ]
        done
        printf 'x' | socat -T "$LIMIT" -t "$LIMIT" - \
            "TCP:127.0.0.1:$port" >/dev/null 3>&- 4>&-
        stop_server
        [ "$(accepted out)" = "c1 c1 c2 c2 c3 c3 x1" ]
    done
}

@test "a program that takes a client's address is a stranger to the others" {
    local program
    # It has 127.1.0.2, as client 2, and connects before client 2 does.
    program='import re, socket, sys
for line in sys.stdin:
    if match := re.search("connect to tcp:([0-9]+)", line):
        with socket.socket() as stranger:
            stranger.bind(("127.1.0.2", 0))
            stranger.connect(("127.0.0.1", int(match[1])))
            stranger.recv(1)
        break'
    timeout -k 1 "$LIMIT" "$BUILD/${stages[-1]}" -s tcp:0 --stagger 300 -m 1 \
        2>&1 >trace 3>&- 4>&- | python3 -IBc "$program" 3>&- 4>&-
    [ "$(accepted trace)" = "c1 c2 c3 x1" ]
    grep -q 'recv from clientfd:.* (c2), .*msg:hello 1 from client 2$' trace
}

@test "a stage's socket sends without delay, and in lock-step has fixed buffers" {
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    local nodelay buffers
    nodelay='TCP_NODELAY, \[1\]'
    buffers='SO_(SND|RCV)BUF, \[106496\]'
    timeout -k 1 "$LIMIT" strace -f -e trace=setsockopt -o log \
        "$BUILD/${stages[-1]}" -q -s tcp:0 -c 2 -m 1 3>&- 4>&-
    [ "$(grep -cE "$nodelay" log)" -eq 3 ]
    ! grep -qE "$buffers" log || return 1
    timeout -k 1 "$LIMIT" strace -f -e trace=setsockopt -o log \
        "$BUILD/${stages[-1]}" -q -s tcp:0 \
        -S "$TOP/demos/scenarios/one.scn" 3>&- 4>&-
    [ "$(grep -cE "$nodelay" log)" -eq 2 ]
    [ "$(grep -cE "$buffers" log)" -eq 4 ]
}

@test "a connect that must not block ends at once, or is in progress" {
    local stage
    printf '%s\n' 'c1 connect-nonblocking' 'c1 send "a"' 'c1 expect "a"' >x.scn
    for stage in "${stages[@]}"; do
        demo "$stage" -q -s tcp:0 -S x.scn
    done
    write_full_backlog EINPROGRESS x.scn
    demo "${stages[-1]}" -q -s tcp:0 -S x.scn
}

@test "a port in use is refused, and the first server notices nothing" {
    serve_tcp "${stages[-1]}" tcp:0
    local before status=0
    before=$(<out)
    demo "${stages[0]}" --serve -s "$address" >second 2>errors || status=$?
    [ "$status" -eq 1 ]
    [ "$(<errors)" = "${stages[0]}: a server is already running on $address: \
stop it, or choose another port" ]
    [ ! -s second ]
    [ "$(<out)" = "$before" ]
    stop_server
}

@test "a server that was killed starts again on its port at once" {
    local i
    serve_tcp "${stages[-1]}" tcp:0
    for i in 1 2 3; do
        # The server's end closes first, so it keeps the port for a while.
        exec 9<>"/dev/tcp/127.0.0.1/$port"
        printf 'x' >&9
        read -r -t "$LIMIT" -n 1 <&9
        kill -KILL "$pid"
        reap "$pid" || [ $? -eq 137 ]
        serve_tcp "${stages[-1]}" "$address" 9>&-
        exec 9>&-
    done
    stop_server
}

# bind_fails COUNTS ARGUMENT...: runs a server whose calls of bind fail. Sets
# $status.
bind_fails() {
    status=0
    ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" strace -o log \
        -e trace=bind,listen -e "inject=bind:error=EADDRINUSE:when=$1" \
        "$BUILD/$program" "${@:2}" >out 2>err 3>&- 4>&- || status=$?
}

@test "bind tries again for a moment, because a killed server may still end" {
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    local status program=${stages[-1]} address calls
    printf '%s\n' 'c1 connect' 'c1 close' >x.scn
    for address in tcp:0 "@iomux-again-$BASHPID"; do
        bind_fails 1..3 -S x.scn -s "$address"
        cat err
        [ "$status" -eq 0 ]
        calls=$(grep -c '^[0-9 ]*bind(.*EADDRINUSE' log)
        [ "$calls" -eq 3 ]
        grep -q '^[0-9 ]*listen(.*= 0' log
        bind_fails 1+ --serve -s "$address"
        [ "$status" -eq 1 ]
        grep -q "already running on $address" err
        ! grep -q '^listen' log || return 1
        # A hundred milliseconds, five at a time.
        [ "$(grep -c '^bind(' log)" -eq 21 ]
    done
}
