#!/usr/bin/env bats
#
# tools.bats - the commands in scripts/ work in every environment: with
# hostile variables, at any path, in any locale, on any file, and with a
# standard output that is closed, full or has no reader.

# shellcheck disable=SC2154 # status, output, lines: from Bats

load helpers

export BREAKS_LAWS=1 # in changed traces

LIST=$TOP/scripts/iomux/environment.txt

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    demo 06-epoll-lt -S "$TOP/demos/scenarios/slow-reader.scn" -j json >text
    mkdir bin hostile
    ln -s "$(type -P true)" bin/make # all is built; a real make is slow
    echo 'echo "hostile start-up file"; exit 9' >hostile/start
    for module in json argparse re iomux sitecustomize; do
        echo 'raise SystemExit("hostile module")' >hostile/$module.py
    done
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    text=$BATS_FILE_TMPDIR/text json=$BATS_FILE_TMPDIR/json
    scenario=$TOP/demos/scenarios/slow-reader.scn
}

# Runs "$@" with a limit, and none of Bats' descriptors.
limited() {
    timeout -k 1 "$LIMIT" "$@" 3>&- 4>&-
}

# The commands whose output is the same in each run: a name, its arguments.
commands() {
    cat <<END
check-trace $text $json -s $scenario
check-trace --laws
check-trace --help
compare $text $json
compare 6 8 -s two-messages
compare --help
predict 6 two-messages waits=5 recv=3
predict --help
claims --list
claims --ledger
claims --help
exercise
exercise --help
walkthrough --only links $TOP/CONTRIBUTING.md
walkthrough --help
limits --help
pictures --help
book --help
bench --help
bench --from $TOP/walkthrough/plots/bench.json
demo --list
demo --help
demo 1 -c 1 -m 2 -i 0 -q
compare-code 5 6
compare-code --help
twin --list
twin --help
setup --dry-run run
setup --help
test --help
END
}

# Runs all commands, "$@" before each, and prints what comes out of them.
all_commands() {
    local line name
    local -a words
    while IFS= read -r line; do
        read -ra words <<<"${line//"$TOP"/@TOP@}"
        words=("${words[@]//@TOP@/"$TOP"}")
        name=${words[0]}
        echo "== $name"
        PATH=$BATS_FILE_TMPDIR/bin:$PATH limited "$@" \
            "$TOP/scripts/$name" "${words[@]:1}" </dev/null 2>&1 ||
            echo "status $?"
    done < <(commands)
}

# The variables that the commands ignore, each with a value that does harm.
hostile_variables() {
    local dir=$BATS_FILE_TMPDIR/hostile
    sed -n 's/^\([A-Z][A-Z0-9_]*\)$/\1=hostile/p' "$LIST"
    printf '%s\n' "BASH_ENV=$dir/start" "ENV=$dir/start" "CDPATH=$dir:/" \
        "PYTHONPATH=$dir" "PYTHONHOME=$dir" PYTHONOPTIMIZE=2 PYTHONINSPECT=1 \
        "PERL5LIB=$dir" PERL5OPT=-MNothing MAKEFLAGS=-n GREP_OPTIONS=-v \
        POSIXLY_CORRECT=1 TMOUT=1 BASH_XTRACEFD=2 BASH_COMPAT=50 \
        BASHOPTS=extglob SHELLOPTS=xtrace:noglob IFS=/ OMP_NUM_THREADS=1 \
        "GIT_DIR=$dir" FORCE_COLOR=1 PYTHON_COLORS=1 COLUMNS=junk LINES=x \
        TZ=Mars V=1 A=1 B=1 BUILD=/nowhere SANITIZE=-fnothing \
        'BASH_FUNC_grep%%=() { echo hostile; }' \
        'BASH_FUNC_cd%%=() { echo hostile; }' \
        "LC_ALL=${german:-C.UTF-8}" LANG=de_DE.UTF-8 LANGUAGE=de
}

