#!/usr/bin/env bats
#
# exercises.bats - scripts/exercise starts, judges and explains exercises.

# "exercise" alone prints the list:
# shellcheck disable=SC2119,SC2120

load helpers

# A copy of the tree, in which tests may start exercises.
setup_file() {
    local copy=$BATS_FILE_TMPDIR/iomux
    mkdir -p "$copy/build"
    cp -a "$TOP"/{Makefile,common,demos,scripts,tests,walkthrough} "$copy"
    cp -a "$TOP"/build/{common,demos,walkthrough,model} "$copy/build"
    cp -a "$TOP"/build/[0-9]* "$copy/build"
    export GIT_CEILING_DIRECTORIES=$BATS_FILE_TMPDIR
    unset -v EXERCISES
}

setup() {
    tree=$BATS_FILE_TMPDIR/iomux
    rm -rf "$tree/work"
}

exercise() {
    timeout -k 1 $((10 * LIMIT)) "$tree/scripts/exercise" "$@" \
        3>&- 4>&- </dev/null
}

@test "a test of an exercise fails if the exercise accepts a wrong answer" {
    local own=$BATS_TEST_TMPDIR/own/90-own
    mkdir -p "$own/wrong"
    cat >"$own/task.md" <<'END'
# 90. An exercise of your own

Text.

- file: demos/06-epoll-lt.c
- kind: find
- start: twin eagain-is-the-end
- fails: EPIPE
- check: 1 scenario out-of-band
END
    printf '%s\n' 'Words: EPIPE' '--- a/demos/06-epoll-lt.c' \
        '+++ b/demos/06-epoll-lt.c' '@@ -66,3 +66,3 @@' \
        '         return false; /* end of file: the client sends no more */' \
        '-    if (n < 0 && errno == EINTR)' \
        '+    if (n < 0 && (errno == EAGAIN || errno == EINTR))' \
        '         return true; /* nothing yet: wait for the next report */' \
        >"$own/wrong/right.patch"
    EXERCISES=$BATS_TEST_TMPDIR/own run exercise --test own
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"GOOD 90-own: the unsolved file is refused"* ]]
    [[ $output == *"GOOD 90-own: the solution passes"* ]]
    [[ $output == *"BAD  90-own: wrong/right.patch should be refused"* ]]
    # And the list has it.
    EXERCISES=$BATS_TEST_TMPDIR/own run exercise
    [[ $output == *"90  open      find     06-epoll-lt.c"* ]]
}

@test "no text prints the answer of a find exercise, or names its twin" {
    local texts=$BATS_TEST_TMPDIR/texts
    "$TOP/tests/spoilers.py"
    # It finds one of each kind: a name, a line that a bug adds, and one that a
    # bug removes. An excerpt, a short line and a context give nothing away.
    mkdir "$texts"
    # shellcheck disable=SC2016 # Markdown
    printf '%s\n' 'Run `scripts/twin short-send`.' '' '```c' \
        'if(events[i].events!=EPOLLOUT && client->unsent==NULL)' '}' '```' \
        '<!-- excerpt: demos/08-epoll-et.c serve -->' '```c' \
        'if (events[i].events != EPOLLOUT || client->unsent != NULL)' '```' \
        '```diff' '-  return MORE;' \
        '-  if (events[i].events != EPOLLOUT || client->unsent != NULL)' \
        '   if (events[i].events != EPOLLOUT || client->unsent != NULL)' \
        '```' >"$texts/one.md"
    run "$TOP/tests/spoilers.py" "$texts"
    echo "$output"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 4 ]
    [[ $output == *"one.md:1: gives away exercise 6: short-send"* ]]
    [[ $output == *"one.md:4: gives away exercise 8: if(events"* ]]
    [[ $output == *"one.md:13: gives away exercise 8: -  if (events"* ]]
}

@test "every exercise has three hints at most, and one at least" {
    local folder count
    for folder in "$TOP"/walkthrough/exercises/[0-9]*/; do
        count=$(grep -c '^## Hint [1-3]$' "$folder/task.md")
        # The page hides the checks and each hint.
        [ "$(grep -c '^<details>' "$folder/task.md")" -eq $((count + 1)) ]
        [ "$(grep -c '^</details>' "$folder/task.md")" -eq $((count + 1)) ]
        echo "$folder: $count"
        [ "$count" -ge 1 ]
        [ "$count" -le 3 ]
    done
}

