#!/usr/bin/env bats
#
# scenarios.bats - the golden traces also stand where everything is slower, and
# where other threads get in between: under Valgrind and ThreadSanitizer.

load helpers

golden() {
    local -a names
    mapfile -t names < <("$TOP/tests/golden.py" --list "$1")
    "$TOP/tests/golden.py" "$1" "${names[@]}" 3>&- 4>&-
}

@test "each scenario gives its golden trace under Valgrind, without an error" {
    export TIMEOUT_MULT=10
    export IOMUX_WRAPPER='valgrind -q --error-exitcode=99 --leak-check=full
        --fair-sched=yes'
    each_stage golden
}

@test "each scenario gives its golden trace under ThreadSanitizer" {
    export IOMUX_BUILD=$TOP/build/tsan TIMEOUT_MULT=10
    make -s -C "$TOP" -j2 BUILD=build/tsan CFLAGS='-O1 -g' \
        SANITIZE=-fsanitize=thread
    if ! "$IOMUX_BUILD/06-epoll-lt" --version >/dev/null 2>&1; then
        skip "ThreadSanitizer cannot start here (vm.mmap_rnd_bits too high?)"
    fi
    export TSAN_OPTIONS="exitcode=66 suppressions=$TOP/tests/extra/tsan.supp"
    each_stage golden
}
