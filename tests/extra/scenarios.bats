#!/usr/bin/env bats
#
# scenarios.bats - the golden traces also stand where everything is slower:
# under Valgrind.

load helpers

golden() {
    local -a names
    # Valgrind limits descriptors in its own way: accept(2) takes the client,
    # then Valgrind closes it. So there is no scenario "room".
    mapfile -t names < <("$TOP/tests/golden.py" --list "$1" | grep -v ^room/)
    "$TOP/tests/golden.py" "$1" "${names[@]%/*}" 3>&- 4>&-
}

@test "each scenario gives its golden trace under Valgrind, without an error" {
    export TIMEOUT_MULT=10
    export IOMUX_WRAPPER='valgrind -q --error-exitcode=99 --leak-check=full
        --fair-sched=yes'
    each_stage golden
}
