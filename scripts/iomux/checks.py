"""checks.py - the checks of an exercise. task.md can have these:

  scenario NAME             NAME.scn plays, and its trace obeys all laws
  says 'REGEX' NAME         and a line of its trace matches
  hazard NAME...            the server survives what clients do to it; NAME is
                            in the exercise's own hazards.py or tests/hazard.py
  address-sanitizer NAME    NAME.scn plays under AddressSanitizer and UBSan
  wakes|ctl|recv|EAGAIN <= N NAME    the server's lines of its trace, counted
  one wait reports N        kind write: the student's scenario does this
  guesses                   kind predict: all numbers of the file are right
  model NAME...             the model of epoll does what the kernel does

NAME.scn is in the exercise's own folder, or else in demos/scenarios or
tests/broken. An own one may have places for a seed, see seeds.py.
"""
from __future__ import annotations

import os
import re
import shlex
import sys

from . import check_model, failure, laws, seeds, trace as traces
from .case import COUNTED, Play, first_error, names_of, scenario_of
from .compare import counts
from .descriptors import check as check_descriptors
from .environment import time_limit
from .exercise import shown
from .failure import Failed, Skipped
from .law_check import Checker
from .law_scenario import Script
from .program import TOP
from .scenario import read_scenario

UNASKED = ("golden", "address-sanitizer", "descriptors")  # see judge.py
ALSO_UNDER_ASAN = ("three", "leave")  # of the golden ones
HAZARD_LIMIT = 20  # seconds; for a wait in a hazard it is a quarter of 20


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
            got = ran.ending
            if ran.status is not None:
                got += f": {first_error(ran)}"
            case.fail(play, "the scenario plays to its end", got)
        number, expected, got = said
        case.fail(play, expected, got, failure.step_at(play.path, number))
    if not trace.events:
        raise Failed("a trace of the scenario", "no event was printed")
    check_laws(case, play)
    return play


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


def says(case, words):
    play = played(case, words[2])
    if not any(re.search(words[1], e.text) for e in play.trace.events
               if e.kind != "note"):
        case.fail(play, f"a line of the trace that matches '{words[1]}'",
                  "no such line")


def hazard(case, words):
    skipped = []
    for name in words[1:]:
        ran = case.runner.run(
            [sys.executable, "-IBS", *case.hazard_argv(case.program, name)],
            limit=HAZARD_LIMIT, program=case.program,
            environment={"TIMEOUT_MULT": str(time_limit(1) / 4)})
        said = ran.output.decode("utf-8", "replace")
        verdict = re.search(rf"^(GOOD|SKIP) +\S+ ({name}: .*)$", said, re.M)
        if verdict and ran.status in (0, 77):
            if verdict[1] == "SKIP":
                skipped.append(verdict[2])
            continue
        found = dict(re.findall(r"^  (expected|came): +(.*)$", said, re.M))
        title = re.search(rf"^BAD +\S+ {name}: (.*)$", said, re.M)
        rows = re.findall(r"^    (\[.*)$", said, re.M)[-failure.ROWS:]
        raise Failed(found.get("expected", title and title[1] or
                               f"the server survives the hazard {name}"),
                     found.get("came", first_error(ran)
                               if ran.status is not None else ran.ending),
                     at=f"hazard {name}" + (f": {title[1]}" if title else ""),
                     rows=[("LAST", row) for row in rows],
                     command=case.command(("hazard", name)))
    if skipped:
        raise Skipped("; ".join(skipped))


def address_sanitizer(case, words):
    names = words[1:] or own_scenarios(case.exercise)
    if len(words) == 1 and "golden" not in case.exercise.excepted:
        names += [name for name in golden_names(case.exercise.stage)
                  if name in ALSO_UNDER_ASAN and name not in names]
    program = case.build_asan()
    for name in names:
        path = case.scenario(name)
        argv = case.argv(path, program)
        ran = case.runner.run(argv, program=program, environment={
            "ASAN_OPTIONS": "color=never", "UBSAN_OPTIONS":
            "print_stacktrace=1"})
        said = ran.errors.decode("utf-8", "replace")
        found = re.search(r"ERROR: \w+Sanitizer: .*|runtime error: .*", said)
        if found is None:
            check_play(case, Play(path, argv, ran,
                                  traces.read_trace(name, ran.output)))
            continue
        frame = re.search(r"(demos/[\w.-]+\.[ch]:[0-9]+)", said)
        raise Failed(f"AddressSanitizer finds nothing in {name}", found[0],
                     source=frame and failure.source_line(
                         case.exercise, case.source, frame[1]),
                     command=shlex.join(map(shown, argv)))


def counted(case, words):
    most, play = int(words[2]), played(case, words[3])
    came = int(counts(play.trace)[COUNTED[words[0]]])
    if came > most:
        case.fail(play, f"at most {most} {COUNTED[words[0]]}", f"{came}", rows=
                  failure.last_rows(play.trace.events))


def one_wait(case, words):
    """The student's scenario, played by the stage."""
    number = int(words[3])
    play = played(case, case.exercise.hand_in, case.source)
    most = 0
    for event in play.trace.events:
        if event.kind == "woke" and event.num is not None:
            most = max(most, event.num)
            if event.num == number:
                return
    case.fail(play, f"a wait that reports {number}: done, num:{number}",
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
    for name in golden_names(case.exercise.stage):
        played(case, name)


def descriptors(case, _):
    name = (own_scenarios(case.exercise) or ["three"])[0]
    check_descriptors(case, case.argv(case.scenario(name)))


CHECKS = {"builds": builds, "scenario": scenario, "says": says,
          "hazard": hazard, "address-sanitizer": address_sanitizer,
          "one": one_wait, "guesses": check_model.guesses,
          "model": check_model.model, "golden": golden,
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
    CHECKS[words[0]](case, words)
