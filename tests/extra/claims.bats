#!/usr/bin/env bats
#
# claims.bats - each program of walkthrough/claims confirms its sentence on this
# machine, and the tables contain what the programs print.

load helpers

CLAIMS=$TOP/walkthrough/claims

# Builds and runs all claims once; the tests check the output. Warnings of the
# compilers are checked by tests/extra/lint.bats.
setup_file() {
    local status=0
    IOMUX_BUILD=$BUILD "$TOP/scripts/claims" >"$BATS_FILE_TMPDIR/ledger" 2>&1 ||
        status=$?
    echo "$status" >"$BATS_FILE_TMPDIR/status"
}

# Runs scripts/claims with the programs that setup_file() has built, or with
# those in $BATS_TEST_TMPDIR/claims if the test has created that.
claims() {
    local programs=$BATS_TEST_TMPDIR/claims
    [ -d "$programs" ] || programs=$BUILD/claims
    timeout -k 1 $((3 * LIMIT)) "$TOP/scripts/claims" \
        --programs "$programs" "$@" 3>&- 4>&-
}

# Replaces the program of a claim: fake NAME 'shell commands'.
fake() {
    mkdir -p "$BATS_TEST_TMPDIR/claims"
    printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/claims/$1"
    chmod +x "$BATS_TEST_TMPDIR/claims/$1"
}

# Prints the names of all claims.
names() {
    (cd "$CLAIMS" && printf '%s\n' *.c) | sed 's/\.c$//'
}

@test "every claim is confirmed on this machine" {
    cat "$BATS_FILE_TMPDIR/ledger"
    [ "$(cat "$BATS_FILE_TMPDIR/status")" = 0 ]
    run tail -n 1 "$BATS_FILE_TMPDIR/ledger"
    [[ $output == "$(names | wc -l) claims: "*"; 0 differ, "*" not tried" ]]
}

@test "every claim can be tried here" {
    local not_tried
    not_tried=$(tail -n 1 "$BATS_FILE_TMPDIR/ledger" |
        sed -n 's/.* \([0-9]*\) not tried$/\1/p')
    [ -n "$not_tried" ]
    if [ "$not_tried" != 0 ]; then
        skip "$not_tried of them: $(claims --reasons)"
    fi
}

@test "the tables in walkthrough/claims/README.md are those of --markdown" {
    diff <(sed '1,/^<!-- scripts\/claims -->$/d
        /^<!-- \/scripts\/claims -->$/,$d' "$CLAIMS/README.md") \
        <(claims --markdown)
}

@test "every claim has its row in the tables" {
    [ "$(names | wc -l)" -ge 104 ]
    # shellcheck disable=SC2016 # the backquotes are Markdown's
    diff <(names | sort) <(sed -n \
        's/^| .* | .* | .* | \[`\(.*\)`\](\1\.c) |$/\1/p' \
        "$CLAIMS/README.md" | sort)
}

@test "each header has the lines Claim, Truth, Settled by and Try" {
    local name header word
    for name in $(names); do
        header=$(<"$CLAIMS/$name.c")
        header=${header%%" */"*}
        for word in Claim Truth "Settled by" Try; do
            [[ $header == *$'\n'" * $word: "* ]] || {
                echo "the header of $name.c has no line '$word:'"
                false
            }
        done
    done
}

@test "each header names a manual page or a kernel file" {
    local name settled
    for name in $(names); do
        settled=$(<"$CLAIMS/$name.c")
        settled=${settled#*"Settled by: "}
        settled=${settled%%" * Try: "*}
        [[ $settled =~ [a-z0-9_]+\([1-8][a-z]*\) ||
            $settled =~ (fs|net|include)/[a-z/_0-9]+\.[ch] ]] || {
            echo "$name.c is settled by neither: $settled"
            false
        }
    done
}

@test "each claim is a program of 20 to 90 lines of 80 columns" {
    run awk 'length > 80 { print FILENAME ": " $0 }
        { lines[FILENAME]++ }
        END {
            for (file in lines)
                if (file !~ /(claim|sample)\.h$/ && (lines[file] < 20 || lines[file] > 90))
                    print file " has " lines[file] " lines, not 20 to 90"
        }' "$CLAIMS"/*.[ch]
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = "" ]
}

@test "a claim prints its observations, and its verdict last" {
    run claims mmap.c size
    [ "$status" -eq 0 ]
    [[ $output == *"== mmap: epoll is fast because"* ]]
    [[ $output == *"mmap of the epoll descriptor: ENODEV"* ]]
    [[ $output == *"size 0: EINVAL"* ]]
    [ "${lines[-1]}" = \
        "2 claims: 0 true, 2 false, 0 depends; 0 differ, 0 not tried" ]
    run "$BUILD/claims/mmap"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == 'claim "epoll is fast'*'" : false - mmap of'* ]]
}

