#!/usr/bin/env python3
"""Compare the trace of a scenario with the golden one, or write it.

usage: golden.py [--update | --list] STAGE... [SCENARIO...]

Without a SCENARIO: all there are for the stage. --list only names them.

The golden trace of a scenario, tests/golden/SCENARIO/STAGE.txt, is what the
stage printed once and somebody read. A scenario may be for some stages alone,
with options or without: a line "# options STAGE: [OPTION...]" for each.
All lines of events are compared as they are, the waits and the listening
socket included. The summary is not compared, because the scans of stage 03
differ from run to run. Stage 09 has two workers, whatever the number of CPUs.

Some scenarios are also played over TCP, see OVER_TCP. Their golden traces are
tests/golden/SCENARIO/STAGE.tcp.txt. There are none of stages 03 and 09. In 03,
the number of accepts after the stop is chance, and over TCP each is printed. In
09, end of file wakes two workers over TCP, and either may be first.
"""

import difflib
import os
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
OVER_TCP = {
    "02-threads": ["three"],
    "05-poll": ["one"],
    "06-epoll-lt": ["abort", "last-message", "leave"],
    "07-epollout": ["split"],
    "08-epoll-et": ["two-messages"],
    "10-reactor": ["half-close"],
}


def events(text):
    """The lines of events, which end with the first empty line."""
    return text.partition("\n\n")[0].splitlines()


def play(stage, scenario, options):
    """The trace of one play. None: it failed, and said so."""
    command = [os.path.join(BUILD, stage), "-S", path_of(scenario), *options]
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
    return events(text)


def path_of(scenario):
    return os.path.join(TOP, "demos", "scenarios", scenario + ".scn")


def golden_of(name):
    """The file of SCENARIO/STAGE, or of SCENARIO/STAGE.tcp."""
    return os.path.join(TOP, "tests", "golden", name + ".txt")


def explain(stage, scenario, options, wanted, came):
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
    print(f"  again: build/{stage} -S demos/scenarios/{scenario}.scn",
          *options)


def update(name, came):
    """Write the golden trace, and show what that changes."""
    path = golden_of(name)
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


def check(name, stage, scenario, options, came):
    wanted = read(golden_of(name))
    if wanted is None:
        print(f"{name}: no golden trace; read the trace, then "
              "say scripts/test --update-golden")
        return False
    if wanted != came:
        explain(stage, scenario, options, wanted, came)
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


def plays_of(stage, names):
    """Name of the golden trace, scenario and options of each play."""
    for scenario in dict.fromkeys(names or scenarios_of(stage)):
        options = [
            *OPTIONS.get(stage, []),
            *options_of(path_of(scenario)).get(stage, []),
        ]
        yield f"{scenario}/{stage}", scenario, options
        if scenario in OVER_TCP.get(stage, []):
            tcp = [*options, "-s", "tcp:0"]
            yield f"{scenario}/{stage}.tcp", scenario, tcp


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
        for name, scenario, given in plays_of(stage, names):
            if "--list" in options:
                print(name)
                continue
            came = play(stage, scenario, given)
            if came is None:
                good = False
            elif "--update" in options:
                update(name, came)
            else:
                good = check(name, stage, scenario, given, came) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