@test "no variable of the environment changes what a command prints" {
    local -a variables
    all_commands env >plain
    grep -q 'all laws hold' plain
    ! grep -q '^status [^0]*[3-9]$' plain || return 1
    mapfile -t variables < <(hostile_variables)
    [ ${#variables[@]} -gt 80 ]
    all_commands env "${variables[@]}" >hostile
    diff plain hostile
}

@test "no locale changes what a command prints" {
    if ! localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 2>/dev/null; then
        skip "localedef cannot make a German locale: the package locales"
    fi
    local german=de_DE.UTF-8
    [ "$(LOCPATH=$PWD LC_ALL=$german stat -c %F /dev/null)" != \
        "$(stat -c %F /dev/null)" ]
    all_commands env >plain
    for german in de_DE.UTF-8 C POSIX; do
        all_commands env LOCPATH="$PWD" LC_ALL=$german >here
        diff plain here
    done
}

@test "what is meant for the user is honoured, or refused in a sentence" {
    COLUMNS=70 limited "$TOP/scripts/compare" "$text" "$json" |
        awk 'length > most { most = length } END { exit most != 69 }'
    for command in 'predict 6 one waits=1' 'limits 1' 'demo 1' 'exercise 1'; do
        # shellcheck disable=SC2086 # words
        run env TIMEOUT_MULT='x[0]' "$TOP/scripts/"$command
        echo "$output"
        [ "$status" -eq 2 ]
        [[ $output == *": TIMEOUT_MULT is a whole number from 1 to 9999, "* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
    run env TMPDIR=/nowhere "$TOP/scripts/demo" 1
    [ "$status" -eq 2 ]
    [ "$output" = "demo: TMPDIR is not a directory: /nowhere" ]
}

# The Python commands, each with arguments that make it print something.
python_commands() {
    commands | grep -E '^(check-trace|compare|predict|claims|exercise|limits|'`
        `'pictures|bench|walkthrough) '
}

# A traceback, or what Python prints at its exit.
no_traceback() {
    if grep -E 'Traceback|Exception ignored|Error:|line [0-9]+, in ' "$@"; then
        return 1
    fi
}

@test "standard output may be closed, full or without a reader" {
    local line name
    local -a words
    PATH=$BATS_FILE_TMPDIR/bin:$PATH
    while IFS= read -r line; do
        read -ra words <<<"${line//"$TOP"/@TOP@}"
        words=("${words[@]//@TOP@/"$TOP"}")
        name=${words[0]} words[0]=$TOP/scripts/${words[0]}
        echo "== $line"
        status=0
        limited "${words[@]}" >&- 2>err || status=$?
        [ $status = 2 ]
        grep -q '^'"$name"': cannot write to standard output: ' err
        status=0
        limited "${words[@]}" >/dev/full 2>>err || status=$?
        [ $status = 2 ]
        limited "${words[@]}" 2>>err | true
        status=0
        limited "${words[@]}" 2>&- >out || status=$?
        [ $status -lt 2 ]
        [ -s out ]
        status=0
        limited "${words[@]}" >/dev/full 2>/dev/full || status=$?
        [ $status = 2 ]
        no_traceback err
        [ "$(wc -l <err)" = 2 ]
    done < <(python_commands)
    status=0
    limited "$TOP/scripts/check-trace" - <&- 2>err || status=$?
    [ $status = 2 ]
    grep -qx 'check-trace: cannot read -: Bad file descriptor' err
}

# Every command that reads a file, with the file in the place of FILE.
readers() {
    cat <<'END'
check-trace FILE
check-trace GOOD --scenario FILE
compare FILE GOOD
compare GOOD FILE
predict 6 FILE waits=1
walkthrough FILE
bench --from FILE
bench --compare FILE --from BENCH
END
}

@test "a file that cannot be used is one sentence and status 2" {
    local line file
    local -a words
    mkdir directory
    : >empty
    { printf '\1' && head -c 4096 /dev/urandom; } >random
    printf '\0\0\0\n' >nul
    printf '\xff\xfeS\0' >utf-16
    printf '{"bench":1,"servers":{"x":1},"left_out":1}' >bench.json
    printf '[]' >list
    printf 'null\n' >null
    python3 -c 'print("[" * 100000)' >deep
    cp "$BUILD/06-epoll-lt" program
    PATH=$BATS_FILE_TMPDIR/bin:$PATH
    while IFS= read -r line; do
        for file in missing directory empty random nul utf-16 bench.json list \
            null deep program; do
            # Any text is a page; it only has nothing to make again.
            [[ $line != walkthrough* ]] ||
                [[ $file =~ ^(missing|directory|random|utf-16|program)$ ]] ||
                continue
            read -ra words <<<"$line"
            words=("${words[@]/#FILE/"$PWD/$file"}")
            words=("${words[@]/#GOOD/"$text"}")
            words=("${words[@]/#BENCH/"$TOP/walkthrough/plots/bench.json"}")
            status=0
            limited "$TOP/scripts/${words[0]}" "${words[@]:1}" \
                >out 2>err </dev/null || status=$?
            echo "$line, $file: $status, $(cat out err)"
            # An object of JSON begins like a trace, and so breaks a law.
            [ $status = 2 ] || [[ $status = 1 && $file == bench.json &&
                $line == check-trace\ F* ]]
            no_traceback out err
            [ "$(wc -l <err)" = $((status == 2)) ]
        done
    done < <(readers)
}

@test "a file that may not be read is one sentence" {
    [ "$(id -u)" -ne 0 ] || skip "root may read every file"
    : >secret
    chmod 0 secret
    run limited "$TOP/scripts/check-trace" secret
    [ "$status" -eq 2 ]
    [ "$output" = "check-trace: cannot read secret: Permission denied" ]
}

@test "600 traces and scenarios that were changed at random all get a verdict" {
    local count
    timeout -k 1 $((6 * LIMIT)) python3 -B "$TOP/tests/mutations.py" 600 \
        "${SEED:-1}" "$text" "$json" "$scenario" >verdicts
    cat verdicts
    for kind in 'trace good' 'trace broken' 'scenario good' 'scenario refused'; do
        count=$(sed -n "s/ $kind\$//p" verdicts)
        [ "$count" -gt 10 ]
    done
}

# A checkout without build/, at the path that is given. It is built quickly.
fresh_checkout() {
    export CFLAGS=-O0
    mkdir -p "$1"
    cp -r "$TOP"/{Makefile,common,demos,scripts} "$1"
    mkdir "$1/tests"
    cp -r "$TOP"/tests/{broken,golden,grammar.txt} "$1/tests"
}

@test "two commands at once build a fresh checkout" {
    local one two LIMIT=$((10 * LIMIT)) # to compile everything twice
    fresh_checkout copy
    copy/scripts/demo 6 -q -c 1 -m 1 >one 2>&1 3>&- 4>&- &
    one=$!
    copy/scripts/demo 7 -q -c 1 -m 1 >two 2>&1 3>&- 4>&- &
    two=$!
    echo "$one" >>pids
    echo "$two" >>pids
    wait_for_end "$one" || { cat one && false; }
    wait_for_end "$two" || { cat two && false; }
    grep -qx 'summary of 06-epoll-lt' one
    grep -qx 'summary of 07-epollout' two
    [ "$(wc -l <one)" = "$(wc -l <two)" ] # and no message of a compiler
    [ -z "$(find copy -name '*.new.*')" ]
    # Each output appears at once, and never half written.
    make -C copy -nB V=1 CC='cc -DX' >commands
    grep -q 'cc -DX.* -o build/06-epoll-lt\.new' commands
    ! grep 'cc -DX' commands | grep -Ev 'new|requirements|-MMD' || return 1
}

@test "a checkout may have any path" {
    local odd
    odd="it's & a\\b \"q\" \$(x) "$'\303\274'
    fresh_checkout "$odd"
    "$odd/scripts/demo" 6 -q -c 1 -m 1 >out 3>&- 4>&-
    grep -qx 'summary of 06-epoll-lt' out
    "$odd/scripts/compare" 6 6 3>&- 4>&- >out
    "$odd/scripts/check-trace" - <"$text"
    "$odd/scripts/twin" hup-first >out 2>err 3>&- 4>&- || true
    cat err
    grep -q '^\[server\]' out
    "$odd/scripts/compare-code" 5 6 | grep -q '^+.*epoll_wait'
    [ -z "$(find "$odd" -name __pycache__)" ]
}

@test "a checkout with core.autocrlf=true works" {
    if ! git -C "$TOP" rev-parse --git-dir >/dev/null 2>&1; then
        skip "this is not a repository of git"
    fi
    # The files as they are now, in a repository of their own.
    git -C "$TOP" ls-files -coz --exclude-standard >all
    # A file may have been removed since.
    while IFS= read -r -d '' file; do
        [ ! -e "$TOP/$file" ] || printf '%s\0' "$file"
    done <all >names
    mkdir source
    (cd "$TOP" && tar -c --null -T "$BATS_TEST_TMPDIR/names") | tar -x -C source
    git init -q source
    git -C source -c core.autocrlf=false add -A
    git -C source -c user.name=x -c user.email=x -c commit.gpgsign=false \
        commit -qm x
    git clone -q -c core.autocrlf=true source crlf
    [ "$(head -n 1 crlf/scripts/demo)" = '#!/usr/bin/env -S bash -p' ]
    git -C crlf ls-files --eol | awk '/w\/crlf|w\/mixed/ && !/fuzz/' >bad
    diff bad /dev/null
    # Bytes stay as they are.
    diff -r crlf/tests/fuzz "$TOP/tests/fuzz"
    CFLAGS=-O0 crlf/scripts/demo 6 -c 1 -m 1 >out 3>&- 4>&-
    crlf/scripts/check-trace out
}

@test "a symbolic link to a script works, from any directory" {
    local script
    mkdir links
    for script in "$TOP"/scripts/*; do
        [ -f "$script" ] || continue
        ln -s "$script" "links/my-${script##*/}"
        run limited "links/my-${script##*/}" --help
        echo "$script: $output"
        [ "$status" -eq 0 ]
        [[ $output == usage:\ scripts/${script##*/}* ]]
    done
    ln -s ../links/my-demo links/again
    PATH=$BATS_FILE_TMPDIR/bin:$PATH run links/again 1 -q -c 1 -m 1
    [ "$status" -eq 0 ]
    [[ $output == *"summary of 01-blocking"* ]]
    cd links
    run limited ./my-demo --list
    [ "$status" -eq 0 ]
}

@test "an older Python, C library or another system gets one sentence" {
    local name
    for name in check-trace compare predict claims exercise walkthrough limits \
        pictures bench; do
        run python3 -IBc '
import runpy, sys
sys.version_info = (3, 8, 10)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$TOP/scripts/$name" --help
        [ "$status" -eq 2 ]
        [ "$output" = \
            "$name: Python 3.8 is too old: 3.9 or later is needed" ]
    done
    refused_by_make 'iomux needs Linux: *' -U__linux__
    mkdir old other
    printf '#include_next <features.h>\n#undef __GLIBC_MINOR__\n%s\n' \
        '#define __GLIBC_MINOR__ 31' >old/features.h
    : >other/features.h
    refused_by_make 'iomux needs glibc 2.34 or later: *' "-I$PWD/old"
    refused_by_make 'iomux needs the GNU C library, *' "-I$PWD/other"
    if command -v musl-gcc >/dev/null; then
        CC=musl-gcc refused_by_make 'iomux needs the GNU C library, *' ''
    fi
}

# make says one sentence, whatever is built first, and compiles nothing.
refused_by_make() {
    run make -s -j4 -C "$TOP" all BUILD="$BATS_TEST_TMPDIR/none" CPPFLAGS="$2"
    echo "$output"
    [ "$status" -eq 2 ]
    # shellcheck disable=SC2053 # $1 is a pattern
    [[ ${lines[0]} == $1 ]]
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[1]} == make*requirements* ]]
    [ -z "$(find "$BATS_TEST_TMPDIR/none" -name '*.o')" ]
}

@test "Python 3.9 can parse every module, and an older one every command" {
    python3 -IB - "$TOP" <<'END'
import ast
import glob
import re
import sys

top, bad = sys.argv[1], []
newer = re.compile(r"\broot_dir=|\bpairwise\(|bit_count|\bstrict=|slots=|"
                   r"kw_only=|^\s*match .*:$|aiter\(|\bTypeAlias\b", re.M)
modules = glob.glob(glob.escape(top) + "/scripts/iomux/*.py")
modules += glob.glob(glob.escape(top) + "/tests/**/*.py", recursive=True)
commands = []
for path in glob.glob(glob.escape(top) + "/scripts/*"):
    try:
        with open(path, encoding="utf-8") as file:
            if "python3" in file.readline():
                commands.append(path)
    except IsADirectoryError:
        pass
assert len(commands) == 12 and len(modules) > 20, (commands, modules)
for path in modules + commands:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tree = ast.parse(text, path, feature_version=(3, 9))
    if newer.search(text):
        bad.append(f"{path}: {newer.search(text)[0]}")
    unions = [node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)
              and isinstance(node.annotation, ast.BinOp)]
    if unions and "from __future__ import annotations" not in text:
        bad.append(f"{path}: X | None is evaluated")
    if path in commands or path.endswith("__init__.py"):
        for node in ast.walk(tree):
            if isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr)):
                bad.append(f"{path}:{node.lineno}: too new for an old Python")
    lines = text.count("\n")
    if "scripts/iomux/" in path and lines > 400 or path in commands and \
            lines > 100:
        bad.append(f"{path} has {lines} lines")
sys.exit("\n".join(bad) or 0)
END
}

