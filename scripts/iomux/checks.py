"""checks.py - the checks of an exercise. This is all that task.md can ask:

  scenario NAME             NAME.scn plays, and its trace obeys all laws
  says 'REGEX' NAME         and a line of its trace matches
  hazard NAME...            the server survives what clients do to it
  address-sanitizer NAME    NAME.scn plays under AddressSanitizer and UBSan
  wakes|ctl|recv|EAGAIN <= N NAME    the server's lines of its trace, counted
  one wait reports N        kind write: the student's scenario does this
  guesses                   kind predict: all numbers of the file are right
  model NAME...             the model of epoll does what the kernel does

NAME.scn is in the exercise's own folder, or else in demos/scenarios or
tests/broken. An own one may have places for a seed, see seeds.py.
"""
from __future__ import annotations

import dataclasses
import os
import re
import shlex
import sys

from . import check_model, failure, laws, seeds, trace as traces
from .compare import counts
from .environment import time_limit
from .failure import Failed
from .law_check import Checker
from .law_scenario import Script
from .program import TOP, Trouble, read_bytes, read_text
from .runner import ASAN, SANITIZE, Direct
from .scenario import options_of, read_scenario
from .stages import SCENARIOS

COUNTED = {"wakes": "wake-ups", "ctl": "ctl", "recv": "recv",
           "EAGAIN": "EAGAIN"}
OPTIONS = {"09-epoll-pool": ["--workers", "2"]}
ALSO_UNDER_ASAN = ("three", "leave")  # of the golden ones
HAZARD_LIMIT = 20  # seconds; for a wait in a hazard it is a quarter of 20


class Skipped(Exception):
    """A check that cannot be made here, with the reason."""


@dataclasses.dataclass
class Play:
    """One scenario, played by one program."""
    path: str
    argv: list
    ran: object
    trace: traces.Trace


