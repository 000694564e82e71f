#!/usr/bin/env bats
# trace.bats - the trace is the language of the course: each line is of the
# grammar (grammar.txt), text and JSON tell the same story, and each event
# points at the system call that it tells of.

# shellcheck disable=SC2154 # pid, socket: from helpers.bash
# shellcheck disable=SC2016 # $names in single quotes are jq's

load helpers

# Each stage once, with its defaults but for the interval; the tests read.
setup_file() {
    local stage status
    cd "$BATS_FILE_TMPDIR" || return 1
    for stage in $(all_stages); do
        status=0
        demo "$stage" -i 1 -j "$stage.json" \
            >"$stage.text" 2>"$stage.err" || status=$?
        echo "$status" >"$stage.status"
    done
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    own=$BATS_TEST_TMPDIR
}

# The events of a text trace: all up to the summary.
events_of() {
    sed '/^$/,$d' "$1" | grep -v '^ready: '
}

# Read the events of a text trace; print what each says, as
# "event key=value ...". A line that the grammar does not know is an error.
facts_of_text() {
    perl -w - "$BATS_TEST_DIRNAME/grammar.txt" <(events_of "$1") <<'END'
open(my $grammar, '<', $ARGV[0]) or die $!;
my (%word, @events);
while (<$grammar>) {
    next unless /^(\w+)\s+(.*\S)/;
    if ($1 eq uc $1) { $word{$1} = $2 } else { push @events, [$1, $2] }
}
my $words = join '|', keys %word;
sub expand {
    my $regex = shift;
    1 while $regex =~ s/\b($words)\b/$word{$1}/;
    return $regex;
}
$_->[1] = expand($_->[1]) for @events;
my $who = expand('WHO');
open(my $trace, '<', $ARGV[1]) or die $!;
LINE: while (my $line = <$trace>) {
    $line =~ s/\n\z// or die "no newline at the end: $line";
    my $column = length(($line =~ /^(\[[^\]]*\] *)/)[0] // '');
    for my $event (@events) {
        my ($name, $regex) = @$event;
        $line =~ /\A$who +(?<=\A.{11,20})$regex\z/ or next;
        print join(' ', $name, map { "$_=$+{$_}" } sort keys %+), "\n";
        next LINE;
    }
    die "not of the grammar: $line\n";
}
END
}

# The same from JSON, without what the text does not show.
facts_of_json() {
    jq -r 'select(.ph != "M" and .cat != "summary")
        | .cat as $cat | .name as $name
        | (.args.who | test("^(server|thread|worker)")) as $server
        | ($name == "recv" or $name == "send") as $data
        | ($cat | IN("again", "error")) as $failed
        | .args | del(.src, .again)
        | if ($data and ($server | not)) or $cat == "shutdown" or
             ($failed and ($data | not)) then del(.fd) else . end
        | if .asked == .bytes then del(.asked) else . end
        | if $cat == "again" then del(.error) else . end
        | if ($cat | IN("wait", "woke")) or
             ($failed and ($data and $server | not))
          then .name = $name else . end
        | to_entries | sort_by(.key) | map("\(.key)=\(.value)")
        | [$cat] + . | join(" ")' "$1"
}

# jq that fails unless the program says true of the whole trace.
holds() {
    jq -se "$2" "$1" >"$own/answer" || {
        echo "$1: does not hold: $2"
        cat "$own/answer"
        return 1
    }
}

# Start a server; what an earlier one said is forgotten.
fresh_server() {
    rm -f "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
    start_server "$@"
}

need_strace() {
    strace -f -o /dev/null true 2>"$own/why" ||
        skip "strace may not trace here: $(head -n 1 "$own/why")"
}

@test "each stage ends with status 0, and all is echoed" {
    local stage
    for stage in $(all_stages); do
        echo "stage $stage"
        [ "$(<"$stage.status")" = 0 ]
        [ ! -s "$stage.err" ]
        sed '1,/^$/d' "$stage.text" >"$own/summary"
        grep -qx "summary of $stage" "$own/summary"
        grep -qx "  clients      3 accepted, 0 refused, 3 closed" \
            "$own/summary"
        grep -qx "  messages     15 sent, 15 echoed" "$own/summary"
        grep -qx "  bytes        315 in, 315 out" "$own/summary"
        holds "$stage.json" '[.[] | select(.cat == "recv") |
            select(.args.who | test("client"))] | length == 15'
    done
}