@test "an exercise can be started, judged, solved and begun again" {
    local file=$tree/work/03-hint/06-epoll-lt.c
    run exercise 3 # the task, at first
    [ "$status" -eq 1 ]
    [[ $output == "# 3. A report is a hint"*"scripts/exercise --start 3"* ]]
    [[ $output != *"- check:"* && $output != *"Hint"* ]]
    [ ! -e "$file" ]
    run exercise --start 3
    [ "$status" -eq 0 ]
    [[ $output == *"work/03-hint/06-epoll-lt.c"*"on purpose"* ]]
    # The stage is as it was.
    cmp "$TOP/demos/06-epoll-lt.c" "$tree/demos/06-epoll-lt.c"
    run exercise --start 3
    [ "$status" -eq 2 ]
    [[ $output == *"exercise 3 is started"*"--reset 3"* ]]
    run exercise 3
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"BAD  scenario out-of-band
  seed:     1
  line:     out-of-band.scn:6: c1 expect \"one\"
  expected: the step succeeds
  got:      c1: send has failed: EPIPE (Broken pipe)
  trace:
    GOOD    "*"
    BAD     [server]   close clientfd:5 (c1)
  source:   06-epoll-lt.c:115: trace_close(fd);
  again:    build/exercises/03-hint/build/06-epoll-lt -S "* ]]
    [[ $output == *"not solved yet, "*"--hint 3" ]]
    # A hazard that fails is explained, without an exception of Python.
    [[ $output == *"BAD  hazard out-of-band"*"got:      EPIPE (Broken pipe)"* ]]
    [[ $output != *"Error("* ]]
    # The command after "again:" fails in the same way.
    cd "$tree"
    run build/exercises/03-hint/build/06-epoll-lt -q \
        -S demos/scenarios/out-of-band.scn
    [ "$status" -eq 1 ]
    run exercise
    [[ $output == *"  3  started   find "*"next: scripts/exercise 3" ]]
    cp "$TOP/demos/06-epoll-lt.c" "$file"
    run exercise 3
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"exercise 3, A report is a hint: solved, 4 of 4 points" ]]
    run exercise --all
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"  2  open "*"
  3  solved      4/4  A report is a hint
  4  open "* ]]
    run exercise
    [[ $output == *"  3  solved    find "*"next: scripts/exercise 1" ]]
    run exercise --answer 3
    [ "$status" -eq 0 ]
    [[ $output == *"
+    if (n < 0 && (errno == EAGAIN || errno == EINTR))"* ]]
    run exercise --reset 3
    [ "$status" -eq 0 ]
    cmp "$TOP/demos/06-epoll-lt.c" "$file.1"
    ! cmp -s "$TOP/demos/06-epoll-lt.c" "$file" || return 1
    run exercise
    [[ $output == *"  3  started   find "* ]]
}

@test "two exercises of one stage do not overwrite each other" {
    exercise --start 2
    exercise --start 3
    ! cmp "$tree/work/02-lost-message/06-epoll-lt.c" \
        "$tree/work/03-hint/06-epoll-lt.c"
}

@test "a file that cannot be read does not stop the check of the others" {
    mkdir -p "$tree/work/02-lost-message" "$tree/work/11-count-calls"
    mkfifo "$tree/work/02-lost-message/06-epoll-lt.c"
    printf '\377' >"$tree/work/11-count-calls/guesses.txt"
    run exercise --all
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *" 2  not solved  0/5"*"11  not solved  0/1"* ]]
    # A scenario is found from any folder.
    printf 'hold\n' >"$BATS_TEST_TMPDIR/own.scn"
    cd "$BATS_TEST_TMPDIR"
    run exercise --file own.scn 10
    echo "$output"
    [[ $output == *"there is no step of a client"* ]]
}

