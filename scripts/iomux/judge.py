"""judge.py - judges the file of a student: one Result for each check.

An exercise has the checks of its task.md, and, if it is about a stage, some
that nobody has to write: the file compiles without a warning, the golden
scenarios play and obey the laws, AddressSanitizer finds nothing, and no system
call fails with EBADF.
"""
from __future__ import annotations

import dataclasses
import functools
import os

from . import checks, runner as runners
from .failure import Failed
from .program import TOP
from .stages import build

UNASKED = {"builds": 1, "golden": 1, "address-sanitizer": 1, "descriptors": 1}
# A program that ends at once has no faults of memory either. So these count
# together with the golden scenarios.
COUNT_WITH_GOLDEN = (("address-sanitizer",), ("descriptors",))


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
        return self.points if self.passed else 0


def judge(exercise, source, seed, runner):
    """Returns the results of all checks. If the file cannot be built, the
    others have failed too."""
    if not getattr(runner, "prepared", False):
        prepare(exercise)
    runners.lay_out(runner, exercise, source)
    case = checks.Case(exercise, source, seed, runner)
    results = []
    for points, words in planned(exercise):
        if words in COUNT_WITH_GOLDEN and any(
                each.check == "golden" and not each.passed for each in results):
            results.append(Result(checks.text_of(words), points, False,
                                  "  not tried, because a golden scenario "
                                  "does not play"))
            continue
        results.append(judge_one(case, points, words))
        if words[0] == "builds" and case.program is None:
            results += [Result(checks.text_of(words), points, False,
                               "  not tried, because the file does not build")
                        for points, words in planned(exercise)[1:]]
            break
    return results


def planned(exercise):
    """Returns (points, words) of every check, in the order of the play."""
    asked = [(check.points, check.words) for check in exercise.checks]
    if exercise.kind in ("write", "predict"):
        return asked
    if exercise.file.startswith("walkthrough/model/"):
        return [(1, ("builds",))] + asked
    return [(UNASKED["builds"], ("builds",))] + asked + [
        (points, (word,)) for word, points in UNASKED.items()
        if word != "builds" and word not in exercise.excepted]


def judge_one(case, points, words):
    text = checks.text_of(words)
    command = None
    try:
        command = case.command(words)
        checks.run(case, words)
    except checks.Skipped as reason:
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


@functools.lru_cache(maxsize=None)
def prepare_stage(target):
    build(*([f"build/{target}"] if target else []), level="run")


@functools.lru_cache(maxsize=None)
def prepare_asan(stage):
    build(f"{runners.ASAN}/{stage}", f"BUILD={runners.ASAN}", "CFLAGS=-O1 -g",
          f"SANITIZE={runners.SANITIZE}", level="run")


def summary(results):
    """Returns the points that were earned, and those that can be."""
    counted = [result for result in results if not result.skipped]
    return (sum(result.earned for result in counted),
            sum(result.points for result in counted))


def relative(path):
    """Returns a path as it is typed at the top of the tree."""
    path = os.path.abspath(path)
    return os.path.relpath(path, TOP) if path.startswith(TOP + os.sep) else path
