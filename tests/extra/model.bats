#!/usr/bin/env bats
#
# model.bats - the model of epoll in walkthrough/model does what the kernel
# does, and a model that does something else is detected.

load helpers

MODEL=$TOP/walkthrough/model

play() {
    timeout -k 1 "$LIMIT" "$BUILD/model" "$@" </dev/null
}

# The model is of Linux 6.18. Older kernels have other checks of nested sets,
# another order of the checks of epoll_wait, and other urgent bytes.
need_new_kernel() {
    local major minor rest
    IFS=.- read -r major minor rest <<<"$(uname -r)"
    if ((major < 6 || (major == 6 && minor < 17))); then
        skip "the model is of Linux 6.18, this is $(uname -r)"
    fi
}

# Build the model with a copy of FILE in which a line is another one, and with
# the objects of its other files: change FILE OLD NEW. Sets $model.
change() {
    local source objects=()
    python3 - "$MODEL/$1" "$BATS_TEST_TMPDIR/$1" "$2" "$3" <<'END'
import sys
path, copy, old, new = sys.argv[1:]
with open(path) as file:
    text = file.read()
if old not in text:
    sys.exit(f"{path} does not have: {old}")
with open(copy, "w") as file:
    file.write(text.replace(old, new, 1))
END
    for source in "$MODEL"/*.c; do
        if [ "${source##*/}" != "$1" ]; then
            source=${source##*/}
            objects+=("$BUILD/walkthrough/model/${source%.c}.o")
        fi
    done
    model=$BATS_TEST_TMPDIR/model
    cc -std=gnu17 -D_GNU_SOURCE -pthread -I "$MODEL" -o "$model" \
        "$BATS_TEST_TMPDIR/$1" "${objects[@]}"
}

# The changed model differs from the kernel in this script.
differs() {
    run timeout -k 1 "$LIMIT" "$model" "$MODEL/$1.ep" 3>&- 4>&- </dev/null
    echo "$output"
    [ "$status" -ne 77 ] || skip "userfaultfd is not permitted"
    [ "$status" -eq 1 ]
    [[ $output == *"kernel: "*"MODEL: "* ]]
}

@test "the model does what the kernel does in every script" {
    need_new_kernel
    local script
    for script in "$MODEL"/*.ep; do
        run play "$script"
        echo "$script: $output"
        if [[ $script == */overflow.ep && $status -eq 77 ]]; then
            continue # it needs a privilege
        fi
        [ "$status" -eq 0 ]
        [[ $output != *MODEL* && $output != *WANTED* ]]
    done
}

@test "the model passes all 60 cases of the kernel's own test of wake-ups" {
    [ "$(grep -c '^# [0-9]*\. ' "$MODEL/kernel.ep")" -eq 60 ]
    run play "$MODEL/kernel.ep"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "a wrong result is detected even if the kernel and the model agree" {
    run timeout -k 1 "$LIMIT" "$BUILD/model" - <<<$'socket a\nadd a IN = EEXIST'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"both: 0 "*"WANTED: EEXIST"* ]]
}

@test "the model does what the kernel does in 2,000 random scripts" {
    need_new_kernel
    run timeout -k 1 $((LIMIT * 20)) "$BUILD/model" --random 1-2000 </dev/null
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "2000 scripts, 0 differ" ]
}

@test "a random script is the same each time, and the scripts use every step" {
    local step all
    [ "$(play --random 5)" = "$(play --random 5)" ]
    all=$(for seed in {1..60}; do play --random "$seed"; done)
    for step in $(play --help | sed -n 's/^  \([a-z-]*\) .*/\1/p') pair \
        connect accept mod del bad-op urgent send-urgent fill; do
        case $step in
        build | reset) continue ;; # not a step of random scripts
        *urgent | during-copy) continue ;; # not on every kernel
        esac
        echo "$step"
        grep -q "^\([a-z0-9]*: \)\?$step" <<<"$all"
    done
}

@test "without the line that puts items back, level-triggered is edge-triggered" {
    change eventpoll.c 'else if (!(item->event.events & EPOLLET))' 'else if (0)'
    differs level
    [[ ${lines[7]} == "wait "*"kernel: a:IN "*"MODEL: 0" ]]
}

@test "a model that puts edge-triggered items back too is detected" {
    change eventpoll.c 'else if (!(item->event.events & EPOLLET))' 'else'
    differs edge
}

