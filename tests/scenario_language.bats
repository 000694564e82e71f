#!/usr/bin/env bats
#
# scenario_language.bats - what a scenario may contain, and the error messages
# of its parser and of the player.

load helpers

# Every stage has the same object code of parser and player, so one stage plays.
# The malformed files are played once, with one limit for all of them.
setup_file() {
    program=$(STAGES='' all_stages | tail -n 1) # STAGES does not matter
    export program
    export TMPDIR=$BATS_FILE_TMPDIR/tmp
    mkdir "$TMPDIR" "$BATS_FILE_TMPDIR/malformed"
    cd "$BATS_FILE_TMPDIR/malformed" || return 1
    cut_cases
    # shellcheck disable=SC2016 # another bash's variables
    timeout -k 1 $((5 * LIMIT)) bash -c 'while read -r file _; do
        "$0" -S "$file" >"$file.out" 2>"$file.err"
        echo $? >"$file.status"
    done <cases' "$BUILD/$program" 3>&- 4>&-
}

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR" "$BATS_TEST_TMPDIR/files"
    cd "$BATS_TEST_TMPDIR/files" || return 1
}

# play FILE OPTION...: plays a file and sets $status. The output is in the files
# out and err. The program must leave no file.
play() {
    local file=$1
    shift
    status=0
    demo "$program" -S "$file" "$@" >../out 2>../err || status=$?
    nothing_left
}

# TMPDIR is empty. Prints the files that are in it.
nothing_left() {
    ! compgen -G "$TMPDIR/*"
}

