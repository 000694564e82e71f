#!/usr/bin/env bats
#
# model.bats - the model of epoll in walkthrough/model does what the kernel
# does, and a model that does something else is detected.

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

@test "the model does what the kernel does in 100 random scripts" {
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

@test "a random script is the same each time, and uses every step" {
    local step all
    [ "$(play --random 7)" = "$(play --random 7)" ]
    all=$(for seed in {1..20}; do play --random "$seed"; done)
    for step in socket dup close add mod del wait interest read send write \
        peer-reads peer-shuts peer-closes; do
        echo "$step"
        grep -q "^$step" <<<"$all"
    done
}

@test "without the line that puts items back, level-triggered is edge-triggered" {
    change '    else if (!(item->event.events & EPOLLET))
            make_ready(&again, item);' '    else if (0) make_ready(&again, item);'
    differs level
    [[ ${lines[7]} == "wait "*"kernel: a:IN "*"MODEL: 0" ]]
}

@test "a model that puts edge-triggered items back too is detected" {
    change 'else if (!(item->event.events & EPOLLET))' 'else'
    differs edge
}

@test "a model that does not poll again before it reports is detected" {
    change 'if (revents == 0)' 'if (0)'
    differs edge
}

@test "a model whose ADD and MOD do not poll is detected" {
    change 'if (ep_item_poll(item) != 0)' 'if (0)'
    differs oneshot
}

@test "a model that ignores EPOLLONESHOT is detected" {
    change 'if (item->event.events & EPOLLONESHOT)' 'if (0)'
    differs oneshot
}

@test "a model whose key is the file without the descriptor is detected" {
    change '|| (*item)->fd != fd)' ')'
    differs dup
}

@test "a model that puts items without room at the end is detected" {
    change 'make_ready(&again, item); /*' 'make_ready(&todo, item); /*'
    differs order
}

@test "the model reports the end of a Unix-domain socket as the kernel does" {
    run play "$MODEL/ends.ep"
    [ "$status" -eq 0 ]
    [[ $output == *"a:IN|RDHUP b:IN|HUP|RDHUP c:IN|ERR|HUP|RDHUP"* ]]
}

@test "the model frees all memory and closes every descriptor" {
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

@test "a wrong script is refused with a sentence" {
    play_wrong 'jump a' "there is no step 'jump'"
    play_wrong 'add a IN' "there is no socket a yet; add a step 'socket a'"
    play_wrong $'socket a\nsocket a' "a is in use"
    play_wrong 'socket 1' "a name must be a letter from a to z, not '1'"
    play_wrong 'socket' "a name must be a letter from a to z, not ''"
    play_wrong $'socket a\nadd a' "add needs flags: add a IN|ET"
    play_wrong $'socket a\nadd a IN|UP' "'UP' is not a flag"
    play_wrong $'socket a\nread a much' "needs a number from 1 to 4096, not 'much'"
    play_wrong $'socket a\nread a' "not ''"
    play_wrong $'socket a\nwrite a 1 2' "has too many words"
    play_wrong 'wait 27' "a number from 1 to 26"
    play_wrong $'socket a\nclose a\ndup a b' "a is closed"
    play_wrong "$(printf 'wait %0200d' 1)" "is longer than"
}

@test "the command line of the model: help, and mistakes" {
    run play --help
    [ "$status" -eq 0 ]
    [[ $output == *"usage: build/model"* ]]
    run play
    [ "$status" -eq 2 ]
    [[ $output == *"expected one script"* ]]
    run play --what
    [ "$status" -eq 2 ]
    run play "$MODEL/none.ep"
    [ "$status" -eq 2 ]
    [[ $output == *"cannot read"*"ENOENT"* ]]
    run play --random x
    [ "$status" -eq 2 ]
    [[ $output == *"a number from 1 to"* ]]
}
