"""exercises.py - the student's side of the exercises: work/NN-name/FILE.

The student edits FILE and hands it in. Beside it, the file "progress" notes
how many hints were read, and whether the exercise was solved or given up. FILE
exists if and only if the exercise is started."""
import contextlib
import difflib
import fcntl
import os
import re
import signal
import sys
import tempfile

from . import children, judge as judges, reports
from .program import (TOP, Trouble, end_by, read_bytes, read_text,
                      write_text)
from .runner import Direct

WORK = "work"


class Work:
    """The file of one exercise, and what is noted about it."""

    def __init__(self, exercise):
        self.exercise = exercise
        self.folder = os.path.join(TOP, WORK, exercise.name)
        self.file = os.path.join(self.folder, exercise.hand_in)
        self.shown = os.path.join(WORK, exercise.name, exercise.hand_in)
        self.notes = os.path.join(self.folder, "progress")

    @property
    def is_started(self):
        return os.path.exists(self.file)

    def noted(self):
        """Returns the words of the notes, one a line."""
        return (read_text(self.notes).splitlines()
                if os.path.exists(self.notes) else [])

    def note(self, word):
        words = self.noted()
        if word not in words:
            self.make_folder()
            write_text(self.notes, "\n".join([*words, word]) + "\n")

    @property
    def state(self):
        """"open", "started", "solved", or "given up"."""
        words = self.noted()
        for word in ("given up", "solved"):
            if word in words:
                return word
        return "started" if self.is_started else "open"

    def make_folder(self):
        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise Trouble(f"cannot make {self.folder}: {error.strerror}"
                          ) from None

    def write_started(self):
        self.make_folder()
        with open(self.file, "wb") as file:
            file.write(self.exercise.started())


def print_list(known):
    """Prints all exercises with their states, and which one is next."""
    states = {number: Work(e).state for number, e in known.items()}
    for number, exercise in known.items():
        print(f"{number:3}  {states[number]:9} {exercise.kind:8} "
              f"{exercise.hand_in:16} {exercise.title}")
    following = next((n for word in ("started", "open")
                      for n, state in states.items() if state == word), None)
    if following is None:
        print("\nevery exercise is solved or given up")
    else:
        print(f"\nnext: scripts/exercise {following}")


def print_task(exercise):
    print(f"{exercise.task}\nfile:  {Work(exercise).shown}")


def start(exercise):
    """Makes the file of the student."""
    work = Work(exercise)
    if work.is_started:
        raise Trouble(f"exercise {exercise.number} is started already: edit "
                      f"{work.shown}. To begin again, run scripts/exercise "
                      f"--reset {exercise.number}")
    work.write_started()
    print_task(exercise)
    print(f"""
The check fails now, on purpose. Edit the file, then run
    scripts/exercise {exercise.number}""")


def reset(exercise):
    """Makes the file again as it was at the start, and keeps the old one."""
    work = Work(exercise)
    if work.is_started:
        number = 1
        while os.path.lexists(f"{work.file}.{number}"):
            number += 1
        os.rename(work.file, f"{work.file}.{number}")
        print(f"your file is kept as {work.shown}.{number}")
    if os.path.exists(work.notes):
        given_up = "given up" in work.noted()
        os.unlink(work.notes)
        if given_up:
            work.note("given up")
    work.write_started()
    print(f"{work.shown} is the file of the start again")


def hint(exercise):
    """Prints the next hint. After the last one, prints all again."""
    work = Work(exercise)
    if not exercise.hints:
        print("this exercise has no hint")
        return
    read = sum(word.startswith("hint ") for word in work.noted())
    last = len(exercise.hints)
    if read >= last:
        for number, text in enumerate(exercise.hints, 1):
            print(f"Hint {number} of {last}: {text}\n")
        print("there are no more hints")
        return
    work.note(f"hint {read + 1}")
    print(f"Hint {read + 1} of {last}: {exercise.hints[read]}")


def answer(exercise, give_up):
    """Prints what the answer changes in the started file."""
    work = Work(exercise)
    if not give_up and not {"solved", "given up"} & set(work.noted()):
        raise Trouble(f"exercise {exercise.number} is not solved yet: solve "
                      "it first, or add --give-up, and its state becomes "
                      "'given up'")
    solution = exercise.solution()
    if solution is None:
        print(f"the answer of exercise {exercise.number} is not in this "
              "repository: ask your teacher")
        return
    if "solved" not in work.noted():
        work.note("given up")
    print(difference(exercise.started(), solution, "at the start", "answer"),
          end="")


def diff(exercise):
    """Prints what the student has changed. It is a patch for git apply."""
    work = Work(exercise)
    if not work.is_started:
        raise Trouble(f"exercise {exercise.number} is not started: run "
                      f"scripts/exercise --start {exercise.number}")
    print(difference(exercise.started(), read_bytes(work.file),
                     f"a/{exercise.file}", f"b/{exercise.file}"), end="")


