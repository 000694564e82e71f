#!/usr/bin/env bats
#
# grade.bats - scripts/grade judges the submissions of a class: the honest ones
# pass, cheats do not, and nothing of them is left. tests/grade/ has the
# exercise and the program that writes the submissions.

load helpers

# Students, points, checks passed and checks failed. Bubblewrap hides the files
# of the host, so a server that only tries to read them passes.
expected() {
    cat <<'END'
assembler 4 7 1
constructor 0 1 7
daemon 5 8 0
deep 0 1 7
depends 4 7 1
deputy 4 7 1
editor 4 7 1
few 4 7 1
folder 0 0 8
forger 0 1 7
fork 4 7 1
forks 0 1 7
full-disk 0 1 7
honest 5 8 0
includer 0 0 8
includes 4 7 1
killer 0 3 5
label 4 7 1
liar 0 2 6
link 0 0 8
loop 0 1 7
memory 0 1 7
namespaces 5 8 0
noter 0 3 5
nothing 0 1 7
other 0 0 8
output 0 1 7
overrun 4 7 1
reader 5 8 0
recogniser 4 7 1
registrar 1 5 3
remover 3 7 1
restart 4 7 1
single 5 8 0
two 0 0 8
unchecked 4 7 1
unnamed 0 1 7
untouched 0 0 8
version 4 7 1
wrong 4 7 1
END
}

setup_file() {
    # Not below the directory of Bats, which other users cannot enter.
    export place
    place=$(mktemp -d /tmp/iomux-grade-test.XXXXXX)
    chmod 755 "$place"
    echo "#error secret-word" >"$place/secret"
    chmod 600 "$place/secret"
    mkdir "$place/tmp"
    chmod 1777 "$place/tmp"
    mkdir -m 755 "$place/open"
    echo canary >"$place/open/canary"
    mkdir "$place/all"
    python3 -B "$TOP/tests/grade/submissions.py" "$TOP" "$place/all" \
        "$place/secret" "$place/open/canary"
    # Old versions, and some containers, cannot forbid namespaces in a box.
    bwrap --unshare-user --disable-userns --ro-bind / / --proc /proc true ||
        rm -r "$place/all/namespaces"
}

teardown_file() {
    rm -rf "${place:?}"
}

# Judges. A mark of the test is in the command line of every process in a box.
grade() {
    EXERCISES=$TOP/tests/grade TMPDIR=$place/tmp TIMEOUT_MULT=1 timeout -k 5 \
        $((30 * LIMIT)) "${before[@]}" "$TOP/scripts/grade" -e 90 --seed 1 \
        "$@" 3>&- 4>&- </dev/null
}

# Skips the test if a way does not work here.
need_box() {
    local said
    mkdir -p "$place/one"
    cp "$TOP/demos/06-epoll-lt.c" "$place/one/06-epoll-lt.txt"
    said=$(grade --one --box "$1" -o "$place/none" "$place/one" 2>&1) || :
    [[ $said != *"cannot be isolated here"* && $said != *"cannot enter"* ]] ||
        skip "this system has no box of the kind $1: $said"
}

# Starts a command in a session that has a key. A box must not have it.
with_key='
import ctypes, os, sys
join, add = {"x86_64": (250, 248), "aarch64": (219, 217)}[os.uname().machine]
call = ctypes.CDLL(None).syscall
call(join, 1, None)
call(add, b"user", b"iomux-test", b"secret", 6, -3)
os.execvp(sys.argv[1], sys.argv[1:])'

# The columns of grades.csv that expected() has.
table() {
    sed 1d "$1/grades.csv" | cut -d, -f1,3,5,6 | tr , ' '
}

# Nothing of a submission is left: no process, and no file.
nothing_left() {
    ! pgrep -f "$place/tmp/iomux-grade" || return 1
    [ -z "$(ls -A "$place/tmp")" ] || return 1
    [ -z "$(find /tmp /var/tmp /dev/shm -maxdepth 1 -uid +58999 -uid -59064)" ]
    [ "$(cat "$place/open/canary")" = canary ]
    [ -e "$TOP/README.md" ]
    ! grep -r secret-word "$1" || return 1
}

