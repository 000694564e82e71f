#!/usr/bin/env bats
# http_clients.bats - stage 11 and clients that nobody here wrote: curl, ab,
# and a browser. Those that know only TCP use a port of 127.0.0.1 that the kernel
# chooses.
#
# REQUESTS=200000 scripts/test --extra http_clients   lets ab ask more.

load helpers

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir root
    echo hello >root/a.txt
    head -c 3000000 /dev/urandom >root/big.bin
    cat >root/index.html <<'END'
<!DOCTYPE html>
<link rel="stylesheet" href="style.css">
<title>waiting</title>
<p id="said">nothing yet</p>
<script src="script.js"></script>
END
    echo 'p { width: 1234px }' >root/style.css
    cat >root/script.js <<'END'
fetch('/a.txt').then(reply => reply.text()).then(text => {
    const said = document.getElementById('said');
    said.textContent = 'the server said ' + text.trim() +
        ' at ' + getComputedStyle(said).width;
});
END
    start_server 11-http -q --root root
    server=$pid
    url=http://localhost
}

fetch() {
    timeout "$LIMIT" curl -sS --unix-socket "$socket" "$@"
}

# Starts the server on a port instead, for clients that know only TCP. Sets $url.
use_port() {
    kill -TERM "$server"
    wait_for_end "$server"
    background "$BUILD/11-http" --serve -q --root root -s tcp:0
    server=$pid
    wait_for_line '^ready: ' out
    url=http://127.0.0.1:$(sed -n 's/^ready: tcp://p' out)
}

# It has lost nothing, and ends as it should.
expect_good_end() {
    pid=$server
    stop_server
    # Over TCP, the first line names the port, to which any user may connect.
    [ "$(sed '1{/any user of this machine may connect/d}' err)" = '' ]
}

@test "curl fetches files, whole, in parts, and only when they are new" {
    need_tool curl
    [ "$(fetch "$url/a.txt")" = hello ]
    fetch -o big "$url/big.bin"
    cmp big root/big.bin
    [ "$(fetch -r 1-3 "$url/a.txt")" = ell ]
    head -c 1000000 root/big.bin >part
    fetch -C - -o part "$url/big.bin" # goes on where it ended
    cmp part root/big.bin
    fetch -o new -z root/a.txt -w '%{http_code}' "$url/a.txt" >code
    [ "$(cat code)" = 304 ]
    [[ $(fetch -I "$url/a.txt") == *"HTTP/1.1 200 OK"*"Content-Length: 6"* ]]
    [[ $(fetch "$url/trace") == *"recv from clientfd:"*"GET /a.txt"* ]]
    expect_good_end
}

@test "curl is told what it may not do, and its connection stays good" {
    need_tool curl
    fetch -w '%{http_code} %{num_connects}\n' -o 1 "$url/none" \
        --next --unix-socket "$socket" -sS -X DELETE -o 2 \
        -w '%{http_code} %{num_connects}\n' "$url/a.txt" \
        --next --unix-socket "$socket" -sS -d 'a form' -o 3 \
        -w '%{http_code} %{num_connects}\n' "$url/a.txt" \
        --next --unix-socket "$socket" -sS -o 4 \
        -w '%{http_code} %{num_connects}\n' "$url/a.txt" >codes
    diff codes - <<'END'
404 1
405 0
405 0
200 0
END
    # A body that is too large, announced by Expect: 100-continue or not.
    [ "$(fetch -o 5 -w '%{http_code}' -T root/big.bin "$url/up")" = 413 ]
    [ "$(fetch -o 6 -w '%{http_code}' -H Expect: -T root/big.bin \
        "$url/up")" = 413 ]
    [ "$(fetch -o 7 -w '%{http_code}' -H 'Transfer-Encoding: chunked' \
        -d chunks "$url/up")" = 411 ]
    [ "$(fetch --path-as-is -o 8 -w '%{http_code}' \
        "$url/../../etc/passwd")" = 404 ]
    expect_good_end
}

@test "curl fetches 200 files in parallel" {
    need_tool curl
    fetch --parallel --parallel-max 50 -o 'got#1' "$url/a.txt?[1-200]"
    [ "$(cat got* | grep -c '^hello$')" -eq 200 ]
    expect_good_end
}

@test "ab has no error in ${REQUESTS:-50000} requests" {
    need_tool ab
    use_port
    timeout -k 1 $((20 * LIMIT)) ab -q -k -c 8 -n "${REQUESTS:-50000}" \
        "$url/a.txt" >ab.log 2>&1 || {
        cat ab.log
        false
    }
    grep -E '^(Complete|Failed|Keep-Alive|Non-2xx|Time)' ab.log
    grep -qx "Complete requests: *${REQUESTS:-50000}" ab.log
    grep -qx 'Failed requests: *0' ab.log
    grep -qx "Keep-Alive requests: *${REQUESTS:-50000}" ab.log
    if grep "Non-2xx" ab.log; then false; fi
    expect_good_end
}

@test "a browser shows a page with its style and script, and the trace" {
    local browser dom
    need_browser
    use_port
    look() {
        timeout -k 1 $((3 * LIMIT)) "$browser" --headless --no-sandbox \
            --disable-gpu --disable-quic --no-first-run --disable-sync \
            --disable-background-networking --disable-component-update \
            --disable-dev-shm-usage --user-data-dir="$PWD/browser" \
            --virtual-time-budget=10000 --dump-dom "$url$1" \
            2>browser.log 3>&- 4>&- || {
            tail -n 20 browser.log
            return 1
        }
    }
    dom=$(look /)
    echo "$dom"
    [[ $dom == *"the server said hello at 1234px"* ]]
    dom=$(look /trace)
    [[ $dom == *"<pre"*"recv from clientfd:"*"GET /trace HTTP"* ]]
    expect_good_end
}
