"""checks.py - the checks of an exercise. task.md can have these:

  scenario NAME             NAME.scn plays, and its trace obeys all laws
  says 'REGEX' NAME         and a line of its trace matches
  hazard NAME...            the server survives what clients do to it; NAME is
                            in the exercise's own hazards.py or tests/hazard.py
  address-sanitizer NAME    NAME.scn plays under AddressSanitizer and UBSan
  wakes|ctl|recv|EAGAIN <= N NAME    the server's lines of its trace, counted
  one wait reports N        kind write: one wait of the student's scenario
                            reports N clients
  guesses                   kind predict: all numbers of the file are right
  model NAME...             the model of epoll does what the kernel does

NAME.scn is in the exercise's own folder, or else in demos/scenarios or
tests/broken. An own one may have places for a seed, see seeds.py.
"""
from __future__ import annotations

import os
import re
import sys

from . import check_model, failure, laws, outside_check
from .case import COUNTED, first_error, names_of, scenario_of
from .compare import counts
from .environment import time_limit
from .exercise import shown
from .failure import Failed, Skipped
from .law_check import Checker
from .law_scenario import Script
from .program import TOP, read_bytes
from .runner import Exceeded
from .scenario import read_scenario

UNASKED = ("golden", "clients", "address-sanitizer", "descriptors")  # see judge.py
ALSO_UNDER_ASAN = ("three", "leave")  # of the golden ones
HAZARD_LIMIT = 20  # seconds for a hazard; a wait in it has a quarter of its own
SKIPPED = 77  # status of hazard.py; a student's program could forge its output


# --- the checks --------------------------------------------------------------

def builds(case, _):
    ran = case.build()
    said = first_error(ran) if not ran.timed_out else ran.ending
    said = said.replace(case.exercise.file, shown(case.source))
    if case.program is None:
        raise Failed("the file compiles", said)
    if ran.errors.strip() or ran.output.strip():
        raise Failed("it compiles without a warning", said)


def played(case, name, path=None):
    """Returns the play of a scenario that has ended well, obeying all laws."""
    return check_play(case, case.play(name, path))


def check_play(case, play):
    """Raises Failed if the play has not ended well, or breaks a law."""
    ran, trace = play.ran, play.trace
    if not ran.good:
        said = failure.said_by_player(ran.errors.decode("utf-8", "replace"))
        if said is None or ran.status is None:
            if ran.reason:  # it prints without end after a step has failed?
                step = outside_check.failed_step(case, play.path, play.argv[0])
                if step is not None:
                    raise step
            got = ran.ending
            if ran.status is not None:
                got += f": {first_error(ran)}"
            case.fail(play, "the scenario plays to its end", got)
        number, expected, got = said
        case.fail(play, expected, got, failure.step_at(play.path, number),
                  hang=outside_check.place(case, play.path, program=play.argv[0])
                  if expected_bytes(expected, got) else None)
    if not trace.events:
        raise Failed("a trace of the scenario", "no event was printed")
    check_laws(case, play)
    return play


def expected_bytes(expected, got):
    """Did a client get nothing, so that the server may hang?"""
    return " receives " in expected and got.endswith(" nothing")


def check_laws(case, play):
    trace = play.trace
    before, laws.left_out = laws.left_out, set(case.exercise.excepted)
    try:
        Checker(trace).check()
        Script(trace).play(read_scenario(play.path))
        if trace.summary is None:
            last = trace.events[-1]
            raise laws.Broken("summary", last, "there is no summary at the "
                              "end of the trace")
    except laws.Broken as broken:
        case.fail(play, f"the law '{broken.law}': {laws.LAWS[broken.law]}",
                  f"line {broken.line} of the trace: {broken.why}",
                  rows=failure.before(trace.events, broken.line),
                  line=broken.line)
    finally:
        laws.left_out = before


def scenario(case, words):
    played(case, words[1])
    outside_check.played(case, words[1])


def says(case, words):
    play = played(case, words[2])
    found = [e for e in play.trace.events
             if outside_check.said(words[1], e)]
    if not found:
        case.fail(play, f"a line of the trace that matches '{words[1]}'",
                  "no such line")
    if all(e.of_server for e in found):
        outside_check.says(case, words[1], words[2])


def hazard(case, words):
    """One process tries all of them. Only its exit status counts, because the
    program of the student can print anything."""
    names = words[1:]
    ran = case.runner.run(
        [sys.executable, "-IBS",
         *case.hazard_argv(case.program, ",".join(names))],
        limit=HAZARD_LIMIT * len(names), program=case.program,
        environment={"TIMEOUT_MULT": str(time_limit(1) / 4)})
    said = ran.output.decode("utf-8", "replace")
    if ran.status in (0, SKIPPED):
        skipped = re.findall(r"^SKIP +\S+ (.*)$", said, re.M)
        if skipped or ran.status == SKIPPED:
            raise Skipped("; ".join(skipped))
        return
    bad = re.search(r"^BAD +\S+ ([\w-]+): (.*)\n((?:  .*\n)*)", said, re.M)
    name, title, more = bad.groups() if bad else (names[0], "", "")
    found = dict(re.findall(r"^  (expected|came): +(.*)$", more, re.M))
    rows = re.findall(r"^    (\[.*)$", more, re.M)[-failure.ROWS:]
    raise Failed(found.get("expected", title or
                           f"the server survives the hazard {name}"),
                 found.get("came", first_error(ran)
                           if ran.status is not None else ran.ending),
                 at=f"hazard {name}" + (f": {title}" if title else ""),
                 rows=[("LAST", row) for row in rows],
                 command=case.command(("hazard", name)))