# Copies some submissions.
some() {
    local name
    rm -rf "${place:?}/some"
    mkdir "$place/some"
    for name; do
        cp -a "$place/all/$name" "$place/some"
    done
}

expected_of_some() {
    local name
    for name in "$place"/some/*; do
        name=$(basename "$name" .c)
        expected | grep "^$name "
    done
}

# All submissions, judged once for several tests.
judged() {
    local -a before=(python3 -c "$with_key")
    need_box bubblewrap
    [ -e "$place/full/grades.csv" ] ||
        grade --box bubblewrap --jobs 4 --format tap --format junit \
            --format gradescope --format csv -o "$place/full" "$place/all"
}

@test "grade: honest submissions pass in a box, cheats do not, and nothing is left" {
    need_box bubblewrap
    run judged
    echo "$output"
    [ "$status" -eq 1 ] # some have no file
    diff <(expected | if [ -e "$place/all/namespaces" ]; then cat; else
        grep -v namespaces; fi) <(table "$place/full")
    nothing_left "$place/full"
    grep 'link is not\|is a symbolic link' "$place/full/link/report.txt"
    grep 'there is no file' "$place/full/untouched/report.txt"
    grep 'there are 2 files' "$place/full/two/report.txt"
    grep 'MiB of memory' "$place/full/unnamed/report.txt"
    grep 'strace shows none for line' "$place/full/registrar/report.txt"
    grep 'also for clients of another process' "$place/full/noter/report.txt"
    grep 'got: .*no_sanitize' "$place/full/version/report.txt"
    grep 'depends on the sanitizers' "$place/full/includes/report.txt"
    grep 'no end within its limit: spins, 06-epoll-lt.c:' \
        "$place/full/loop/report.txt"
    grep 'it printed over 64 KiB' "$place/full/output/report.txt"
    grep 'MiB of memory\|no end within its limit' "$place/full/memory/report.txt"
    # The cheats that know the judge fail for the reason that they give.
    grep 'strace shows none for line' "$place/full/liar/report.txt"
    grep 'also for clients of another process' "$place/full/recogniser/report.txt"
    grep 'the client is in another process' "$place/full/few/report.txt"
    grep 'got:      no_sanitize' "$place/full/unchecked/report.txt"
    grep 'AddressSanitizer: heap-buffer-overflow on address 0x\.\.\.$' \
        "$place/full/overrun/report.txt"
    grep 'depends on the sanitizers' "$place/full/depends/report.txt"
    grep 'got: .*asan_default_options' "$place/full/label/report.txt"
    grep 'got: .*assembler code' "$place/full/assembler/report.txt"
    grep 'it has changed ASAN_OPTIONS' "$place/full/restart/report.txt"
    grep 'that listens is not the program' "$place/full/deputy/report.txt"
    grep 'is not a regular file' "$place/full/folder/report.txt"
}

@test "grade: TAP, JUnit, Gradescope and CSV have the same counts" {
    run judged
    local good bad student full=$place/full
    good=$(table "$full" | awk '{n += $3} END {print n}')
    bad=$(table "$full" | awk '{n += $4} END {print n}')
    echo "grades.csv: $good passed, $bad failed"
    [ "$good" -gt 50 ]
    [ "$bad" -gt 50 ]
    [ "$(grep -c '^ok ' "$full/results.tap")" -eq "$good" ]
    [ "$(grep -c '^not ok ' "$full/results.tap")" -eq "$bad" ]
    grep -x "1\.\.$((good + bad))" "$full/results.tap"
    python3 - "$full/results.xml" "$good" "$bad" <<'END'
import sys
import xml.etree.ElementTree as tree
top = tree.parse(sys.argv[1]).getroot()
cases = top.findall(".//testcase")
bad = [case for case in cases if case.find("failure") is not None]
assert len(bad) == int(sys.argv[3]) == int(top.get("failures"))
assert len(cases) - len(bad) == int(sys.argv[2])
assert sum(int(s.get("tests")) for s in top) == len(cases)
END
    [ "$(jq '[.tests[] | select(.status == "passed")] | length' \
        "$full/results.json")" -eq "$good" ]
    [ "$(jq '[.tests[] | select(.status == "failed")] | length' \
        "$full/results.json")" -eq "$bad" ]
    [ "$(grep -c ',yes,' "$full/results.csv")" -eq "$good" ]
    [ "$(grep -c ',no,' "$full/results.csv")" -eq "$bad" ]
    # The same for each student.
    while read -r student _ good bad; do
        [ "$(grep -c '^ok ' "$full/$student/results.tap")" -eq "$good" ]
        [ "$(grep -c '^  FAILED' "$full/$student/report.txt")" -eq "$bad" ]
        [ "$(jq .score "$full/$student/results.json")" -eq \
            "$(table "$full" | awk -v s="$student" '$1 == s {print $2}')" ]
    done < <(table "$full")
}

@test "grade: the same seed gives the same reports, with or without other students" {
    run judged
    some wrong single.c nothing editor
    run grade --box bubblewrap -o "$place/again" "$place/some"
    echo "$output"
    [ "$status" -eq 0 ]
    for student in wrong single nothing editor; do
        diff "$place/full/$student/report.txt" "$place/again/$student/report.txt"
    done
}

@test "grade: as root without user namespaces, each submission has a user of its own" {
    [ "$(id -u)" -eq 0 ] || skip "this way needs root"
    need_box user
    some honest wrong nothing daemon forks killer includer remover forger \
        full-disk unnamed deep
    run grade --box user --jobs 4 -o "$place/own" "$place/some"
    echo "$output"
    [[ $output == *"box: user of its own"* ]]
    # There the disk is not full before the limit of its files.
    diff <(expected_of_some) <(table "$place/own")
    nothing_left "$place/own"
}

@test "grade: a user who is not root can judge with Bubblewrap" {
    [ "$(id -u)" -eq 0 ] || skip "all these tests are run by a user"
    local -a before=(setpriv --reuid 58999 --regid 58999 --clear-groups)
    "${before[@]}" test -r "$TOP/Makefile" -a -r "$TOP/common/trace.h" ||
        skip "other users cannot read $TOP"
    need_box bubblewrap
    mkdir "$place/mine"
    chown 58999 "$place/mine"
    some honest nothing daemon forks
    run grade --jobs 4 -o "$place/mine/out" "$place/some"
    echo "$output"
    [ "$status" -eq 0 ]
    diff <(expected_of_some) <(table "$place/mine/out")
    nothing_left "$place/mine/out"
}

@test "grade: SIGTERM ends the judge with all that it has started" {
    need_box bubblewrap
    end_when loop "iomux-grade.*/*/box/place/build/06-epoll-lt"
}