@test "--list names every claim, and runs nothing" {
    run "$TOP/scripts/claims" --list
    [ "$status" -eq 0 ]
    [ "$(printf '%s\n' "${lines[@]}" | sed 's/ .*//' | sort)" = \
        "$(names | sort)" ]
    fake mmap "touch '$BATS_TEST_TMPDIR/ran'"
    run claims --list mmap
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "--ledger prints 195 claims, each with a program or a reason" {
    local number claim verdict shown name
    local -a numbers=()
    while IFS='|' read -r number claim verdict shown; do
        numbers+=("${number// /}")
        [ -n "${claim// /}" ] && [ -n "${verdict// /}" ]
        if [[ $shown == " none: "?* ]]; then
            continue
        fi
        [ -n "${shown// /}" ]
        for name in ${shown//,/ }; do
            if [ ! -e "$CLAIMS/$name.c" ] && [ ! -f "$TOP/$name" ]; then
                echo "$number: there is no program $name"
                false
            fi
        done
    done < <(grep '^[A-Z]' "$CLAIMS/ledger.txt")
    [ "${numbers[*]}" = "$(echo A{01..76} K{01..37} S{01..26} B{01..43} \
        X{01..13})" ]
    fake mmap "touch '$BATS_TEST_TMPDIR/ran'"
    run claims --ledger
    [ "$status" -eq 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    [ "$(printf '%s\n' "${lines[@]}" | grep -o '^[A-Z][0-9][0-9] ' |
        xargs)" = "${numbers[*]}" ]
    [[ ${lines[-1]} == "195 claims: "*" are shown by programs, "* ]]
}

@test "--ledger refuses a row without a program, and one that does not exist" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/walkthrough/claims"
    cp -r "$TOP/scripts" "$copy"
    cp "$CLAIMS/mmap.c" "$copy/walkthrough/claims"
    refuses() {
        printf '# a comment\n%s\n' "$1" >"$copy/walkthrough/claims/ledger.txt"
        run "$copy/scripts/claims" --ledger
        echo "$output"
        [ "$status" -eq 2 ]
        [[ $output == "claims: walkthrough/claims/ledger.txt:"[23]": $2"* ]]
    }
    refuses 'A01 | a claim | true | mmapp' "there is no program 'mmapp'"
    refuses 'A01 | a claim | true | mmap, demos/0.c' "there is no program 'demos"
    refuses 'A01 | a claim | true | ' "a row is NUMBER | CLAIM | VERDICT |"
    refuses 'A01 | a claim | perhaps | mmap' "a row is NUMBER | CLAIM |"
    refuses $'A01 | a | true | mmap\nA01 | b | true | mmap' "A01 is there already"
}

@test "a wrong name, option or folder gets a clear sentence" {
    run claims mapp
    [ "$status" -eq 2 ]
    [ "$output" = "claims: there is no claim 'mapp'; do you mean 'mmap'?" ]
    run claims something-else
    [ "$status" -eq 2 ]
    [[ $output == "claims: there is no claim 'something-else'"*"--list"* ]]
    run claims --update mmap
    [ "$status" -eq 2 ]
    [[ $output == *"name none"* ]]
    run claims --help
    [ "$status" -eq 0 ]
    [[ $output == *"usage: scripts/claims "*"--markdown"*"Exit status: 0"* ]]
    run claims --nonsense
    [ "$status" -eq 2 ]
    [[ $output == *"--nonsense"* ]]
    run "$TOP/scripts/claims" --programs /nowhere mmap
    [ "$status" -eq 2 ]
    [ "$output" = \
        "claims: cannot run /nowhere/mmap: No such file or directory" ]
}

@test "scripts/claims fails if the machine does not behave as a claim expects" {
    cat >"$BATS_TEST_TMPDIR/lie.c" <<'LIE'
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int listen(int fd, int backlog)
{
    int domain = 0;
    socklen_t size = sizeof(domain);
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    return (int)syscall(SYS_listen, fd, backlog + (domain == AF_UNIX));
}
LIE
    cc -shared -fPIC -o "$BATS_TEST_TMPDIR/lie.so" "$BATS_TEST_TMPDIR/lie.c"
    run env LD_PRELOAD="$BATS_TEST_TMPDIR/lie.so" \
        "$BUILD/claims/backlog"
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "! backlog 0: 2 connected, then EAGAIN" ]
    [[ ${lines[-1]} == *"the text says false, this machine differs (3 marked "* ]]

    LD_PRELOAD=$BATS_TEST_TMPDIR/lie.so run claims
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"== backlog: "*"! backlog 0: 2 connected"* ]]
    [[ ${lines[-1]} == *"; 1 differ, "* ]]
}

# Replaces the claim 'size'. scripts/claims reports it as different, and why.
differs() {
    fake size "$1"
    run claims size
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *" differs "* ]]
    # the table is wrapped: look for the first words only
    [[ $output == *"$2"* ]]
    [[ ${lines[-1]} == *"; 1 differ, 0 not tried" ]]
}

