"""outside_check.py - checks a file with clients of the judge's process.

While a program plays a scenario itself, it could print a trace of calls that it
does not make. So each scenario of an exercise is also played from outside: the
program only serves, the clients are in this process, and strace(1) records the
system calls. Each line of the trace must have its call.
"""
from __future__ import annotations

import dataclasses
import os
import random
import re
import shlex
import shutil

from . import failure, laws, outside, trace as traces, truth
from .exercise import shown
from .failure import Failed, Skipped
from .law_check import Checker
from .runner import Exceeded
from .scenario import options_of, read_scenario
from .served import Gone, Server
from .stages import OPTIONS

SANITIZER = {"ASAN_OPTIONS": "color=never:exitcode=99:halt_on_error=1",
             "UBSAN_OPTIONS": "print_stacktrace=1"}
MOST_STEPS = 400  # of a scenario that is played from outside


@dataclasses.dataclass
class Served:
    """What a server has done for clients of this process."""
    trace: traces.Trace
    named: traces.Trace  # with the names of the scenario
    calls: list  # of strace, or None: there is no strace here


def spins(stage):
    """Does this stage poll without a pause, by design?"""
    return stage.startswith("03-")


def options(case, path):
    stage = case.exercise.stage
    return [*OPTIONS.get(stage, []), *options_of(path).get(stage, [])]


def again(case):
    """Returns the command that repeats a check of this module."""
    return shlex.join(["scripts/exercise", "--seed", str(case.seed),
                       str(case.exercise.number)])


def serve(case, plays, program, more=(), traced=False, environment=None,
          settles=True):
    """Plays lists of steps, one after the other, with one server, and then ends
    the server. plays has (path or None, steps). Returns the Server, and the
    Player of the last list. Raises Failed, which has the attribute server."""
    path = None
    with Server(case.runner, program, more, traced, spins(case.exercise.stage),
                environment) as server:
        try:
            server.await_ready()
            for path, steps in plays:
                player = outside.Player(server, settles or path is not None)
                player.play(steps)
            if not server.terminated:
                server.terminate()
            server.finish()
            server.lines = server.calls()
            need_end(server)
        except outside.NotMet as wrong:
            place = (failure.step_at(path, wrong.step.line) if path else
                     f"{wrong.step.who} {wrong.step.verb}")
            failed = fault(case, server, wrong.expected, wrong.got,
                           place + "; the client is in another process")
            failed.is_step = True
            raise failed from None
        except Gone as reason:
            raise fault(case, server, "a server for clients of another process",
                        str(reason), path and os.path.basename(path)) from None
        return server, player


def need_end(server):
    if server.ran.status != 0:
        raise Gone("after SIGTERM " + server.ran.ending)


def fault(case, server, expected, got, at=None):
    """Returns a Failed with the last lines of the server."""
    failed = Failed(expected, got, at, last_rows(server), command=again(case),
                    hang=server.hangs)
    failed.server = server
    return failed


def last_rows(server):
    lines = [line for line in server.text.splitlines() if line[:1] == "["]
    return [("LAST", line) for line in lines[-failure.ROWS:]]


def failure_of(case, path, program):
    """Returns the Failed of a scenario for clients of this process, or None."""
    try:
        serve(case, [(path, read_scenario(path))], program,
              options(case, path))
    except Failed as failed:
        return failed
    except Exceeded:
        pass
    return None


def place(case, path, program):
    """Returns where a server is when a client gets nothing, or None."""
    failed = failure_of(case, path, program)
    return failed and failed.hang


def failed_step(case, path, program):
    """Returns the Failed of the first step that fails, or None. A stage that
    plays the scenario itself names this step only if it ends."""
    failed = failure_of(case, path, program)
    return failed if failed is not None and failed.is_step else None


def named(text, names):
    """Returns a trace in which the external clients x1, x2... have the names
    of the scenario, in the order of their connects."""
    def name(found):
        number = int(found[2]) - 1
        return (f"{found[1]}{names[number]}" if number < len(names)
                else found[0])
    return re.sub(r"(\()x([0-9]{1,9})(?=\))", name, text)


def played(case, name):
    """Returns the Served of a scenario, or None if the scenario is so long that
    it would be slow under strace. Each scenario is played only once."""
    if len(read_scenario(case.scenario(name))) > MOST_STEPS:
        return None
    if name not in case.served:
        try:
            case.served[name] = play(case, name)
        except Failed as failed:
            case.served[name] = failed
    if isinstance(case.served[name], Failed):
        raise case.served[name]
    return case.served[name]


