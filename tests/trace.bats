#!/usr/bin/env bats
# trace.bats - the trace is the language of the course: each line is of the
# grammar (grammar.txt), text and JSON tell the same story, and each event
# points at the system call that it tells of.

# shellcheck disable=SC2154 # pid, socket: from helpers.bash
# shellcheck disable=SC2016 # $names in single quotes are jq's

load helpers

# Each stage once, with its defaults but for the interval; the tests read. All
# JSON is in one file, too, a stage a line: {"stage": ..., "trace": [...]}
setup_file() {
    local stage status
    local -a stages
    cd "$BATS_FILE_TMPDIR" || return 1
    mapfile -t stages < <(all_stages)
    for stage in "${stages[@]}"; do
        status=0
        demo "$stage" -i 1 -j "$stage.json" \
            >"$stage.text" 2>"$stage.err" || status=$?
        echo "$status" >"$stage.status"
    done
    jq -nc 'reduce (inputs | [input_filename, .]) as [$file, $event] ({};
            .[$file] += [$event])
        | to_entries[] | {stage: .key | rtrimstr(".json"), trace: .value}' \
        "${stages[@]/%/.json}" >traces
}

# What common/ does is the same code in every stage. What only it decides - how
# an event is written, and where to - two stages show whose threads all write.
setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    own=$BATS_TEST_TMPDIR
    stages=(*.text)
    [ -e "${stages[0]}" ] || skip "STAGES names no echo server"
    stages=("${stages[@]%.text}")
    some=()
    for stage in "${stages[@]}"; do
        [[ $stage != 02-* && $stage != 09-* ]] || some+=("$stage")
    done
    [ ${#some[@]} -gt 0 ] || some=("${stages[-1]}")
}

# The events of a text trace: all up to the summary.
events_of() {
    sed '/^$/,$d' "$1" | grep -v '^ready: '
}

# Read text traces; print what each event says, as "event key=value ...", and
# whose summary ends them. A line that the grammar does not know is an error.
facts_of_text() {
    perl -w - "$BATS_TEST_DIRNAME/grammar.txt" "$@" <<'END'
open(my $grammar, '<', shift) or die $!;
my (%word, @events, $end);
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
my $who = expand('WHO');
$_->[1] = qr/\A$who +(?<=\A.{11,20})@{[expand($_->[1])]}\z/ for @events;
LINE: while (my $line = <>) {
    $line =~ s/\n\z// or die "no newline at the end: $line";
    $end = 0 if $. == 1;
    $end ||= $line eq '';
    print "$line\n" if $end && $line =~ /\Asummary of /;
    next if $end || $line =~ /\Aready: /;
    for my $event (@events) {
        my ($name, $regex) = @$event;
        $line =~ $regex or next;
        print join(' ', $name, map { "$_=$+{$_}" } sort keys %+), "\n";
        next LINE;
    }
    die "$ARGV: not of the grammar: $line\n";
} continue {
    close ARGV if eof; # $. counts the lines of each file
}
END
}

# The same from JSON, without what the text does not show.
facts_of_json() {
    jq -r 'select(.ph != "M")
        | .cat as $cat | .name as $name
        | if $cat == "summary" then "summary of " + .args.program else
          (.args.who | test("^(server|thread|worker)")) as $server
        | ($name == "recv" or $name == "send") as $data
        | ($cat | IN("again", "error")) as $failed
        | .args | del(.src, .again, .room)
        | if ($data and ($server | not)) or $cat == "shutdown" or
             ($failed and ($data | not)) then del(.fd) else . end
        | if .asked == .bytes then del(.asked) else . end
        | if $cat == "again" then del(.error) else . end
        | if ($cat | IN("wait", "woke")) or
             ($failed and ($data and $server | not))
          then .name = $name else . end
        | to_entries | sort_by(.key) | map("\(.key)=\(.value)")
        | [$cat] + . | join(" ") end' "$@"
}

# jq that fails unless the program says true of the whole trace in a file.
holds() {
    jq -se "$2" "$1" >"$own/answer" || {
        echo "$1: does not hold: $2"
        cat "$own/answer"
        return 1
    }
}

# The same for the traces of all stages. The program may ask for $stage.
all_hold() {
    [ -s traces ] # without traces all would hold
    jq -r '.stage as $stage | select([.trace | ('"$1"')] != [true]) | $stage' \
        traces >"$own/bad"
    [ ! -s "$own/bad" ] || {
        echo "does not hold for $(<"$own/bad"): $1"
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

@test "each stage ends with status 0 and echoes every byte" {
    local stage summary line
    for stage in "${stages[@]}"; do
        echo "stage $stage"
        [ "$(<"$stage.status")" = 0 ]
        [ ! -s "$stage.err" ]
        summary=$(<"$stage.text")
        summary=${summary#*$'\n\n'}$'\n'
        for line in "summary of $stage" \
            "  clients      3 accepted, 0 refused, 3 closed" \
            "  messages     15 sent, 15 echoed" \
            "  bytes        315 in, 315 out"; do
            [[ $'\n'$summary == *$'\n'"$line"$'\n'* ]]
        done
    done
    all_hold '[.[] | select(.cat == "recv") |
        select(.args.who | test("client"))] | length == 15'
}

@test "the lines of a client are in order: connect, accept, recv, send, close" {
    all_hold '. as $all | [range(1; 4)] | all(
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
    all_hold '. as $all | [range(1; 4)] | all(
        "c\(.)" as $c | "client \(.)" as $who |
        ($all | map(select(.args.client == $c or .args.who == $who))) |
        ([.[] | .cat | select(IN("connect", "accept", "shutdown"))]
          | length) == 3 and
        (map(select(.cat == "close")) | length) == 2 and
        (map(.cat == "send" and .args.who == $who) | index(true)) <
        (map(.cat == "recv" and .args.client == $c) | index(true)) and
        (map(.cat == "shutdown") | index(true)) <
        (map(.cat == "eof" and .args.client == $c) | index(true)))'
}

@test "each client gets its own bytes, and the server's counts agree" {
    all_hold '. as $all | [range(1; 4)] | all(
        "c\(.)" as $c | "client \(.)" as $who |
        def bytes(f): [$all[] | select(f) | .args.bytes] | add;
        bytes(.cat == "send" and .args.who == $who) == 105 and
        bytes(.cat == "recv" and .args.who == $who) == 105 and
        bytes(.cat == "send" and .args.client == $c) == 105 and
        bytes(.cat == "recv" and .args.client == $c) == 105)'
    all_hold 'map(select(.cat == "recv" and .args.client))
        | length > 0 and all(.args.msg | test("^hello [0-9] from client"))'
    # The message names its client; so does the trace, on both sides.
    all_hold 'map(select(.cat == "recv") |
        .args | select(.client) | (.client | ltrimstr("c")) as $n |
        .msg | test("client " + $n)) | length > 0 and all'
}

