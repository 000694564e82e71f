#!/usr/bin/env python3
"""Change a trace at random, and see the tools survive every change.

usage: mutations.py COUNT SEED TEXT JSON SCENARIO

COUNT changed copies of a trace, in text and in JSON, and of a scenario are
given to the modules behind scripts/check-trace and scripts/compare. Each must
give a verdict or raise Trouble, whose one sentence the commands print with
status 2. Any other exception would be a traceback, and is one here, after the
seed and the file that cause it. Prints how many verdicts of each kind came.
"""
import collections
import contextlib
import io
import json
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "scripts"))
from iomux import check_trace, compare, scenario  # noqa: E402
from iomux import trace as traces  # noqa: E402
from iomux.program import Trouble  # noqa: E402

WORDS = [b"\0", b"\r\n", b"\n", b"\xff\xfe", b"-1", b"99999999999999999999",
         b"9" * 5000, b"NaN", b"{", b"[", b"[server]", b"\x1b[2J", b"", b"\\q",
         b"\\x4", b"\\", b'"', b"c1", b" ", b"\xc2\xb2", b"\xa0", b"1e999"]
VALUES = [None, True, -1, 0, 1.5, 10 ** 30, float("nan"), float("inf"), "",
          "x", "12", "\u0663", "\n", [], [1], {}, {"a": {}}, "[server]"]


def change_bytes(data, chance):
    """Returns data with a few bytes, words or lines changed."""
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        end = min(len(data), place + chance.choice((0, 1, 1, 2, 8, 200)))
        lines = data.split(b"\n")
        way = chance.randrange(5)
        if way == 0:
            data = data[:place] + chance.choice(WORDS) + data[end:]
        elif way == 1:
            data = data[:place] + bytes([chance.randrange(256)]) + data[end:]
        elif way == 2:
            chance.choice((lines.append, lambda line: lines.insert(0, line)))(
                chance.choice(lines))
            data = b"\n".join(lines)
        elif way == 3:
            del lines[chance.randrange(len(lines))]
            data = b"\n".join(lines)
        else:
            i, j = (chance.randrange(len(lines)) for _ in range(2))
            lines[i], lines[j] = lines[j], lines[i]
            data = b"\n".join(lines)
    return data


def change_value(value, chance):
    """Returns a value of JSON with one part of it replaced or removed."""
    if isinstance(value, dict) and value and chance.random() < .9:
        key = chance.choice(sorted(value))
        if chance.random() < .25:
            return {k: v for k, v in value.items() if k != key}
        return dict(value, **{key: change_value(value[key], chance)})
    return chance.choice(VALUES)


def change_json(data, chance):
    """Returns JSON Lines with one or two lines changed in their structure."""
    lines = data.decode().splitlines()
    for _ in range(chance.randint(1, 2)):
        i = chance.choice((chance.randrange(len(lines)), len(lines) - 1))
        with contextlib.suppress(ValueError):
            lines[i] = json.dumps(change_value(json.loads(lines[i]), chance))
    return ("\n".join(lines) + "\n").encode()


def verdict(path, steps, other):
    """Returns the verdicts of both tools on a file."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            good = check_trace.check(path, steps)
        except Trouble:
            return "refused"
        if traces.read(path).problem is None:
            compare.print_comparison(traces.read(path), other)
    return "good" if good else "broken"


def scenario_verdict(path):
    try:
        scenario.read_scenario(path)
        scenario.options_of(path)
    except Trouble:
        return "refused"
    return "good"


def main(count, seed, *paths):
    sources = []
    for path in paths:
        with open(path, "rb") as file:
            sources.append(file.read())
    steps, other = scenario.read_scenario(paths[2]), traces.read(paths[0])
    found = collections.Counter()
    for number in range(int(seed), int(seed) + int(count)):
        chance = random.Random(number)
        which = number % 4
        data = (change_json(sources[1], chance) if which == 3 else
                change_bytes(sources[which], chance))
        with open("mutation", "wb") as file:
            file.write(data)
        try:
            found["scenario " + scenario_verdict("mutation") if which == 2
                  else "trace " + verdict("mutation", chance.choice(
                      (None, steps)), other)] += 1
        except Exception:
            print(f"seed {number}, of {paths[min(which, 1)]}; see the file "
                  f"{os.path.abspath('mutation')}", file=sys.stderr)
            raise
    for name in sorted(found):
        print(f"{found[name]} {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