@test "a model that does not poll again before it reports is detected" {
    change eventpoll.c 'if (revents == 0)' 'if (0)'
    differs edge
}

@test "a model whose ADD and MOD do not poll is detected" {
    change eventpoll.c 'if (ep_item_poll(item) != 0 && !item->linked)' 'if (0)'
    differs oneshot
}

@test "a model that ignores EPOLLONESHOT is detected" {
    change eventpoll.c 'if (item->event.events & EPOLLONESHOT)' 'if (0)'
    differs oneshot
}

@test "a model whose key is the file without the descriptor is detected" {
    change eventpoll.c '(item->file != file || item->fd != fd)' \
        '(item->file != file)'
    differs dup
}

@test "a model that puts items without room at the end is detected" {
    change eventpoll.c 'make_ready(&ep->rdllist, item); /* level' \
        'make_ready(&todo, item); /* level'
    differs order
}

@test "a model that makes a spent EPOLLONESHOT ready is detected" {
    change eventpoll.c 'if ((asked & ~EP_PRIVATE_BITS) == 0)' 'if (0)'
    differs spent
}

@test "a model that ignores the key of a wake-up is detected" {
    change eventpoll.c 'if (key != 0 && (key & asked) == 0)' 'if (0)'
    differs key
}

@test "a model without the check of maxevents is detected" {
    change eventpoll.c 'waiter->maxevents <= 0 ||' ''
    need_new_kernel
    differs checks
}

@test "a model with the checks of epoll_ctl in another order is detected" {
    change eventpoll.c 'return -EPERM;' 'return epfile == file ||
        !is_file_epoll(epfile) ? -EINVAL : -EPERM;'
    need_new_kernel
    differs checks
}

@test "a model that allows MOD with EPOLLEXCLUSIVE is detected" {
    change eventpoll.c 'if (op == EPOLL_CTL_MOD)
        return false;' ''
    need_new_kernel
    differs checks
}

@test "a model that loses an event in EFAULT is detected" {
    change eventpoll.c 'put_first(&todo, item); /* nothing' '/* nothing'
    differs fault
}

@test "a model whose set is readable if its ready list is not empty is detected" {
    change eventpoll.c 'if (ep_item_poll(todo) != 0)' 'if (1)'
    differs nested
}

@test "a model in which a set does not wake the set around it is detected" {
    change eventpoll.c 'model_wake(&ep->file, EPOLLIN, 1);' ''
    differs nested
}

@test "a model in which poll of a set takes its event is detected" {
    change eventpoll.c 'events = EPOLLIN | EPOLLRDNORM;' \
        'events = EPOLLIN, take_first(&todo);'
    differs watched
}

@test "random scripts have threads that sleep in nested sets" {
    local seed found=0
    change eventpoll.c 'model_wake(&ep->file, EPOLLIN, 1);' ''
    for seed in {5..65..6}; do
        run timeout -k 1 "$LIMIT" "$model" --random "$seed" 3>&- 4>&- </dev/null
        if [[ $output == *"awake "*"kernel: "*"MODEL: "* ]]; then
            found=$((found + 1))
        fi
    done
    echo "$found of 11 scripts differ"
    [ "$found" -gt 3 ]
}

@test "a model that counts the sets only below is detected" {
    change eventpoll.c '+ ep_get_upwards_depth_proc(ep) <=' '<='
    need_new_kernel
    differs loops
}

@test "a model that allows 100 of the longest paths is detected" {
    change eventpoll.c '50, 10}' '50, 100}'
    differs paths
}

@test "a model in which the first to sleep is woken first is detected" {
    change eventpoll.c 'add_wait_queue(queue_of' 'add_wait_queue_tail(queue_of'
    differs stack
}

@test "a model whose wake-up wakes all threads of a set is detected" {
    change eventpoll.c 'wake_up(&ep->wq, 0, 1);
    model_wake' 'wake_up(&ep->wq, 0, 0);
    model_wake'
    differs stack
}

@test "a model in which a thread that leaves wakes no other is detected" {
    change eventpoll.c 'if (ep->rdllist != NULL)
        wake_up' 'if (0)
        wake_up'
    differs stack
}

@test "a model in which a signal is before an event is detected" {
    change eventpoll.c 'if (nothing && waiter->signal)' \
        'if (!waiter->timed_out && waiter->signal)'
    differs signal
}

