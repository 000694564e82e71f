"""judge.py - judges the file of a student: one Result for each check.

An exercise has the checks of its task.md, and, if it is about a stage, some
that no author has to write: the file compiles without a warning, the golden
scenarios play and obey the laws, AddressSanitizer finds nothing, and no system
call fails with EBADF. They have no points. Each that fails takes one away.
"""
from __future__ import annotations

import dataclasses
import functools
import os

from . import checks, runner as runners
from .case import Case, text_of
from .failure import Failed, Skipped
from .program import read_text
from .seeds import has_places
from .stages import build

# A program that ends at once has no faults of memory either. So these count
# together with the golden scenarios.
COUNT_WITH_GOLDEN = (("address-sanitizer",), ("descriptors",))
COST = 1  # points that a failed unasked check takes away


@dataclasses.dataclass
class Result:
    check: str  # "hazard half-close"
    points: int
    passed: bool
    message: str = ""  # why it has failed; or the reason of a skip
    command: str | None = None  # repeats it
    skipped: bool = False

    @property
    def earned(self):
        """The points of the check. One without points takes some away if it
        fails, and one that was not made has none."""
        if self.skipped:
            return 0
        if self.passed:
            return self.points
        return 0 if self.points else -COST


def judge(exercise, source, seed, runner, each=lambda result: None,
          unasked=True):
    """Returns the results of all checks. Calls each(result) as soon as there
    is one, and stops if that returns True. If the file cannot be built, the
    others have failed too. unasked=False leaves the unasked checks out."""
    checks.validate(exercise)
    prepare(exercise)
    runners.lay_out(runner, exercise, source)
    case = Case(exercise, source, seed, runner)
    results = []
    for points, words in planned(exercise, unasked):
        if words in COUNT_WITH_GOLDEN and not golden_plays(results):
            result = Result(text_of(words), points, False,
                            "  not tried, because a golden scenario does not "
                            "play")
        else:
            result = judge_one(case, points, words)
        results.append(result)
        if each(result):
            break
        if words[0] == "builds" and case.program is None:
            results += [Result(text_of(words), points, False,
                               "  not tried, because the file does not build")
                        for points, words in planned(exercise, unasked)[1:]]
            break
    return results


def golden_plays(results):
    """Returns False if the golden scenarios were played and have failed."""
    return all(result.passed for result in results if result.check == "golden")


def planned(exercise, unasked=True):
    """Returns (points, words) of every check, in the order of the play."""
    asked = [(check.points, check.words) for check in exercise.checks]
    if exercise.kind in ("write", "predict"):
        return asked
    if exercise.file.startswith("walkthrough/model/"):
        return [(0, ("builds",))] + asked
    return [(0, ("builds",))] + asked + [
        (0, (word,)) for word in checks.UNASKED
        if unasked and word not in exercise.excepted]


def judge_one(case, points, words):
    text = text_of(words)
    command = None
    try:
        command = case.command(words)
        checks.run(case, words)
    except Skipped as reason:
        return Result(text, points, True, f"  skipped: {reason}", command,
                      skipped=True)
    except Failed as failed:
        command = failed.command or command
        return Result(text, points, False, failed.render(case.seed, command),
                      command)
    return Result(text, points, True, "", command)


def prepare(exercise):
    """Builds what a student's program is linked with, once a process."""
    if exercise.kind == "predict":
        prepare_stage(None)
    else:
        prepare_stage(exercise.stage or "model")
    if exercise.stage is not None and exercise.kind in ("find", "build"):
        prepare_asan(exercise.stage)


def seed_matters(exercise):
    """Does a check depend on the seed?"""
    if any(check.words == ("model", "random") for check in exercise.checks):
        return True
    return any(has_places(read_text(os.path.join(exercise.folder, name)))
               for name in os.listdir(exercise.folder) if name.endswith(".scn"))


@functools.lru_cache(maxsize=None)
def prepare_stage(target):
    build(*([f"build/{target}"] if target else []), level="run")


@functools.lru_cache(maxsize=None)
def prepare_asan(stage):
    build(f"{runners.ASAN}/{stage}", f"BUILD={runners.ASAN}", "CFLAGS=-O1 -g",
          f"SANITIZE={runners.SANITIZE}", level="run")


def summary(results):
    """Returns the points earned in one exercise, 0 at least, and the points
    possible. The results are of this module, or lines of a report."""
    return (max(0, sum(result.earned for result in results)),
            sum(result.points for result in results))
