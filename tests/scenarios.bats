#!/usr/bin/env bats
#
# scenarios.bats - the same scenario gives the same trace, byte for byte: those
# of demos/scenarios against a golden trace, random ones against themselves.

load helpers

# Compare the traces of all scenarios, of all stages, with the golden ones.
play_all() {
    local -a stages
    mapfile -t stages < <(all_stages)
    "$TOP/tests/golden.py" "${stages[@]}" 3>&- 4>&-
}

@test "each scenario gives its golden trace in every stage" {
    local i
    for ((i = 0; i <= ${REPEAT:-0}; i++)); do
        play_all
    done
}

@test "40 random scenarios give one trace each in every stage" {
    local -a stages
    mapfile -t stages < <(all_stages)
    timeout -k 1 $((15 * LIMIT)) "$TOP/tests/random_scenarios.py" \
        --seed 1 --count 40 --repeat 2 "${stages[@]}" 3>&- 4>&-
}

@test "the random scenarios use the language: holds, aborts, repeats, ..." {
    local seed words
    for ((seed = 1; seed <= 40; seed++)); do
        python3 -IS "$TOP/tests/random_scenarios.py" --seed $seed --print
    done >"$BATS_TEST_TMPDIR/all"
    for words in 'c5 connect' 'send "' 'send 16384' 'expect "' 'expect 9000' \
        'expect-nothing' 'expect-eof' shutdown 'c[0-9] close' abort \
        'repeat [2-4] {'; do
        echo "$words"
        [ "$(grep -c -- "$words" "$BATS_TEST_TMPDIR/all")" -ge 3 ]
    done
    # Holds in which several clients act, which is what mixes the threads.
    [ "$(awk '/^hold/ { held = 1; split("", who) }
              /^c[0-9]/ && held { who[$1] = 1 }
              /^release/ { if (length(who) > 1) n++; held = 0 }
              END { print n }' "$BATS_TEST_TMPDIR/all")" -ge 20 ]
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
        [[ $one =~ ^'# '[A-Z] && $two == '# Look at: '* ]]
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