class Case:
    """One file that is judged: its programs, and what they have played."""

    def __init__(self, exercise, source, seed, runner):
        self.exercise, self.source, self.seed = exercise, source, seed
        self.runner = runner
        self.program = self.asan = None
        self.plays = {}
        if exercise.kind == "write":
            self.program = os.path.join(TOP, "build", exercise.stage)

    # --- scenarios

    def scenario(self, name):
        """Returns the path of a scenario, with its places filled."""
        for folder in (self.exercise.folder, SCENARIOS,
                       os.path.join(TOP, "tests", "broken")):
            path = os.path.join(folder, name + ".scn")
            if os.path.isfile(path):
                break
        else:
            self.exercise.refuse(f"there is no scenario '{name}'")
        text = read_text(path)
        if not seeds.has_places(text):
            return path
        filled = os.path.join(self.runner.papers, name + ".scn")
        with open(filled, "w", encoding="utf-8") as file:
            file.write(seeds.fill(text, self.seed, name))
        return filled

    def argv(self, path, program=None):
        stage = self.exercise.stage
        return [program or self.program, "-S", path, *OPTIONS.get(stage, []),
                *options_of(path).get(stage, [])]

    def play(self, name, path=None):
        """Returns a scenario's play, which may have failed."""
        if name not in self.plays:
            path = path or self.scenario(name)
            argv = self.argv(path)
            ran = self.runner.run(argv, program=self.program)
            self.plays[name] = Play(path, argv, ran,
                                    traces.read_trace(name, ran.output))
        return self.plays[name]

    def place(self, path):
        """Returns a path as the student types it."""
        return (os.path.relpath(path, TOP)
                if path.startswith(TOP + os.sep) else path)

    def command(self, words):
        """Returns the command that repeats a check."""
        exercise = self.exercise
        if words[0] == "builds":
            return None
        names = names_of(words)
        if words[0] == "hazard":
            return shlex.join(["tests/hazard.py", self.place(
                self.built(exercise.stage)), names[0]])
        if words[0] == "model":
            return shlex.join([self.place(self.built("model")),
                               "walkthrough/model/" + names[0] + ".ep"])
        if words[0] in ("scenario", "says", *COUNTED):
            path = self.scenario(names[0])
            return shlex.join(map(self.place, self.argv(
                path, self.built(exercise.stage))))
        if words[0] == "address-sanitizer" and names:
            return shlex.join(map(self.place, self.argv(
                self.scenario(names[0]), self.built(exercise.stage, ASAN))))
        if words[0] == "one":
            return shlex.join(map(self.place, self.argv(self.source)))
        return None

    def built(self, target, folder="build"):
        return os.path.join(self.runner.place, folder, target)

    # --- programs

    def build(self):
        target = self.exercise.stage or "model"
        ran = self.runner.build(target)
        program = self.built(target)
        if ran.good and os.path.exists(program):
            self.program = program
        return ran

    def build_asan(self):
        if self.asan is None:
            ran = self.runner.build(self.exercise.stage, ASAN, SANITIZE)
            self.asan = self.built(self.exercise.stage, ASAN)
            if not ran.good:
                raise Failed("it builds with AddressSanitizer",
                             first_error(ran))
        return self.asan

    # --- what a failure shows

    def reference(self, name, path):
        """Returns the lines of the correct trace, or None. In an exercise
        whose server does something new there is none."""
        exercise = self.exercise
        if exercise.kind != "find" or exercise.stage is None:
            return None
        golden = os.path.join(TOP, "tests", "golden", name,
                              exercise.stage + ".txt")
        if os.path.exists(golden) and path.startswith(SCENARIOS):
            return read_text(golden).splitlines()
        program = os.path.join(TOP, "build", exercise.stage)
        runner = Direct()
        try:
            ran = runner.run(self.argv(path, program))
        finally:
            runner.close()
        text = ran.output.decode("latin-1")
        return text.partition("\n\n")[0].splitlines() if ran.good else None

    def fail(self, play, expected, got, at=None, rows=None, line=None):
        """Raises Failed with the lines of the trace around the failure."""
        events = play.trace.events
        if rows is None:
            wanted = self.reference(play.trace.name, play.path)
            rows, count = ([], 0) if wanted is None else failure.differ(
                wanted, [e.text for e in events])
            shown = events[:count]
            if not rows:
                rows = failure.last_rows(events)
                shown = failure.before_stop(events)
            line = next((e.line for e in reversed(shown) if e.of_server), None)
        raise Failed(expected, got, at, rows, self.source_of(play, line))

    def source_of(self, play, line):
        """Returns the line of the source that has printed a line of a trace.
        Only JSON has it, so the scenario is played once more."""
        if line is None or self.exercise.kind == "write":
            return None
        ran = self.runner.run(
            ["sh", "-c", '"$@" -q -j /dev/stdout | cat', "sh", *play.argv])
        found = re.findall(r'^\{"name":.*"cat":"(\w+)".*?"src":"([^"]+)"',
                           ran.output.decode("latin-1"), re.M)
        if line > len(found):
            return None
        return failure.source_line(self.exercise, self.source,
                                   found[line - 1][1])


def first_error(ran):
    """Returns the first line of a compiler or sanitizer that names an error."""
    lines = (ran.errors + ran.output).decode("utf-8", "replace").splitlines()
    for word in ("error", "ERROR", "warning", ""):
        for line in lines:
            if word in line and line.strip():
                return line.strip()
    return ran.ending


def names_of(words):
    if words[0] == "says":
        return words[2:]
    if words[0] in COUNTED:
        return words[3:]
    return words[1:] if words[0] != "one" else ()


def text_of(words):
    return (f"says '{words[1]}' {words[2]}" if words[0] == "says"
            else " ".join(words))


# --- the checks --------------------------------------------------------------

def builds(case, _):
    ran = case.build()
    if case.program is None:
        raise Failed("the file compiles", first_error(ran)
                     if not ran.timed_out else ran.ending)
    if ran.errors.strip() or ran.output.strip():
        raise Failed("it compiles without a warning", first_error(ran))