def difference(old, new, before, after):
    """Returns a unified diff of two contents, with these names."""
    lines = [re.findall(r"[^\n]*\n|[^\n]+", text.decode(
        "utf-8", "surrogateescape")) for text in (old, new)]
    for each in lines:
        if each and not each[-1].endswith("\n"):
            each[-1] += "\n\\ No newline at end of file\n"
    return "".join(difflib.unified_diff(*lines, before, after))


# --- the check ---------------------------------------------------------------

@contextlib.contextmanager
def started_runner(exercise):
    """A runner whose place stays, so that its programs can be run again. All
    of its processes end with the check, or with this process, and all of its
    temporary files are removed."""
    place = os.path.join(TOP, "build", "exercises", exercise.name)
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two checks use the same place
        children.adopt()
        runner, tempdir = Direct(place), tempfile.tempdir

        def close():
            children.end_all()
            runner.close()
            tempfile.tempdir = tempdir

        def end(number, _):
            close()
            end_by(number)

        before = {number: signal.signal(number, end)
                  for number in (signal.SIGTERM, signal.SIGHUP)}
        tempfile.tempdir = runner.temporary
        try:
            yield runner
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            close()


def judge_file(exercise, path, seed, each=lambda result: None, more_seeds=()):
    with started_runner(exercise) as runner:
        return judges.judge(exercise, path, seed, runner, each, more_seeds)


def print_result(result):
    word = "SKIP" if result.skipped else "GOOD" if result.passed else "BAD"
    print(f"{word:5}{result.check}")
    if result.message:
        print(result.message, flush=True)


def check(exercise, seed, path=None):
    """Judges the student's file, or the file at path. For that one, nothing is
    noted. Returns the status."""
    work = Work(exercise)
    if path is None and not work.is_started:
        print_task(exercise)
        print(f"""
To begin, run
    scripts/exercise --start {exercise.number}""")
        return 1
    if path is not None and not os.path.isfile(path):
        raise Trouble(f"there is no file {path}")
    # An absolute path, because the program that reads a scenario of the student
    # runs in another directory.
    results = judge_file(exercise, os.path.abspath(path or work.file), seed,
                         print_result)
    earned, most = judges.summary(results)
    number = exercise.number
    if all(result.passed for result in results):
        if path is None and work.state == "started":
            work.note("solved")
        print(f"exercise {number}, {exercise.title}: solved, "
              f"{earned} of {most} points")
        return 0
    print(f"exercise {number}, {exercise.title}: not solved yet, {earned} of "
          f"{most} points; for a hint, run scripts/exercise --hint {number}")
    return 1


def check_all(known, seed, form):
    """Judges all exercises that are started. Prints a line each. With a format
    of reports.py, standard output has all results instead, and standard error
    the lines. Returns the status."""
    graded, good = [], True
    for exercise in known.values():
        work = Work(exercise)
        results = judge_started(exercise, work, seed)
        good = good and all(result.passed for result in results)
        print(line_of(exercise, results), flush=True,
              file=sys.stdout if form == "text" else sys.stderr)
        graded.append(graded_of(exercise, results))
    if form != "text":
        print(reports.FORMATS[form](graded), end="")
    return 0 if good else 1


def judge_started(exercise, work, seed):
    """Returns the results of a file, or [] if its exercise is not started. If
    the file cannot be read, all checks fail. Raises nothing for that, so that
    the other exercises are still judged."""
    if not work.is_started:
        return []
    if os.path.isfile(work.file) and os.access(work.file, os.R_OK):
        return judge_file(exercise, work.file, seed)
    return [judges.Result(judges.text_of(words), points, False,
                          f"  {work.file} is not a file that can be read")
            for points, words in judges.planned(exercise)]


def line_of(exercise, results):
    """Returns the line of one exercise. Without results, it is open."""
    if not results:
        return f"{exercise.number:3}  open            {exercise.title}"
    earned, most = judges.summary(results)
    word = ("solved" if all(result.passed for result in results)
            else "not solved")
    return (f"{exercise.number:3}  {word:10} {earned:2}/{most:<2} "
            f"{exercise.title}")


def graded_of(exercise, results):
    """Returns the results for a report. An open exercise is a skipped test."""
    lines = [reports.Line(each.check, each.points, each.passed,
                          reports.printable(each.message.removeprefix(
                              "  skipped: ")), each.earned, each.skipped)
             for each in results]
    if not results:
        lines = [reports.Line("is started", 0, False, "run scripts/exercise "
                              f"--start {exercise.number}", 0, True)]
    return reports.Graded("", exercise.name, lines, None)


# --- the index page ----------------------------------------------------------

def index(known):
    """Returns the lines of the table in walkthrough/exercises/README.md."""
    lines = ["| | exercise | kind | file | points |", "|---|---|---|---|---|"]
    for number, exercise in known.items():
        points = sum(p for p, _ in judges.planned(exercise))
        name = re.sub(r"[\[\]|]", "", exercise.title)
        lines.append(f"| {number} | [{name}]({exercise.name}/task.md) | "
                     f"{exercise.kind} | `{exercise.hand_in}` | {points} |")
    return lines
