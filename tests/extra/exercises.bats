#!/usr/bin/env bats
#
# exercises.bats - each exercise of walkthrough/exercises fails at first and
# passes when solved, and scripts/exercise reports which of the two it is.

# "exercise" alone prints the list:
# shellcheck disable=SC2119,SC2120

load helpers

# A copy of the tree, which tests may change.
setup_file() {
    local copy=$BATS_FILE_TMPDIR/iomux
    mkdir -p "$copy/build"
    cp -a "$TOP"/{Makefile,common,demos,scripts,tests,walkthrough} "$copy"
    cp -a "$TOP"/build/{common,demos,walkthrough,model} "$copy/build"
    cp -a "$TOP"/build/[0-9]* "$copy/build"
    export GIT_CEILING_DIRECTORIES=$BATS_FILE_TMPDIR
}

exercise() {
    timeout -k 1 $((6 * LIMIT)) "${tree:-$TOP}/scripts/exercise" "$@" \
        3>&- 4>&- </dev/null
}

# Prints the numbers of all exercises.
numbers() {
    exercise | awk '{print $1}'
}

@test "there are eight exercises or more, numbered from 1" {
    run numbers
    echo "$output"
    [ "${#lines[@]}" -ge 8 ]
    [ "$output" = "$(seq "${#lines[@]}")" ]
    [ "${#lines[@]}" -eq \
        "$(grep -c '^## ' "$TOP/walkthrough/exercises/README.md")" ]
}

@test "the check of each exercise fails at first" {
    local number
    for number in $(numbers); do
        run exercise --unsolved "$number"
        if [ "$status" -eq 0 ] || [ "$status" -eq 2 ]; then
            echo "exercise $number, unsolved: status $status"
            echo "$output"
            false
        fi
    done
}

@test "the check of each exercise passes with the solution" {
    local number
    for number in $(numbers); do
        run exercise --solved "$number"
        if [ "$status" -ne 0 ]; then
            echo "exercise $number, solved: status $status"
            echo "$output"
            false
        fi
    done
}

@test "each exercise has a hint, and names a file that exists" {
    local number file
    for number in $(numbers); do
        run exercise --hint "$number"
        echo "$number: $output"
        [ "$status" -eq 0 ]
        [ "${#output}" -gt 40 ]
    done
    while read -r _ file _; do
        echo "$file"
        [ -e "$TOP/$file" ]
    done < <(exercise)
}

@test "every patch of the exercises is used by an exercise" {
    local patch
    for patch in "$TOP"/walkthrough/exercises/*.patch; do
        echo "$patch"
        grep -q "git apply.*$(basename "$patch")" \
            "$TOP/walkthrough/exercises/README.md"
    done
}

@test "an exercise can be started, checked and solved" {
    tree=$BATS_FILE_TMPDIR/iomux
    run exercise --start 4
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == "changed demos/05-poll.c"* ]]
    run exercise 4
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"c4: send has failed: EPIPE"* ]]
    [[ $output == *"exercise 4, No descriptor left: not solved yet;"* ]]
    # The patch has been applied already.
    run exercise --start 4
    echo "$output"
    [ "$status" -eq 2 ]
    cp "$TOP/demos/05-poll.c" "$tree/demos"
    run exercise 4
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"exercise 4, No descriptor left: solved (if you began \
with scripts/exercise --start 4)" ]]
}

@test "--start of an exercise without a patch names the file to edit" {
    run exercise --start 1
    [ "$status" -eq 0 ]
    [[ $output == *"has no patch: edit demos/06-epoll-lt.c"* ]]
}

@test "a number without an exercise is refused with a sentence" {
    local argument
    for argument in 0 99 one -1; do
        run exercise "$argument"
        echo "$output"
        [ "$status" -eq 2 ]
        [[ $output == "exercise: "* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
    run exercise --hint
    [ "$status" -eq 2 ]
    [[ $output == *"give the number of the exercise"* ]]
    run exercise --help
    [ "$status" -eq 0 ]
    [[ $output == *"--unsolved"* ]]
}

@test "a check in a copy leaves nothing behind" {
    mkdir "$BATS_TEST_TMPDIR/here"
    TMPDIR=$BATS_TEST_TMPDIR/here run exercise --unsolved 10
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/here")" ]
}