def played(case, name, path=None):
    """Returns the play of a scenario that has ended well, obeying all laws."""
    play = case.play(name, path)
    ran, trace = play.ran, play.trace
    if not ran.good:
        said = failure.said_by_player(ran.errors.decode("utf-8", "replace"))
        if said is None or ran.timed_out or ran.cut or ran.signal:
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
    try:
        pattern = re.compile(words[1])
    except re.error as error:
        case.exercise.refuse(f"'{words[1]}' is not a regular expression: "
                             f"{error}")
    if not any(pattern.search(e.text) for e in play.trace.events
               if e.kind != "note"):
        case.fail(play, f"a line of the trace that matches '{words[1]}'",
                  "no such line")


def hazard(case, words):
    for name in words[1:]:
        ran = case.runner.run(
            [sys.executable, "-IBS", os.path.join(TOP, "tests", "hazard.py"),
             case.program, name], limit=HAZARD_LIMIT, program=case.program,
            environment={"TIMEOUT_MULT": str(time_limit(1) / 4)})
        said = ran.output.decode("utf-8", "replace")
        if re.search(rf"^(GOOD|SKIP) +\S+ {name}:", said, re.M) and (
                ran.status in (0, 77)):
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


def address_sanitizer(case, words):
    names = words[1:] or own_scenarios(case.exercise)
    if len(words) == 1 and "golden" not in case.exercise.excepted:
        names += [name for name in golden_names(case.exercise.stage)
                  if name in ALSO_UNDER_ASAN and name not in names]
    program = case.build_asan()
    for name in names:
        path = case.scenario(name)
        ran = case.runner.run(case.argv(path, program), program=program,
                              environment={"ASAN_OPTIONS": "color=never",
                                           "UBSAN_OPTIONS":
                                           "print_stacktrace=1"})
        if ran.good:
            continue
        said = ran.errors.decode("utf-8", "replace")
        found = re.search(r"ERROR: \w+Sanitizer: .*|runtime error: .*", said)
        player = failure.said_by_player(said)
        frame = re.search(r"(demos/[\w.-]+\.[ch]:[0-9]+)", said)
        raise Failed(
            f"AddressSanitizer finds nothing in {name}",
            found[0] if found else player[2] if player else first_error(ran)
            if ran.status is not None else ran.ending,
            failure.step_at(path, player[0]) if player else None,
            source=frame and failure.source_line(case.exercise, case.source,
                                                 frame[1]))


def counted(case, words):
    if words[2] != "<=" and words[1] != "<=" or len(words) != 4:
        case.exercise.refuse(f"'{' '.join(words)}' is not "
                             f"'{words[0]} <= N NAME'")
    most, play = int(words[2]), played(case, words[3])
    came = int(counts(play.trace)[COUNTED[words[0]]])
    if came > most:
        case.fail(play, f"at most {most} {words[0]}", f"{came}", rows=
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
    from . import descriptors as module
    name = (own_scenarios(case.exercise) or ["three"])[0]
    module.check(case, case.argv(case.scenario(name)))


CHECKS = {"builds": builds, "scenario": scenario, "says": says,
          "hazard": hazard, "address-sanitizer": address_sanitizer,
          "one": one_wait, "guesses": check_model.guesses,
          "model": check_model.model, "golden": golden,
          "descriptors": descriptors, **{word: counted for word in COUNTED}}


def run(case, words):
    """Runs a check. Returns if it passes; raises Failed or Skipped."""
    if words[0] not in CHECKS:
        case.exercise.refuse(f"'{words[0]}' is not a check; there are "
                             f"{', '.join(CHECKS)}")
    CHECKS[words[0]](case, words)


def read_guesses(path):
    """Returns the lines of a file of guesses as lists of words."""
    try:
        text = read_bytes(path).decode("ascii")
    except UnicodeDecodeError:
        raise Trouble(f"{path}: a guess is ASCII text") from None
    return [line.split() for line in text.splitlines() if line.strip()]