@test "for each client: connect, accept, recv, send, close" {
    local stage
    for stage in $(all_stages); do
        holds "$stage.json" '. as $all | [range(1; 4)] | all(
            "c\(.)" as $c | "client \(.)" as $who |
            [($all | map(.cat == "connect" and .args.who == $who)),
             ($all | map(.cat == "accept" and .args.client == $c)),
             ($all | map(.cat == "recv" and .args.client == $c)),
             ($all | map(.cat == "send" and .args.client == $c)),
             ($all | map(.cat == "eof" and .args.client == $c)),
             ($all | map(.cat == "close" and .args.client == $c))]
            | map(index(true)) | . as $order
            | all(. != null) and ($order == sort) and
              ($order | unique | length) == 6)'
        # ... once each; and a client says what it does before others see it.
        holds "$stage.json" '. as $all | [range(1; 4)] | all(
            "c\(.)" as $c | "client \(.)" as $who |
            ($all | map(select(.args.client == $c or .args.who == $who))) |
            ([.[] | .cat | select(IN("connect", "accept", "shutdown"))]
              | length) == 3 and
            (map(select(.cat == "close")) | length) == 2 and
            (map(.cat == "send" and .args.who == $who) | index(true)) <
            (map(.cat == "recv" and .args.client == $c) | index(true)) and
            (map(.cat == "shutdown") | index(true)) <
            (map(.cat == "eof" and .args.client == $c) | index(true)))'
    done
}

@test "each client gets its own bytes, and the server's sums are the same" {
    local stage
    for stage in $(all_stages); do
        holds "$stage.json" '. as $all | [range(1; 4)] | all(
            "c\(.)" as $c | "client \(.)" as $who |
            def bytes(f): [$all[] | select(f) | .args.bytes] | add;
            bytes(.cat == "send" and .args.who == $who) == 105 and
            bytes(.cat == "recv" and .args.who == $who) == 105 and
            bytes(.cat == "send" and .args.client == $c) == 105 and
            bytes(.cat == "recv" and .args.client == $c) == 105)'
        holds "$stage.json" 'map(select(.cat == "recv" and .args.client))
            | length > 0 and all(.args.msg | test("^hello [0-9] from client"))'
        # The message names its client; so does the trace, on both sides.
        holds "$stage.json" 'map(select(.cat == "recv") |
            .args | select(.client) | (.client | ltrimstr("c")) as $n |
            .msg | test("client " + $n)) | length > 0 and all'
    done
}

@test "each line of the text is of the grammar" {
    local stage
    for stage in $(all_stages); do
        facts_of_text "$stage.text" >"$own/facts"
        [ "$(wc -l <"$own/facts")" -gt 50 ]
    done
}

@test "the grammar has the events of trace.h, and no other" {
    grep -Eo '^ \*     [a-z]+(, [a-z]+)*  ' "$TOP/common/trace.h" |
        grep -Eo '[a-z]+' | sort >"$own/1"
    grep -Eo '^[a-z]+' "$BATS_TEST_DIRNAME/grammar.txt" | sort -u >"$own/2"
    diff "$own/1" "$own/2"
    [ "$(wc -l <"$own/1")" -ge 17 ]
}

@test "each line of JSON is one whole event" {
    local stage
    for stage in $(all_stages); do
        jq -R fromjson "$stage.json" >"$own/parsed"
        [ "$(jq -s length "$own/parsed")" = "$(wc -l <"$stage.json")" ]
        LC_ALL=C grep -q '[^ -~]' "$stage.json" && return 1
        holds "$stage.json" 'all(
            (.name | type == "string" and length > 0) and
            (.ph | IN("B", "E", "i", "M")) and
            ([.ts, .pid, .tid] | all(type == "number")) and
            (.args | type == "object"))'
        holds "$stage.json" 'map(select(.ph != "M" and .cat != "summary"))
            | all(.args |
                (.src | test("^(demos|common)/[-a-z0-9_]+\\.c:[0-9]+$")) and
                (.who | test("^(server|demo|(client|thread|worker) x?[0-9]+)$")))'
        holds "$stage.json" 'map(.pid) | unique | length == 1'
    done
}

