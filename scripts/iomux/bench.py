"""bench.py - measures the stages and their peers, and prints the report."""
import datetime
import json
import os
import statistics
import sys
import time

from .program import TOP, Trouble, complain, read_text
from .stages import build

sys.path.insert(0, os.path.join(TOP, "tests", "bench"))
import measure  # noqa: E402  (found by the line above)
import report  # noqa: E402

# What a file that --json has not written can raise while it is shown.
WRONG_FILE = (KeyError, TypeError, ValueError, AttributeError, IndexError,
              ArithmeticError, RecursionError, statistics.StatisticsError)


class Progress:
    """A bar with the time that is left, on a terminal only."""

    WIDTH = 24

    def __init__(self):
        self.on = sys.stderr.isatty()
        self.begin = time.monotonic()

    def show(self, done, title):
        if not self.on:
            return
        spent = time.monotonic() - self.begin
        left = f"{spent / done * (1 - done):4.0f} s left" if done > .02 else ""
        filled = round(done * self.WIDTH)
        bar = "#" * filled + "." * (self.WIDTH - filled)
        print(f"\r\x1b[K{bar} {left:11} {title[:40]}", end="",
              file=sys.stderr, flush=True)

    def clear(self):
        if self.on:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def chosen(options):
    """Returns the servers that the command line names, and those that are
    missing."""
    known, missing = measure.servers()
    names = []
    for word in options.servers:
        found = [n for n in known if n == word or n.split("-")[0] in
                 (word, word.zfill(2)) and n[0].isdigit()]
        if not found:
            raise Trouble(f"no server '{word}' echoes; there are "
                          + ", ".join(known))
        names += found
    commands = {n: c for n, c in known.items()
                if not options.servers or n == measure.BARE or n in names}
    for name in options.added:
        if name in known:
            raise Trouble(f"--add: there is a server '{name}' already")
    return commands | options.added, [] if options.servers else missing


def run(options):
    """Measures, and returns the result as report.py shows it."""
    if not os.environ.get("IOMUX_BUILD"):
        build("bench-programs", level="run")
    plan = measure.FULL if options.full else measure.QUICK
    plan = measure.TINY if options.tiny else plan
    commands, missing = chosen(options)
    if options.why:
        commands |= measure.reasons()
    plan = measure.within_limits(plan)
    traced = measure.may_trace()
    bench = measure.Run(plan, commands, traced,
                        with_dispatch=not options.servers)
    for name in missing:
        bench.leave_out(name, "all", "it was not built, because its library "
                        "is missing; scripts/setup bench installs it")
    if not traced:
        bench.leave_out("calls", "all", "strace is missing, or not allowed")

    progress = Progress()
    load = os.getloadavg()[0]
    try:
        todo = list(bench.checks())
        total, done = sum(j.weight for j in [*todo, *bench.jobs()]), 0
        for job in todo:
            progress.show(done / total, job.title)
            job.work()
            done += job.weight
        todo = list(bench.jobs())  # without those that failed the check
        total = done + sum(job.weight for job in todo)
        for job in todo:
            progress.show(done / total, job.title)
            job.work()
            done += job.weight
    finally:
        progress.clear()
    result = {"bench": 1, "date": datetime.date.today().isoformat(),
              "full": options.full, "load": f"{load:.1f} before, "
              f"{os.getloadavg()[0]:.1f} after",
              "machine": measure.machine(), "added": list(options.added)}
    return result | bench.finish()


def read(path):
    """Returns the result in a file that --json has written."""
    text = read_text(path)
    try:
        result = json.loads(text)
        if result["bench"] != 1 or not result["servers"]:
            raise KeyError("bench")
        report.text(result)
        return result
    except WRONG_FILE:
        raise Trouble(f"{path} is not a file that --json has written"
                      ) from None


def bench(options):
    """Measures, or reads a result, and shows it as the options ask."""
    try:
        options.added = dict(map(measure.added, options.add))
    except ValueError as error:
        raise Trouble(str(error)) from None
    try:
        show(options)
    except measure.Problem as problem:
        raise Trouble(str(problem)) from None


def show(options):
    old = read(options.compare) if options.compare else None
    if old and not options.source:
        report.same_machine(old["machine"], measure.machine())
    result = read(options.source) if options.source else run(options)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    try:
        print(report.compare(old, result) if old else report.text(result),
              end="", flush=True)
        drawn = report.plots(result, options.plots) if options.plots else []
    except WRONG_FILE:
        if not (options.source or old):
            raise
        raise Trouble(f"{options.compare or options.source} is not a file "
                      "that --json has written") from None
    for path in drawn:
        complain("bench", f"drew {path}")
