#!/usr/bin/env bats
#
# exercises.bats - each exercise of walkthrough/exercises fails at first, passes
# when solved, and refuses wrong answers; and scripts/exercise starts, judges and
# explains.

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

# Tests the exercises of which the number, modulo 3, is $1: unsolved, solved and
# wrong answers. Three tests, so that they can run beside each other.
test_third() {
    local number bad=0
    for number in $(exercise | awk '/^ *[0-9]/ {print $1}'); do
        ((number % 3 != $1)) || exercise --test "$number" || bad=1
    done >"$BATS_TEST_TMPDIR/said" 2>&1
    grep '^SKIP' "$BATS_TEST_TMPDIR/said" | sed 's/^/# /' >&3 || :
    grep -v '^GOOD' "$BATS_TEST_TMPDIR/said" || :
    grep -q '^GOOD.*unsolved file is refused' "$BATS_TEST_TMPDIR/said"
    [ "$bad" -eq 0 ]
}

@test "exercises 1, 4, 7, ... fail at first, pass solved, and refuse wrong answers" {
    test_third 1
}

@test "exercises 2, 5, 8, ... fail at first, pass solved, and refuse wrong answers" {
    test_third 2
}

@test "exercises 3, 6, 9, ... fail at first, pass solved, and refuse wrong answers" {
    test_third 0
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
+            } else if (!echo(fd)) {"* ]]
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
        '- except: golden, address-sanitizer, descriptors' \
        '- check: 2 hazard crowd' >"$own/task.md"
    ulimit -n 3000
    EXERCISES=$BATS_TEST_TMPDIR/own run exercise \
        --file "$TOP/demos/06-epoll-lt.c" 92
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"SKIP hazard crowd"*"needs 4000 descriptors"* ]]
    [[ $output == *"solved, 0 of 2 points" ]]
}

# own CHECK [EXCEPT]: writes exercise 92, which has this check alone.
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

@test "a program that prints without end is ended" {
    judge 3 <<<'#include <stdio.h>
int main(void) { for (;;) puts("[server]   epoll_wait..."); }'
    [[ $output == *"it printed over 1024 KiB"* ]]
}

@test "a check leaves no process and no file but in build/exercises" {
    mkdir "$BATS_TEST_TMPDIR/here"
    TMPDIR=$BATS_TEST_TMPDIR/here run exercise --file \
        "$TOP/walkthrough/exercises/10-three-clients/together.scn" 10
    [ "$status" -eq 1 ]
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/here")" ]
}

@test "an argument that cannot be used is refused with a sentence" {
    local words
    for words in 0 99 nothing "--start" "--give-up 2" "--all 2" "--seed x 2" \
        "--file /nowhere 2" "--file x" "--start 99"; do
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
        printf '# 91. Own\n\n- file: demos/05-poll.c\n- kind: find\n%s\n' \
            "$line" | grep -v '^-- ' >"$own/task.md"
        EXERCISES=$BATS_TEST_TMPDIR/own run exercise --file "$TOP/README.md" 91
        echo "$line: $output"
        [ "$status" -eq 2 ]
        [[ $output == "exercise: "*"task.md: "* ]]
    done <<'LINES'
no check
- check: one
- check: 1 nothing
- check: 1 scenario nowhere
- start: twin nobody
- stage: 99-none
LINES
}