@test "--diff prints a change as the patch that an author needs" {
    local own=$BATS_TEST_TMPDIR/own/51-own
    mkdir -p "$own/wrong"
    printf '%s\n' '# 51. Own' '' '- file: demos/06-epoll-lt.c' '- kind: build' \
        '- except: golden, clients, address-sanitizer, descriptors' '- fails: done, num' \
        "- check: 1 says 'recv .*, 1 bytes' one" >"$own/task.md"
    export EXERCISES=$BATS_TEST_TMPDIR/own
    run exercise --diff 51
    [ "$status" -eq 2 ]
    [[ $output == *"exercise 51 is not started"* ]]
    exercise --start 51
    run exercise --diff 51
    [ -z "$output" ]
    # A form feed, a byte that is not UTF-8, and no newline at the end.
    sed -i 's/recv(client_fd, buffer, sizeof(buffer)/recv(client_fd, buffer, 1/' \
        "$tree/work/51-own/06-epoll-lt.c"
    printf '/* \f \377 */' >>"$tree/work/51-own/06-epoll-lt.c"
    exercise --diff 51 >"$own/solution.patch"
    exercise --reset 51
    echo '/* nothing */' >>"$tree/work/51-own/06-epoll-lt.c"
    exercise --diff 51 >"$own/wrong/nothing.patch"
    run exercise --test 51
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"BAD  51-own: wrong/nothing.patch has no words that"*"'Words: WORDS'"* ]]
    sed -i '1i Words: a line of the trace' "$own/wrong/nothing.patch"
    sed -i 's/^- fails: .*/- fails: a line of the trace/' "$own/task.md"
    run exercise --test 51
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c ^GOOD <<<"$output")" -eq 3 ]
    # The shell makes an empty file before --diff reads it.
    exercise --diff 51 >"$own/start.patch"
    grep -q '^+/\* nothing \*/' "$own/start.patch"
}

@test "hints come one after the other, and an answer needs a solution or --give-up" {
    run exercise --hint 2
    [ "$status" -eq 0 ]
    [[ $output == "Hint 1 of "* && $output != *"details>"* ]]
    run exercise --answer 2
    [ "$status" -eq 2 ]
    [[ $output == *"exercise 2 is not solved yet"*"--give-up"* ]]
    run exercise --answer --give-up 2
    [ "$status" -eq 0 ]
    [[ $output == *"
-    if (!is_connected(client_fd))"* ]]
    exercise --start 2
    exercise --reset 2
    run exercise
    [[ $output == *"  2  given up  find "* ]]
}

# judge NUMBER: judges standard input as an answer of an exercise. Sets $output.
judge() {
    cat >"$BATS_TEST_TMPDIR/answer.c"
    run exercise --file "$BATS_TEST_TMPDIR/answer.c" "$1"
    echo "$output"
    [ "$status" -eq 1 ]
}

@test "a program that does nothing solves no exercise" {
    judge 3 <<<'int main(void) { return 0; }'
    [[ $output == *"BAD  scenario out-of-band"*"no event was printed"* ]]
    [[ $output == *"BAD  golden"*"BAD  address-sanitizer"* ]]
    judge 1 <<<'int main(void) { return 0; }'
    [[ $output == *"BAD  scenario shout"* ]]
}

@test "a file that does not compile fails with the compiler's first error" {
    judge 3 <<<'int main(void) { return nothing; }'
    [[ $output == *"BAD  builds"*"answer.c"* || $output == *"'nothing' undeclared"* ]]
    [[ $output == *"0 of 4 points"* ]]
}

# change COMMAND OF sed: prints stage 06 with a change.
change() {
    local text
    text=$(sed "$1" "$TOP/demos/06-epoll-lt.c")
    [ "$text" != "$(<"$TOP/demos/06-epoll-lt.c")" ]
    echo "$text"
}

@test "a warning, a signal and an error of memory are named" {
    judge 3 < <(change 's/^static bool echo(.*/static void spare(void) {}\n&/')
    [[ $output == *"BAD  builds"*"it compiles without a warning"*spare* ]]
    judge 3 < <(change 's/.*trace_recv(.*/&\n    if (n == 3) __builtin_trap();/')
    [[ $output == *"it ended by SIG"* ]]
    judge 3 < <(change 's/.*trace_recv(.*/&\n    char *one = malloc(1); one[n > 0 ? 1 : 0] = 0; free(one);/; s/#include <errno.h>/&\n#include <stdlib.h>/')
    [[ $output == *"BAD  address-sanitizer"*"runtime error"* ||
        $output == *"BAD  address-sanitizer"*"heap-buffer-overflow"* ]]
    [[ $output == *"source:   06-epoll-lt.c:"*"one["* ]]
}

@test "a descriptor that is closed twice is found" {
    judge 3 < <(change 's/^  *close(fd);.*/&\n                close(fd);/')
    [[ $output == *"BAD  descriptors"*"close"*" EBADF "* ||
        $output == *"SKIP descriptors"* ]]
}

@test "a hazard that cannot be made here is skipped, and earns no points" {
    local own=$BATS_TEST_TMPDIR/own/92-own
    mkdir -p "$own"
    printf '%s\n' '# 92. Own' '' '- file: demos/06-epoll-lt.c' '- kind: find' \
        '- except: golden, clients, address-sanitizer, descriptors' \
        '- check: 2 hazard crowd' >"$own/task.md"
    ulimit -n 3000
    EXERCISES=$BATS_TEST_TMPDIR/own run exercise \
        --file "$TOP/demos/06-epoll-lt.c" 92
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"SKIP hazard crowd"*"needs 4000 descriptors"* ]]
    [[ $output == *"solved, 0 of 2 points" ]]
}

