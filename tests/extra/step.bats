#!/usr/bin/env bats
#
# step.bats - the pages of scripts/step, in a browser.

load helpers

setup() {
    need_tool python3
    cd "$BATS_TEST_TMPDIR" || return
    export TIMEOUT_MULT=${TIMEOUT_MULT:-1}
}

# Checks pages, or with --message TEXT a page that must show TEXT.
look() {
    timeout -k 1 $((60 * LIMIT)) node "$TOP/tests/extra/step.mjs" "$MODULES" \
        "$browser" "$@" 3>&- 4>&-
}

step() {
    timeout -k 1 $((20 * LIMIT)) "$TOP/scripts/step" "$@" 3>&- 4>&-
}

@test "every page of the text shows each step as the trace has it" {
    need_browser playwright-core axe-core
    local -a pages
    mapfile -t pages < <(step --all)
    [ "${#pages[@]}" -eq 11 ]
    run look "${pages[@]/#/$TOP/}"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^11\ pages,\ ([0-9]+)\ steps,\ ([0-9]+)\ questions$ ]]
    [ "${BASH_REMATCH[1]}" -gt 500 ]
    [ "${BASH_REMATCH[2]}" -gt 50 ]
}

# data_of FILE: prints the data of a page, which are JSON.
data_of() {
    python3 -IB "$TOP/tests/step_data.py" "$1"
}

# opened FILE SIDE: prints what a page shows of a side at the step at which it
# opens: the line, the threads that block, the table; then all lanes.
opened() {
    data_of "$1" | jq -r --argjson side "$2" '.sides[$side] as $shown
        | $shown.moments[.steps[.start - 1].at[$side]] as $now
        | $now.now, $now.blocked,
          (.tables[$now.table] | (.rows[] | join("; ")), .caption),
          ($shown.lanes[] | .[0] + ": " +
              (.[1] | map("\(.[0])-\(.[1]) \(.[2])") | join(", ")))'
}

@test "the table and the lanes of a page are those that the trace leads to" {
    need_tool jq
    step 8 twin:one-recv -s flood -o flood.html
    opened flood.html 1 | sed '/^server:/d' | diff - <(
        cat <<'END'
[server] about to call: epoll_wait...
server blocks in epoll_wait without a time-out; 75,904 bytes are waiting and nothing will report them
fd:3 (listener); 0 connections; -; -; IN|RDHUP|ET; no
fd:5 (c1); 75,904; 0; IN|OUT; IN|RDHUP|ET; forgotten: 75,904 bytes
fd:6 (c2); 0; 0; OUT; IN|RDHUP|ET; no
The ready list of fd:4 (epoll) is empty.
client 1: 3-5 backlog, 6-80 accepted
client 2: 13-15 backlog, 16-92 accepted
END
    )
    step 1 2 -s silent -o silent.html
    opened silent.html 0 | diff - <(
        cat <<'END'
[client 2] about to call: send 5 bytes, msg:hello
server blocks in recv
fd:3 (listener); 1 connection; -; IN
fd:4 (c1); 0; 0; OUT
The server has registered nothing with the kernel.
server: 1-1 accept, 4-14 recv, 23-24 recv, 28-28 accept
client 1: 2-2 backlog, 3-14 accepted
client 2: 6-18 backlog, 19-24 accepted
END
    )
    opened silent.html 1 | grep -qF 'server blocks in accept; thread 1 blocks'
}

@test "the question of stage 07 has both answers, that of stage 08 only no" {
    need_tool jq
    answers() {
        data_of "$1" | jq -c '[.sides[0].moments[].again | values] | unique'
    }
    step 7 -s slow-reader -o page.html
    [ "$(answers page.html)" = "[false,true]" ]
    # The server holds bytes that it could not send.
    data_of page.html | jq -e '[.tables[].rows[][2]]
        | any(test("^[1-9]"))' >/dev/null
    step 8 -s flood -o page.html
    [ "$(answers page.html)" = "[false]" ]
}

@test "stage 11 has scenarios of its own, also if none is named" {
    need_tool jq
    step 11 -o http.html
    # The server has no bytes that it received and must send back.
    data_of http.html | jq -e '.scenario.name == "slow-headers" and
        ([.tables[].rows[][2]] | unique == ["-"])' >/dev/null
    step 10 11 -o both.html
    data_of both.html | jq -e '.scenario.name == "idle"' >/dev/null
    run step 11 -s one --text
    [ "$status" -eq 2 ]
    [[ $output == *"; 11-http answers requests and does not echo, so play \
drain or slow-headers with it" ]]
}

@test "a scenario of one's own may have the name of a scenario of the text" {
    need_tool jq
    printf '%s\n' 'c1 connect' 'c1 send "own"' 'c1 expect "own"' >flood.scn
    step 8 twin:one-recv -s ./flood.scn -o own.html
    data_of own.html | jq -e '.look == "" and .start == 1 and
        (.scenario.lines | contains(["c1 send \"own\""]))' >/dev/null
    # The page of the text is not overwritten, and a name is that of the text.
    run step 8 twin:one-recv -s "$PWD/flood.scn"
    [ "$output" = build/step/08-epoll-et-one-recv-flood-own.html ]
    rm "$TOP/$output"
    run step 8 twin:one-recv -s flood.scn
    [ "$output" = build/step/08-epoll-et-one-recv-flood.html ]
}