# Judges a submission, and ends that as soon as there is a file.
end_when() {
    local status=0 pattern=$place/tmp/$2
    some "$1"
    TMPDIR=$place/tmp EXERCISES=$TOP/tests/grade "$TOP/scripts/grade" -e 90 \
        --seed 1 -o "$place/none" "$place/some" >/dev/null 3>&- 4>&- &
    # shellcheck disable=SC2317 # until_limit calls it
    wait_for_file() {
        compgen -G "$pattern"
    }
    until_limit wait_for_file
    kill -TERM $!
    wait $! || status=$?
    [ "$status" -eq 143 ]
    until_limit nothing_left "$place/full"
}

# Waits until a command succeeds.
until_limit() {
    local end=$((SECONDS + LIMIT))
    until "$@" >/dev/null; do
        [ "$SECONDS" -lt "$end" ]
        pause
    done
}

@test "grade: a program cannot open the memory of its judge, or its descriptor" {
    local -a user=()
    [ "$(id -u)" -ne 0 ] ||
        user=(setpriv --reuid 58999 --regid 58999 --clear-groups)
    cat "$TOP/scripts/iomux/guard.py" >"$place/open/guard.py"
    cat >"$place/open/judge.py" <<'END'
import subprocess
import sys
for test in ": <>/proc/$PPID/mem", "echo 0 >&7", ": </proc/$PPID/fd/7":
    if subprocess.call(["sh", "-c", test], stderr=subprocess.DEVNULL) == 0:
        print("the judge is open:", test)
sys.exit(9)
END
    run "${user[@]}" /usr/bin/python3 -I "$place/open/guard.py" 7 \
        "$place/open/judge.py" 7>"$place/result"
    echo "$output"
    [ "$status" -eq 9 ]
    [ -z "$output" ]
    [ "$(cat "$place/result")" = 9 ]
}

