#!/usr/bin/env bats
#
# exercises.bats - each exercise of walkthrough/exercises fails unsolved and
# passes solved, and scripts/exercise says which it is.

# "exercise" alone prints the list:
# shellcheck disable=SC2119,SC2120

load helpers

# The tree as a student has it, in which things may be broken.
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

# The numbers of all exercises.
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

@test "each exercise fails unsolved" {
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

@test "each exercise passes with its solution" {
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

@test "each exercise has a hint, and names a file that is there" {
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

@test "every patch of the exercises is used by one" {
    local patch
    for patch in "$TOP"/walkthrough/exercises/*.patch; do
        echo "$patch"
        grep -q "git apply.*$(basename "$patch")" \
            "$TOP/walkthrough/exercises/README.md"
    done
}

@test "a student starts an exercise, fails, mends it, and is told so" {
    tree=$BATS_FILE_TMPDIR/iomux
    run exercise --start 4
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == "changed demos/05-poll.c"* ]]
    run exercise 4
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"c3 expected at last"* ]]
    [[ $output == *"exercise 4, Nobody is let in: not solved yet;"* ]]
    # It is in already.
    run exercise --start 4
    echo "$output"
    [ "$status" -eq 2 ]
    cp "$TOP/demos/05-poll.c" "$tree/demos"
    run exercise 4
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"exercise 4, Nobody is let in: solved, if you began with \
scripts/exercise --start 4" ]]
}

@test "an exercise without a bug to put in says where to begin" {
    run exercise --start 1
    [ "$status" -eq 0 ]
    [[ $output == *"begin with demos/06-epoll-lt.c"* ]]
}

@test "what is no exercise is refused in a sentence" {
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