@test "a model with EPOLLEXCLUSIVE at the head of the queue is detected" {
    change eventpoll.c 'add_wait_queue_tail(&file' 'add_wait_queue(&file'
    differs exclusive
}

@test "a model in which a set without a sleeper ends a wake-up is detected" {
    change eventpoll.c 'return sleepers && ends_wake' 'return ends_wake'
    differs exclusive
}

@test "a model without an overflow list is detected" {
    change eventpoll.c 'if (!ep->scanning)' 'if (1)'
    differs overflow
}

@test "a model with the overflow list in the wrong order is detected" {
    change eventpoll.c 'put_first(&ep->rdllist, item)' \
        'make_ready(&ep->rdllist, item)'
    differs overflow
}

@test "a model in which an item is in the overflow list only once is detected" {
    change eventpoll.c 'item->overflowed = false;' ''
    differs overflow
}

@test "a model that counts only the last chain of sets is detected" {
    change eventpoll.c 'if (below > levels)' ''
    need_new_kernel
    differs loops
    change eventpoll.c 'if (above > levels)' ''
    differs loops
}

@test "a model that allows only nine of the longest paths is detected" {
    change eventpoll.c '50, 10}' '50, 9}'
    differs paths
}

@test "a model with fewer events for EPOLLEXCLUSIVE is detected" {
    change eventpoll.c 'EPOLLOUT | EPOLLERR |' 'EPOLLOUT |'
    need_new_kernel
    differs checks
}

@test "a model of a socket with half of its buffer instead of a quarter is detected" {
    change socket.c '* 4 <= send_buffer()' '* 2 <= send_buffer()'
    differs full
}

@test "a model whose read does not stop before an urgent byte is detected" {
    change socket.c 'if (copied)
        return NULL;' ''
    need_new_kernel
    differs urgent
}

@test "the model reports the end of a Unix-domain socket as the kernel does" {
    run play "$MODEL/ends.ep"
    [ "$status" -eq 0 ]
    [[ $output == *"a:IN|RDHUP b:IN|HUP|RDHUP c:IN|ERR|HUP|RDHUP"* ]]
}

@test "the model frees all memory and closes every descriptor" {
    local script
    for script in order nested stack listen; do
        run timeout -k 1 $((LIMIT * 3)) valgrind -q --error-exitcode=9 \
            --leak-check=full --track-fds=yes "$BUILD/model" \
            "$MODEL/$script.ep" 3>&- 4>&- </dev/null
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output != *"Open "*"eventpoll"* && $output != *AF_UNIX* ]]
    done
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
    play_wrong 'add a IN' "there is no a yet; add a step such as 'socket a'"
    play_wrong 'a: wait' "there is no a yet; add a step such as 'socket a'"
    play_wrong $'socket a\nsocket a' "a is in use"
    play_wrong 'socket 1' "a name must be a letter from a to z and up to three digits"
    play_wrong 'socket a1234' "up to three digits, not 'a1234'"
    play_wrong 'socket' "'socket' has too few words"
    play_wrong 'socket a b' "has too many words"
    play_wrong $'socket a\nadd a' "add needs flags: add a IN|ET"
    play_wrong $'socket a\nadd a IN|UP' "'UP' is not a flag"
    play_wrong $'socket a\nread a much' "needs a number from 1 to 4096, not 'much'"
    play_wrong $'socket a\nread a' "'read a' has too few words"
    play_wrong $'socket a\nwrite a 1 2' "has too many words"
    play_wrong 'wait 513' "a number from 0 to 512"
    play_wrong 'wait 1 2' "has too many words"
    play_wrong 'interest a' "has too many words"
    play_wrong $'pair a b\nwrite a 1' "a has no peer without a name"
    play_wrong $'set a\nread a 1' "a is not a socket"
    play_wrong $'socket a\nconnect a b' "a does not listen"
    play_wrong $'socket a\nshutdown a UP' "needs RD, WR or RDWR, not 'UP'"
    play_wrong 'sleep t' "a thread is a capital letter, not 't'"
    play_wrong $'sleep T\nsleep T' "T is in a call"
    play_wrong $'set s\ns: sleep T\nclose s' "a thread sleeps in s"
    play_wrong $'set a\na:' "'a:' has no step"
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
    run play --random 5-3
    [ "$status" -eq 2 ]
    [[ $output == *"a number from 5 to"* ]]
    run play --random x
    [ "$status" -eq 2 ]
    [[ $output == *"a number from 1 to"* ]]
}