def play(case, name):
    path = case.scenario(name)
    traced = shutil.which("strace") is not None
    server, player = serve(case, [(path, read_scenario(path))], case.program,
                           options(case, path), traced)
    text = server.text
    trace = traces.read_trace(name, text.encode("latin-1"))
    check_laws(case, trace)
    calls = truth.read_calls(server.lines, server.pid) if traced else None
    if not server.lines:
        calls = None  # strace may not trace here
    elif case.exercise.stage != "12-io-uring":
        truth.check(trace, calls)
    text = named(text, player.names)
    return Served(trace, traces.read_trace(name, text.encode("latin-1")), calls)


def check_laws(case, trace):
    before, laws.left_out = laws.left_out, set(case.exercise.excepted)
    try:
        Checker(trace).check()
        if trace.summary is None:
            raise laws.Broken("summary", (0, ""), "there is no summary at the "
                              "end of the trace")
    except laws.Broken as broken:
        raise Failed(f"the law '{broken.law}': {laws.LAWS[broken.law]}",
                     f"line {broken.line} of the trace: {broken.why}",
                     "a server for clients of another process",
                     failure.before(trace.events, broken.line),
                     command=again(case)) from None
    finally:
        laws.left_out = before


def said(regex, event):
    """Does this line match? A program can choose the words of a remark."""
    text = event.text
    if event.remark is not None:
        text = text.removesuffix(event.remark)
    return event.kind != "note" and re.search(regex, text)


def says(case, regex, name):
    """Raises Failed if no line of the server matches."""
    served = played(case, name)
    if served is not None and not any(
            said(regex, event) for event in served.named.events):
        raise Failed(f"a line of the trace that matches '{regex}', also for "
                     "clients of another process", "no such line",
                     command=again(case))


def counted(case, word, most, name):
    """Raises Failed if strace has counted more calls."""
    served = played(case, name)
    if served is None or served.calls is None or case.exercise.stage == "12-io-uring":
        return
    came = truth.count(word, served.calls)
    if came > most:
        raise Failed(f"at most {most} {word} for clients of another process",
                     f"strace shows {came}", command=again(case))


def descriptors(case, name):
    served = played(case, name)
    if served is None or served.calls is None:
        raise Skipped("there is no strace, or it cannot trace a process here")
    truth.check_descriptors(served.calls)


def for_everybody(path):
    """Can this scenario be one of several for one server?"""
    steps = read_scenario(path)
    return not options_of(path) and len(steps) <= MOST_STEPS and not any(
        step.verb in ("room", "await-timer") or step.text == "signal term"
        for step in steps)


def mixed(case, names):
    """Returns the plays for one server: a crowd if it is an echo server, and
    the scenarios. The seed chooses their order and words."""
    dice = random.Random(f"{case.seed} order")
    plays, stage = [], case.exercise.stage
    if "golden" not in case.exercise.excepted and echoes(stage):
        number = int(stage[:2])
        plays.append((None, outside.crowd(case.seed, number == 1,
                                          number == 2 or number >= 7)))
    for name in names:
        path = case.scenario(name, case.seed + 1)
        if for_everybody(path):
            plays.append((path, read_scenario(path)))
    dice.shuffle(plays)
    return plays


def echoes(stage):
    return stage != "11-http"


def clients(case, names):
    """Plays several lists of steps with one server. The seed chooses the
    clients, their order, their messages and their bytes."""
    plays = mixed(case, names)
    if not plays:
        raise Skipped("each scenario needs a server of its own")
    serve(case, plays, case.program, OPTIONS.get(case.exercise.stage, []),
          settles=False)


def with_sanitizer(case, names, program):
    """Plays scenarios for servers that were built with AddressSanitizer: one
    for all scenarios, if they can share it."""
    plays, alone = [], []
    for name in names:
        path = case.scenario(name)
        (plays if for_everybody(path) else alone).append(
            (path, read_scenario(path)))
    for each in ([plays] if plays else []) + [[one] for one in alone]:
        paths = [path for path, _ in each]
        try:
            serve(case, each, program, options(case, paths[0]),
                  environment=SANITIZER)
        except Failed as failed:
            errors = failed.server.errors.decode("utf-8", "replace")
            raise found(case, errors, paths, program) or failed from None


def found(case, errors, paths, program):
    """Returns a Failed for what a sanitizer has printed, or None."""
    said = re.search(r"ERROR: \w+Sanitizer: .*|runtime error: .*", errors)
    if said is None:
        return None
    frame = re.search(r"(demos/[\w.-]+\.[ch]:[0-9]+)", errors)
    names = ", ".join(os.path.basename(path)[:-4] for path in paths)
    # An address differs from run to run.
    what = re.sub("0x[0-9a-f]{6,}", "0x...", said[0].partition(" at pc ")[0])
    return Failed(f"AddressSanitizer finds nothing in {names}", what,
                  source=frame and failure.source_line(
                      case.exercise, case.source, frame[1]),
                  command=shlex.join(map(shown, case.argv(paths[0], program))))
