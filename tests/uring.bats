#!/usr/bin/env bats
#
# uring.bats - stage 12 where io_uring is missing or refused: the other stages
# work, and one sentence names the reason. tests/extra/uring.bats has crowds.

load helpers

# Skips the test without stage 12, which all tests of all stages leave out then.
need_io_uring() {
    ladder | grep -qx 12-io-uring || skip "STAGES leaves out 12-io-uring"
    [ -x "$BUILD/12-io-uring" ] ||
        skip "stage 12 was not built: scripts/setup uring installs liburing"
    has_io_uring ||
        skip "$(demo 12-io-uring -q -c 1 -m 1 2>&1 >/dev/null | head -n 1)"
}

# refused WORDS COMMAND...: the stage is started by the command, and ends with
# status 1 and one sentence with these words.
refused() {
    local words=$1 status=0
    shift
    timeout -k 1 "$LIMIT" "$@" "$BUILD/12-io-uring" -q -c 3 \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- ||
        status=$?
    cat "$BATS_TEST_TMPDIR/err"
    [ $status -eq 1 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
    [[ $(<"$BATS_TEST_TMPDIR/err") == "12-io-uring: the server cannot go on: "*$words* ]]
}

# A seccomp filter that refuses io_uring with this error.
refuse() {
    echo python3 -IS "$TOP/tests/refuse.py" "$1"
}

need_filter() {
    # shellcheck disable=SC2046 # words
    $(refuse EPERM) true 2>/dev/null || skip "no seccomp filter is allowed here"
}

@test "stage 12 runs here" {
    need_io_uring
}

@test "without liburing the other stages are built, and demo explains why" {
    local copy=$BATS_TEST_TMPDIR/copy
    make -n -C "$TOP" BUILD="$copy/build" all >"$BATS_TEST_TMPDIR/with"
    make -n -C "$TOP" BUILD="$copy/build" LDLIBS=-lno-such-library all \
        >"$BATS_TEST_TMPDIR/without"
    [ ! -x "$BUILD/12-io-uring" ] ||
        grep -q 'build/12-io-uring' "$BATS_TEST_TMPDIR/with"
    grep -q 'build/11-http' "$BATS_TEST_TMPDIR/without"
    ! grep -q '12-io-uring' "$BATS_TEST_TMPDIR/without" || return 1
    mkdir -p "$copy/build" "$copy/bin"
    cp -r "$TOP/scripts" "$TOP/demos" "$copy"
    ln -s "$(type -P true)" "$copy/bin/make"
    PATH=$copy/bin:$PATH run "$copy/scripts/demo" 12
    [ "$status" -eq 2 ]
    [[ $output == "demo: 12-io-uring was not built, because it needs liburing"* ]]
}

@test "a seccomp filter that refuses io_uring is named" {
    need_io_uring
    need_filter
    # shellcheck disable=SC2046 # words
    refused "a seccomp filter refuses io_uring (EPERM" $(refuse EPERM)
    # shellcheck disable=SC2046
    refused "a seccomp filter refuses io_uring (ENOSYS" $(refuse ENOSYS)
}

@test "a kernel before 6.1 is named" {
    need_io_uring
    need_filter
    setarch --uname-2.6 true 2>/dev/null || skip "setarch cannot change uname"
    # shellcheck disable=SC2046 # words
    refused "needs io_uring of Linux 6.1, and this is Linux 2.6." \
        setarch --uname-2.6 $(refuse EINVAL)
}

# The file is over the sysctl in a mount namespace of its own. It changes only
# what the stage reads, so a filter refuses io_uring.
@test "kernel.io_uring_disabled is named, with what its value means" {
    local value sysctl=/proc/sys/kernel/io_uring_disabled
    local -a words=([1]="CAP_SYS_ADMIN" [2]="to everyone") own=(unshare -m)
    need_io_uring
    need_filter
    [ -e $sysctl ] || skip "this kernel has no such sysctl"
    [ "$(id -u)" -eq 0 ] || own+=(-r)
    for value in 1 2; do
        echo $value >"$BATS_TEST_TMPDIR/value"
        # shellcheck disable=SC2016 # for the shell in the namespace
        local -a command=("${own[@]}" sh -c
            'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh
            "$BATS_TEST_TMPDIR/value" "$sysctl")
        "${command[@]}" true 2>/dev/null || skip "no mount namespace here"
        # shellcheck disable=SC2046 # words
        refused "kernel.io_uring_disabled is $value, so"*"${words[value]}" \
            "${command[@]}" $(refuse EPERM)
    done
}

@test "a low RLIMIT_MEMLOCK is named; 64 KiB are enough" {
    need_io_uring
    # Root may lock any amount. Nobody may reach a checkout of root's, perhaps.
    # shellcheck disable=SC2016 # for another shell
    local -a as=(bash -c 'ulimit -l "$0" && exec "$@"')
    cp "$BUILD/12-io-uring" "$BATS_TEST_TMPDIR/12-io-uring"
    local BUILD=$BATS_TEST_TMPDIR
    if [ "$(id -u)" -eq 0 ]; then
        chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BUILD"
        as=(setpriv --reuid 65534 --clear-groups --inh-caps=-all
            --bounding-set=-all "${as[@]}")
        TMPDIR=/tmp "${as[@]}" 64 "$BUILD/12-io-uring" --version ||
            skip "cannot become another user here"
    fi
    run env TMPDIR=/tmp "${as[@]}" 64 "$BUILD/12-io-uring" -q -c 1 -m 1
    echo "$output"
    [ "$status" -eq 0 ]
    export TMPDIR=/tmp
    if "${as[@]}" 16 "$BUILD/12-io-uring" -q -c 1 -m 1 >/dev/null 2>&1; then
        skip "this kernel does not count rings as locked memory"
    fi
    refused "52 KiB of locked memory, and the limit"*"is 16 KiB" "${as[@]}" 16
}