# own_exercise CHECK: writes exercise 92, which has this check alone.
own_exercise() {
    mkdir -p "$BATS_TEST_TMPDIR/own/92-own"
    printf '%s\n' '# 92. Own' '' '- file: demos/06-epoll-lt.c' '- kind: find' \
        '- except: golden, clients, address-sanitizer, descriptors' \
        "- check: 1 $1" >"$BATS_TEST_TMPDIR/own/92-own/task.md"
    export EXERCISES=$BATS_TEST_TMPDIR/own
}

# line_of TEXT: the number of the line of the answer that has this text.
line_of() {
    grep -nF -- "$1" "$BATS_TEST_TMPDIR/answer.c" | sed -n '1s/:.*//p'
}

@test "a server that blocks or spins in a scenario is found, with its line" {
    own_exercise 'scenario two-messages'
    # It waits for more bytes than the client sends.
    judge 92 < <(change 's/sizeof(buffer), MSG_DONTWAIT);/8, MSG_WAITALL);/')
    [[ $output == *"c1 receives one"*"but after 0 bytes"* ||
        $output == *"c1 receives one"*"got:      "*nothing* ]]
    [[ $output == *"server:   blocked in recv, 06-epoll-lt.c:$(line_of \
        MSG_WAITALL)"* ]]
    judge 92 < <(change 's/^    ssize_t n = recv(/    for (volatile int i = 0; i >= 0;) i = 1;\n&/')
    [[ $output == *"no end within its limit: spins, 06-epoll-lt.c:$(line_of \
        'volatile int i')"* ]]
}

@test "a trace that is made up solves nothing" {
    own_exercise "says 'recv .*goodbye' last-message"
    # The client has closed: it prints the line, and does not receive.
    judge 92 < <(change 's/} else if (!echo(fd)) {/} else if ((events[i].events \& EPOLLHUP) ? (trace_recv(fd, "goodbye", 7), errno = EPIPE, trace_send(fd, 7, -1), true) : !echo(fd)) {/')
    [[ $output == *"each line of the trace has its system call"* ]]
    [[ $output == *"BAD     [server]   recv from clientfd:5"*goodbye* ]]
    # It knows the scenario: it prints the trace, and serves nobody.
    own_exercise 'scenario last-message'
    judge 92 < <(
        printf '#include <stdio.h>\nint main(int n, char **words)\n{\n'
        printf '    if (n < 3 || words[1][1] != %s)\n        return 1;\n' "'S'"
        "$TOP/build/06-epoll-lt" -S "$TOP/demos/scenarios/last-message.scn" |
            sed 's/.*/    puts("&");/'
        printf '}\n'
    )
    [[ $output == *"a server for clients of another process"* ]]
}

@test "clients of another process find what no scenario shows" {
    own_exercise 'scenario one'
    sed -i 's/ clients,//' "$BATS_TEST_TMPDIR/own/92-own/task.md"
    sed -i 's/except: golden, /except: /' "$BATS_TEST_TMPDIR/own/92-own/task.md"
    # More clients than in any scenario.
    judge 92 < <(change 's/^    trace_accept(client_fd);/    static int count;\n    if (count++ >= 13)\n        return 0;\n&/')
    [[ $output == *"GOOD golden"*"BAD  clients"* ]]
}