@test "the categories are the vocabulary" {
    local stage words
    words=$(grep -Eo '^[a-z]+' "$BATS_TEST_DIRNAME/grammar.txt" |
        sed 's/.*/"&"/' | paste -sd,)
    for stage in $(all_stages); do
        holds "$stage.json" "map(.cat) - [$words, \"summary\",
            \"__metadata\"] | unique == []"
        holds "$stage.json" 'map(select(.cat == "summary")) | length == 1'
    done
}

@test "text and JSON tell the same story" {
    local stage
    for stage in $(all_stages); do
        facts_of_text "$stage.text" >"$own/text"
        facts_of_json "$stage.json" >"$own/json"
        diff "$own/text" "$own/json"
    done
}

@test "what no client may say is escaped, in text and in JSON" {
    local stage file
    # All bytes, and what would forge a line, close a string, or colour.
    perl -e 'print map { chr } 0 .. 255' >"$own/bytes"
    printf '\n[server]   stop\n","args":{"x":"\\"}}\n\033[31mred' \
        >"$own/forged"
    for stage in $(all_stages); do
        fresh_server "$stage" -j "$own/json"
        for file in "$own"/bytes "$own"/forged; do
            split -b 16 "$file" "$file-piece-" # so that none is cut
        done
        for file in "$own"/*-piece-*; do
            timeout "$LIMIT" socat -t "$LIMIT" - "UNIX:$socket" \
                <"$file" >"$own/echo"
            cmp "$own/echo" "$file"
        done
        stop_server
        LC_ALL=C grep -q '[^ -~]' "$own/out" && return 1
        grep -qx '\[server\]   stop' "$own/out" && return 1
        facts_of_text "$own/out" >"$own/text"
        facts_of_json "$own/json" >"$own/facts"
        diff "$own/text" "$own/facts"

        # Unescape what the trace shows: it is what was sent.
        jq -rj 'select(.cat == "recv") | .args.msg' "$own/json" |
            perl -pe 'my %c = qw(a 7 b 8 t 9 n 10 v 11 f 12 r 13 \\ 92);
                s/\\(?:x(..)|(.))/chr(defined $1 ? hex $1 : $c{$2})/ge' |
            cmp - <(cat "$own"/*-piece-*)
        rm "$own"/*-piece-*
    done
}

@test "a long message is cut, and the trace says by how much" {
    local stage
    stage=$(all_stages | tail -n 1)
    demo "$stage" -c 1 -m 1 -z 5000 -j "$own/json" >"$own/text"
    grep -q '^\[client 1\] send 5000 bytes, msg:.*\.\.\. (+4968)$' \
        "$own/text"
    facts_of_text "$own/text" >"$own/facts"
    facts_of_json "$own/json" | diff "$own/facts" -
    holds "$own/json" 'map(select(.cat == "send" and
        .args.who == "client 1")) | length == 1 and
        all(.args.msg | endswith("... (+4968)"))'
}

@test "the JSON is a trace that Chrome and Perfetto can show" {
    local stage
    for stage in $(all_stages); do
        jq -s '{traceEvents:.}' "$stage.json" >"$own/chrome"
        # Per thread the waits begin and end, nested, by the same name.
        jq -e '.traceEvents | group_by(.tid) | all(
            reduce .[] as $e ([];
                if . == null then null
                elif $e.ph == "B" then . + [$e.name]
                elif $e.ph != "E" then .
                elif .[-1] == $e.name then .[:-1]
                else null end)
            | . == [])' "$own/chrome"
        jq -e '.traceEvents | map(select(.ph == "i"))
            | length > 0 and all(.s | IN("t", "p"))' "$own/chrome"
        jq -e '.traceEvents | map(select(.ph != "i")) | all(has("s") | not)' \
            "$own/chrome"
        jq -e '.traceEvents | (map(.tid) | unique) ==
            (map(select(.ph == "M" and .name == "thread_name" and
                .cat == "__metadata") | .tid) | unique)' "$own/chrome"
        # Each event is its thread's by name, too.
        jq -e '.traceEvents | group_by(.tid) | all(
            (map(select(.ph == "M") | .args.name)) as $names |
            map(select(.args.who)) | all(.args.who | IN($names[])))' \
            "$own/chrome"
    done
}

@test "time never goes back, and a wait that begins is in JSON a B" {
    local stage
    for stage in $(all_stages); do
        holds "$stage.json" 'map(select(.ph != "M") | .ts) | . == sort'
        holds "$stage.json" 'all((.cat == "wait") == (.ph == "B"))'
        holds "$stage.json" 'all(.cat != "woke" or .ph == "E")'
    done
}

# The statement that ends on line $2 of file $1, or, with +, begins after it.
statement() {
    awk -v at="$2" -v after="${3-}" '
        after != "" && NR > at { print; if (/[;{}]$/) exit }
        after == "" && NR < at { s = s $0; if (NR < at - 1 && /[;{}\/]$/)
            s = "" }
        after == "" && NR == at { print s; exit }' "$1"
}

# The macro of trace.h for an event, and the call that stands beside it:
# before it, or after it (+). "@" stands for the call that it names.
neighbours() {
    cat <<END
trace_listen listen -
trace_wait @ +
trace_woke @ -
trace_accept accept4 -
trace_refused close +
trace_recv recv -
trace_send send -
trace_ctl epoll_ctl -
trace_arming epoll_ctl +
trace_close close +
END
}

@test "in the stages each trace call stands beside its system call" {
    local stage macro call where line text file name checked=0
    for stage in $(all_stages); do
        file=$TOP/demos/$stage.c
        while read -r macro call where; do
            while IFS=: read -r line text; do
                [ -n "$line" ] || continue
                if [ "$call" = @ ]; then
                    name=${text#*\"}
                    name=${name%%\"*}
                    name=${name/accept/accept4}
                else
                    name=$call
                fi
                echo "$stage.c:$line: $text: no $name($where) beside it"
                statement "$file" "$line" "${where#-}" | grep -q "\b$name("
                checked=$((checked + 1))
            done < <(grep -n "\b$macro(" "$file")
        done < <(neighbours)
    done
    [ "$checked" -ge $((5 * $(all_stages | wc -l))) ]
}

@test "in the common files a system call is near" {
    local where file line near
    while read -r where near; do
        while IFS=: read -r line _; do
            echo "$where:$line: no $near() near it"
            sed -n "$((line > 3 ? line - 3 : 1)),$((line + 8))p" \
                "$TOP/common/$where" | grep -q "[^_a-z]${near##*:}("
        done < <(grep -n "\b${near%%:*}(" "$TOP/common/$where")
        grep -q "\b${near%%:*}(" "$TOP/common/$where"
    done <<END
client.c trace_connect:connect
client.c trace_sending:send
client.c trace_recv:recv
client.c trace_shutdown:shutdown
client.c trace_close:close
unix_socket.c trace_listen:listen
END
}

@test "src of an event is the line of its trace call" {
    local stage src cat name who wanted text seen=0
    for stage in $(all_stages); do
        while read -r src cat name who; do
            case $cat in
            recv | eof) wanted=trace_recv ;;
            again | error)
                wanted=trace_$name
                [[ $who == client* && $name != recv ]] && wanted=trace_failed
                [[ $name == select || $name == *poll* || $name == *wait ]] &&
                    wanted=trace_woke
                ;;
            send)
                wanted=trace_send
                [[ $who == client* ]] && wanted=trace_sending
                ;;
            stop) wanted=emit ;; # told by trace_stop() itself
            ctl)
                wanted=trace_ctl
                [[ $stage != 09-* ]] || wanted=trace_arming
                ;;
            *) wanted=trace_$cat ;;
            esac
            text=$(sed -n "${src##*:}p" "$TOP/${src%:*}")
            echo "$src: $cat $name of $who, the line is: $text"
            [[ $cat == stop || $text == *[^_a-z]"$wanted("* ]]
            seen=$((seen + 1))
        done < <(jq -r 'select(.args.src) | "\(.args.src) \(.cat) \(.name) " +
            "\(.args.who)"' "$stage.json" | sort -u)
        # What the server does stands in the stage, or in its reactor.
        holds "$stage.json" 'map(select(.cat | IN("wait", "woke", "ready",
            "accept", "ctl"))) | all(.args.src |
            startswith("demos/'"$stage"'.c:") or startswith("demos/reactor.c:"))'
    done
    [ "$seen" -ge $((10 * $(all_stages | wc -l))) ]
}

@test "of a run of EAGAINs only the first is printed; the rest are counted" {
    local stage
    for stage in $(all_stages); do
        # No thread says so twice in a row.
        holds "$stage.json" 'map(select(.args.src)) | group_by(.tid) | all(
            [.[:-1], .[1:]] | transpose |
            all(map(.cat) != ["again", "again"]))'
        # What the events and their "again" add up to is in the summary, but
        # for those after which the server said nothing more.
        holds "$stage.json" '
            map(select((.args.who // "") | test("^(server|thread|worker)"))) as $mine |
            (map(select(.cat == "summary"))[0].args) as $sum |
            (($mine | map(select(.cat == "again")) | length) +
             ($mine | map(.args.again // 0) | add)) as $said |
            $said <= $sum.again and
            ($said == $sum.again or $sum.scans > 0)'
        case $stage in
        03-*)
            holds "$stage.json" 'map(select(.cat == "again" or .args.src) |
                .args.again // 0) | add > 0'
            grep -q '^\[server\]   accept EAGAIN$' "$stage.text"
            ;;
        esac
    done
}

@test "the summary counts what the trace shows" {
    local stage
    for stage in $(all_stages); do
        holds "$stage.json" '
            (map(select(.cat == "summary"))[0].args) as $sum |
            map(select((.args.who // "") | test("^(server|thread|worker)"))) as $mine |
            def n(f): [$mine[] | select(f)] | length;
            n(.cat == "accept") == $sum.accepted and
            n(.cat == "refused") == $sum.refused and
            n(.cat == "close") == $sum.closed and
            n(.name == "send" and .ph != "B") == $sum.send and
            n(.cat == "ctl") == $sum.epoll_ctl and
            n(.cat == "woke") == ([$sum | .select, .poll, .epoll_wait, .wait]
                | map(. // 0) | add) and
            ([$mine[] | select(.cat == "recv") | .args.bytes] | add) ==
                $sum.bytes_in and
            ([$mine[] | select(.cat == "send") | .args.bytes] | add) ==
                $sum.bytes_out and
            ($sum.scans > 0 or
                (n(.name == "recv" and .ph != "B") +
                 n(.name == "accept" and .ph != "B")) ==
                $sum.recv + $sum.accept
                - ([$mine[] | .args.again // 0] | add))'
        # The same numbers are in the text.
        jq -r 'select(.cat == "summary") | .args |
            "accept \(.accept), recv \(.recv), send \(.send), " +
            "close \(.close)"' "$stage.json" >"$own/calls"
        [ -s "$own/calls" ]
        grep -qFf "$own/calls" "$stage.text"
    done
}

# Run the stage on a terminal, with these variables; the trace goes to $own/tty.
on_terminal() {
    local stage=$1
    shift
    (cd "$BUILD" && SHELL=/bin/sh timeout -k 1 "$LIMIT" env -u NO_COLOR \
        TERM=xterm "$@" script -qec "./$stage -c 2 -m 1" /dev/null \
        </dev/null >"$own/tty" 3>&- 4>&-)
    grep -q 'accept new' "$own/tty"
}

@test "colour on a terminal, and nowhere else" {
    local stage escape=$'\033['
    stage=$(all_stages | tail -n 1)
    on_terminal "$stage"
    grep -qF "$escape" "$own/tty"
    # Without it, it is the same trace.
    sed -e 's/\x1b\[[0-9;]*m//g' -e 's/\r$//' "$own/tty" >"$own/plain"
    facts_of_text "$own/plain" >"$own/facts"
    # Each line that begins a colour ends it.
    sed 's/\r$//' "$own/tty" | grep -F "$escape" >"$own/coloured"
    grep -vqF "${escape}0m" "$own/coloured" && return 1

    on_terminal "$stage" NO_COLOR= # empty: as if not there
    grep -qF "$escape" "$own/tty"
    on_terminal "$stage" NO_COLOR=1
    ! grep -qF "$escape" "$own/tty" || return 1
    on_terminal "$stage" TERM=dumb
    ! grep -qF "$escape" "$own/tty" || return 1
    TERM=xterm demo "$stage" -c 2 -m 1 | cat >"$own/pipe"
    grep -q 'accept new' "$own/pipe"
    ! grep -qF "$escape" "$own/pipe" || return 1
    on_terminal "$stage" TERM=xterm # the test itself can tell
    grep -qF "$escape" "$own/tty"
}

@test "-q leaves out the events, not the summary" {
    local stage
    for stage in $(all_stages); do
        demo "$stage" -q -i 1 -j "$own/json" >"$own/text"
        [ "$(events_of "$own/text" | wc -l)" = 0 ]
        [ "$(sed -n 2p "$own/text")" = "summary of $stage" ]
        grep -qx "  messages     15 sent, 15 echoed" "$own/text"
        # ... and JSON has it all.
        holds "$own/json" 'map(select(.cat == "recv")) | length >= 30'
    done
}

@test "--serve -q says ready: and no more" {
    local stage
    for stage in $(all_stages); do
        fresh_server "$stage" -q
        demo "$stage" --connect -s "$socket" -q -i 0 >/dev/null
        stop_server
        diff "$own/out" <(echo "ready: $socket")
        [ ! -s "$own/err" ]
    done
}

@test "--serve says all, and its summary" {
    local stage
    for stage in $(all_stages); do
        fresh_server "$stage" -j "$own/json"
        demo "$stage" --connect -s "$socket" -q -i 0 >/dev/null
        stop_server
        facts_of_text "$own/out" >"$own/text"
        facts_of_json "$own/json" >"$own/facts"
        diff "$own/text" "$own/facts"
        grep -qx '  clients      3 accepted, 0 refused, 3 closed' "$own/out"
        # The ends that follow are the stop's doing: it stands before them.
        grep -qx '\[demo\]     stop' "$own/out"
    done
}

@test "one line, one write(2)" {
    local stage
    need_strace
    for stage in $(all_stages); do
        echo "stage $stage"
        # ASAN_OPTIONS: the leak checker does not work under ptrace.
        ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" strace \
            --seccomp-bpf -f -s 4000 -e trace=write -o "$own/strace" \
            "$BUILD/$stage" -c 3 -m 2 -i 1 -z 100 -j "$own/json" \
            >"$own/text" 3>&- 4>&-
        # In strace's words \\ is a backslash, and then \n a newline.
        sed -n 's/^[0-9]* *write(\([0-9]*\), \(".*"\(\.\.\.\)\?\), .*/\1 \2/p' \
            "$own/strace" | sed 's/\\\\/_/g' >"$own/writes"
        # Text: an event a write, then the summary.
        grep '^1 ' "$own/writes" >"$own/1"
        [ "$(grep -c '^1 "\[' "$own/1")" = \
            "$(events_of "$own/text" | wc -l)" ]
        ! grep '^1 "\[' "$own/1" | grep -v '^1 "[^\\]*\\n"$' || return 1
        [ "$(grep -vc '^1 "\[' "$own/1")" = 1 ] # the summary
        # JSON: the same.
        sed 's/\\"/_/g' "$own/writes" | grep '^[0-9]* "{' >"$own/2"
        [ "$(wc -l <"$own/2")" = "$(wc -l <"$own/json")" ]
        ! grep -v '^[0-9]* "[^\\]*\\n"$' "$own/2" || return 1
    done
}

@test "a quiet run makes no write(2) for an event" {
    local stage
    need_strace
    for stage in $(all_stages); do
        ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" strace \
            --seccomp-bpf -f -e trace=write,writev,pwrite64 \
            -o "$own/strace" "$BUILD/$stage" -q -i 0 -j "$own/json" \
            >"$own/text" 3>&- 4>&-
        grep -q 'messages     15 sent, 15 echoed' "$own/text"
        # Those to other descriptors are JSON, or a sanitizer's.
        [ "$(grep -cE ' p?writev?(64)?\(1,' "$own/strace")" = 1 ]
    done
}