def address_sanitizer(case, words):
    names = words[1:] or own_scenarios(case.exercise)
    if len(words) == 1 and "golden" not in case.exercise.excepted:
        names += [name for name in golden_names(case.exercise.stage)
                  if name in ALSO_UNDER_ASAN and name not in names]
    program = case.build_asan()
    outside_check.with_sanitizer(case, names, program)


def counted(case, words):
    most, play = int(words[2]), played(case, words[3])
    came = int(counts(play.trace)[COUNTED[words[0]]])
    if came > most:
        case.fail(play, f"at most {most} {COUNTED[words[0]]}", f"{came}", rows=
                  failure.last_rows(play.trace.events))
    outside_check.counted(case, words[0], most, words[3])


def one_wait(case, words):
    """The student's scenario, played by the stage."""
    number = int(words[3])
    play = played(case, case.exercise.hand_in, case.source)
    reported = [0]  # clients, by each wait; a listening socket is not one
    for event in play.trace.events:
        if event.kind == "woke":
            reported.append(0)
        elif event.kind == "ready" and event.client is not None:
            reported[-1] += 1
    if number in reported:
        return
    most = max(reported)
    case.fail(play, f"a wait that reports {number} clients",
              f"no wait reports more than {most}" if most < number else
              f"a wait reports {most}, and none {number}",
              rows=[("BAD", e.text) for e in play.trace.events
                    if e.kind == "woke"][-failure.ROWS:])


def own_scenarios(exercise):
    """Returns the scenarios that the exercise names."""
    names = []
    for check in exercise.checks:
        if check.words[0] in ("scenario", "says", *COUNTED):
            names += names_of(check.words)
    return list(dict.fromkeys(names))


def golden_names(stage):
    """Returns the scenarios that have a golden trace of this stage."""
    folder = os.path.join(TOP, "tests", "golden")
    return sorted(name for name in os.listdir(folder) if os.path.exists(
        os.path.join(folder, name, f"{stage}.txt")))


def golden(case, _):
    """The laws hold if the trace is the golden one."""
    names = golden_names(case.exercise.stage)
    done = 0
    for play in [case.plays[name] for name in names if name in case.plays]:
        check_play(case, play)
        done += 1
    for play in case.play_all(names):
        if not play.ran.good or not is_golden(case, play):
            check_play(case, play)
        done += 1
    if done != len(names):
        raise Failed("the golden scenarios play", f"{done} of them have")


def is_golden(case, play):
    """Are these the lines of the golden trace, and a summary?"""
    path = os.path.join(TOP, "tests", "golden", play.name,
                        case.exercise.stage + ".txt")
    events, _, summary = play.ran.output.partition(b"\n\nsummary of ")
    return summary and events + b"\n" == read_bytes(path)


def clients(case, _):
    outside_check.clients(case, own_scenarios(case.exercise))


def descriptors(case, _):
    outside_check.descriptors(case, (own_scenarios(case.exercise) or
                                     ["three"])[0])


CHECKS = {"builds": builds, "scenario": scenario, "says": says,
          "hazard": hazard, "address-sanitizer": address_sanitizer,
          "one": one_wait, "guesses": check_model.guesses,
          "model": check_model.model, "golden": golden, "clients": clients,
          "descriptors": descriptors, **{word: counted for word in COUNTED}}


FORMS = [r"scenario [\w-]+", r"hazard( [\w-]+)+", r"address-sanitizer [\w-]+",
         r"(wakes|ctl|recv|EAGAIN) <= [0-9]{1,9} [\w-]+",
         r"one wait reports [0-9]{1,9}", r"guesses", r"model( [\w-]+)+"]


def validate(exercise):
    """Raises Trouble if a check of task.md is not one of those above, or if
    "- except:" names neither an unasked check nor a law."""
    for word in sorted(exercise.excepted - {*UNASKED, *laws.LAWS}):
        exercise.refuse(f"'- except: {word}' is none of {', '.join(UNASKED)}, "
                        "and no law that scripts/check-trace --laws lists")
    for check in exercise.checks:
        words = check.words
        if words[0] == "says":
            try:
                re.compile(words[1])
            except re.error as error:
                exercise.refuse(f"'{words[1]}' is not a regular expression: "
                                f"{error}")
        elif not any(re.fullmatch(form, " ".join(words)) for form in FORMS):
            exercise.refuse(f"'{' '.join(words)}' is not a check; "
                            "CONTRIBUTING.md lists them")
        if words[0] in ("scenario", "says", "address-sanitizer", *COUNTED):
            scenario_of(exercise, names_of(words)[0])


def run(case, words):
    """Runs a check. Returns if it passes; raises Failed or Skipped."""
    try:
        CHECKS[words[0]](case, words)
    except Exceeded as reason:
        raise Failed("the program runs", str(reason)) from None
