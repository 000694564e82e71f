#!/usr/bin/env bats
# check_trace.bats - scripts/check-trace accepts what the stages really trace,
# and rejects a trace that somebody has doctored, by the name of the law.

# shellcheck disable=SC2154 # pid, socket, status, output: from Bats, helpers

load helpers

export BREAKS_LAWS=1 # on purpose, in doctored traces

# A trace to doctor: text and JSON.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    demo 06-epoll-lt -S "$TOP/demos/scenarios/one.scn" -j one.json >one.text
    check --help >help
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    own=$BATS_TEST_TMPDIR
    doctored=0 tool=(sed -E) whole=one.text # for doctor
}

# -S: the standard library alone, which starts in half the time.
check() {
    timeout -k 1 "$LIMIT" python3 -S "$TOP/scripts/check-trace" "$@"
}

# All these traces are good; one call says so.
accepts() {
    run check "$@"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'events, .* clients: all laws hold$' <<<"$output")" = \
        "${#lines[@]}" ]
}

# run_all OPTION...: run each stage, all under one limit, and leave traces of
# both kinds.
run_all() {
    local -a stages
    mapfile -t stages < <(all_stages)
    # shellcheck disable=SC2016 # for the shell that has the limit
    BUILD=$BUILD own=$own timeout -k 1 $((${#stages[@]} * LIMIT)) bash -c '
        for stage in $0; do
            echo "stage $stage, $*"
            "$BUILD/$stage" "$@" -j "$own/$stage.json" >"$own/$stage.text" ||
                exit
        done' "${stages[*]}" "$@" 3>&- 4>&-
}

scenario_holds() {
    local scenario=$TOP/demos/scenarios/$1.scn
    run_all -S "$scenario"
    accepts "$own"/*.text "$own"/*.json --scenario "$scenario"
}

free_runs_hold() {
    run_all "$@"
    accepts "$own"/*.text "$own"/*.json
}

# Clients that are still there when the end comes, one for each of the sockets.
stay_connected() {
    # shellcheck disable=SC2016 # $names are perl's
    background perl -MSocket -we '
        my @clients;
        for my $path (@ARGV) {
            socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, pack_sockaddr_un($path)) or die "connect: $!";
            send($s, "hello\n", 0);
            push @clients, $s;
        }
        sleep;' "$@"
}

# A server with few descriptors.
serve_with_few() {
    ulimit -Sn 20
    exec "$BUILD/$1" --serve -s "$own/$1.sock" -j "$own/$1.json"
}

@test "a broken law in a JSON trace names the source line that printed it" {
    local line
    sed '/"cat":"accept"/d' one.json >"$own/no-accept.json"
    run check "$own/no-accept.json"
    echo "$output"
    [ "$status" -eq 1 ]
    line=$(grep -n trace_ctl "$TOP/demos/06-epoll-lt.c" | cut -d : -f 1)
    [[ ${lines[-1]} == "printed by demos/06-epoll-lt.c:$line: trace_ctl("* ]]
    # A trace of text does not have it, nor does a line of no source.
    sed '/accept new/d' one.text >"$own/no-accept.text"
    run check "$own/no-accept.text"
    [ "$status" -eq 1 ]
    [[ $output != *"printed by"* ]]
    sed 's/"src":"[^"]*"/"src":"..\/..\/etc\/passwd:1"/' \
        "$own/no-accept.json" >"$own/elsewhere.json"
    run check "$own/elsewhere.json"
    [ "$status" -eq 1 ]
    [[ $output != *"printed by"* ]]
}

@test "the trace of each stage in a scenario obeys all laws" {
    local scenario
    for scenario in abort out-of-band slow-reader two-messages; do
        scenario_holds "$scenario"
    done
}

@test "the trace of each stage in a free run obeys all laws" {
    free_runs_hold -c 3 -m 5 -i 1
    free_runs_hold -c 20 -m 2 -i 0
    free_runs_hold -c 4 -m 2 -i 0 -z 100000
}

@test "a run without free descriptors obeys all laws" {
    local stage
    local -a stages servers=()
    mapfile -t stages < <(all_stages)
    for stage in "${stages[@]}"; do
        serve_with_few "$stage" >"$own/$stage.out" 3>&- 4>&- &
        servers+=($!)
        echo $! >>"$own/pids"
    done
    for stage in "${stages[@]}"; do
        wait_for_line "^ready: " "$own/$stage.out"
        # The clients that are refused at once fail, and so does this.
        demo 06-epoll-lt --connect -s "$own/$stage.sock" -c 30 -m 2 -i 1 \
            >"$own/$stage.clients" || [ $? -eq 1 ]
    done
    (cd "$own" && stay_connected "${stages[@]/%/.sock}")
    for stage in "${stages[@]}"; do
        wait_for_line 'recv from .*msg:hello.n$' "$own/$stage.out"
    done
    kill -INT "${servers[@]}"
    for pid in "${servers[@]}"; do
        wait_for_end "$pid"
    done
    accepts "$own"/*.{out,json,clients}
}

# Clients that are still sending when Ctrl-C comes.
interrupt() {
    background "$BUILD/$1" -c 4 -m 1000000 -i 0 -j "$own/$1.json"
    wait_for_line "msg:hello 3 from client " "$own/out"
    kill -INT "$pid"
    local status=0
    wait_for_end "$pid" || status=$?
    [ "$status" = 130 ] || return 1
    mv "$own/out" "$own/$1.text"
}

@test "a run that Ctrl-C ends obeys all laws" {
    each_stage interrupt
    accepts "$own"/*.{text,json}
}

@test "a run in which stage 04 refuses clients obeys all laws" {
    if [ "$(ulimit -Hn)" -lt 2200 ]; then
        skip "no more than $(ulimit -Hn) descriptors are allowed here"
    fi
    ulimit -Sn 2200
    start_server 04-select -j "$own/t.json"
    local server=$pid
    mv "$own/out" "$own/t.text" # the next in the background has one, too
    # All stay, so the last ones have numbers that are too high for select.
    mapfile -t < <(yes "$socket" | head -n 1040)
    stay_connected "${MAPFILE[@]}"
    wait_for_line 'refuse clientfd:1024 (x1040)' "$own/t.text"
    kill -INT "$server"
    wait_for_end "$server"
    grep -q '^  clients .*, [1-9][0-9]* refused,' "$own/t.text"
    accepts "$own"/t.{text,json}
}

@test "a close by a timer obeys the laws and the scenario" {
    local scenario=$TOP/demos/scenarios/idle-timeout.scn
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    demo 10-reactor -S "$scenario" --idle-timeout 1000 -j "$own/t.json" \
        >"$own/t.text"
    accepts "$own"/t.{text,json} --scenario "$scenario"
    # A timer is the server's.
    sed '/^\[server\]   timer/s/server\]  /client 1]/' "$own/t.text" >"$own/bad"
    run check "$own/bad"
    [[ $output == *"broken law 'speaker'"* ]]
    # An eventfd was registered. Without that, the descriptor is not known.
    sed '0,/ADD fd:5 /{//d}; 0,/ fd:3 IN$/s// fd:5 IN/' "$own/t.text" \
        >"$own/bad"
    run check "$own/bad"
    [[ $output == *"broken law 'descriptor'"* ]]
}

# A server of two listening sockets, with a timer of its own.
more_descriptors() {
    local line
    while IFS= read -r line; do
        printf '[server] %s\n' "$line"
    done <<'END'
  listen fd:3
  listen fd:4
  epoll_ctl ADD fd:3 events:IN
  epoll_ctl ADD fd:4 events:IN
  epoll_ctl ADD fd:5 events:IN
  epoll_wait...
  epoll_wait done, num:3
    fd:5 IN
    fd:3 IN
    fd:4 IN
  =====> accept new clientfd:6 (x1)
  =====> accept new clientfd:7 (x2)
  timer
  epoll_ctl ADD fd:5 events:IN
  epoll_wait...
END
}

@test "a server may have two listening sockets, and timers of its own" {
    more_descriptors | tee "$own/more"
    accepts "$own/more"
    # But it accepts from both.
    sed '/(x2)/d' "$own/more" >"$own/bad"
    run check "$own/bad"
    echo "$output"
    [[ $output == *"broken law 'handled'"*"fd:4 IN"* ]]
    # And a listening socket is not registered twice.
    sed '/timer/,$s/ADD fd:5/ADD fd:4/' "$own/more" >"$own/bad"
    run check "$own/bad"
    [[ $output == *"broken law 'asked'"* ]]
}

@test "it prints how many events and clients a trace has" {
    run check one.text
    [ "$output" = "one.text: 28 events, 1 clients: all laws hold" ]
    run check - <one.json
    [ "$output" = "-: 28 events, 1 clients: all laws hold" ]
}

@test "a trace that ends early obeys the laws up to its end" {
    local n
    for n in 1 7 14 20 27; do
        head -n "$n" one.text >"$own/cut-$n"
    done
    accepts "$own"/cut-*
    [ "${#lines[@]}" -eq 5 ]
}

# A doctored trace that breaks a law: doctor LAW SCRIPT. One that the script
# leaves as it was breaks none, and is told by all_rejected.
doctor() {
    local file=$own/doctored-$((doctored++))
    "${tool[@]}" "$2" "$whole" >"$file"
    printf '%s: broken law %s\t%s\n' "$file" "'$1'" "$2" >>"$own/laws"
}

# One call rejects them all, and the law of each is the one foretold.
all_rejected() {
    local -a files
    mapfile -t files < <(sed 's/: .*//' "$own/laws")
    run check "${files[@]}"
    [ "$status" -eq 1 ]
    grep -E ': broken law |: all laws hold$' <<<"$output" >"$own/verdicts"
    paste <(sed "s/': .*/'/" "$own/verdicts") <(cut -f 2 "$own/laws") |
        diff "$own/laws" -
    # ... each with its line.
    [ "$(grep -c '^>' <<<"$output")" = "${#files[@]}" ]
}

# These traces are not of the scenario: no_scenario SCENARIO FILE...
no_scenario() {
    run check "${@:2}" -s "$TOP/demos/scenarios/$1.scn"
    echo "$output"
    [ "$status" -eq 1 ]
    [ "$(grep -c ": broken law 'scenario': " <<<"$output")" = $(($# - 1)) ]
    [ "$(grep -c '^>' <<<"$output")" = $(($# - 1)) ]
}

@test "a changed trace breaks each law, and the law is named" {
    # A line that is changed, dropped, forged, doubled, swapped.
    doctor grammar '/recv eof/s/eof/end/'
    doctor grammar $'3s/$/\033[31m/'
    doctor grammar 's/^(\[server\])   accept EA/\1 accept EA/'
    doctor grammar 's/^summary of/a summary of/'
    doctor speaker '/shutdown/a [client 1] close clientfd:5 (c1)'
    doctor speaker '/shutdown/a [client 1] epoll_wait...'
    doctor speaker '/stop/s/^\[demo\]  /[server]/'
    doctor 'accepted first' '/=====>/d'
    doctor 'accepted first' '/=====>/{h;d};/ADD fd:5/{p;x}'
    doctor gone '/close client/p' # a double close
    doctor gone '/close client/a [server]   send to clientfd:5 (c1), 1 bytes'
    doctor descriptor '/recv from .*hello/s/fd:5/fd:6/'
    doctor descriptor '/=====>/p'
    doctor descriptor '/=====>/a [server]   =====> accept new clientfd:5 (x1)'
    doctor descriptor '/ fd:3 IN$/s/3/4/'
    doctor wait '0,/epoll_wait done/{//d}'
    doctor wait '0,/epoll_wait\.\.\./{//d}'
    doctor wait '0,/epoll_wait\.\.\./{//p}'
    doctor wait '/stop/,/^$/{/server/d}'
    doctor ready '/ fd:5 .* IN$/d'
    doctor ready '/ fd:5 .* IN$/p'
    doctor ready '0,/num:1/s//num:2/'
    doctor handled '/(recv from|send to).* 5 bytes/d'
    doctor 'one at a time' \
        '/ fd:5 .* IN$/a [worker 1] recv from clientfd:5 (c1), EAGAIN'
    doctor asked '/ fd:5 .* IN$/s/IN/IN|OUT/'
    doctor asked '/ADD fd:5/d'
    doctor asked '/ADD fd:5/s/ADD/MOD/'
    doctor asked '/ADD fd:5/p'
    doctor echo '/send to/s/5 bytes/6 bytes/'
    doctor echo '/recv from .*hello/{h;d};/send to/{p;x}'
    doctor 'all echoed' '/send to/d'
    doctor 'all echoed' '/send to/s/, 5/, 4/'
    doctor ended '/from .* eof/a [server]   recv from clientfd:5 (c1), EAGAIN'
    doctor closed '/close client/d'
    doctor client '/connect fd/d'
    doctor client '/connect fd/p'
    doctor client '/shutdown/a [client 1] send 1 bytes, msg:x'
    doctor client '/1\] recv eof/a [client 1] recv 5 bytes, msg:hello'
    doctor client '/close fd:/s/101/102/'
    doctor 'sent first' '/recv from .*hello/s/hello/hellO/'
    doctor 'sent first' '/recv from .*hello/s/5 bytes.*/6 bytes, msg:hello!/'
    doctor 'sent first' '/1\] send 5/s/5/4/'
    doctor 'sent first' '/1\] send 5/{h;d};/recv from .*hello/{p;x}'
    doctor 'own bytes' '/1\] recv 5/s/hello/jello/'
    doctor 'own bytes' '/1\] recv 5/p'
    doctor 'all back' '/1\] recv 5/d'
    doctor 'all back' '/1\] recv 5/s/5 bytes.*/4 bytes, msg:hell/'
    doctor stop '/stop/p'
    # Every number of the summary.
    doctor summary 's/1 accepted/2 accepted/'
    doctor summary 's/0 refused/1 refused/'
    doctor summary 's/1 closed/2 closed/'
    doctor summary 's/1 sent/2 sent/'
    doctor summary 's/5 in/6 in/'
    doctor summary 's/5 out/4 out/'
    doctor summary 's/epoll_wait 4/epoll_wait 5/'
    doctor summary 's/accept 2,/accept 1,/'
    doctor summary 's/recv 2,/recv 3,/'
    doctor summary 's/send 1,/send 2,/'
    doctor summary 's/close 1,/close 0,/'
    doctor summary 's/epoll_ctl 2/epoll_ctl 3/'
    doctor summary 's/1 of these/2 of these/'
    doctor summary 's/12\.0 calls/12.1 calls/'
    doctor summary '/^  bytes/d'

    # Requests in flight. This trace is golden, so it needs no io_uring.
    whole=$TOP/tests/golden/one/12-io-uring.txt
    doctor requested '/submit send/d'
    doctor requested '/submit recv/{p}'
    doctor requested '0,/recv from/{/recv from/p}'
    doctor requested '/submit send/a [server]   close clientfd:5 (c1)'
    doctor results '0,/num:1/s//num:2/'
    doctor results '/submit recv/a [server]   recv from clientfd:5 (c1), eof'

    all_rejected

    # Only the scenario tells what else is missing, or too much.
    sed '/shutdown/d' one.text >"$own/less"
    sed '/stop/i [player]   note hold' one.text >"$own/more"
    no_scenario one "$own"/{less,more}
    no_scenario split one.text

    # No law was forgotten. tests/extra/states.bats breaks "waiting", which needs JSON.
    sed -nE '/^The laws:/,/^$/s/^  (.{15}) .*/\1/p' help |
        sed 's/ *$//' | sort >"$own/all"
    [ "$(wc -l <"$own/all")" -ge 20 ]
    diff <({ printf '%s\n' scenario waiting && cut -d "'" -f 2 "$own/laws"; } | sort -u) \
        "$own/all"
}

@test "--laws prints the laws that --help lists, and needs no trace" {
    run check --laws
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -ge 20 ]
    [ "$output" = "$(sed -n '/^The laws:/,/^$/s/^  //p' help)" ]
}

@test "lines that end with CR LF are accepted, in text and JSON" {
    sed 's/$/\r/' one.text >"$own/text"
    sed 's/$/\r/' one.json >"$own/json"
    accepts "$own"/{text,json} -s "$TOP/demos/scenarios/one.scn"
    # One CR more is not of the grammar.
    sed '3s/$/\r/' "$own/text" >"$own/bad"
    run check "$own/bad"
    [ "$status" -eq 1 ]
    [[ $output == *"broken law 'grammar'"* ]]
}

@test "a summary in JSON without a key, or with a text, breaks a law" {
    local key value
    tool=(jq -c) whole=one.json
    for key in program accepted refused closed bytes_in bytes_out accept recv \
        send close again; do
        doctor summary "if .cat == \"summary\" then del(.args.$key) else . end"
    done
    for value in '"1"' null -1 1.5 '[]' '{}' true 1e99 1e999; do
        doctor grammar \
            "if .cat == \"summary\" then .args.recv = $value else . end"
    done
    tool=(sed -E)
    doctor grammar '/"summary"/s/"recv":[0-9]+/"recv":NaN/'
    doctor grammar '/"summary"/s/"args":.*/"args":[]}/'
    doctor grammar '9s/"args":.*/"args":{"args":1}}/'
    doctor grammar "5s/.*/$(printf '[%.0s' {1..3000})/"
    all_rejected
}

@test "two clients in the wrong order break the law 'scenario'" {
    local scenario=$TOP/demos/scenarios/three.scn
    demo 06-epoll-lt -S "$scenario" >"$own/three"
    check "$own/three" -s "$scenario"
    # c3 connects before c2: each client's own lines stay in their order.
    sed -E '/^\[client 2\] connect/{h;d};/^\[client 3\] connect/{p;x}' \
        "$own/three" >"$own/swapped"
    run check "$own/swapped" -s "$scenario"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"broken law '"* ]]
}

@test "a thread that prints a line about another thread's client breaks a law" {
    demo 02-threads -S "$TOP/demos/scenarios/three.scn" >"$own/three"
    check "$own/three"
    sed '/^\[thread 1\] close/s/thread 1/thread 2/' "$own/three" \
        >"$own/doctored"
    run check "$own/doctored"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"broken law 'speaker'"* ]]
}

@test "changed JSON breaks the same laws" {
    local law script
    tool=(jq -c) whole=one.json
    while IFS=: read -r law script; do
        doctor "$law" "$script"
    done <<'END'
grammar:if .cat == "recv" then .cat = "receive" else . end
grammar:if .cat == "accept" then del(.args.client) else . end
accepted first:select(.cat != "accept")
gone:if .cat == "close" and .args.client then ., . else . end
echo:if .cat == "send" and .args.client then .args.bytes = 6 else . end
summary:if .cat == "summary" then .args.recv += 1 else . end
END
    tool=(head -c)
    doctor grammar -3 # half a line
    all_rejected
}

@test "it prints the wrong line with its number and the lines around it" {
    sed '/send to/s/5 bytes/6 bytes/' one.text >"$own/doctored"
    run check "$own/doctored"
    echo "$output"
    [[ ${lines[1]} == "line 14: now 6 bytes have been sent to c1, and 5 "* ]]
    [ "${lines[2]}" = "     11 | [server]   epoll_wait done, num:1" ]
    [ "${lines[5]}" = ">    14 | [server]   send to clientfd:5 (c1), 6 bytes" ]
    [ "${#lines[@]}" -eq 9 ]
}

@test "a trace cannot send control characters to the terminal" {
    printf '[server]   stop\033[31m\n' >"$own/forged"
    run check "$own/forged"
    [ "$status" -eq 1 ]
    [[ $output == *'stop\x1b[31m'* ]]
    [[ $output != *$'\033'* ]]
}

# A usage error: status 2, and one sentence.
refuses() {
    local words=$1
    run check "${@:2}"
    echo "$output"
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "check-trace: "*"$words"* ]]
}

@test "input that cannot be checked is reported in one sentence, with status 2" {
    refuses 'FILE'
    refuses 'cannot read' "$own/none"
    refuses '/dev/null is empty' /dev/null
    refuses 'is not a trace' "$TOP/README.md"
    refuses 'is not a trace' "$BUILD/06-epoll-lt"
    refuses 'Is a directory' "$own"
    printf 'ready: /tmp/echo\n' >"$own/ready"
    refuses 'nothing happened before it was cut' "$own/ready"
    refuses 'unrecognized' --frobnicate one.text
    refuses 'cannot read' one.text -s "$own/none"
    demo 06-epoll-lt -q -c 1 -m 1 >"$own/quiet"
    refuses 'was it recorded with -q?' "$own/quiet"
    demo 06-epoll-lt -q -c 1 -m 1 -j "$own/json" >"$own/quiet"
    grep '"summary"' "$own/json" >"$own/quiet-json"
    refuses 'was it recorded with -q?' "$own/quiet-json"
    printf 'c1 connect\nc1 dance\n' >"$own/dance.scn"
    refuses 'dance.scn:2: ' one.text -s "$own/dance.scn"
}
