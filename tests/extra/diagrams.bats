#!/usr/bin/env bats
#
# diagrams.bats - Mermaid itself reads every diagram of the text.

load helpers

setup() {
    need_tool node # runs Mermaid
    [ -e "$MODULES/mermaid" ] ||
        skip "there is no Mermaid in build/npm; scripts/setup extra fetches it"
}

diagrams() {
    node "$TOP/tests/extra/mermaid.mjs" "$MODULES" "$@"
}

@test "every diagram of the text parses" {
    local -a pages
    mapfile -t pages < <(grep -rl '^```mermaid$' "$TOP"/*.md "$TOP/walkthrough")
    [ ${#pages[@]} -gt 0 ]
    diagrams "${pages[@]}"
}

@test "and one that does not parse is seen" {
    cat >"$BATS_TEST_TMPDIR/page.md" <<'PAGE'
```mermaid
sequenceDiagram
    a->>b: hello
    deactivate c
```
PAGE
    run diagrams "$BATS_TEST_TMPDIR/page.md"
    [ "$status" -eq 1 ]
    [[ $output == *"page.md: does not parse: "* ]]
}
