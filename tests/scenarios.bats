#!/usr/bin/env bats
#
# scenarios.bats - the same scenario gives the same trace, byte for byte.

load helpers

# Compare the traces of all scenarios, of all stages, with the golden ones.
play_all() {
    local -a stages
    mapfile -t stages < <(all_stages)
    "$TOP/tests/golden.py" "${stages[@]}" 3>&- 4>&-
}

@test "each scenario gives its golden trace in every stage" {
    play_all
}

@test "and it gives the same trace again: ${REPEAT:-1} more" {
    local i
    for ((i = 0; i < ${REPEAT:-1}; i++)); do
        play_all
    done
}

@test "a golden trace stands for each stage and scenario, and no other" {
    local -a stages
    mapfile -t stages < <(STAGES='' ladder)
    "$TOP/tests/golden.py" --list "${stages[@]}" | sort \
        >"$BATS_TEST_TMPDIR/wanted"
    (cd "$TOP/tests/golden" && printf '%s\n' */*.txt) | sed 's/\.txt$//' | sort |
        diff "$BATS_TEST_TMPDIR/wanted" -
}

@test "each scenario begins with two lines on what it is and what to watch" {
    local file one two
    local -a files=("$TOP"/demos/scenarios/*.scn)
    [ "${#files[@]}" -ge 15 ]
    for file in "${files[@]}"; do
        { read -r one && read -r two; } <"$file"
        echo "$file"
        [[ $one =~ ^'# '[A-Z] && $two == '# Watch '* ]]
    done
}

@test "a wrong golden trace is told: GOOD, BAD, MISSING, how to repeat it" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/tests"
    cp -r "$TOP"/tests/{golden,golden.py,peer.py} "$copy/tests"
    ln -s "$TOP/demos" "$TOP/scripts" "$copy"
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
