#!/usr/bin/env bats
#
# language.bats - texts and comments are easy to read: no word and no sentence
# that language.py knows to be hard, and a glossary that is linked.

load helpers

# Runs language.py in a copy of the tree that consists of the page walkthrough/
# page.md, with the text of standard input, and of a list, $1.
check_copy() {
    copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy"/{tests,walkthrough,demos,common}
    cp "$TOP/tests/language.py" "$copy/tests"
    printf '%s\n' "$1" >"$copy/tests/language.txt"
    echo plain >"$copy/README.md"
    echo plain >"$copy/CONTRIBUTING.md"
    cat >"$copy/walkthrough/page.md"
    run python3 -IB "$copy/tests/language.py"
    echo "$output"
}

@test "no text and no comment has a word or a sentence that is hard to read" {
    python3 -IB "$TOP/tests/language.py"
}

@test "every term of the glossary is linked in the chapter that introduces it" {
    python3 -IB "$TOP/tests/language.py" terms
}

@test "each rule finds what it is for, and nothing else" {
    check_copy '' <<'PAGE'
# Nobody in a heading

A socket whose peer left is mended. It is no error
here, but there is no other, and it is no longer open; so
be it. A thread, who waits.

| a cell; fine | bears |
|---|---|

- an item; fine
- `whom` in code, [lest](lest.md) in a link

```text
for ever; in a fence
```

One two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen twenty twenty-one twenty-two
twenty-three twenty-four twenty-five twenty-six twenty-seven twenty-eight
twenty-nine thirty thirty-one. Short.
PAGE
    [ "$status" -eq 1 ]
    diff <(echo "${output//walkthrough\/page.md:/}") - <<'FOUND'
1: word: Nobody
3: word: mended
3: no: is no
3: who: socket whose
5: who: thread, who
4: semicolon: it is no longer open;
7: word: bears
11: word: lest
17: long: 31 words: One two three four five six ...
9 found in 3 files; 0 files are not converted yet
FOUND
}

@test "comments of C files and of scenarios are checked, and their code is not" {
    check_copy '' </dev/null
    cat >"$copy/demos/06.c" <<'CODE'
/*
 * Mend it.
 *
 *     lest; this is code
 */
int nobody; /* a field; fine */
char *text = "/* whom */";
/* One. Two; three. */
CODE
    cat >"$copy/walkthrough/claim.c" <<'CODE'
/*
 * Claim: nobody
 * Settled by: a(2); b(2).
 * Try: this; that.
 */
CODE
    printf '# For ever.\nc1 send "lest"\n' >"$copy/demos/a.scn"
    run python3 -IB "$copy/tests/language.py"
    echo "$output"
    [ "${lines[*]}" = "walkthrough/claim.c:2: word: nobody\
 walkthrough/claim.c:4: semicolon: Try: this;\
 demos/06.c:2: word: Mend demos/06.c:8: semicolon: One. Two;\
 demos/a.scn:1: word: For ever 5 found in 6 files; 0 files are not\
 converted yet" ]
}

@test "a place may be allowed, and an allowance must be needed" {
    check_copy 'walkthrough/page.md | nobody | it is the name of a user' <<'PAGE'
The user nobody.
PAGE
    [ "$status" -eq 0 ]
    check_copy 'walkthrough/page.md | nobody | it is the name of a user' <<'PAGE'
The user root.
PAGE
    [ "$status" -eq 1 ]
    [[ $output == *"page.md no longer needs 'nobody'; remove this line"* ]]
    check_copy 'walkthrough/page.md | not converted | soon' <<'PAGE'
Lest nobody mends it.
PAGE
    [ "$status" -eq 0 ]
    check_copy 'walkthrough/page.md | not converted | soon' <<'PAGE'
A clear sentence.
PAGE
    [ "$status" -eq 1 ]
    [[ $output == *"page.md no longer needs 'not converted'; remove"* ]]
}
