"""check_model.py - the checks of files that are not a stage's: the model of
epoll, and guesses."""
import itertools
import os
import re

from . import predict
from .failure import Failed, shorten
from .program import TOP, read_bytes


def model(case, words):
    """Plays files of steps in the model and in the kernel."""
    for name in words[1:]:
        argv = case.model_argv(name)
        if name != "random" and not os.path.exists(argv[-1]):
            case.exercise.refuse(f"there is no {argv[-1]}")
        ran = case.runner.run(argv, program=case.program)
        if ran.good:
            check_lines(case, name, ran)
            continue
        lines = ran.output.decode("utf-8", "replace").splitlines()
        bad = [line for line in lines if "MODEL" in line]
        raise Failed(f"in {name}, the model does what the kernel does",
                     shorten(bad[0]) if bad else ran.ending,
                     command=case.command(("model", name)))


def check_lines(case, name, ran):
    """Raises Failed if these are not the lines of the correct model. A status
    proves little, because the program is the student's."""
    original = os.path.join(TOP, "build", "model")
    path = case.runner.bring(original)
    try:
        wanted = case.runner.run(case.model_argv(name, path))
    finally:
        if path != original:  # a later program of the student could copy it
            os.unlink(path)
    if not wanted.good or wanted.output == ran.output:
        return
    lines = [each.output.decode("utf-8", "replace").splitlines()
             for each in (wanted, ran)]
    expected, came = next(pair for pair in itertools.zip_longest(
        *lines, fillvalue="the end of the output") if pair[0] != pair[1])
    raise Failed(f"in {name}, the line '{shorten(expected)}'", shorten(came),
                 command=case.command(("model", name)))


def guesses(case, _):
    """The same questions as at the start, each with a right number."""
    wanted = [[word.partition("=")[0] for word in line.split()] for line in
              case.exercise.started().decode("ascii").splitlines()
              if line.strip()]
    came = read_guesses(case.source)
    if [[word.partition("=")[0] for word in line] for line in came] != wanted:
        raise Failed("the questions as they were, and a number in the place "
                     "of each ?", "other questions")
    for line in came:
        for guess in line[2:]:
            if re.fullmatch("[0-9]{1,18}", guess.partition("=")[2]) is None:
                raise Failed("a number in the place of each ?",
                             " ".join(line))
            verdict = predict.verdict(line[0], line[1], guess)
            if verdict != "right":
                raise Failed("the right number", f"{' '.join(line)}: "
                             f"{verdict}")


def read_guesses(path):
    """Returns the lines of a file of guesses as lists of words. Raises Failed
    if it is not ASCII text."""
    try:
        text = read_bytes(path).decode("ascii")
    except UnicodeDecodeError:
        raise Failed("a number in the place of each ?",
                     "a byte that is not ASCII text") from None
    return [line.split() for line in text.splitlines() if line.strip()]