@test "the results of all exercises as TAP and JUnit have the counts of the text" {
    local own=$BATS_TEST_TMPDIR/own number good=0 bad=0 skip=0
    for number in 92 93; do
        mkdir -p "$own/$number-own"
        printf '%s\n' "# $number. Own" '' '- file: demos/06-epoll-lt.c' \
            '- kind: find' \
            '- except: golden, clients, address-sanitizer, descriptors' \
            >"$own/$number-own/task.md"
    done
    echo '- check: 2 hazard crowd' >>"$own/92-own/task.md" # is skipped
    printf -- "- check: %s\n" '1 scenario one' "1 says '<&\"é' one" \
        >>"$own/93-own/task.md"
    ulimit -n 3000
    export EXERCISES=$own
    for number in 11 92 93; do
        exercise --start "$number"
        run exercise "$number"
        ((good += $(grep -c '^GOOD' <<<"$output"))) || :
        ((bad += $(grep -c '^BAD' <<<"$output"))) || :
        ((skip += $(grep -c '^SKIP' <<<"$output"))) || :
    done
    echo "text: $good passed, $bad failed, $skip skipped"
    [ "$good $bad $skip" = "3 2 1" ]
    ((skip += $(exercise | grep -c '^ *[0-9]* *open '))) # one for each
    run exercise --all
    [ "$status" -eq 1 ]
    [ "$(grep -c '^ *[0-9]* *solved ' <<<"$output")" -eq 1 ]
    [ "$(grep -c ' not solved ' <<<"$output")" -eq 2 ]
    local text=$output
    # The text is on standard error, and its counts are those of the formats.
    status=0
    exercise --all --format tap >"$BATS_TEST_TMPDIR/tap" \
        2>"$BATS_TEST_TMPDIR/text" || status=$?
    [ "$status" -eq 1 ]
    diff <(echo "$output") "$BATS_TEST_TMPDIR/text"
    run cat "$BATS_TEST_TMPDIR/tap"
    echo "$output"
    [ "${lines[1]}" = "1..$((good + bad + skip))" ]
    [ "$(grep -c '^not ok ' <<<"$output")" -eq "$bad" ]
    [ "$(grep -c '^ok .* # SKIP ' <<<"$output")" -eq "$skip" ]
    grep '^ok .*hazard crowd # SKIP crowd: .*needs 4000' <<<"$output"
    exercise --all --format junit >"$BATS_TEST_TMPDIR/junit.xml" || [ $? -eq 1 ]
    python3 - "$BATS_TEST_TMPDIR/junit.xml" "$good" "$bad" "$skip" <<'END'
import sys
import xml.etree.ElementTree as tree
good, bad, skip = map(int, sys.argv[2:])
top = tree.parse(sys.argv[1]).getroot()
cases = top.findall(".//testcase")
assert len(cases) == int(top.get("tests")) == good + bad + skip
assert len(top.findall(".//failure")) == int(top.get("failures")) == bad
assert len(top.findall(".//skipped")) == skip
for name, count in ("tests", good + bad + skip), ("skipped", skip):
    assert sum(int(suite.get(name)) for suite in top) == count
    assert all(int(suite.get("errors")) == 0 for suite in top)
suites = {suite.get("name"): suite for suite in top}
assert suites["exercise 93-own"].get("failures") == "1"
assert any('<&"' in case.get("name") for case in cases)
END
}