@test "each line of the text matches the grammar" {
    facts_of_text "${stages[@]/%/.text}" >"$own/facts"
    # More than 50 of each stage.
    awk '/^summary/ { if (n <= 50) exit 1; n = -1; stages++ }
         { n++ }
         END { if (n || stages != '${#stages[@]}') exit 1 }' "$own/facts"
}

@test "the grammar contains exactly the events of trace.h" {
    grep -Eo '^ \*     [a-z]+(, [a-z]+)*  ' "$TOP/common/trace.h" |
        grep -Eo '[a-z]+' | sort >"$own/1"
    grep -Eo '^[a-z]+' "$BATS_TEST_DIRNAME/grammar.txt" | sort -u >"$own/2"
    diff "$own/1" "$own/2"
    [ "$(wc -l <"$own/1")" -ge 17 ]
}

@test "each line of JSON is one complete event" {
    local lines
    jq -R fromjson "${stages[@]/%/.json}" >"$own/parsed"
    mapfile -t lines < <(cat "${stages[@]/%/.json}")
    [ "$(jq -s length "$own/parsed")" = "${#lines[@]}" ]
    LC_ALL=C grep -q '[^ -~]' "${stages[@]/%/.json}" && return 1
    all_hold 'all(
        (.name | type == "string" and length > 0) and
        (.ph | IN("B", "E", "i", "M")) and
        ([.ts, .pid, .tid] | all(type == "number")) and
        (.args | type == "object"))'
    all_hold 'map(select(.ph != "M" and .cat != "summary"))
        | all(.args |
            (.src | test("^(demos|common)/[-a-z0-9_]+\\.c:[0-9]+$")) and
            (.who | test("^(server|demo|(client|thread|worker) x?[0-9]+)$")))'
    all_hold 'map(.pid) | unique | length == 1'
}

