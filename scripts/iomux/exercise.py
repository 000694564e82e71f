"""exercise.py - reads the exercises: one folder each, NN-name.

A folder has task.md, and optionally start.patch, solution.patch, wrong/*.patch
and scenarios of its own. The lines of task.md that begin with "- " and one of
these words define the exercise:

  - file: PATH            the file that the student edits
  - kind: find|build|write|predict
  - stage: NAME           the stage that is built, if it is not the file's
  - start: twin NAME      begins with a broken twin instead of start.patch
  - fails: WORDS          words that the check prints for the unsolved file
  - except: WORD, ...     laws, and checks of judge.py, that do not apply
  - check: POINTS CHECK   see checks.py
"""
from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import tempfile

from .program import TOP, Trouble, read_bytes, read_text
from .twins import BROKEN

FOLDER = os.path.join("walkthrough", "exercises")
KINDS = ("find", "build", "write", "predict")
KEYS = ("file", "kind", "stage", "start", "except", "fails", "check")
LINE = re.compile(r"^- (%s): (.*?)[ \t]*$" % "|".join(KEYS), re.M)


@dataclasses.dataclass(frozen=True)
class Check:
    points: int
    words: tuple  # of the check: ("hazard", "half-close")


class Exercise:
    """One folder. The text is read, and the patches only when needed."""

    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(folder)  # "02-lost-message"
        self.path = os.path.join(folder, "task.md")
        self.text = read_text(self.path)
        title = re.match(r"# ([0-9]+)\. (.+)\n", self.text)
        if title is None:
            self.refuse("the first line is not '# NUMBER. TITLE'")
        self.number, self.title = int(title[1]), title[2].strip()
        if self.number != int(self.name[:2]):
            self.refuse(f"the number is {self.number}, and the folder is "
                        f"{self.name}")
        lines = LINE.findall(self.text)
        said = {key: value for key, value in lines if key != "check"}
        self.file = said.get("file", "").strip("`")
        self.kind = said.get("kind", "")
        if self.kind not in KINDS:
            self.refuse(f"'- kind:' is one of {', '.join(KINDS)}")
        self.twin = self.read_twin(said.get("start"))
        self.stage = self.read_stage(said.get("stage"))
        self.excepted = {word.strip() for word in
                         said.get("except", "").split(",")} - {""}
        self.fails = said.get("fails")
        self.checks = [self.read_check(value) for key, value in lines
                       if key == "check"]
        if not self.checks:
            self.refuse("there is no line '- check: POINTS CHECK'")
        self.hints = [without_markup(text) for text in re.findall(
            r"^## Hint [1-3]\n(.*?)(?=^## |\Z)", self.text, re.M | re.S)]

    def refuse(self, sentence):
        raise Trouble(f"{shown(self.path)}: {sentence}")

    @property
    def task(self):
        """The text for the student, without the lines that define the
        exercise and without the hints."""
        text = re.split(r"^## Hint", self.text, maxsplit=1, flags=re.M)[0]
        return without_markup(LINE.sub("", text)) + "\n"

    @property
    def start(self):
        """The path of the patch that the exercise begins with, or None."""
        if self.twin is not None:
            return self.twin
        path = os.path.join(self.folder, "start.patch")
        # "--diff N > start.patch" empties it first, so an empty one is none.
        return (path if os.path.exists(path) and os.path.getsize(path)
                else None)

    @property
    def hand_in(self):
        """The name of the file that the student edits and hands in."""
        return os.path.basename(self.file)

    def read_twin(self, words):
        if words is None:
            return None
        found = re.fullmatch(r"twin ([a-z-]+)", words.strip("`"))
        path = os.path.join(BROKEN, f"{found and found[1]}.patch")
        if found is None or not os.path.exists(path):
            self.refuse(f"'- start: {words}' is not 'twin NAME' with a patch "
                        f"in {shown(BROKEN)}")
        return path

    def read_stage(self, word):
        if not os.path.isfile(os.path.join(TOP, self.file)) or (
                self.file in ("", ".")):
            self.refuse(f"'- file: {self.file}' is not a file of the "
                        "repository")
        if word is None and re.fullmatch(r"demos/[0-9]+-.*\.c", self.file):
            word = self.hand_in[:-2]
        if word and not os.path.exists(os.path.join(TOP, "demos",
                                                    word + ".c")):
            self.refuse(f"there is no stage '{word}'")
        if word is None and self.file.startswith("demos/"):
            self.refuse("'- stage: NAME' is missing: which stage has the file "
                        f"{self.file}?")
        return word

    def read_check(self, line):
        found = re.fullmatch(
            r"([0-9]{1,3}) +(?:says '(.*)' ([\w-]+)|([^']+))", line)
        if found is None:
            self.refuse(f"'- check: {line}' is not POINTS and a check")
        words = (("says", found[2], found[3]) if found[4] is None
                 else tuple(found[4].split()))
        return Check(int(found[1]), words)

    # --- the patches

    def started(self):
        """Returns the content of the file that the student begins with."""
        return patched(self.file, read_bytes(os.path.join(TOP, self.file)),
                       self.start)

    def changed(self, patch):
        """Returns the started file after a patch: the solution, or a wrong
        answer."""
        return patched(self.file, self.started(), patch)

    def solution(self):
        """Returns the solution's content, or None if it is not here. A find
        exercise without a patch is solved by the stage itself."""
        elsewhere = os.environ.get("EXERCISES_SOLUTIONS")
        paths = [os.path.join(self.folder, "solution.patch")]
        if elsewhere:
            paths.append(os.path.join(elsewhere, self.name + ".patch"))
        for path in paths:
            if os.path.exists(path):
                return self.changed(path)
        if self.kind == "find":
            return read_bytes(os.path.join(TOP, self.file))
        return None


