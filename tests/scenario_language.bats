#!/usr/bin/env bats
#
# scenario_language.bats - what may stand in a scenario, what is said of one
# that is wrong, and what the player says when a play goes wrong.

load helpers

# Parser and player are the same object code in every stage: one plays. The
# malformed files are played once, with one limit for all of them.
setup_file() {
    program=$(STAGES='' all_stages | tail -n 1) # whatever STAGES asks for
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

# Play a file with the options that follow it: sets $status; what is said is
# in the files out and err. Nothing may be left behind.
play() {
    local file=$1
    shift
    status=0
    demo "$program" -S "$file" "$@" >../out 2>../err || status=$?
    nothing_left
}

# Nothing lies in TMPDIR; what does is printed.
nothing_left() {
    ! compgen -G "$TMPDIR/*"
}

# Does a text hold some words, in this order? "..." stands for anything.
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

# tells FILE STATUS START WORDS: this $status was wanted, and standard input is
# one sentence that begins so and goes on with these words.
tells() {
    local LC_ALL=C said
    ! IFS= read -r -d '' said || return 1 # there is a NUL
    printf '%s: status %s, says: %s' "$1" "$status" "$said"
    [ "$status" = "$2" ] || return 1
    [[ $said == *$'\n' ]] || return 1
    said=${said%$'\n'}
    [[ $said != *[^\ -~]* ]] || return 1 # nor another line
    [[ $said == "$program: $3"* ]] || return 1
    holds "${said#"$program: $3"}" "$4"
}

# complains FILE STATUS START WORDS: playing it ends so, and with one sentence
# that begins so and goes on with these words.
complains() {
    play "$1" || return 1
    tells "$1" "${@:2}" <../err
}

# The file is refused before anything is printed.
refuses() {
    complains "$1" 2 "$2" "$3" || return 1
    [ ! -s ../out ]
}

# The play of standard input goes wrong at a line.
goes_wrong() {
    cat >wrong.scn
    complains wrong.scn 1 "wrong.scn:$1: " "$2"
}

# The scenario on standard input is played, with the options given, and all
# is well.
plays() {
    cat >good.scn
    play good.scn "$@" || return 1
    cat ../out ../err
    [ "$status" = 0 ] && [ ! -s ../err ]
}

# Has the trace a line that ends so?
says() {
    grep -q -- "$1\$" ../out || {
        echo "no line that ends in: $1"
        return 1
    }
}

# Write each case of malformed/cases.txt to a file, N.scn, and into the file
# cases a line: N.scn LINE: words.
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

@test "each of the malformed files gets one sentence that says what is wrong" {
    local file line words bad=0 all=0
    cd "$BATS_FILE_TMPDIR/malformed"
    while read -r file line words; do
        all=$((all + 1))
        status=$(<"$file.status")
        if ! tells "$file" 2 "$file:$line " "$words" <"$file.err" >said ||
            [ -s "$file.out" ]; then
            bad=$((bad + 1))
            printf 'wanted: %s %s\n' "$line" "$words"
            cat said "$file"
        fi
    done <cases
    echo "$bad of $all are told wrong"
    [ "$all" -ge 100 ]
    [ "$bad" = 0 ]
    TMPDIR=$BATS_FILE_TMPDIR/tmp nothing_left
}

@test "every complaint of the parser has a malformed file" {
    local words all
    all=$(cat "$BATS_FILE_TMPDIR"/malformed/*.err)
    # The beginning of each literal text, up to the first % or escape.
    tr '\n' ' ' <"$TOP/common/scenario.c" |
        grep -o 'fail(p, *"[^"%\\]*' | sed 's/.*"//' |
        grep -vx 'no memory' | grep . >texts
    [ "$(wc -l <texts)" -ge 15 ]
    while read -r words; do
        if [[ $all != *"$words"* ]]; then
            echo "no file is told: $words"
            return 1
        fi
    done <texts
}

@test "a file that cannot be read is named, and why" {
    refuses missing.scn 'cannot read the scenario missing.scn: ' \
        'those of the course lie in demos/scenarios'
    mkdir folder
    refuses folder 'cannot read the scenario folder: ' EISDIR
    refuses /proc/self/mem 'cannot read the scenario /proc/self/mem: ' EIO
    refuses good.scn/none 'cannot read the scenario good.scn/none: ' EN
    refuses '' 'cannot read the scenario : ' ENOENT
    refuses /dev/zero '/dev/zero is larger than a scenario can be, ' 1048576
    echo 'c1 connect' >locked.scn
    chmod 0 locked.scn
    if [ "$(id -u)" != 0 ]; then
        refuses locked.scn 'cannot read the scenario locked.scn: ' EACCES
    fi
}

@test "an empty file has no line 0" {
    : >empty.scn
    refuses empty.scn 'empty.scn:1: ' 'no client does anything'
}

@test "a file has at most 1 MiB, and so has a line" {
    {
        echo 'c1 connect'
        head -c 1048566 /dev/zero | tr '\0' '#'
    } >large.scn
    refuses large.scn 'large.scn is larger than a scenario can be, ' 1048576
    head -c 1048576 large.scn >most.scn
    play most.scn -q
    [ "$status" = 0 ]
    {
        printf 'c1 connect\nc1 send "'
        head -c 1000000 /dev/zero | tr '\0' a
        printf '" too much\n'
    } >long.scn
    refuses long.scn 'long.scn:2: ' "'too' is too much"
    {
        printf 'c1 connect\n'
        head -c 1000000 /dev/zero | tr '\0' a
    } >word.scn
    refuses word.scn 'word.scn:2: ' 'is no step'
    {
        printf 'c1 connect\nnote '
        head -c 201 /dev/zero | tr '\0' a
    } >note.scn
    refuses note.scn 'note.scn:2: ' 'a note has at most 200 bytes ... 201'
}

@test "a complaint names the whole file, however long its path is" {
    local folder
    folder=$(printf '%100s' '' | tr ' ' d)
    mkdir "$folder"
    echo 'c1 wait' >"$folder/name.scn"
    refuses "$folder/name.scn" "$folder/name.scn:1: " "a client cannot 'wait'"
}

@test "comments, blanks, tabs, CRLF and a last line without end are allowed" {
    printf '%b' '# first\r\n\n\t \r\n\tc1\t connect\t# soon\r\nhold # it\r\n' \
        'c1 send "a # b"# c\r\nrelease # it\r\nrepeat 2 { # so often\r\n' \
        '\tc1 send "x" #\r\n} # end\r\nc1 expect "a # bxx"\r\n' \
        'note some words \t \r\nc1 close' | plays
    says 'note some words'
    says 'send 5 bytes, msg:a # b'
}

@test "escapes arrive as the bytes that they name" {
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

@test "the pattern goes on from send to send, and begins anew with a client" {
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

@test "who is still connected at the end is closed, in the order of numbers" {
    plays <<'END'
c3 connect
c1 connect
c2 connect
END
    [ "$(grep -o '^\[client .*close' ../out | tr -d '\n')" = \
        '[client 1] close[client 2] close[client 3] close' ]
}

@test "a play that ends while the server is held tells one story" {
    local i story first=
    printf 'c1 connect\nhold\nc1 send "x"\nc2 connect\nc3 connect\n' >h.scn
    for i in {1..10}; do
        play h.scn
        [ "$status" = 0 ]
        story=$(<../out)
        story=${story%%$'\n\n'*}
        [ "$story" = "${first:=$story}" ]
    done
    [[ $first == *$'\n[demo]     stop\n'* ]]
}

@test "a client learns ECONNRESET, EPIPE, nothing and eof" {
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

@test "abort needs something unread, and the server gets ECONNRESET" {
    plays <<'END'
c1 connect
c1 send "x"
c1 abort
END
    says 'recv from .*, ECONNRESET'
}

@test "what does not fit while the server is held is reported, not sent" {
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

@test "a full backlog is EAGAIN for a client that does not wait" {
    local most
    most=$(cat /proc/sys/net/core/somaxconn)
    if [ "$most" -gt 8192 ]; then
        skip "the backlog holds $most, more than can be filled soon"
    fi
    plays -q <<END
c1 connect
hold
c1 send "x"
repeat $((most + 1)) {
    c2 connect
    c2 close
}
repeat 2 {
    c3 connect-nonblocking
    c3 expect-error EAGAIN
    c3 close
}
release
c3 connect-nonblocking
c3 expect-nothing
END
}

@test "room leaves the server so many descriptors" {
    plays <<'END'
c9 connect
room 1
c1 connect
c2 connect
c1 send "x"
c1 expect "x"
c2 send "y"
c2 expect-nothing
c1 close
c2 expect "y"
END
    says 'accept EMFILE'
}

@test "a server without any room comes to rest, and is stopped and goes on" {
    plays <<'END'
room 0
signal stop
signal cont
note still here
c1 connect-nonblocking
END
    says 'note still here'
}

@test "it goes on after a stop, also when another one has let it go on" {
    local end=$((SECONDS + LIMIT))
    printf '%s\n' 'c1 connect' 'repeat 200 {' 'signal stop' 'signal cont' '}' \
        'c1 send "x"' 'c1 expect "x"' >x.scn
    background "$BUILD/06-epoll-lt" -q -S x.scn
    # Before it has been seen stopped: so as often as can be.
    while [[ $(state_of "$pid") == [RSDT] ]] && [ $SECONDS -lt $end ]; do
        for _ in {1..500}; do
            kill -CONT "$pid" 2>/dev/null || :
        done
    done
    wait_for_end "$pid"
}

# strace PATH CALL:ERROR SCENARIO: play it while this call fails for this path.
# strace watches as a grandchild (-D): in PATH, PID is the program's number.
strace_play() {
    local path=$1 inject=$2 file=$3
    strace -f -o /dev/null true 2>why ||
        skip "strace may not trace here: $(head -n 1 why)"
    status=0
    # shellcheck disable=SC2016 # the other bash's number
    ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" bash -c '
        exec strace --quiet=all -D -f -o log -P "${1/PID/$$}" \
            -e "inject=$2" "${@:3}"' \
        - "$path" "$inject" "$BUILD/$program" -S "$file" \
        >../out 2>../err 3>&- 4>&- || status=$?
    wait_for_line '(INJECTED)' log
}

@test "who cannot see whether it has stopped goes on, and says so" {
    printf 'signal stop\nsignal cont\nc1 connect\n' >x.scn
    strace_play /proc/PID/stat openat:error=EMFILE x.scn
    tells x.scn 1 'x.scn:2: ' '/proc/ ... /stat' <../err
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

@test "a player that cannot look at the server's threads does not begin" {
    printf 'c1 connect\n' >x.scn
    strace_play /proc/self/task openat:error=ENOENT x.scn
    tells x.scn 1 '' '/proc/self/task ... ENOENT' <../err
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

@test "a few descriptors are enough for a play and its JSON, or it says so" {
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
            tells x.scn 1 '' "descriptors ... the limit is $most" <../err
        )
    done
}

@test "await-timer waits for as many timers of the server as there are steps" {
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
    # Ctrl-C ends it where none ever fires.
    printf 'c1 connect\nawait-timer\n' >x.scn
    background "$BUILD/$program" -S x.scn
    wait_for_line 'note await-timer' "$BATS_TEST_TMPDIR/out"
    kill -INT "$pid"
    wait_for_end "$pid"
}

@test "quiet leaves out the events, and nothing else" {
    printf 'c1 connect\nc1 send "x"\nc1 expect "x"\nnote hi\n' | plays -q
    [ -z "$(head -n 1 ../out)" ]
    grep -q '^  messages     1 sent$' ../out
    if grep -q '^\[' ../out; then false; fi
}

@test "the JSON is valid, and has one line for each line of the text" {
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

@test "the socket may be named" {
    printf 'c1 connect\nhold\nrepeat 100000 {\nrepeat 100000 {\n}\n}\n' >x.scn
    background "$BUILD/$program" -S x.scn -s named.sock
    wait_for_line 'note hold' "$BATS_TEST_TMPDIR/out"
    [ -S named.sock ]
    kill -INT "$pid"
    wait_for_end "$pid"
    [ ! -e named.sock ]
    background "$BUILD/$program" -S x.scn -s "@iomux-language-$$"
    wait_for_line 'note hold' "$BATS_TEST_TMPDIR/out"
    grep -q "@iomux-language-$$\$" /proc/net/unix
    [ ! -e "@iomux-language-$$" ]
    kill -INT "$pid"
    wait_for_end "$pid"
}

@test "a scenario does not go together with other clients or servers" {
    local options said
    printf 'c1 connect\n' >good.scn
    for options in '-c 2' '-m 2' '-i 2' '-z 2' '--stagger 2' --serve \
        '--connect -s x'; do
        # shellcheck disable=SC2086 # words
        play good.scn $options
        said=$(head -n 1 ../err)
        echo "$options: $status, $said"
        [ "$status" = 2 ]
        [ ! -s ../out ]
        [[ $said == "$program: "*--scenario* ]]
    done
}

@test "wrong bytes, too few, the end or nothing: what was expected, what came" {
    goes_wrong 3 'c1 expected hallo; after 0 bytes there came 5 bytes: hello' \
        <<<$'c1 connect\nc1 send "hello"\nc1 expect "hallo"'
    goes_wrong 3 'c1 expected hello!; after 5 bytes there came nothing' \
        <<<$'c1 connect\nc1 send "hello"\nc1 expect "hello!"'
    goes_wrong 4 'c1 expected hello!; after 5 bytes there came the end (eof)' \
        <<<$'c1 connect\nc1 send "hello"\nc1 shutdown\nc1 expect "hello!"'
    goes_wrong 2 'c1 expected x; after 0 bytes there came nothing' \
        <<<$'c1 connect\nc1 expect "x"'
    goes_wrong 3 'c1 expected \x1b\xff; ... came 2 bytes: a\n' \
        <<<$'c1 connect\nc1 send "a\\n"\nc1 expect "\\x1b\\xff"'
    goes_wrong 3 'expected 5 bytes of the pattern; ... came 5 bytes: hello' \
        <<<$'c1 connect\nc1 send "hello"\nc1 expect 5'
    goes_wrong 3 'expected 40000 bytes of the pattern; after 9 ... nothing' \
        <<<$'c1 connect\nc1 send 9\nc1 expect 40000'
}

@test "an end, an error or silence that does not come" {
    goes_wrong 2 'c1 expected the end (eof); after 0 bytes there came nothing' \
        <<<$'c1 connect\nc1 expect-eof'
    goes_wrong 3 'c1 expected the end (eof); ... came 1 bytes: x' \
        <<<$'c1 connect\nc1 send "x"\nc1 expect-eof'
    goes_wrong 3 'c1 expected nothing; ... came 1 bytes: x' \
        <<<$'c1 connect\nc1 send "x"\nc1 expect-nothing'
    goes_wrong 3 'c1 expected nothing; ... came the end (eof)' \
        <<<$'c1 connect\nc1 shutdown\nc1 expect-nothing'
    goes_wrong 2 'c1 expected ECONNRESET; ... came nothing' \
        <<<$'c1 connect\nc1 expect-error ECONNRESET'
    goes_wrong 4 'c1 expected EAGAIN; ... came EPIPE of send' \
        <<<$'c1 connect\nc1 shutdown\nc1 send "x"\nc1 expect-error EAGAIN'
    goes_wrong 2 'c1 expected unread data; ... came nothing unread' \
        <<<$'c1 connect\nc1 abort'
}

@test "an error that nobody expected, and a repeat in the wrong state" {
    goes_wrong 4 "c1: send failed before: EPIPE ... 'c1 expect-error EPIPE'" \
        <<<$'c1 connect\nc1 shutdown\nc1 send "x"\nc1 expect-nothing'
    goes_wrong 2 'c1 is connected already' \
        <<<$'repeat 2 {\nc1 connect\n}'
    goes_wrong 3 'c1 is not connected' \
        <<<$'c1 connect\nrepeat 2 {\nc1 send "x"\nc1 close\n}'
}

@test "Ctrl-C ends a play at once, with status 0" {
    local signal file
    # It would last for longer than the universe.
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
        kill "-$signal" "$pid"
        wait_for_end "$pid"
        cat ../err
        [ ! -s ../err ]
        tail -n 1 ../out | grep -q '^  '
        nothing_left
    done <<<$'INT empty\nINT busy\nINT held\nTERM busy\nHUP held'
}

@test "a signal ends a program that waits for its scenario" {
    mkfifo pipe.scn
    background "$BUILD/$program" -S pipe.scn
    # It is asleep in open(2) of the pipe.
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