# holds TEXT WORDS: the text has these words, in this order. "..." stands for
# any text.
holds() {
    local rest=$1 words=$2 word
    while [ -n "$words" ]; do
        word=${words%% ... *}
        [[ $rest == *"$word"* ]] || return 1
        rest=${rest#*"$word"}
        [ "$word" = "$words" ] && break
        words=${words#* ... }
    done
}

# one_message FILE STATUS START WORDS: $status is STATUS, and standard input is
# one line that begins with START and goes on with these words.
one_message() {
    local LC_ALL=C line
    ! IFS= read -r -d '' line || return 1 # it has a NUL
    printf '%s: status %s, prints: %s' "$1" "$status" "$line"
    [ "$status" = "$2" ] || return 1
    [[ $line == *$'\n' ]] || return 1
    line=${line%$'\n'}
    [[ $line != *[^\ -~]* ]] || return 1 # nor control bytes
    [[ $line == "$program: $3"* ]] || return 1
    holds "${line#"$program: $3"}" "$4"
}

# complains FILE STATUS START WORDS: plays the file, which ends with this status
# and one message that begins with START and goes on with these words.
complains() {
    play "$1" || return 1
    one_message "$1" "${@:2}" <../err
}

# refuses FILE START WORDS: the file is refused before a line of the trace.
refuses() {
    complains "$1" 2 "$2" "$3" || return 1
    [ ! -s ../out ]
}

# goes_wrong LINE WORDS: the scenario on standard input fails at this line.
goes_wrong() {
    cat >wrong.scn
    complains wrong.scn 1 "wrong.scn:$1: " "$2"
}

# plays OPTION...: the scenario on standard input is played with these options,
# and no step fails.
plays() {
    cat >good.scn
    play good.scn "$@" || return 1
    cat ../out ../err
    [ "$status" = 0 ] && [ ! -s ../err ]
}

# says WORDS: the trace has a line that ends with these words.
says() {
    grep -q -- "$1\$" ../out || {
        echo "no line ends with: $1"
        return 1
    }
}

# ends_by SIGNAL: the background program gets this signal and ends by it.
ends_by() {
    local status=0
    kill "-$1" "$pid"
    wait_for_end "$pid" || status=$?
    [ "$status" = $((128 + $(kill -l "$1"))) ]
}

# Writes each case of malformed/cases.txt to a file, N.scn, and a line to the
# file cases: N.scn LINE: words.
cut_cases() {
    sed 's/<TAB>/\t/g; s/<NUL>/\x00/g; s/<CR>/\r/g; s/<ESC>/\x1b/g
         s/<EF><BB><BF>/\xef\xbb\xbf/; s/<FF>/\xff/g' \
        "$BATS_TEST_DIRNAME/malformed/cases.txt" |
        LC_ALL=C awk '
            BEGIN   { word = sprintf("%201s", ""); gsub(/ /, "a", word) }
            /^--- / { file = ""; next }
            /^== /  { file = ++n ".scn"; empty = ""; printf "" >file
                      print file, substr($0, 4) >"cases"; next }
            /^$/    { empty = empty "\n"; next }
            file    { sub(/<201>/, word); print empty $0 >file; empty = "" }'
}

@test "each malformed file gets one error message with the line number" {
    local file line words bad=0 all=0
    cd "$BATS_FILE_TMPDIR/malformed"
    while read -r file line words; do
        all=$((all + 1))
        status=$(<"$file.status")
        if ! one_message "$file" 2 "$file:$line " "$words" \
            <"$file.err" >message ||
            [ -s "$file.out" ]; then
            bad=$((bad + 1))
            printf 'wanted: %s %s\n' "$line" "$words"
            cat message "$file"
        fi
    done <cases
    echo "$bad of $all messages are wrong"
    [ "$all" -ge 100 ]
    [ "$bad" = 0 ]
    TMPDIR=$BATS_FILE_TMPDIR/tmp nothing_left
}

@test "every error message of the parser has a malformed file" {
    local words all
    all=$(cat "$BATS_FILE_TMPDIR"/malformed/*.err)
    # The beginning of each literal text, up to the first % or escape.
    tr '\n' ' ' <"$TOP/common/scenario.c" |
        grep -o 'fail(p, *"[^"%\\]*' | sed 's/.*"//' |
        grep -vx 'no memory' | grep . >texts
    [ "$(wc -l <texts)" -ge 15 ]
    while read -r words; do
        if [[ $all != *"$words"* ]]; then
            echo "no file has the error: $words"
            return 1
        fi
    done <texts
}

@test "the error for a file that cannot be read has its name and the reason" {
    refuses missing.scn 'cannot read the scenario missing.scn: ' \
        'ENOENT ... the scenarios of the course are in demos/scenarios'
    mkdir folder
    refuses folder 'cannot read the scenario folder: ' EISDIR
    refuses /proc/self/mem 'cannot read the scenario /proc/self/mem: ' EIO
    refuses good.scn/none 'cannot read the scenario good.scn/none: ' EN
    refuses '' 'cannot read the scenario : ' ENOENT
    refuses /dev/zero '/dev/zero is too large: ' 'at most 1048576 bytes'
    echo 'c1 connect' >locked.scn
    chmod 0 locked.scn
    if [ "$(id -u)" != 0 ]; then
        refuses locked.scn 'cannot read the scenario locked.scn: ' EACCES
    fi
}

@test "the error for an empty file names line 1" {
    : >empty.scn
    refuses empty.scn 'empty.scn:1: ' 'there is no step of a client'
}

@test "a file has at most 1 MiB, and a line too" {
    {
        echo 'c1 connect'
        head -c 1048566 /dev/zero | tr '\0' '#'
    } >large.scn
    refuses large.scn 'large.scn is too large: ' 'at most 1048576 bytes'
    head -c 1048576 large.scn >most.scn
    play most.scn -q
    [ "$status" = 0 ]
    {
        printf 'c1 connect\nc1 send "'
        head -c 1000000 /dev/zero | tr '\0' a
        printf '" too much\n'
    } >long.scn
    refuses long.scn 'long.scn:2: ' "unexpected 'too' after the end"
    {
        printf 'c1 connect\n'
        head -c 1000000 /dev/zero | tr '\0' a
    } >word.scn
    refuses word.scn 'word.scn:2: ' 'is not a step'
    {
        printf 'c1 connect\nnote '
        head -c 201 /dev/zero | tr '\0' a
    } >note.scn
    refuses note.scn 'note.scn:2: ' 'a note has at most 200 bytes ... has 201'
}

@test "an error message has the whole path of the file, even a long one" {
    local folder
    folder=$(printf '%100s' '' | tr ' ' d)
    mkdir "$folder"
    echo 'c1 wait' >"$folder/name.scn"
    refuses "$folder/name.scn" "$folder/name.scn:1: " \
        "'wait' is not a step of a client"
}

@test "comments, blanks, tabs, CRLF and a last line without newline are allowed" {
    printf '%b' '# first\r\n\n\t \r\n\tc1\t connect\t# soon\r\nhold # it\r\n' \
        'c1 send "a # b"# c\r\nrelease # it\r\nrepeat 2 { # so often\r\n' \
        '\tc1 send "x" #\r\n} # end\r\nc1 expect "a # bxx"\r\n' \
        'note some words \t \r\nc1 close' | plays
    says 'note some words'
    says 'send 5 bytes, msg:a # b'
}

@test "a client sends the bytes that the escapes name" {
    plays <<'END'
c1 connect
c1 send "\n\r\t\0\\\"\x41\x1B\xff|"
c1 expect "\x0a\x0d\x09\x00\x5c\x22A\x1b\xFF|"
c1 send "\01"
c1 expect "\x001"
c1 send-oob "
c1 send-oob \n
c1 send-oob \x7e
END
    says 'recv from .*, 10 bytes, msg:\\n\\r\\t\\x00\\\\"A\\x1b\\xff|'
    says 'recv from .*, 2 bytes, msg:\\x001'
    says 'send 1 bytes, msg:"'
    says 'send 1 bytes, msg:\\n'
    says 'send 1 bytes, msg:~'
}

@test "repeats may be nested, eight deep" {
    {
        echo 'c1 connect'
        printf 'repeat 2 {\n%.0s' 1 2 3 4 5 6 7
        printf 'repeat 1 {\nc1 send "x"\nc1 expect "x"\n}\n'
        printf '}\n%.0s' 1 2 3 4 5 6 7
    } | plays
    grep -q '^  messages     128 sent$' ../out
    [ "$(grep -c '^\[client 1\] recv 1 bytes, msg:x$' ../out)" = 128 ]
}

@test "the pattern continues from send to send, until the client closes" {
    plays <<'END'
c1 connect
repeat 2 {
c1 send 2
}
c1 send "!"
c1 expect "abcd!"
c1 send 3
c1 expect "efg"
c1 close
c1 connect
c1 send 3
c1 expect 3
END
    says 'recv 3 bytes, msg:abc'
}

@test "a client may connect again after close and after abort" {
    plays <<'END'
repeat 2 {
    c1 connect
    c1 send "x"
    c1 abort
    c1 connect
    c1 close
}
END
    grep -q '^  clients      4 accepted, 0 refused, 4 closed$' ../out
}

@test "clients that are connected at the end are closed in order of number" {
    plays <<'END'
c3 connect
c1 connect
c2 connect
END
    [ "$(grep -o '^\[client .*close' ../out | tr -d '\n')" = \
        '[client 1] close[client 2] close[client 3] close' ]
}

@test "a scenario that ends while the server is held has one trace" {
    local i trace first=
    printf 'c1 connect\nhold\nc1 send "x"\nc2 connect\nc3 connect\n' >h.scn
    for i in {1..10}; do
        play h.scn
        [ "$status" = 0 ]
        trace=$(<../out)
        trace=${trace%%$'\n\n'*}
        [ "$trace" = "${first:=$trace}" ]
    done
    [[ $first == *$'\n[demo]     stop\n'* ]]
}

@test "a client can expect EPIPE, nothing and end of file" {
    BREAKS_LAWS=yes # it sends after its shutdown
    plays <<'END'
c1 connect
c1 expect-nothing
c1 send "x"
c1 expect "x"
c1 expect-nothing
c1 shutdown
c1 send "y"
c1 expect-error EPIPE
c1 expect-eof
c1 expect-eof
c1 close
END
    says 'send EPIPE'
    says '\[client 1\] recv eof'
    says '\[client 1\] recv EAGAIN'
}

@test "after an abort with unread data, recv fails with ECONNRESET" {
    plays <<'END'
c1 connect
c1 send "x"
c1 abort
END
    says 'recv from .*, ECONNRESET'
}

@test "a send to a server that is held reports the bytes that were not sent" {
    plays <<'END'
c1 connect
hold
c1 send "x"
c1 expect "x"
c1 send 16777216
c1 send 10
c1 close
release
END
    says 'send EAGAIN, [1-9][0-9]* of 16777216 bytes sent'
    says 'send EAGAIN, 0 of 10 bytes sent'
}

@test "with a full backlog, a non-blocking connect fails with EAGAIN" {
    write_full_backlog EAGAIN "$BATS_TEST_TMPDIR/full.scn"
    plays -q <"$BATS_TEST_TMPDIR/full.scn"
}

@test "room N leaves the server N descriptors, and other clients are refused" {
    plays <<'END'
c9 connect
room 1
c1 connect
c2 connect
c1 send "x"
c1 expect "x"
c2 expect-eof
c2 close
c1 close
c2 connect
c2 send "y"
c2 expect "y"
END
    says 'accept EMFILE'
    says 'refuse clientfd:0 (c2), no descriptor left'
    grep -q '^  clients      4 accepted, 1 refused, 4 closed$' ../out
}

@test "a server without a free descriptor settles, stops and continues" {
    plays <<'END'
room 0
signal stop
signal cont
note still here
c1 connect-nonblocking
END
    says 'note still here'
}

@test "signal cont works even if another process sends SIGCONT too" {
    local end=$((SECONDS + LIMIT))
    printf '%s\n' 'c1 connect' 'repeat 200 {' 'signal stop' 'signal cont' '}' \
        'c1 send "x"' 'c1 expect "x"' >x.scn
    background "$BUILD/06-epoll-lt" -q -S x.scn
    # As often as possible, so that some come before the stop has been seen.
    while [[ $(state_of "$pid") == [RSDT] ]] && [ $SECONDS -lt $end ]; do
        for _ in {1..500}; do
            kill -CONT "$pid" 2>/dev/null || :
        done
    done
    wait_for_end "$pid"
}

# strace_play PATH CALL:ERROR SCENARIO: plays it while this call fails for this
# path. CHILD in PATH is the number of a child of the program. It is not known
# yet, so strace, which is a grandchild (-D), gets the next 500 numbers.
strace_play() {
    local path=$1 inject=$2 file=$3
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    status=0
    # shellcheck disable=SC2016 # variables of the other bash
    ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" bash -c '
        for ((i = 1; i <= 500; i++)); do
            paths+=(-P "${1/CHILD/$(($$ + i))}")
            [[ $1 == *CHILD* ]] || break
        done
        exec strace --quiet=all -D -f -o log "${paths[@]}" \
            -e "inject=$2" "${@:3}"' \
        - "$path" "$inject" "$BUILD/$program" -S "$file" \
        >../out 2>../err 3>&- 4>&- || status=$?
    wait_for_line '(INJECTED)' log
}

@test "a player that cannot see whether the process is stopped reports it" {
    printf 'signal stop\nsignal cont\nc1 connect\n' >x.scn
    strace_play /proc/CHILD/stat openat:error=EMFILE x.scn
    one_message x.scn 1 'x.scn:2: ' '/proc/ ... /stat' <../err
}

@test "a scenario that stops reports its failure if SIGCHLD is ignored" {
    printf '%s\n' 'c1 connect' 'signal stop' 'signal cont' 'c1 expect "x"' \
        >x.scn
    local status=0
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$BUILD/06-epoll-lt" -q -S x.scn \
        >text 2>err 3>&- 4>&- || status=$?
    [ "$status" -eq 1 ]
    grep 'c1 expected x' err
}

@test "a player that cannot read the state of threads does not begin" {
    printf 'c1 connect\n' >x.scn
    strace_play /proc/self/task openat:error=ENOENT x.scn
    one_message x.scn 1 '' '/proc/self/task ... ENOENT' <../err
}

@test "the player sees the server's threads although there is no descriptor" {
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    printf 'room 0\nc1 connect\nc1 send "x"\nc1 expect "x"\nc1 close\n' >x.scn
    (
        ulimit -Sn 300
        strace -f -o calls -e trace=openat "$BUILD/01-blocking" -S x.scn \
            3>&- 4>&-
    )
    grep -q '/proc/self/task/' calls
    ! grep EMFILE calls
}

@test "too low a limit of descriptors is an error before the first step" {
    local most
    printf 'c1 connect\nc1 send "x"\nc1 expect "x"\n' >x.scn
    play x.scn
    cp ../out alone
    for most in 401 400 350 103; do
        echo "limit $most"
        (
            ulimit -Sn "$most"
            play x.scn -j trace.json
            cat ../err
            [ "$status" = 0 ]
        )
        diff alone ../out
        jq -es 'map(select(.cat == "accept")) | length == 1' trace.json
    done
    for most in 102 100 30; do
        echo "limit $most"
        (
            ulimit -Sn "$most"
            play x.scn -j trace.json
            one_message x.scn 1 '' "descriptors ... the limit is $most" <../err
        )
    done
}

@test "each await-timer waits for one more timer of the server" {
    all_stages | grep -qx 10-reactor || skip "STAGES leaves out 10-reactor"
    program=10-reactor
    plays --idle-timeout 100 <<'END'
c1 connect
c2 connect
await-timer
await-timer
c1 expect-eof
c2 expect-eof
END
    says 'note await-timer'
    [ "$(grep -c '^\[server\]   timer$' ../out)" = 2 ]
    # Ctrl-C ends a wait for a timer that never expires.
    printf 'c1 connect\nawait-timer\n' >x.scn
    background "$BUILD/$program" -S x.scn
    wait_for_line 'note await-timer' "$BATS_TEST_TMPDIR/out"
    ends_by INT
}

@test "-q omits the events, but not the summary" {
    printf 'c1 connect\nc1 send "x"\nc1 expect "x"\nnote hi\n' | plays -q
    [ -z "$(head -n 1 ../out)" ]
    grep -q '^  messages     1 sent$' ../out
    if grep -q '^\[' ../out; then false; fi
}

@test "the JSON is valid and has one event for each line of the text" {
    cat >file.scn <<'END'
c1 connect
c1 send "\x00\x1b\"\\ \xff"
c1 expect "\x00\x1b\"\\ \xff"
hold
note a/b 'c' {d}
release
room 5
signal stop
signal cont
c100 connect
END
    play file.scn
    sed '/^$/,$d' ../out >alone
    play file.scn -j trace.json
    [ "$status" = 0 ]
    sed '/^$/,$d' ../out | diff alone -
    jq -es 'map(select(.ph != "M" and .cat != "summary")) | length' \
        trace.json >count
    [ "$(cat count)" = "$(wc -l <alone)" ]
    jq -e 'select(.cat == "note") | .args.remark' trace.json |
        grep -qxF "\"a/b 'c' {d}\""
}

@test "a scenario can use the socket of --socket" {
    printf 'c1 connect\nhold\nrepeat 100000 {\nrepeat 100000 {\n}\n}\n' >x.scn
    background "$BUILD/$program" -S x.scn -s named.sock
    wait_for_line 'note hold' "$BATS_TEST_TMPDIR/out"
    [ -S named.sock ]
    ends_by INT
    [ ! -e named.sock ]
    background "$BUILD/$program" -S x.scn -s "@iomux-language-$$"
    wait_for_line 'note hold' "$BATS_TEST_TMPDIR/out"
    grep -q "@iomux-language-$$\$" /proc/net/unix
    [ ! -e "@iomux-language-$$" ]
    ends_by INT
}

@test "--scenario excludes the options of clients, --serve and --connect" {
    local options line
    printf 'c1 connect\n' >good.scn
    for options in '-c 2' '-m 2' '-i 2' '-z 2' '--stagger 2' --serve \
        '--connect -s x'; do
        # shellcheck disable=SC2086 # words
        play good.scn $options
        line=$(head -n 1 ../err)
        echo "$options: $status, $line"
        [ "$status" = 2 ]
        [ ! -s ../out ]
        [[ $line == "$program: "*--scenario* ]]
    done
}

@test "the error for unexpected bytes has the expected bytes and the result" {
    goes_wrong 3 'c1 expected hallo, but after 0 bytes the result was 5 bytes: hello' \
        <<<$'c1 connect\nc1 send "hello"\nc1 expect "hallo"'
    goes_wrong 3 'c1 expected hello!, but after 5 bytes the result was nothing' \
        <<<$'c1 connect\nc1 send "hello"\nc1 expect "hello!"'
    goes_wrong 4 'c1 expected hello!, but after 5 bytes the result was end of file' \
        <<<$'c1 connect\nc1 send "hello"\nc1 shutdown\nc1 expect "hello!"'
    goes_wrong 2 'c1 expected x, but after 0 bytes the result was nothing' \
        <<<$'c1 connect\nc1 expect "x"'
    goes_wrong 3 'c1 expected \x1b\xff, but ... the result was 2 bytes: a\n' \
        <<<$'c1 connect\nc1 send "a\\n"\nc1 expect "\\x1b\\xff"'
    goes_wrong 3 'expected 5 bytes of the pattern, but ... the result was 5 bytes: hello' \
        <<<$'c1 connect\nc1 send "hello"\nc1 expect 5'
    goes_wrong 3 'expected 40000 bytes of the pattern, but after 9 ... nothing' \
        <<<$'c1 connect\nc1 send 9\nc1 expect 40000'
}

@test "the error for an unexpected result has the expected one and the result" {
    goes_wrong 2 'c1 expected end of file, but after 0 bytes the result was nothing' \
        <<<$'c1 connect\nc1 expect-eof'
    goes_wrong 3 'c1 expected end of file, but ... the result was 1 bytes: x' \
        <<<$'c1 connect\nc1 send "x"\nc1 expect-eof'
    goes_wrong 3 'c1 expected nothing, but ... the result was 1 bytes: x' \
        <<<$'c1 connect\nc1 send "x"\nc1 expect-nothing'
    goes_wrong 3 'c1 expected nothing, but ... the result was end of file' \
        <<<$'c1 connect\nc1 shutdown\nc1 expect-nothing'
    goes_wrong 2 'c1 expected ECONNRESET, but ... the result was nothing' \
        <<<$'c1 connect\nc1 expect-error ECONNRESET'
    goes_wrong 4 'c1 expected EAGAIN, but ... the result was EPIPE of send' \
        <<<$'c1 connect\nc1 shutdown\nc1 send "x"\nc1 expect-error EAGAIN'
    goes_wrong 2 'c1 expected unread data, but ... the result was no unread data' \
        <<<$'c1 connect\nc1 abort'
}

@test "a step after an error, or in the wrong state, is an error" {
    goes_wrong 4 "c1: send has failed: EPIPE ... 'c1 expect-error EPIPE'" \
        <<<$'c1 connect\nc1 shutdown\nc1 send "x"\nc1 expect-nothing'
    goes_wrong 2 'c1 is already connected' \
        <<<$'repeat 2 {\nc1 connect\n}'
    goes_wrong 3 'c1 is not connected' \
        <<<$'c1 connect\nrepeat 2 {\nc1 send "x"\nc1 close\n}'
}

@test "a signal ends the play of a scenario and is the status" {
    local signal file
    # Without a signal, they would never end.
    {
        printf 'c1 connect\n'
        printf 'repeat 100000 {\n%.0s' 1 2 3 4 5 6 7 8
        printf '}\n%.0s' 1 2 3 4 5 6 7 8
    } >empty.scn
    sed '0,/^}/s//c1 send "x"\nc1 expect "x"\n}/' empty.scn >busy.scn
    sed 's/c1 connect/&\nhold\nc1 send "y"/' empty.scn >held.scn
    while read -r signal file; do
        background "$BUILD/$program" -S "$file.scn"
        wait_for_line 'client 1. connect' "$BATS_TEST_TMPDIR/out"
        ends_by "$signal"
        cat ../err
        [ ! -s ../err ]
        tail -n 1 ../out | grep -q '^  '
        nothing_left
    done <<<$'INT empty\nINT busy\nINT held\nTERM busy\nHUP held'
}

@test "signal term stops the server of every stage, and the clients continue" {
    local stage
    printf '%s\n' 'c1 connect' 'c1 send "x"' 'c1 expect "x"' 'signal term' \
        'c1 expect-eof' 'c1 close' 'c1 connect' 'c1 expect-error ENOENT' \
        'signal term' 'note the end' >term.scn
    for stage in $(all_stages); do
        demo "$stage" -S term.scn >../out 2>../err || {
            cat ../err
            return 1
        }
        grep -q '^\[demo\]     stop$' ../out
        grep -q '^\[player\]   note the end$' ../out
        nothing_left
    done
}

@test "after signal term, a signal still ends the play" {
    {
        printf '%s\n' 'c1 connect' 'signal term' 'note stopped'
        printf 'repeat 100000 {\n%.0s' 1 2 3 4 5 6 7 8
        printf '}\n%.0s' 1 2 3 4 5 6 7 8
    } >term.scn
    background "$BUILD/$program" -S term.scn
    wait_for_line 'note stopped' "$BATS_TEST_TMPDIR/out"
    ends_by TERM
    nothing_left
}

@test "a signal ends a program that waits for its scenario file" {
    mkfifo pipe.scn
    background "$BUILD/$program" -S pipe.scn
    # It blocks in open(2) of the pipe.
    local end=$((SECONDS + LIMIT))
    until grep -q '^\(2\|257\|56\) ' "/proc/$pid/syscall"; do
        [ $SECONDS -lt $end ]
        pause
    done
    kill -TERM "$pid"
    local status=0
    wait_for_end "$pid" || status=$?
    [ "$status" = 143 ]
}
