"""check_trace.py - checks a file against the laws; scripts/check-trace."""
import json
import os

from . import trace as traces
from .law_check import Checker
from .law_scenario import Script
from .laws import Broken, report
from .message import plain
from .program import TOP, read_bytes


def source(path, line):
    """Returns what has printed a line of a JSON trace, FILE:LINE and the
    source line, or None: a trace of text does not have it."""
    if path == "-":
        return None
    try:
        lines = read_bytes(path).split(b"\n")
        place = json.loads(lines[line - 1])["args"]["src"]
        name, _, number = place.rpartition(":")
        root = os.path.realpath(TOP)
        real = os.path.realpath(os.path.join(root, name))
        if not real.startswith(root + os.sep) or int(number) < 1:
            return None
        with open(real, encoding="utf-8") as file:
            text = file.read().splitlines()[int(number) - 1].strip()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError,
            OSError, RecursionError):
        return None
    return f"{place}: {text}"


def check(path, steps=None):
    """Checks a trace, against the steps of a scenario too, and prints the
    result. Returns True if all laws hold."""
    trace = traces.read(path)
    try:
        Checker(trace).check()
        if steps is not None:
            Script(trace).play(steps)
    except Broken as broken:
        report(trace, broken)
        place = source(path, broken.line)
        if place is not None:
            print(f"\nprinted by {plain(place)}")
        return False
    clients = {e.about for e in trace.events} - {None}
    print(f"{trace.name}: {len(trace.events)} events, {len(clients)} clients: "
          "all laws hold")
    return True