@test "the categories of JSON are the events of the grammar" {
    local words
    words=$(grep -Eo '^[a-z]+' "$BATS_TEST_DIRNAME/grammar.txt" |
        sed 's/.*/"&"/' | paste -sd,)
    all_hold "map(.cat) - [$words, \"summary\", \"__metadata\"] | unique == []"
    all_hold 'map(select(.cat == "summary")) | length == 1'
}

@test "text and JSON contain the same events" {
    facts_of_text "${stages[@]/%/.text}" >"$own/text"
    facts_of_json "${stages[@]/%/.json}" >"$own/json"
    diff "$own/text" "$own/json"
}

# Send a file in pieces of so many bytes, each by a client of its own, and see
# their echoes.
send_pieces() {
    timeout -k 1 "$LIMIT" perl -MSocket -we '
        my $server = pack_sockaddr_un(shift);
        $/ = \shift;
        while (my $piece = <>) {
            socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, $server) or die "connect: $!";
            send($s, $piece, 0) == length $piece or die "send: $!";
            shutdown($s, 1);
            local $/;
            <$s> eq $piece or die "this is not its echo: $piece";
        }' "$socket" "$@" 3>&- 4>&-
}

@test "control characters and other special bytes are escaped, in text and JSON" {
    local stage
    # All bytes, and what would forge a line, close a string, or colour; in
    # pieces of 16 bytes, so that none is cut.
    { perl -e 'print map { chr } 0 .. 255' && printf \
        '\n[server]   stop\n","args":{"x":"\\"}}\n\033[31mred'; } >"$own/said"
    for stage in "${some[@]}"; do
        fresh_server "$stage" -j "$own/json"
        send_pieces 16 "$own/said"
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
            cmp - "$own/said"
    done
}

@test "a long message is cut, and the trace prints how many bytes are missing" {
    demo "${stages[-1]}" -c 1 -m 1 -z 5000 -j "$own/json" >"$own/text"
    grep -q '^\[client 1\] send 5000 bytes, msg:.*\.\.\. (+4968)$' \
        "$own/text"
    facts_of_text "$own/text" >"$own/facts"
    facts_of_json "$own/json" | diff "$own/facts" -
    holds "$own/json" 'map(select(.cat == "send" and
        .args.who == "client 1")) | length == 1 and
        all(.args.msg | endswith("... (+4968)"))'
}

@test "Chrome and Perfetto can show the JSON" {
    # Per thread the waits begin and end, nested, by the same name.
    all_hold 'group_by(.tid) | all(
        reduce .[] as $e ([];
            if . == null then null
            elif $e.ph == "B" then . + [$e.name]
            elif $e.ph != "E" then .
            elif .[-1] == $e.name then .[:-1]
            else null end)
        | . == [])'
    all_hold 'map(select(.ph == "i"))
        | length > 0 and all(.s | IN("t", "p"))'
    all_hold 'map(select(.ph != "i")) | all(has("s") | not)'
    all_hold '(map(.tid) | unique) ==
        (map(select(.ph == "M" and .name == "thread_name" and
            .cat == "__metadata") | .tid) | unique)'
    # The name in each event is that of its thread. Any thread may write stop.
    all_hold 'group_by(.tid) | all(
        (map(select(.ph == "M") | .args.name)) as $names |
        map(select(.args.who and .cat != "stop")) |
        all(.args.who | IN($names[])))'
}

