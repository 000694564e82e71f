#!/usr/bin/env bats
#
# model.bats - the model of epoll in walkthrough/model does what the kernel
# does, and the test would see it if it did not.

load helpers

MODEL=$TOP/walkthrough/model

play() {
    timeout -k 1 "$LIMIT" "$BUILD/model" "$@" </dev/null
}

# Build the model from a copy in which a line of eventpoll.c is another one:
# change OLD NEW. Sets $model.
change() {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir "$copy"
    cp "$MODEL"/*.[ch] "$copy"
    grep -q -F -e "$1" "$copy/eventpoll.c"
    python3 - "$copy/eventpoll.c" "$@" <<'END'
import sys
path, old, new = sys.argv[1:]
with open(path) as file:
    text = file.read()
with open(path, "w") as file:
    file.write(text.replace(old, new, 1))
END
    model=$copy/model
    cc -std=gnu17 -D_GNU_SOURCE -o "$model" "$copy"/*.c
}

# The changed model differs from the kernel in this script.
differs() {
    run timeout -k 1 "$LIMIT" "$model" "$MODEL/$1.ep" 3>&- 4>&- </dev/null
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"kernel: "*"MODEL: "* ]]
}

@test "the model does what the kernel does in every script" {
    local script
    for script in "$MODEL"/*.ep; do
        run play "$script"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output != *MODEL* ]]
    done
}

@test "the model does what the kernel does in 100 made-up scripts" {
    local seed
    for ((seed = 1; seed <= 100; seed++)); do
        run play --random $seed
        if [ "$status" -ne 0 ]; then
            echo "build/model --random $seed:"
            echo "$output" | grep -m 5 MODEL
            false
        fi
    done
}

@test "a made-up script is the same each time, and uses every step" {
    local step all
    [ "$(play --random 7)" = "$(play --random 7)" ]
    all=$(for seed in {1..20}; do play --random "$seed"; done)
    for step in socket dup close add mod del wait interest read send write \
        peer-reads peer-shuts peer-closes; do
        echo "$step"
        grep -q "^$step" <<<"$all"
    done
}

@test "without the line that puts back, level-triggered is edge-triggered" {
    change '    else if (!(item->event.events & EPOLLET))
            make_ready(&again, item);' '    else if (0) make_ready(&again, item);'
    differs level
    [[ ${lines[7]} == "wait "*"kernel: a:IN "*"MODEL: 0" ]]
}

@test "a model that puts edge-triggered items back as well is seen" {
    change 'else if (!(item->event.events & EPOLLET))' 'else'
    differs edge
}

@test "a model that does not ask again what is true is seen" {
    change 'if (revents == 0)' 'if (0)'
    differs edge
}

@test "a model that looks only when something happens is seen" {
    change 'if (ep_item_poll(item) != 0)' 'if (0)'
    differs oneshot
}

@test "a model that forgets EPOLLONESHOT is seen" {
    change 'if (item->event.events & EPOLLONESHOT)' 'if (0)'
    differs oneshot
}

@test "a model whose key is the file alone is seen" {
    change '|| (*item)->fd != fd)' ')'
    differs dup
}

@test "a model that puts those without room at the end is seen" {
    change 'make_ready(&again, item); /*' 'make_ready(&todo, item); /*'
    differs order
}

@test "the model knows how a Unix-domain socket ends" {
    run play "$MODEL/ends.ep"
    [ "$status" -eq 0 ]
    [[ $output == *"a:IN|RDHUP b:IN|HUP|RDHUP c:IN|ERR|HUP|RDHUP"* ]]
}

@test "the model gives back all memory and every descriptor" {
    run timeout -k 1 $((LIMIT * 3)) valgrind -q --error-exitcode=9 \
        --leak-check=full --track-fds=yes "$BUILD/model" "$MODEL/order.ep" \
        3>&- 4>&- </dev/null
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output != *"Open "*"eventpoll"* && $output != *AF_UNIX* ]]
}

# play_wrong TEXT WORDS: this script is refused, with these words.
play_wrong() {
    run timeout -k 1 "$LIMIT" "$BUILD/model" - <<<"$1"
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"model: "*"$2"* ]]
}

@test "a script that is wrong is refused in a sentence" {
    play_wrong 'jump a' "there is no step 'jump'"
    play_wrong 'add a IN' "there is no a yet: socket a"
    play_wrong $'socket a\nsocket a' "a is taken"
    play_wrong 'socket 1' "a name is a letter, a to z, not '1'"
    play_wrong 'socket' "a name is a letter, a to z, not ''"
    play_wrong $'socket a\nadd a' "add needs flags: add a IN|ET"
    play_wrong $'socket a\nadd a IN|UP' "'UP' is no flag"
    play_wrong $'socket a\nread a much' "a number from 1 to 4096 is wanted, not 'much'"
    play_wrong $'socket a\nread a' "not ''"
    play_wrong $'socket a\nwrite a 1 2' "has a word too many"
    play_wrong 'wait 27' "a number from 1 to 26"
    play_wrong $'socket a\nclose a\ndup a b' "a is closed"
    play_wrong "$(printf 'wait %0200d' 1)" "is longer than"
}

@test "the command line of the model: help, and what is wrong with it" {
    run play --help
    [ "$status" -eq 0 ]
    [[ $output == *"usage: build/model"* ]]
    run play
    [ "$status" -eq 2 ]
    [[ $output == *"give one script"* ]]
    run play --what
    [ "$status" -eq 2 ]
    run play "$MODEL/none.ep"
    [ "$status" -eq 2 ]
    [[ $output == *"cannot read"*"ENOENT"* ]]
    run play --random x
    [ "$status" -eq 2 ]
    [[ $output == *"a number from 1 to"* ]]
}