@test "a program that prints without end is ended" {
    judge 3 <<<'#include <stdio.h>
int main(void) { for (;;) puts("[server]   epoll_wait..."); }'
    [[ $output == *"it printed over 1024 KiB"* ]]
    # A step that has failed before is more useful.
    sed 's|return false; /\* end of file.*|return true;|' \
        "$TOP/demos/06-epoll-lt.c" >"$BATS_TEST_TMPDIR/floods.c"
    judge 1 <"$BATS_TEST_TMPDIR/floods.c"
    [[ $output == *"BAD  scenario shout
  seed:     1
  line:     shout.scn:4: c1 expect "*"  expected: c1 receives HELLO"* ]]
}

@test "a check leaves no process and no file but in build/exercises" {
    mkdir "$BATS_TEST_TMPDIR/here"
    TMPDIR=$BATS_TEST_TMPDIR/here run exercise --file \
        "$TOP/walkthrough/exercises/10-three-clients/together.scn" 10
    [ "$status" -eq 1 ]
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/here")" ]
}

# processes_of_tree: prints the processes that work in the copy of the tree.
processes_of_tree() {
    find /proc/[0-9]*/cwd -maxdepth 0 -lname "$tree*" 2>/dev/null
}

# ends_all SIGNAL: waits until a process of the check writes to the FIFO "begun",
# ends the check by a signal, and looks for its processes and files.
ends_all() {
    local status=0 number
    number=$(kill -l "$1")
    TMPDIR=$BATS_TEST_TMPDIR/tmp PATH=$BATS_TEST_TMPDIR/bin:$PATH background \
        "$tree/scripts/exercise" --file "$BATS_TEST_TMPDIR/answer.c" 3
    timeout "$LIMIT" head -n 1 "$BATS_TEST_TMPDIR/begun"
    [ -n "$(processes_of_tree)" ]
    cat "$BATS_TEST_TMPDIR"/out "$BATS_TEST_TMPDIR"/err
    kill "-$1" "$pid"
    wait_for_end "$pid" || status=$?
    [ "$status" -eq $((128 + number)) ]
    run processes_of_tree
    echo "$1: left: $output"
    [ -z "$output" ] || {
        grep -o '[0-9]*' <<<"$output" | xargs kill -KILL
        false
    }
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/tmp")" ]
}

@test "SIGTERM and SIGHUP end a check with all that it has started" {
    local signal begun=$BATS_TEST_TMPDIR/begun
    mkdir "$BATS_TEST_TMPDIR"/{bin,tmp}
    mkfifo "$begun" "$BATS_TEST_TMPDIR/never"
    # A program that leaves a daemon, and does not end.
    cat >"$BATS_TEST_TMPDIR/answer.c" <<END
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
    if (fork() == 0) {
        setsid();
        if (write(open("$begun", O_WRONLY), "begun\\n", 6) != 6)
            _exit(1);
    }
    for (;;)
        pause();
}
END
    for signal in TERM HUP; do
        ends_all "$signal"
    done
    # A compiler that does not end: for the answer, and then for common/.
    cat >"$BATS_TEST_TMPDIR/bin/gcc" <<END
#!/bin/sh
sh -c 'read -r line' <>"$BATS_TEST_TMPDIR/never" &
echo begun >"$begun"
wait
END
    chmod +x "$BATS_TEST_TMPDIR/bin/gcc"
    ends_all TERM
    mv "$tree/build/asan" "$BATS_TEST_TMPDIR" # it is built again
    ends_all HUP
    rm -r "$tree/build/asan"
    mv "$BATS_TEST_TMPDIR/asan" "$tree/build"
}

@test "an argument that cannot be used is refused with a sentence" {
    local words
    for words in 0 99 nothing "--start" "--give-up 2" "--all 2" "--seed x 2" \
        "--file /nowhere 2" "--file x" "--start 99" "--format tap 2" \
        "--all --format pdf"; do
        # shellcheck disable=SC2086 # these are words
        run exercise $words
        echo "$words: $output"
        [ "$status" -eq 2 ]
        [[ $output == "exercise: "* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
    run exercise --help
    [ "$status" -eq 0 ]
    [[ $output == *"--start"*"EXERCISES=DIR"* ]]
}

@test "a folder that is not an exercise is refused with its file and a sentence" {
    local own=$BATS_TEST_TMPDIR/own/91-own line
    mkdir -p "$own"
    while IFS= read -r line; do
        printf '# 91. Own\n\n- file: demos/05-poll.c\n- kind: find\n%b\n' \
            "$line" | grep -v '^-- ' >"$own/task.md"
        EXERCISES=$BATS_TEST_TMPDIR/own run exercise --file "$TOP/README.md" 91
        echo "$line: $output"
        [ "$status" -eq 2 ]
        [[ $output == "exercise: "*"task.md: "* ]]
        [[ $line != *goldn* || $output == *"'- except: goldn' is none of"* ]]
    done <<'LINES'
no check
- check: one
- check: 1 nothing
- check: 1 scenario nowhere
- start: twin nobody
- except: goldn\n- check: 1 scenario one
- stage: 99-none
LINES
}
