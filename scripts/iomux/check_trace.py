"""check_trace.py - checks a file against the laws; scripts/check-trace."""
from . import trace as traces
from .law_check import Checker
from .law_scenario import Script
from .laws import Broken, report


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
        return False
    clients = {e.about for e in trace.events} - {None}
    print(f"{trace.name}: {len(trace.events)} events, {len(clients)} clients: "
          "all laws hold")
    return True