@test "grade: every kind of exercise can be judged in a box" {
    need_box bubblewrap
    local right=$place/kinds/right wrong=$place/kinds/wrong
    mkdir -p "$right/10-three-clients" "$wrong"
    cp "$TOP/demos/05-poll.c" "$right"
    cp "$TOP/walkthrough/model/eventpoll.c" "$right"
    { cat "$right/eventpoll.c"
      echo '#include <unistd.h>'
      echo '__attribute__((constructor)) static void b(void) { _exit(0); }'
    } >"$wrong/eventpoll.c"
    cp "$TOP/walkthrough/exercises/10-three-clients/together.scn" \
        "$right/10-three-clients"
    patch -s "$right/10-three-clients/together.scn" \
        "$TOP/walkthrough/exercises/10-three-clients/solution.patch"
    # The room of a server is limited, and a hazard is the exercise's own.
    EXERCISES=$TOP/tests/grade grade_kinds own -e 91
    grep '^right,3,3,3,3,0' "$place/own/grades.csv"
    grade_kinds real -e 9 -e 10
    grep '^right,4,1,5,5,' "$place/real/grades.csv"
    grep '^wrong,0,0,0,5,' "$place/real/grades.csv"
    grep 'in level, the line' "$place/real/wrong/report.txt"
}

grade_kinds() {
    TMPDIR=$place/tmp timeout $((5 * LIMIT)) "$TOP/scripts/grade" "${@:2}" \
        --seed 1 -o "$place/$1" "$place/kinds" 3>&- 4>&- || [ $? -eq 1 ]
}

@test "grade: no name and no folder of a student stops the reports of the others" {
    local all=$place/names out=$place/named name path
    local long; printf -v long '%0255d' 0
    mkdir -p "$all" "$place/checkout/scripts" "$place/checkout/work"
    touch "$place/checkout/scripts/exercise"
    cp "$TOP/demos/06-epoll-lt.c" "$place/checkout/work"
    for name in grades.csv results.tap "$long" $'\xff\xfe'"${long::240}" \
        $'\xe2\x80\xae' $'\xef\xbc\x9d1+1' $'two\nlines' file; do
        mkdir "$all/$name"
    done
    ln -s "$place/checkout" "$all/link"
    mkfifo "$all/fifo-06-epoll-lt.c"
    path=$all/deep
    path+=$(printf '/d%.0s' {1..1500})
    mkdir -p "$path"
    mkdir "$out"
    touch "$out/file"
    TMPDIR=$place/tmp run grade --trust --format tap -o "$out" "$all"
    echo "$output"
    [ "$status" -eq 1 ]
    [ "$(wc -l <"$out/grades.csv")" -eq 12 ]
    [ "$(find "$out" -name report.txt | wc -l)" -eq 11 ]
    grep 'link,.*is a symbolic link' "$out/grades.csv"
    grep 'deep,.*levels of folders' "$out/grades.csv"
    grep 'fifo.*is not a regular file' "$out/grades.csv"
    grep "^'"$'\xef\xbc\x9d1+1,' "$out/grades.csv"
}