@test "times are in order, and a wait begins with B and ends with E" {
    all_hold 'map(select(.ph != "M") | .ts) | . == sort'
    all_hold 'all((.cat == "wait") == (.ph == "B"))'
    all_hold 'all(.cat != "woke" or .ph == "E")'
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

@test "in the stages each trace call is next to its system call" {
    local -a files=("${stages[@]/#/"$TOP/demos/"}")
    neighbours >"$own/neighbours"
    perl -w - "$own/neighbours" "${files[@]/%/.c}" >"$own/checked" <<'END'
open(my $table, '<', shift) or die $!;
my @rows = map { [split] } <$table>;
local $/; # whole files
while (my $text = <<>>) { # <> would strip blanks from names
    my $has_requests = $text =~ /^#include <liburing.h>/m;
    for (@rows) {
        my ($macro, $call, $where) = @$_;
        # A result of a request is not beside a call.
        next if $has_requests && $macro =~ /^trace_(accept|recv|send)$/;
        while ($text =~ /^.*\b$macro\((.*)\n/mg) {
            my ($before, $line, $rest, $after) = ($`, $&, $1, $');
            $call =~ s/@/$rest =~ m{"(\w+)"} ? $1 : '?'/e;
            $call =~ s/^accept$/accept4/;
            $call =~ s/^io_uring_enter$/submit_and_wait/;
            # The next statement, or the one before it, to the line's begin.
            my ($statement) = $where eq '+' ?
                $after =~ /\A((?:.*(?<![;{}])\n)*.*\n)/ :
                $before =~ /((?:^.*(?<![;{}\/])\n)*.*\n)\z/m;
            print "$ARGV: $line";
            $statement =~ /\b$call\(/ or die "no $call($where) beside $line";
            $call = $$_[1];
        }
    }
}
END
    mapfile -t checked <"$own/checked"
    [ "${#checked[@]}" -ge $((5 * ${#stages[@]})) ]
}

@test "in common/, each trace call is near its system call" {
    local where near macro call i found
    local -a line
    while read -r where macro call; do
        mapfile -t line <"$TOP/common/$where"
        found=0
        while IFS=: read -r i _; do
            found=1
            echo "$where:$i: no $call() near it"
            near=${line[*]:i > 8 ? i - 8 : 0:22}
            [[ $near =~ [^_a-z]"$call"(_part)?\( ]] # send_part() calls send()
        done < <(grep -n "\b$macro(" "$TOP/common/$where")
        [ $found = 1 ]
    done <<END
client.c trace_connect address_connect
client.c trace_sending send
client.c trace_recv recv
client.c trace_shutdown shutdown
client.c trace_close close
listener.c trace_listen listen
END
}

@test "src of an event is the line of its trace call" {
    local src stage cat name who wanted text seen=0
    (cd "$TOP" && grep -n '' demos/*.c common/*.c) >"$own/sources"
    while IFS=$'\t' read -r src stage cat name who text; do
        case $cat in
        recv | eof) wanted=trace_recv ;;
        again | error)
            wanted=trace_$name
            [[ $who == client* && $name != recv ]] && wanted=trace_failed
            [[ $name == select || $name == *poll* || $name == *_wait ||
                $name == io_uring_enter ]] &&
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
        echo "$src: $cat $name of $who, the line is: $text"
        [[ $cat == stop || $text == *[^_a-z]"$wanted("* ]]
        seen=$((seen + 1))
    done < <(jq -r '.stage as $stage | .trace[] | select(.args.src) |
        [.args.src, $stage, .cat, .name, .args.who] | join("\t")' traces |
        sort -u | awk -F '\t' '
            NR == FNR { split($0, at, ":"); src = at[1] ":" at[2]
                text[src] = substr($0, length(src) + 2); next }
            { print $0 "\t" text[$1] }' "$own/sources" -)
    [ "$seen" -ge $((10 * ${#stages[@]})) ]
    # What the server does stands in the stage, or in its reactor.
    all_hold 'map(select(.cat | IN("wait", "woke", "ready", "accept", "ctl")))
        | all(.args.src |
            startswith("demos/\($stage).c:") or startswith("demos/reactor.c:"))'
}

@test "of repeated EAGAINs only the first is printed, and all are counted" {
    # No thread says so twice in a row.
    all_hold 'map(select(.args.src)) | group_by(.tid) | all(
        [.[:-1], .[1:]] | transpose |
        all(map(.cat) != ["again", "again"]))'
    # What the events and their "again" add up to is in the summary, but
    # for those after which the server said nothing more.
    all_hold '
        map(select((.args.who // "") | test("^(server|thread|worker)")))
            as $mine |
        (map(select(.cat == "summary"))[0].args) as $sum |
        (($mine | map(select(.cat == "again")) | length) +
         ($mine | map(.args.again // 0) | add)) as $said |
        $said <= $sum.again and
        ($said == $sum.again or $sum.scans > 0)'
    all_hold '($stage | startswith("03-") | not) or
        (map(select(.cat == "again" or .args.src) | .args.again // 0) |
            add > 0)'
    for stage in "${stages[@]}"; do
        [[ $stage != 03-* ]] ||
            grep -q '^\[server\]   accept EAGAIN$' "$stage.text"
    done
}

@test "the summary counts what the trace shows" {
    local calls
    all_hold '
        (map(select(.cat == "summary"))[0].args) as $sum |
        map(select((.args.who // "") | test("^(server|thread|worker)")))
            as $mine |
        def n(f): [$mine[] | select(f)] | length;
        n(.cat == "accept") == $sum.accepted and
        n(.cat == "refused") == $sum.refused and
        n(.cat == "close") == $sum.closed and
        n(.name == "send" and .ph != "B") == $sum.send and
        n(.cat == "ctl") == $sum.epoll_ctl and
        n(.cat == "woke") == ([$sum | .select, .poll, .epoll_wait,
            .io_uring_enter, .wait] | map(. // 0) | add) and
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
    while read -r stage calls; do
        echo "$stage: $calls"
        [[ $(<"$stage.text") == *"$calls"* ]]
    done < <(jq -r '.stage + (.trace[] | select(.cat == "summary") | .args |
        " accept \(.accept), recv \(.recv), send \(.send)" +
        if .requests > 0 then "" else ", close \(.close)" end)' traces |
        tee "$own/calls")
    mapfile -t calls <"$own/calls"
    [ "${#calls[@]}" = "${#stages[@]}" ]
}

# Run the stage on a terminal, with these variables; the trace goes to $own/tty.
on_terminal() {
    local stage=$1
    need_terminal
    shift
    (cd "$BUILD" && SHELL=/bin/sh timeout -k 1 "$LIMIT" env -u NO_COLOR \
        TERM=xterm "$@" script -qec "./$stage -c 2 -m 1" /dev/null \
        </dev/null >"$own/tty" 3>&- 4>&-)
    grep -q 'accept new' "$own/tty"
}

@test "colours are printed on a terminal only" {
    local stage=${stages[-1]} escape=$'\033['
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

@test "-q omits the events, not the summary" {
    for stage in "${some[@]}"; do
        demo "$stage" -q -i 1 -j "$own/json" >"$own/text"
        [ "$(events_of "$own/text" | wc -l)" = 0 ]
        [ "$(sed -n 2p "$own/text")" = "summary of $stage" ]
        grep -qx "  messages     15 sent, 15 echoed" "$own/text"
        # ... and JSON has it all.
        holds "$own/json" 'map(select(.cat == "recv")) | length >= 30'
    done
}

@test "-j - writes the JSON to standard output, without text" {
    for stage in "${some[@]}"; do
        demo "$stage" -i 1 -j - >"$own/json" 2>"$own/err"
        [ ! -s "$own/err" ]
        # Each line is an event, and together they are the whole trace.
        jq -R fromjson "$own/json" >/dev/null
        holds "$own/json" 'map(select(.cat == "recv")) | length >= 30'
        holds "$own/json" '.[-1].cat == "summary"'
        "$TOP/scripts/check-trace" "$own/json"
        background "$BUILD/$stage" --serve -s "$stage.sock" -j -
        socket=$PWD/$stage.sock
        wait_for_line '"cat":"listen"' "$own/out"
        demo "$stage" --connect -s "$socket" -q -i 0 >/dev/null
        stop_server
        holds "$own/out" 'map(select(.cat == "recv")) | length >= 15'
    done
    [ ! -e "$own/-" ] && [ ! -e - ] # not a file of that name
}

@test "--serve -q prints only the line ready" {
    for stage in "${some[@]}"; do
        fresh_server "$stage" -q
        demo "$stage" --connect -s "$socket" -q -i 0 >/dev/null
        stop_server
        diff "$own/out" <(echo "ready: $socket")
        [ ! -s "$own/err" ]
    done
}

@test "--serve prints all events and its summary" {
    for stage in "${some[@]}"; do
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

@test "each line is one write(2)" {
    need_strace
    for stage in "${some[@]}"; do
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

@test "with -q no event causes a write(2)" {
    need_strace
    for stage in "${some[@]}"; do
        ASAN_OPTIONS=detect_leaks=0 timeout -k 1 "$LIMIT" strace \
            --seccomp-bpf -f -e trace=write,writev,pwrite64 \
            -o "$own/strace" "$BUILD/$stage" -q -i 0 -j "$own/json" \
            >"$own/text" 3>&- 4>&-
        grep -q 'messages     15 sent, 15 echoed' "$own/text"
        # Those to other descriptors are JSON, or a sanitizer's.
        [ "$(grep -cE ' p?writev?(64)?\(1,' "$own/strace")" = 1 ]
    done
}
