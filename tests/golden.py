#!/usr/bin/env python3
"""Compare the trace of a scenario with the golden one, or write it.

usage: golden.py [--update | --list] STAGE... [SCENARIO...]

Without a SCENARIO: all there are for the stage. --list only names them.

The golden trace of a scenario, tests/golden/SCENARIO/STAGE.txt, is what the
stage printed once and somebody read. A scenario may be for some stages alone,
with options that only they have: a line "# options STAGE: OPTION..." for each.
The lines of events count, the summary does not: stage 03's scans differ from
run to run. Where several threads of a server speak between two lines of the
clients, their order is free: the lines are sorted by thread, and keep their
order within each.

Where workers share the clients, which of them does something is free, and so
is the order between clients: a golden trace has the lines of each client in
their order, and leaves out what concerns none (waits, the listening socket).
How many workers there are is not free: who is busy cannot be given more.
"""

import difflib
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import peer  # noqa: E402  (so that nothing is written beside it)

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "scripts"))
from iomux.scenario import options_of  # noqa: E402  (found by the line above)

BUILD = os.environ.get("IOMUX_BUILD", os.path.join(TOP, "build"))
LIMIT = 60 * int(os.environ.get("TIMEOUT_MULT", "1"))
CONTEXT = 3
OPTIONS = {"09-epoll-pool": ["--workers", "2"]}


def canonical(text):
    """The lines of events; those of a server's threads in one order."""
    lines, block = [], []
    if re.search(r"^\[worker", text, re.M):
        return by_client(text)
    for line in text.split("\n\n")[0].splitlines():
        if line.startswith(("[server]", "[thread", "[worker")):
            block.append(line)
            continue
        lines += sorted(block, key=lambda line: line.split("]")[0]) + [line]
        block = []
    return lines + sorted(block, key=lambda line: line.split("]")[0])


def by_client(text):
    """The lines of events of each client, by whichever worker, and of those
    who tell the story."""
    of = {}
    for line in text.split("\n\n")[0].splitlines():
        who = re.match(r"\[(?:client (\d+)|worker|server)", line)
        about = re.search(r"fd:\d+ \(([cx]\d+)\)", line)
        if who is None:
            name = "story"
        elif who[1]:
            name = "c" + who[1]
        elif about:
            name = about[1]
        else:
            continue
        line = re.sub(r"^\[worker \d+\]", "[worker]  ", line)
        of.setdefault(name, []).append(line)
    names = sorted(of, key=lambda name: (name[0], len(name), name))
    return [line for name in names for line in [f"{name}:", *of[name]]]


def play(stage, scenario):
    """The trace of one play. None: it failed, and said so."""
    command = [os.path.join(BUILD, stage), "-S", path_of(scenario)]
    command += OPTIONS.get(stage, [])
    command += options_of(path_of(scenario)).get(stage, [])
    command[:0] = os.environ.get("IOMUX_WRAPPER", "").split()
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        print(f"{stage} {scenario}: no end within {LIMIT} s")
        return None
    text = done.stdout.decode(errors="backslashreplace")
    if done.returncode != 0:
        print(f"{stage} {scenario}: status {done.returncode}")
        print("\n".join(text.splitlines()[-8:]))
        print(done.stderr.decode(errors="backslashreplace"), end="")
        return None
    return canonical(text)


def path_of(scenario):
    return os.path.join(TOP, "demos", "scenarios", scenario + ".scn")


def golden_of(stage, scenario):
    return os.path.join(TOP, "tests", "golden", scenario, stage + ".txt")


def explain(stage, scenario, wanted, came):
    """GOOD lines around what is BAD (came, not wanted) or MISSING."""
    print(f"{stage} {scenario}: the trace differs from its golden one")
    rows = []
    for row in difflib.ndiff(wanted, came):
        word = {"  ": "GOOD   ", "+ ": "BAD    ", "- ": "MISSING"}
        if row[:2] in word:
            rows.append((word[row[:2]], row[2:]))
    near = {
        i + k
        for i, (word, _) in enumerate(rows)
        if word != "GOOD   "
        for k in range(-CONTEXT, CONTEXT + 1)
    }
    gap = False
    for i, (word, line) in enumerate(rows):
        if i in near:
            print(f"  {word} {line}")
            gap = False
        elif not gap:
            print("  ...")
            gap = True
    options = "".join(" " + word for word in
                      options_of(path_of(scenario)).get(stage, []))
    print(f"  again: build/{stage} -S demos/scenarios/{scenario}.scn{options}")


def update(stage, scenario, came):
    """Write the golden trace, and show what that changes."""
    path = golden_of(stage, scenario)
    old = read(path) or []
    if old != came:
        sys.stdout.writelines(
            line + "\n"
            for line in difflib.unified_diff(
                old, came, os.path.relpath(path, TOP), "now", lineterm=""
            )
        )
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in came)


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return None


def check(stage, scenario, came):
    wanted = read(golden_of(stage, scenario))
    if wanted is None:
        print(f"{stage} {scenario}: no golden trace; read the trace, then "
              "say scripts/test --update-golden")
        return False
    if wanted != came:
        explain(stage, scenario, wanted, came)
    return wanted == came


def scenarios_of(stage):
    """All scenarios by name, but those that make no sense for the stage."""
    names = sorted(
        name[: -len(".scn")]
        for name in os.listdir(os.path.join(TOP, "demos", "scenarios"))
        if name.endswith(".scn")
    )
    # 01 has one client at a time, and so never runs out of descriptors. One
    # that is no echo server plays only what names it.
    return [
        name
        for name in names
        if (stage, name) != ("01-blocking", "room")
        and stage in (options_of(path_of(name)) or [stage] * peer.is_echo(stage))
    ]


def main(arguments):
    options = [word for word in arguments if word.startswith("--")]
    stages = [word for word in arguments if os.path.exists(
        os.path.join(TOP, "demos", word + ".c"))]
    names = [w for w in arguments if w not in options and w not in stages]
    for name in names:
        if not os.path.exists(path_of(name)):
            sys.exit(f"golden.py: '{name}' is no stage and no scenario; a "
                     "stage is called as its file: 06-epoll-lt")
    if not stages or set(options) - {"--list", "--update"}:
        sys.exit(__doc__)
    good = True
    for stage in stages:
        for scenario in names or scenarios_of(stage):
            if "--list" in options:
                print(f"{scenario}/{stage}")
                continue
            came = play(stage, scenario)
            if came is None:
                good = False
            elif "--update" in options:
                update(stage, scenario, came)
            else:
                good = check(stage, scenario, came) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
