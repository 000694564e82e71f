#!/usr/bin/env bats
# shellcheck disable=SC2016 # the texts of other programs
#
# kit.bats - the image, the dev container and the workflows name what is there.
# No test here builds the image: .github/workflows/check.yml does.

load helpers

setup() {
    cd "$TOP" || return
}

# Prints the instructions of the Dockerfile, a line each.
instructions() {
    sed '/^#/d; /^$/d' Dockerfile | sed ':a; /\\$/{N; s/\\\n */ /; ba}'
}

@test "scripts/setup works with the files that the image copies, at its level" {
    local level source target
    local -a words
    level=$(instructions | sed -n 's/^ARG LEVEL=//p')
    while read -r -a words; do
        target=$BATS_TEST_TMPDIR/root${words[-1]}
        mkdir -p "$target"
        for source in "${words[@]:1:${#words[@]}-2}"; do
            cp "$source" "$target"
            # Nothing else is sent to the engine.
            grep -qxF "!$source" .dockerignore
        done
    done < <(instructions | grep '^COPY ')
    run "$BATS_TEST_TMPDIR/root/opt/iomux/scripts/setup" --dry-run "$level"
    echo "$output"
    [ "$status" -eq 0 ]
    instructions | grep -xF 'RUN /opt/iomux/scripts/setup "$LEVEL" && rm -rf /var/lib/apt/lists/*'
}

@test "the image has a user without rights, and Git trusts the mounted checkout" {
    local command
    instructions | grep -x 'USER student'
    instructions | grep 'useradd .*--uid "$USER_ID" student$'
    while read -r command; do
        sh -n <<<"$command"
    done < <(instructions | sed -n 's/^RUN //p')
    command=$(instructions | sed -n 's/^RUN \(git .*\)/\1/p')
    GIT_CONFIG_SYSTEM=$BATS_TEST_TMPDIR/config sh -c "$command"
    grep -A1 '\[safe\]' "$BATS_TEST_TMPDIR/config" | grep 'directory = \*'
}

@test "the commands for the image in usage.md are those of the Dockerfile" {
    local line count=0
    while read -r line; do
        sed 's/^ *//' walkthrough/usage.md | grep -xF -- "$line"
        ((count += 1))
    done < <(sed -n 's/^#   \(docker .*\)/\1/p' Dockerfile)
    [ "$count" -eq 2 ]
}

@test "the dev container builds this Dockerfile, with arguments that it has" {
    local name
    jq -e '.runArgs == ["--cap-add=SYS_PTRACE"] and .remoteUser == "student"' \
        .devcontainer/devcontainer.json
    [ ".devcontainer/$(jq -r .build.dockerfile .devcontainer/devcontainer.json)" \
        -ef Dockerfile ]
    while read -r name; do
        instructions | grep "^ARG $name="
    done < <(jq -r '.build.args | keys[]' .devcontainer/devcontainer.json)
}

# workflow PROGRAM: runs a program of Python for each workflow, with its parsed
# content in `flow`, its jobs in `jobs`, and the commands in `runs`.
workflow() {
    [ -e /usr/lib/python3/dist-packages/yaml ] ||
        skip "there is no python3-yaml: scripts/setup extra"
    /usr/bin/python3 -IB - "$1" .github/workflows/*.yml <<'END'
import os
import re
import sys
import yaml
program, paths = sys.argv[1], sys.argv[2:]
for path in paths:
    with open(path, encoding="utf-8") as file:
        flow = yaml.safe_load(file)
    flow["on"] = flow.pop(True)  # YAML 1.1 takes "on" for a truth value
    name = os.path.basename(path)
    jobs = flow["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    runs = [step["run"] for step in steps if "run" in step]
    exec(program)
print(len(paths), "workflows")
END
}

@test "the workflows are YAML, and each command that they run is here" {
    run workflow '
assert flow["permissions"]["contents"] == "read"
for step in steps:
    assert ("run" in step) != ("uses" in step), step
    assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/x@v1"))
for run in runs:
    words = run.split()
    found = [word for word in words
             if re.match(r"(scripts/|\.ci/)", word)]
    for word in found:
        assert os.access(word, os.X_OK), word
    assert found or words[0] in ("make", "docker"), run
'
    echo "$output"
    [ "$output" = "3 workflows" ]
}

@test "all tests run on three systems, and their results are kept" {
    run workflow '
if name == "check.yml":
    test = jobs["test"]
    assert test["strategy"]["matrix"]["system"] == [
        "debian:12", "debian:13", "ubuntu:24.04"]
    assert test["container"]["image"] == "${{ matrix.system }}"
    assert ".ci/run" in runs
    with open(".ci/run", encoding="utf-8") as file:
        said = file.read()
    kept = [step["with"]["path"] for step in steps if "upload" in
            step.get("uses", "")]
    assert kept == ["build/junit"], kept
    for word in "test.xml", "extra.xml":
        assert f"--junit {kept[0]}/{word}" in said
    assert flow["on"]["push"]["paths-ignore"] == ["work/**"]
if name == "exercises.yml":
    assert flow["on"]["push"]["paths"] == ["work/**"]
    assert "scripts/exercise --all --format junit >exercises.xml" in runs
    assert "exercises.xml" in [step.get("with", {}).get("path")
                               for step in steps]
'
    echo "$output"
    [ "$output" = "3 workflows" ]
}

@test "an answer is handed in by git add --force, although Git ignores work/" {
    local clone=$BATS_TEST_TMPDIR/clone
    mkdir -p "$clone/work/02-lost-message"
    cp .gitignore "$clone"
    echo answer >"$clone/work/02-lost-message/06-epoll-lt.c"
    cd "$clone"
    export GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR
    git init -q
    git add .
    [ -z "$(git ls-files work)" ]
    # The command of the page.
    bash -ec "$(sed -n 's/^    \(git add .*\)/\1/p' \
        "$TOP/walkthrough/exercises/README.md")"
    [ "$(git ls-files work)" = work/02-lost-message/06-epoll-lt.c ]
}

@test "each misconception in teaching.md is a row of the claims, with verdict false" {
    local row count=0
    while IFS= read -r row; do
        grep -qxF -- "$row" <(sed -n 's/ | false | / | /p' \
            walkthrough/claims/README.md) || {
            echo "not a row of walkthrough/claims/README.md: $row"
            false
        }
        ((count += 1))
    done < <(sed -n '/^## Misconceptions/,/^## An exam/s/](claims\//](/p' \
        walkthrough/teaching.md | grep '^| ')
    [ "$count" -ge 20 ]
}