def without_markup(text):
    """Returns the text for a terminal: without the lines that hide a part of
    the page, and without comments."""
    text = re.sub(r"^(<!-- .* -->|<details>.*|</details>)\n?", "", text,
                  flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def shown(path):
    """Returns a path as it is typed at the top of the tree."""
    return (os.path.relpath(path, TOP) if path.startswith(TOP + os.sep)
            else path)


def patched(name, content, patch):
    """Returns the content of a file after a patch, which may be None."""
    if patch is None:
        return content
    with tempfile.TemporaryDirectory(prefix="iomux-patch.") as place:
        path = os.path.join(place, name)
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(content)
        # Without this, git may use a repository above the directory.
        environment = dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.dirname(
            os.path.realpath(place)))
        git = shutil.which("git")
        if git is None:
            raise Trouble("there is no git, which applies the patches: run "
                          "scripts/setup learn")
        run = subprocess.run([git, "apply", os.path.abspath(patch)], cwd=place,
                             env=environment, stdin=subprocess.DEVNULL,
                             capture_output=True, check=False)
        if run.returncode != 0:
            said = run.stderr.decode("utf-8", "replace").strip()
            raise Trouble(f"{patch} does not apply to {name}: {said}")
        return read_bytes(path)


def read_all(more=None):
    """Returns a dictionary from numbers to exercises, in order: those of the
    repository, and those of another folder."""
    known = {}
    for folder in filter(None, (os.path.join(TOP, FOLDER), more)):
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            raise Trouble(f"cannot read {folder}: {error.strerror}") from None
        for name in names:
            path = os.path.join(folder, name)
            if not (re.fullmatch(r"[0-9]{2}-[a-z0-9-]+", name) and
                    os.path.exists(os.path.join(path, "task.md"))):
                continue
            exercise = Exercise(path)
            if exercise.number in known:
                raise Trouble(f"two exercises have the number "
                              f"{exercise.number}: {path} and "
                              f"{known[exercise.number].folder}")
            known[exercise.number] = exercise
    return dict(sorted(known.items()))


def find(known, word):
    """Returns the exercise with this number or name, given as text."""
    for number, exercise in known.items():
        if word in (str(number), exercise.name, exercise.name[:2],
                    exercise.name[3:]):
            return exercise
    numbers = ", ".join(str(number) for number in known)
    raise Trouble(f"there is no exercise '{word}': give one of {numbers}")
