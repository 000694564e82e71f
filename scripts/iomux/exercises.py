"""exercises.py - starts and checks the exercises of the walkthrough.

walkthrough/exercises/README.md defines the exercises. Each has a heading with
its number, and the lines "- file: `name`", "- start: `command`" (optional),
"- check: `command`" and "- solution: `command`". The commands run at the top of
the tree. An exercise is solved if its check ends with status 0.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from .environment import time_limit
from .program import TOP, Trouble, read_text

README = os.path.join("walkthrough", "exercises", "README.md")
LIMIT = 120  # seconds for a command
# What a copy of the tree contains. The objects make its build faster.
PARTS = ("Makefile", "common", "demos", "scripts", "tests", "walkthrough",
         "build")


class Exercise:
    def __init__(self, number, title, text):
        self.number, self.title = number, title
        self.commands = dict(re.findall(r"^- (\w+): `([^`]+)`$", text, re.M))
        hint = re.search(r"<summary>Hint</summary>\n\n(.*?)\n\n</details>",
                         text, re.S)
        self.hint = hint[1] if hint else None
        for word in ("file", "check", "solution"):
            if word not in self.commands:
                raise Trouble(f"{README}: exercise {number} has no line "
                              f"'- {word}: `...`'")


def read_all():
    parts = re.split(r"^## ([0-9]+)\. (.*)\n",
                     read_text(os.path.join(TOP, README)), flags=re.M)
    return {int(number): Exercise(int(number), title, text)
            for number, title, text in zip(*[iter(parts[1:])] * 3)}


def run(command, tree, quiet=False):
    """Runs a command in a tree, with a limit. Returns its status."""
    limit = time_limit(LIMIT)
    environment = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(
        os.path.realpath(tree)))
    with subprocess.Popen(
            ["bash", "-p", "-o", "pipefail", "-c", command], cwd=tree,
            env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=subprocess.STDOUT if not quiet else None,
            start_new_session=True) as bash:
        try:
            return bash.wait(limit)
        except subprocess.TimeoutExpired:
            print(f"the command has not ended within {limit} s", flush=True)
            return 1
        finally:
            try:
                os.killpg(bash.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def need(command, tree):
    """Runs a command. Raises Trouble if it fails."""
    if run(command, tree, quiet=True) != 0:
        raise Trouble(f"this command has failed: {command}")


def not_needed(folder, names):
    """Returns the names that are not copied. Only programs and objects of
    build/ are copied, not sockets, twins and files of the user."""
    if os.path.basename(folder) != "build":
        return set()
    return {name for name in names if not re.fullmatch(
        r"common|demos|walkthrough|model|\d\d-[a-z-]+", name)}


def in_copy(exercise, solved):
    """Checks an exercise in a copy of the tree. Returns the status."""
    with tempfile.TemporaryDirectory(prefix="iomux-exercise.") as place:
        tree = os.path.join(place, "iomux")
        os.mkdir(tree)
        for part in PARTS:
            source = os.path.join(TOP, part)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(tree, part),
                                symlinks=True, ignore=not_needed)
            elif os.path.exists(source):
                shutil.copy2(source, tree)
        if "start" in exercise.commands:
            need(exercise.commands["start"], tree)
        if solved:
            need(exercise.commands["solution"], tree)
        return run(exercise.commands["check"], tree)


def check(exercise):
    status = run(exercise.commands["check"], TOP)
    number = exercise.number
    if status == 0:
        began = f" (if you began with scripts/exercise --start {number})" \
            if "start" in exercise.commands else ""
        print(f"exercise {number}, {exercise.title}: solved{began}")
        return 0
    print(f"exercise {number}, {exercise.title}: not solved yet; "
          f"for a hint, run scripts/exercise --hint {number}")
    return 1


def find(known, word):
    """Returns the exercise with this number, given as text."""
    if re.fullmatch("[0-9]{1,9}", word) is None or int(word) not in known:
        raise Trouble(f"there is no exercise '{word}': give a number from 1 "
                      f"to {len(known)}")
    return known[int(word)]


def print_list(known):
    for exercise in known.values():
        print(f"{exercise.number:3}  {exercise.commands['file']:34} "
              f"{exercise.title}")


def start(exercise):
    """Applies the patch that an exercise begins with, if it has one."""
    if "start" not in exercise.commands:
        print("this exercise has no patch: edit "
              f"{exercise.commands['file']}")
        return
    need(exercise.commands["start"], TOP)
    print(f"changed {exercise.commands['file']}; now find the bug without "
          "looking at the patch")