@test "grade: hidden checks count, and a report shows as much as the teacher wants" {
    need_box bubblewrap
    some wrong
    mkdir -p "$place/more/90-lost-message"
    echo "- check: 3 says 'recv .*farewell' secret" \
        >"$place/more/90-lost-message/task.md"
    sed 's/goodbye/farewell/' "$TOP/demos/scenarios/last-message.scn" \
        >"$place/more/90-lost-message/secret.scn"
    grade --more "$place/more" -o "$place/full2" "$place/some"
    cat "$place/full2/wrong/report.txt"
    grep "FAILED  3  says 'recv" "$place/full2/wrong/report.txt"
    grep 'expected: a line' "$place/full2/wrong/report.txt"
    grep -q ',4,8,7,2,' "$place/full2/grades.csv"
    grade --more "$place/more" --detail actual -o "$place/actual" "$place/some"
    grep 'got: ' "$place/actual/wrong/report.txt"
    ! grep 'expected:' "$place/actual/wrong/report.txt" || return 1
    grade --more "$place/more" --detail none -o "$place/none" "$place/some"
    grep 'FAILED  3' "$place/none/wrong/report.txt"
    ! grep 'got:' "$place/none/wrong/report.txt" || return 1
}

@test "grade: the archive for Gradescope judges in a faked autograder folder" {
    local fake=$place/autograder
    mkdir -p "$fake/source" "$fake/submission" "$fake/results"
    cp "$TOP/demos/06-epoll-lt.c" "$fake/submission"
    grade --gradescope-zip "$place/autograder.zip"
    python3 - "$place/autograder.zip" "$fake/source" <<'END'
import os, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
for each in archive.infolist():
    assert "solution" not in each.filename and "wrong/" not in each.filename
    os.chmod(archive.extract(each, sys.argv[2]), each.external_attr >> 16)
END
    [ -x "$fake/source/setup.sh" ]
    # Objects, so that the test is faster.
    mkdir -p "$fake/source/iomux/build/asan"
    cp -a "$TOP/build/common" "$fake/source/iomux/build"
    cp -a "$TOP/build/asan/common" "$fake/source/iomux/build/asan"
    cp "$fake/source/run_autograder" "$fake"
    AUTOGRADER=$fake TMPDIR=$place/tmp timeout $((10 * LIMIT)) \
        "$fake/run_autograder" 3>&- 4>&-
    jq -e '.score == 5 and (.tests | length) == 8' "$fake/results/results.json"
}

@test "grade: an argument that cannot be used is refused with one sentence" {
    mkdir -p "$place/empty" "$place/broken/90-lost-message"
    echo "- check: 1 no" >"$place/broken/90-lost-message/task.md"
    local -a cases=(
        "$place/all|give the number of an exercise"
        "-e 90|give a folder of submissions"
        "-e 90 $place/nowhere|there is no $place/nowhere"
        "-e 90 $place/empty|is empty"
        "-e 90 $place/secret|is not a folder"
        "-e 77 $place/all|there is no exercise '77'"
        "-e 90 --jobs 0 $place/all|'0' is not a whole number from 1 to 64"
        "-e 90 --format pdf $place/all|invalid choice"
        "-e 90 --more $place/nowhere $place/all|has no hidden checks"
        "-e 90 --more $place/broken $place/all|broken/90-lost-message/task.md: 'no' is not a check"
        "-e 90 -o $place/secret $place/all|cannot write reports to '$place/secret': it is a file"
        "-e 90 --gradescope-zip $place/no/a.zip|cannot write $place/no/a.zip"
    )
    local each
    for each in "${cases[@]}"; do
        # shellcheck disable=SC2086 # words
        EXERCISES=$TOP/tests/grade run timeout $LIMIT "$TOP/scripts/grade" \
            ${each%|*} </dev/null
        echo "$each: $output"
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ $output == "grade: "*"${each#*|}"* ]]
    done
}