@test "a program must print the sentence and the verdict of its header" {
    local claim
    claim=$("$TOP/scripts/claims" --list size)
    claim=${claim#size  }
    fake size "echo 'claim \"$claim\" : false - as it is'"
    run claims size
    [ "$status" -eq 0 ]
    differs "echo 'claim \"$claim\" : true - as it is'" "its header says"
    differs "echo 'claim \"something\" : false - as it is'" "its header says"
    differs "echo 'claim \"$claim\" : false'" "its last line is not a verdict"
    differs "true" "its last line is not a verdict"
    differs "echo 'claim \"$claim\" : false - as it is'; exit 1" "the machine"
    differs "exit 3" "it ended with status 3"
    differs "exit 77" "it ended with status 77"
    differs 'kill -SEGV $$' "it ended with SIGSEGV"
}

@test "a program that does not end is killed, with its children" {
    fake size "sleep 1000 & echo \$! >'$BATS_TEST_TMPDIR/child'; wait"
    TIMEOUT_MULT=1 run claims size
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"it has not ended after 20 s"* ]]
    local child
    child=$(cat "$BATS_TEST_TMPDIR/child")
    [[ $(state_of "$child") == [ZX]* || ! -e /proc/$child ]]
}

@test "a claim that cannot be tried is listed with the reason" {
    mkdir "$BATS_TEST_TMPDIR/claims"
    ln -s "$BUILD"/claims/* "$BATS_TEST_TMPDIR/claims"
    rm "$BATS_TEST_TMPDIR/claims/size"
    fake size 'echo "not tried: epoll_create: ENOSYS"; exit 77'
    run claims size
    [ "$status" -eq 0 ]
    [[ $output == *" not tried "*"epoll_create: ENOSYS"* ]]
    [[ ${lines[-1]} == *"; 0 differ, 1 not tried" ]]
    run claims --reasons size
    [ "$output" = "size: epoll_create: ENOSYS" ]
    claims --markdown | grep 'with size 1, 100 descriptors.*(size.c) |$'
}

@test "without io_uring its claims cannot be tried, and the reason is printed" {
    local programs=$BATS_TEST_TMPDIR/build
    make -s -C "$TOP" URING= BUILD="$programs" "$programs/claims/uring-close"
    run "$TOP/scripts/claims" --programs "$programs/claims" --reasons uring-close
    [ "$status" -eq 0 ]
    [ "$output" = "uring-close: liburing is missing" ]
    # The next make builds the program, if liburing is there.
    run make -q -C "$TOP" URING=yes BUILD="$programs" \
        "$programs/claims/uring-close"
    [ "$status" -eq 1 ]
}

@test "where io_uring is refused, its claims cannot be tried" {
    ! grep -q '^#!' "$BUILD/claims/uring-close" || skip "there is no liburing"
    local name
    echo 'int io_uring_queue_init(void) { return -1; } /* EPERM */' \
        >"$BATS_TEST_TMPDIR/refuse.c"
    cc -shared -fPIC -o "$BATS_TEST_TMPDIR/refuse.so" \
        "$BATS_TEST_TMPDIR/refuse.c"
    for name in $(names | grep '^uring-'); do
        run env LD_PRELOAD="$BATS_TEST_TMPDIR/refuse.so" "$BUILD/claims/$name"
        echo "$name: $output"
        [ "$status" -eq 77 ]
        [ "$output" = "not tried: io_uring_queue_init: EPERM" ]
    done
}

@test "if a program differs, no table is printed" {
    mkdir "$BATS_TEST_TMPDIR/claims"
    local name
    for name in $(names); do
        ln -s /bin/true "$BATS_TEST_TMPDIR/claims/$name"
    done
    run claims --markdown
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "claims: bad-fd: its last line is not a verdict" ]
    [ "${#lines[@]}" -eq "$(names | wc -l)" ]
    run claims --update
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq "$(names | wc -l)" ]
}

@test "--update writes the tables, and prints the changes" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/walkthrough"
    cp -r "$TOP/scripts" "$copy"
    cp -r "$CLAIMS" "$copy/walkthrough"
    local readme=$copy/walkthrough/claims/README.md
    sed -i 's/^\(| .* | \)false\( | .*(mmap\.c) |\)$/\1true\2/' "$readme"
    run diff "$CLAIMS/README.md" "$readme"
    [ "$status" -eq 1 ]
    run "$copy/scripts/claims" --programs "$BUILD/claims" --update
    [ "$status" -eq 0 ]
    [[ $output == *$'\n-| epoll is fast '*" | true | "*$'\n+| epoll is fast '* ]]
    diff "$CLAIMS/README.md" "$readme"
}

@test "the verdict is coloured on a terminal, but not with NO_COLOR" {
    need_terminal
    run claims size
    [[ $output != *$'\e'* ]]
    on_terminal() {
        python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))' \
            env TERM=xterm "$@" "$TOP/scripts/claims" \
            --programs "$BUILD/claims" size </dev/null
    }
    run on_terminal
    [ "$status" -eq 0 ]
    [[ $output == *$'\e[33mfalse'* ]]
    run on_terminal NO_COLOR=1
    [ "$status" -eq 0 ]
    [[ $output == *"false"* ]]
    [[ $output != *$'\e'* ]]
}