@test "a page is the same in every run, and small" {
    local run
    for run in 1 2 3; do
        step 8 twin:one-recv -s flood -o "page$run.html"
        step 2 9 -s three -o "threads$run.html"
    done
    cmp page1.html page2.html
    cmp page1.html page3.html
    cmp threads1.html threads2.html
    cmp threads1.html threads3.html
    [ "$(stat -c %s page1.html)" -le 150000 ]
}

@test "a page of any other scenario but slow-reader is smaller than 150 KB" {
    # These are the largest.
    step 8 twin:one-recv -s many -o many.html
    step 6 8 -s hand-over -o hand-over.html
    [ "$(stat -c %s many.html)" -le 150000 ]
    [ "$(stat -c %s hand-over.html)" -le 150000 ]
}

@test "a message that is HTML stays text" {
    need_browser playwright-core axe-core
    cat >html.scn <<'SCENARIO'
c1 connect
c1 send "</script><img onerror=x>"
c1 expect "</script><img onerror=x>"
SCENARIO
    step 6 -s html.scn -o html.html
    run look --message '</script><img onerror=x>' html.html
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == "1 pages"* ]]
}

@test "a page that shows something else than the trace is seen" {
    need_browser playwright-core axe-core
    step 6 -s one -o good.html
    sed -E 's/",\[0,[0-9]+(,[0-9]+)?\],/",[0,1],/g' good.html >place.html
    sed 's/<title>/<link rel="stylesheet" href="x.css">&/' \
        good.html >asks.html
    run look place.html asks.html
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"place.html: step "*": the source is"* ]]
    [[ $output == *"asks.html: "* ]]
}

@test "a scenario that is too long for a page is refused" {
    {
        echo "c1 connect"
        for ((i = 0; i < 400; i++)); do
            echo "c1 send $((i % 50 + 1))"
        done
        echo "c1 close"
    } >long.scn
    run step 6 -s long.scn -o long.html
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output =~ ^"step: the scenario long has "[0-9]+" steps, and a page" ]]
    [ ! -e long.html ]
}

@test "hostile arguments and files of scripts/step end with a sentence" {
    refused() { # WORDS ARGUMENT...: status 2, one line that has the words
        local words=$1
        shift
        run step "$@"
        echo "$output"
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ $output == "step: "*"$words"* ]]
    }
    refused "'' is not a stage" ""
    refused "is not a stage" "6; true"
    refused "there is no twin '../../06'" twin:../../06
    refused "there is no scenario ''" 6 -s ""
    refused "there is no scenario '/dev/null'" 6 -s /dev/null
    refused "cannot write" 6 -o ""
    refused "cannot write $PWD: Is a directory" 6 -o "$PWD"
    refused "cannot write /dev/full: No space left" 6 -o /dev/full
    printf 'c1 connect\nc1 send "\xff"\n' >latin.scn
    refused "is not UTF-8 text" 6 -s latin.scn -o latin.html
    printf 'c1 connect\nc1 send "\x00"\n' >nul.scn
    refused "nul.scn:2: the line has a NUL byte" 6 -s nul.scn
    : >empty.scn
    refused "cannot play this scenario" 6 -s empty.scn
    [ -z "$(find . -name '*.html')" ]
}

@test "a trace of thousands of lines is refused before a page is made" {
    printf '%s\n' 'c1 connect' 'repeat 4000 {' 'c1 send "x"' 'c1 expect "x"' \
        '}' >lines.scn
    run step 6 -s lines.scn -o lines.html
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output =~ ^"step: the trace of 06-epoll-lt has "[0-9]{5}" lines" ]]
    [ ! -e lines.html ]
}

@test "step ends quietly if nobody reads, and two of them do not mix" {
    run bash -c "'$TOP/scripts/step' 6 --text | head -n 1"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    local number pid
    local -a pids=()
    for number in 1 2 3; do
        step 6 twin:hup-first -s last-message -o "$number.html" >/dev/null &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    cmp 1.html 2.html
    cmp 1.html 3.html
}

@test "a page shows a twin that spins or crashes, as far as it came" {
    need_tool jq
    step 1 twin:eof-is-nothing -s one -o spins.html
    step 6 twin:sigpipe -s last-message -o ends.html
    local page
    for page in spins ends; do
        [ "$(data_of $page.html | jq '.sides[1].moments | length')" -gt 5 ]
        [ "$(stat -c %s $page.html)" -le 300000 ]
    done
}

@test "each wrong argument of scripts/step is a sentence" {
    run step
    [ "$status" -eq 2 ]
    [[ $output == "step: give one stage or two, not 0"* ]]
    run step 6 7 --text
    [ "$status" -eq 2 ]
    run step 99
    [ "$status" -eq 2 ]
    [[ $output == "step: '99' is not a stage"* ]]
    run step twin:nothing
    [ "$status" -eq 2 ]
    [[ $output == "step: there is no twin 'nothing'"* ]]
    run step 4 -s idle-timeout
    [ "$status" -eq 2 ]
    [[ $output == *"idle-timeout.scn is for 10-reactor alone" ]]
    run step --all 6
    [ "$status" -eq 2 ]
    run step 6 -o /nowhere/page.html
    [ "$status" -eq 2 ]
    [[ $output == "step: cannot write /nowhere/page.html"* ]]
}
