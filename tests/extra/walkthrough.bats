#!/usr/bin/env bats
#
# walkthrough.bats - scripts/walkthrough sees what is wrong in the text: pages
# of this file's own, each wrong in one way.

load helpers

# A tree with nothing of the text but the page on standard input, and a copy of
# the script; the rest is this tree's.
setup_page() {
    copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/walkthrough"
    cp -r "$TOP/scripts" "$copy"
    ln -s "$TOP/tests" "$TOP/demos" "$TOP/common" "$copy"
    ln -s "$BUILD" "$copy/build"
    cat >"$copy/walkthrough/page.md"
}

# Check that page: it must be found wrong, and the words must say why.
page_is_wrong() {
    local word
    setup_page
    run "$copy/scripts/walkthrough" "$copy/walkthrough/page.md" 3>&- 4>&-
    echo "$output"
    [ "$status" -eq 1 ]
    for word; do
        [[ $output == *"$word"* ]]
    done
}

page_is_right() {
    setup_page
    run "$copy/scripts/walkthrough" "$copy/walkthrough/page.md" 3>&- 4>&-
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "an output that has changed is seen" {
    page_is_wrong "page.md:1: this output is no longer what comes out" \
        "-four" "+three" <<'PAGE'
```console
$ echo one
one
$ echo two >&2; echo three
two
four
```
PAGE
}

@test "what a rule hides may differ, and nothing else" {
    page_is_right <<'PAGE'
<!-- vary: times pids -->
```console
$ echo "pid 17 took 3.25 ms"; echo 5 bytes
pid 99 took 4 ms
5 bytes
```
PAGE
    sed -i 's/^5 bytes/6 bytes/' "$copy/walkthrough/page.md"
    run "$copy/scripts/walkthrough" "$copy/walkthrough/page.md"
    [ "$status" -eq 1 ]
    [[ $output == *"-6 bytes"*"+5 bytes"* ]]
}

@test "with the rule 'order' only each speaker's own order counts" {
    page_is_right <<'PAGE'
<!-- vary: order -->
```console
$ printf '[server] 1\n[client 1] 1\n[server] 2\n\nend\n'
[client 1] 1
[server] 1
[server] 2

end
```
PAGE
    sed -i 's/^\[server\] 1/[server] 3/' "$copy/walkthrough/page.md"
    run "$copy/scripts/walkthrough" "$copy/walkthrough/page.md"
    [ "$status" -eq 1 ]
}

@test "a command waits until one in the background has said what is shown" {
    # The server starts late, and $! is still the server.
    page_is_right <<'PAGE'
```console
$ (sleep 0.3; exec build/06-epoll-lt --serve -q -s build/walkthrough.sock) &
ready: build/walkthrough.sock
$ build/06-epoll-lt --connect -q -c 1 -m 1 -s build/walkthrough.sock \
    | sed -n 2p
summary of 06-epoll-lt --connect
$ kill $!; wait; echo $?
0
```
PAGE
}

@test "a session that does not end is ended, with all that it started" {
    setup_page <<'PAGE'
```console
$ sleep 1000 & echo $! >build/walkthrough.pid; sleep 1000
```
PAGE
    sed -i 's/^LIMIT = .*/LIMIT = 1/' "$copy/scripts/iomux/sessions.py"
    run env -u TIMEOUT_MULT "$copy/scripts/walkthrough" "$copy/walkthrough/page.md"
    [ "$status" -eq 1 ]
    [[ $output == *"+[no end within 1 s]"* ]]
    [[ $(state_of "$(cat "$BUILD/walkthrough.pid")") != [RSD] ]]
    rm "$BUILD/walkthrough.pid"
}

@test "an excerpt that differs from its source is seen" {
    page_is_wrong "-int main(void)" "+int main(int argc, char **argv)" <<'PAGE'
<!-- excerpt: demos/06-epoll-lt.c main -->
```c
int main(void)
{
    return demo_main(argc, argv, serve);
}
```
PAGE
}

@test "an excerpt of what is not there is seen" {
    page_is_wrong "demos/06-epoll-lt.c defines no no_such" <<'PAGE'
<!-- excerpt: demos/06-epoll-lt.c no_such -->
```c
```
PAGE
}

@test "prototypes are compiled with the headers that they include" {
    page_is_right <<'PAGE'
<!-- by hand: prototypes; a test compiles them -->
```c
#include <sys/epoll.h>
#include <sys/select.h>

int epoll_create1(int flags);
int FD_ISSET(int fd, fd_set *set);

struct epoll_event {
    uint32_t events;   /* a set of flags, such as EPOLLIN; or 0 */
    epoll_data_t data; /* a value of your choice */
};
```
PAGE
    [[ $output == *"1 made again, 0 changed, 0 wrong, 0 not made"* ]]
    sed -i 's/uint32_t/uint64_t/' "$copy/walkthrough/page.md"
    run "$copy/scripts/walkthrough" "$copy/walkthrough/page.md"
    [ "$status" -eq 1 ]
    [[ $output == *"struct epoll_event: events has another type"* ]]
}

@test "a prototype that differs from the header's is seen, and one it lacks" {
    page_is_wrong "page.md:2: the headers have other prototypes" recv socket \
        "there is no macro FD_SOME" <<'PAGE'
<!-- by hand: prototypes; a test compiles them -->
```c
#include <sys/epoll.h>

int socket(int domain, int type, int protocol);
void FD_SOME(void);
```

<!-- by hand: prototypes; a test compiles them -->
```c
#include <sys/socket.h>

ssize_t recv(int sockfd, void *buf, int len, int flags);
```
PAGE
}

@test "a trace or a diagram that is not the golden trace's is seen" {
    page_is_wrong "+[server]   recv from clientfd:5 (c1), 5 bytes" \
        "-    c1->>kernel: send goodbye" "+    c1->>kernel: send hello" <<'PAGE'
<!-- golden: one 06-epoll-lt recv..recv -->
```text
[server]   recv from clientfd:5 (c1), 6 bytes, msg:hello
```

<!-- sequence: one 06-epoll-lt send 5..send 5 -->
```mermaid
sequenceDiagram
    participant c1 as client 1
    participant kernel
    c1->>kernel: send goodbye
```
PAGE
}

@test "a link to nowhere is seen, and one to a heading that is not there" {
    page_is_wrong "page.md:3: there is no gone.md" \
        "page.md:3: walkthrough/page.md has no heading #two" <<'PAGE'
# One

[a](gone.md) [b](#two) [c](#one) [d](../demos/06-epoll-lt.c)
PAGE
    [[ $output != *"#one"* ]]
}

@test "a link may lead to a line of a source, if the source is that long" {
    page_is_wrong "page.md:3: demos/06-epoll-lt.c has no heading #L4000" <<'PAGE'
# One

[a](../demos/06-epoll-lt.c#L4) [b](../demos/06-epoll-lt.c#L4000)
PAGE
    [[ $output != *"#L4"[!0]* ]]
}

@test "a list item may have an anchor of its own" {
    page_is_wrong "page.md:3: walkthrough/page.md has no heading #four" <<'PAGE'
- <a id="three"></a>**three**: a term

[a](#three) [b](#four)
PAGE
    [[ $output != *"#three"* ]]
}

@test "a fence that nothing makes is seen, and a comment without a fence" {
    page_is_wrong "page.md:1: nothing makes the body of this fence" \
        "page.md:5: no fence follows this comment" <<'PAGE'
```text
[server]   invented
```

<!-- golden: one 06-epoll-lt -->

end
PAGE
}

@test "what is written by hand is counted, with its reason" {
    page_is_right <<'PAGE'
<!-- console: not run: it asks for two terminals -->
```console
$ nc -U /tmp/echo
```
PAGE
    [[ $output == *"page.md:2: it asks for two terminals"* ]]
    [[ $output == *"0 made again, 0 changed, 0 wrong, 1 not made"* ]]
}

@test "an exercise without an answer is seen, and an answer without evidence" {
    page_is_wrong "page.md:4: exercise 2 has no answer" \
        "page.md:5: exercise 4 should be number 3" \
        "page.md:9: answer 1 has no evidence" \
        "page.md:16: answer 3 has no exercise" \
        "page.md:16: answer 3 has no evidence" \
        "page.md:17: answer 4 has no evidence" <<'PAGE'
## Exercises

1. The session of its answer shows no output.
2. It has no answer.
4. It is the third one. The fence after its answer is not run.

<details><summary>Answers</summary>

1. No output.

```console
$ seq 2 \
    >/dev/null
```

3. See the [claim](claims/claim.md), or `scripts/exercise 90`.
4. Not run.

<!-- console: not run: it needs two terminals -->
```console
$ echo one
one
```

</details>

```console
$ echo two
two
```
PAGE
    printf '%s\n' '## Exercises' '' '- a bullet' >"$copy/walkthrough/page.md"
    run "$copy/scripts/walkthrough" --only answers "$copy/walkthrough/page.md"
    [ "$status" -eq 1 ]
    [[ $output == *"page.md:1: these exercises have no numbers"* ]]
}

@test "a run, an excerpt, a claim or a numbered exercise supports an answer" {
    setup_page <<'PAGE'
## Exercises

1. A run.
2. An excerpt.
3. A claim.
4. A numbered exercise.

<details><summary>Answers</summary>

1. The output is:

```console
$ echo one
one
```

2. The function is:

<!-- excerpt: demos/06-epoll-lt.c main -->
```c
```

3. The claim is [`mod-zero`](claims/mod-zero.c).
4. `scripts/exercise 7` checks it.

</details>
PAGE
    mkdir "$copy/walkthrough/exercises" "$copy/walkthrough/exercises/07-seven"
    run "$copy/scripts/walkthrough" --only answers "$copy/walkthrough/page.md"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"4 exercises in words"* ]]
    sed -i 's/exercise 7/exercise 8/' "$copy/walkthrough/page.md"
    run "$copy/scripts/walkthrough" --only answers "$copy/walkthrough/page.md"
    [ "$status" -eq 1 ]
    [[ $output == *"page.md:24: answer 4 has no evidence"* ]]
}

@test "a chapter of another shape is seen, and one of no stage" {
    setup_page <<<''
    grep -v '^## Predict' "$TOP/walkthrough/06-epoll-lt.md" \
        >"$copy/walkthrough/06-epoll-lt.md"
    mv "$copy/walkthrough/page.md" "$copy/walkthrough/99-nothing.md"
    run "$copy/scripts/walkthrough" --only shape
    [ "$status" -eq 1 ]
    [[ $output == *"06-epoll-lt.md: a chapter's shape: it lacks '## Predict'"* ]]
    [[ $output == *"99-nothing.md: there is no stage 99-nothing"* ]]
    [[ $output == *"05-poll.md: stage 05-poll has no chapter"* ]]
}

@test "--update puts what comes out into the text, and shows the change" {
    setup_page <<'PAGE'
before

```console
$ seq 2
```

<!-- patch: tests/broken/hup-first.patch -->
```diff
```

after
PAGE
    run "$copy/scripts/walkthrough" --update "$copy/walkthrough/page.md"
    [ "$status" -eq 0 ]
    [[ $output == *"page.md:3:"*"+1"*"+2"* ]]
    run "$copy/scripts/walkthrough" "$copy/walkthrough/page.md"
    [ "$status" -eq 0 ]
    [[ $output == *"2 made again, 0 changed, 0 wrong"* ]]
    [ "$(sed -n '1p;$p' "$copy/walkthrough/page.md")" = $'before\nafter' ]
}

@test "scripts/walkthrough says what it wants" {
    run "$TOP/scripts/walkthrough" --help
    [ "$status" -eq 0 ]
    [[ $output == *"excerpt: FILE NAME"*"sessions "* ]]
    run "$TOP/scripts/walkthrough" --rules
    [ "$status" -eq 0 ]
    [[ $output == *"order "*"threads run side by side"* ]]
    run "$TOP/scripts/walkthrough" no-such.md
    [ "$status" -eq 2 ]
    [[ $output == *"there is no file no-such.md"* ]]
    run "$TOP/scripts/walkthrough" --only nonsense
    [ "$status" -eq 2 ]
}
