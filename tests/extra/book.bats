#!/usr/bin/env bats
#
# book.bats - README and walkthrough as a site, in files and in a browser.

load helpers

setup_file() {
    export BOOK=$BATS_FILE_TMPDIR/book
    if command -v sphinx-build >/dev/null; then
        "$TOP/scripts/book" -o "$BOOK" >"$BATS_FILE_TMPDIR/out" \
            2>"$BATS_FILE_TMPDIR/err" || :
    fi
}

setup() {
    need_tool sphinx-build
    cd "$BATS_TEST_TMPDIR" || return
}

# Checks pages of the book $1 in a browser.
browse() {
    run timeout $((300 * ${TIMEOUT_MULT:-1})) node "$TOP/tests/extra/book.mjs" \
        "$MODULES" "$browser" "$@"
    echo "$output"
    [ "$status" -eq 0 ] && [ -z "$output" ]
}

check() {
    run python3 -IB "$TOP/tests/book.py" "$@"
    echo "$output"
}

@test "the book is built, without a warning, and is smaller than 8 MB" {
    cat "$BATS_FILE_TMPDIR/err"
    [[ $(cat "$BATS_FILE_TMPDIR/out") == *"pages of text"* ]]
    if command -v node && [ -e "$MODULES/mermaid" ]; then
        [ ! -s "$BATS_FILE_TMPDIR/err" ]
    fi
    [ "$(find "$BOOK" -type f -printf '%s\n' | awk '{n += $1} END {print n}')" \
        -lt 8000000 ]
}

@test "every link and anchor of the book resolves, and it loads nothing else" {
    check "$BOOK" links
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9]{4,}" links, 0 wrong"$ ]]
}

@test "and a link without its page or anchor is seen" {
    mkdir book
    cat >book/a.html <<'END'
<img src="https://example.org/a.png"><a href="b.html">b</a><a href="#c">c</a>
END
    check book links
    [ "$status" -eq 1 ]
    [[ ${lines[-1]} == "3 links, 3 wrong" ]]
}

@test "the outputs in the book are those of the Markdown" {
    check "$BOOK" outputs
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9]{3,}" outputs, 0 wrong"$ ]]
    cp -r "$BOOK" changed
    sed -i 's/accept new clientfd:5/accept new clientfd:6/' changed/index.html
    check changed outputs
    [ "$status" -eq 1 ]
    [[ $output == *"README.md:"*"the book does not have this fence"* ]]
}

@test "a line of a source, a term and a call have anchors, and the index has them" {
    grep -q '<a id="L40" href="#L40">' "$BOOK/demos/06-epoll-lt.c.html"
    grep -q 'href="../demos/07-epollout.c.html#L[0-9]*"' \
        "$BOOK/walkthrough/07-epollout.html"
    grep -q 'id="term-backpressure"' "$BOOK/walkthrough/glossary.html"
    grep -q 'walkthrough/07-epollout.html#index-of-backpressure' \
        "$BOOK/genindex.html"
    grep -q 'walkthrough/glossary.html#index-of-accept4' "$BOOK/genindex.html"
}

@test "a diagram is two pictures and its text, and no page has a script of Mermaid" {
    need_browser playwright-core axe-core mermaid
    [ "$(find "$BOOK/_images" -name '*diagram*.svg' | wc -l)" -eq 4 ]
    run find "$BOOK" -name '*mermaid*'
    [ -z "$output" ]
    run grep -rlE '<script[^>]*mermaid' "$BOOK"
    [ -z "$output" ]
}

@test "from a disk, the search works, answers are open on paper, and it can be dark" {
    need_browser playwright-core axe-core mermaid
    browse "$BOOK" search,print,theme # one browser for all
}

@test "pages fit small and large windows, light and dark, and axe finds nothing" {
    need_browser playwright-core axe-core mermaid
    local -a pages
    mapfile -t pages < <(cd "$BOOK" && printf '%s\n' index.html \
        walkthrough/{08,11}-*.html walkthrough/glossary.html \
        demos/06-epoll-lt.c.html)
    [ ${#pages[@]} -eq 5 ]
    browse "$BOOK" pages "${pages[@]}"
}

@test "and a page that is too wide, loads another site or has no text is seen" {
    need_browser playwright-core axe-core mermaid
    mkdir bad
    cat >bad/a.html <<'END'
<!doctype html><html lang="en"><title>a</title><body>
<article><p style="width: 2000px">wide</p><img src="http://127.0.0.1:9/a.png">
</article>
END
    run browse "$PWD/bad" pages a.html
    [ "$status" -ne 0 ]
    [[ $output == *"px wide"* ]]
    [[ $output == *"a request leaves the book: http://127.0.0.1:9/a.png"* ]]
    [[ $output == *"axe: image-alt"* ]]
    [[ $output == *"its background is"* ]]
}

@test "a comment embeds a page of scripts/step" {
    cat >embed.py <<'END'
import sys
sys.path.insert(0, sys.argv[1] + "/scripts")
from iomux.book_pages import Book
from iomux.program import Trouble
book = Book(".", {})
page, words = "walkthrough/08-epoll-et.md", "08 twin:one-recv -s flood"
print(*book.step_page(page, words), sep="\n")
try:
    book.step_page(page, "07 -s flood")
except Trouble as trouble:
    print(trouble)
END
    run python3 -IB embed.py "$TOP"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *'<iframe src="../step/08-epoll-et-one-recv-flood.html" title='* ]]
    [[ $output == *"writes no page 07-epollout-flood"* ]]
}

@test "scripts/book replaces a book, and nothing else" {
    mkdir mine
    run "$TOP/scripts/book" -o mine
    [ "$status" -eq 2 ]
    [[ $output == "book: $PWD/mine exists, and is not a book" ]]
    [ -d mine ]
}

@test "without Sphinx, scripts/book names what is missing" {
    mkdir bin
    ln -s "$(command -v python3)" "$(command -v env)" bin
    run env PATH="$PWD/bin" "$TOP/scripts/book" -o "$PWD/none"
    [ "$status" -eq 2 ]
    [[ $output == "book: sphinx-build is missing; scripts/setup book installs it" ]]
    [ ! -e none ]
}
