"""exercise_test.py - tests an exercise: unsolved, solved, and wrong answers.

The unsolved file must fail with the words of the line "- fails:" in task.md.
The solution must pass. The checks that depend on the seed are made with five
seeds. Each patch in wrong/ must be refused with the words of its first line,
"Words: ...".
"""
import os
import re
import tempfile

from . import judge as judges
from .exercises import judge_file, print_result
from .program import read_text

SEEDS = range(1, 6)


def print_all(results):
    for result in results:
        print_result(result)


def judged(exercise, content, each=lambda result: None, more_seeds=()):
    with tempfile.TemporaryDirectory(prefix="iomux-answer.") as place:
        path = os.path.join(place, exercise.hand_in)
        with open(path, "wb") as file:
            file.write(content)
        return judge_file(exercise, path, SEEDS[0], each, more_seeds)


def refused(exercise, what, content, words):
    """Is this refused with these words? Prints it, and returns True if so."""
    words = " ".join((words or "").split())
    if not words:
        print(f"BAD  {exercise.name}: {what} has no words that its refusal "
              "must contain: '- fails: WORDS' in task.md, or 'Words: WORDS' in "
              "the first line of a patch. This is the check's output:",
              flush=True)
        print_all(judged(exercise, content))
        return False

    def has_words(result):
        said = " ".join(f"{result.check} {result.message}".split())
        return not result.passed and words in said

    results = judged(exercise, content, has_words)
    if any(map(has_words, results)):
        print(f"GOOD {exercise.name}: {what} is refused", flush=True)
        return True
    print(f"BAD  {exercise.name}: {what} should be refused with the words "
          f"'{words}'", flush=True)
    print_all(results)
    return False


def solved(exercise):
    """Does the solution pass under all seeds? True if it is not here."""
    solution = exercise.solution()
    if solution is None:
        print(f"SKIP {exercise.name}: the solution is not in the repository",
              flush=True)
        return True
    results = judged(exercise, solution, more_seeds=SEEDS[1:])
    if not all(result.passed for result in results):
        print(f"BAD  {exercise.name}: the solution should pass", flush=True)
        print_all(results)
        return False
    print(f"GOOD {exercise.name}: the solution passes" + (
        f" with {len(SEEDS)} seeds" if judges.seeded(exercise) else
        "; no check depends on the seed"), flush=True)
    return True


def test(exercise):
    """Returns True if the exercise does what it should."""
    good = refused(exercise, "the unsolved file", exercise.started(),
                   exercise.fails)
    good = solved(exercise) and good
    folder = os.path.join(exercise.folder, "wrong")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for name in names:
        path = os.path.join(folder, name)
        if not name.endswith(".patch"):
            continue
        words = re.match(r"Words: *(.+)", read_text(path))
        good = refused(exercise, f"wrong/{name}", exercise.changed(path),
                       words and words[1]) and good
    return good