# A PATH with nothing but what setup needs, and an apt-get that the test makes.
fake_system() {
    local tool
    mkdir -p fake
    for tool in bash env id cat dirname readlink mktemp rm tail; do
        ln -sf "$(type -P $tool)" fake/$tool
    done
    printf '#!%s/fake/bash\necho "$@" >>%q\n%s\n' "$PWD" "$PWD/apt.log" "$1" \
        >fake/apt-get
    printf '#!%s/fake/bash\nexec "$@"\n' "$PWD" >fake/sudo
    chmod +x fake/apt-get fake/sudo
}

@test "setup installs although apt-get update fails, and fails if install does" {
    # shellcheck disable=SC2016 # for the fake apt-get
    fake_system 'case $* in *update*) echo "E: no Release file"; exit 100 ;; esac'
    run env PATH="$PWD/fake" scripts="$TOP" fake/bash "$TOP/scripts/setup" run
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q 'install .*gcc.* make' apt.log
    fake_system 'echo "E: Unable to locate package"; exit 100'
    run env PATH="$PWD/fake" fake/bash "$TOP/scripts/setup" run
    [ "$status" -eq 1 ]
    [[ $output == *"E: Unable to locate package"* ]]
    [[ ${lines[-1]} == "setup: apt-get cannot install gcc "* ]]
    rm fake/apt-get
    run env PATH="$PWD/fake" fake/bash "$TOP/scripts/setup" run
    [ "$status" -eq 1 ]
    [[ ${lines[-1]} == "setup: there is no apt-get here, "*"install gcc "* ]]
}

@test "a library is used if it links, and not if only its header is there" {
    mkdir include
    : >include/uv.h
    # shellcheck disable=SC2016 # for the fake compiler
    printf '#!/bin/sh\ncase " $* " in *" -luv "*) exit %s ;; esac\nexec %s "$@"\n' \
        1 cc >without
    sed 's/exit 1/exit 0/' without >with
    chmod +x with without
    make -nsC "$TOP" bench-programs V=1 BUILD="$PWD/b" CPPFLAGS="-I$PWD/include" \
        CC="$PWD/with" >made
    grep -q 'peers/libuv\.c' made
    make -nsC "$TOP" bench-programs V=1 BUILD="$PWD/b" CPPFLAGS="-I$PWD/include" \
        CC="$PWD/without" >made
    grep -q 'peers/bare\.c' made
    ! grep -q 'peers/libuv\.c' made || return 1
}
