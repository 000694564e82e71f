#!/usr/bin/env bats
#
# scenarios.bats - the same scenario gives the same trace, byte for byte.

load helpers

# Compare the traces of stage $1 with the golden ones, of all scenarios.
golden() {
    local -a names
    mapfile -t names < <("$TOP/tests/golden.py" --list "$1")
    "$TOP/tests/golden.py" "$1" "${names[@]}" 3>&- 4>&-
}

@test "each scenario gives its golden trace in every stage" {
    each_stage golden
}

@test "and it gives the same trace again: ${REPEAT:-1} more" {
    local i
    for ((i = 0; i < ${REPEAT:-1}; i++)); do
        each_stage golden
    done
}

@test "a golden trace stands for each stage and scenario, and no other" {
    local stage name
    for stage in $(STAGES='' ladder); do
        for name in $("$TOP/tests/golden.py" --list "$stage"); do
            echo "$name/$stage.txt"
        done
    done | sort >"$BATS_TEST_TMPDIR/wanted"
    (cd "$TOP/tests/golden" && printf '%s\n' */*.txt) | sort |
        diff "$BATS_TEST_TMPDIR/wanted" -
}

@test "each scenario begins with two lines on what it is and what to watch" {
    local file
    [ "$(printf '%s\n' "$TOP"/demos/scenarios/*.scn | wc -l)" -ge 15 ]
    for file in "$TOP"/demos/scenarios/*.scn; do
        sed -n 1p "$file" | grep -q '^# [A-Z]'
        sed -n 2p "$file" | grep -q '^# Watch '
    done
}

@test "a wrong golden trace is told: GOOD, BAD, MISSING, how to repeat it" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/tests"
    cp -r "$TOP"/tests/{golden,golden.py,peer.py} "$copy/tests"
    cp -r "$TOP/demos" "$copy"
    sed -i 's/5 bytes, msg:hello/6 bytes, msg:hello!/' \
        "$copy/tests/golden/one/06-epoll-lt.txt"
    run env IOMUX_BUILD="$BUILD" python3 "$copy/tests/golden.py" \
        06-epoll-lt one 3>&- 4>&-
    [ "$status" -eq 1 ]
    [[ $output == *"GOOD    [server]     fd:5 (c1) IN"* ]]
    [[ $output == *"BAD     [server]   recv from clientfd:5 (c1), 5 bytes"* ]]
    [[ $output == *"MISSING [server]   recv from clientfd:5 (c1), 6 bytes"* ]]
    [[ $output == *"again: build/06-epoll-lt -S demos/scenarios/one.scn"* ]]
}
