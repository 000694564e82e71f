"""judge.py - judges the file of a student: one Result for each check.

An exercise has the checks of its task.md. If it is about a stage, it also has
unasked checks, which task.md does not list: the file compiles without a
warning, the golden scenarios play and obey the laws, clients in another process
get the right bytes, AddressSanitizer finds nothing, and no system call fails
with EBADF. They have no points, but each that fails takes one point away.
"""
from __future__ import annotations

import dataclasses
import functools

from . import checks, runner as runners
from .case import COUNTED, Case, names_of, scenario_of, text_of
from .failure import Failed, Skipped
from .program import read_text
from .seeds import has_places
from .stages import build

# A program that ends at once would pass these checks. So they fail if the
# golden scenarios do not play.
COUNT_WITH_GOLDEN = (("clients",), ("address-sanitizer",), ("descriptors",))
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
          more_seeds=()):
    """Returns the results of all checks. Calls each(result) as soon as there
    is one, and stops if that returns True. If the file cannot be built, the
    others have failed too. With more seeds, the checks that depend on the seed
    are made again, by the same program."""
    checks.validate(exercise)
    prepare(exercise)
    runners.lay_out(runner, exercise, source)
    case = Case(exercise, source, seed, runner)
    results = []
    for points, words in planned(exercise):
        if words in COUNT_WITH_GOLDEN and not golden_plays(results):
            result = Result(text_of(words), points, False,
                            "  not tried, because a golden scenario does not "
                            "play")
        else:
            result = judge_one(case, points, words)
        results.append(result)
        if each(result):
            return results
        if words[0] == "builds" and case.program is None:
            return results + [
                Result(text_of(words), points, False,
                       "  not tried, because the file does not build")
                for points, words in planned(exercise)[1:]]
    for case.seed in more_seeds:
        case.plays.clear()
        for words in seeded(exercise):
            results.append(judge_one(case, 0, words))
            if each(results[-1]):
                return results
    return results


def golden_plays(results):
    """Returns False if the golden scenarios were played and have failed."""
    return all(result.passed for result in results if result.check == "golden")


def planned(exercise):
    """Returns (points, words) of every check, in the order of the play."""
    asked = [(check.points, check.words) for check in exercise.checks]
    if exercise.kind in ("write", "predict"):
        return asked
    if exercise.file.startswith("walkthrough/model/"):
        return [(0, ("builds",))] + asked
    return [(0, ("builds",))] + asked + [
        (0, (word,)) for word in checks.UNASKED
        if word not in exercise.excepted]


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
    if exercise.kind in ("find", "build"):
        runners.build_script(exercise.file, exercise.stage or "model")
        if exercise.stage is not None:
            prepare_asan(exercise.stage)
            runners.build_script(exercise.file, exercise.stage, runners.ASAN,
                                 runners.SANITIZE)


def seeded(exercise):
    """Returns the words of the checks that depend on the seed."""
    def depends(words):
        if words[0] in ("scenario", "says", "address-sanitizer", *COUNTED):
            return any(has_places(read_text(scenario_of(exercise, name)))
                       for name in names_of(words))
        return words == ("model", "random")

    return [check.words for check in exercise.checks if depends(check.words)]


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
