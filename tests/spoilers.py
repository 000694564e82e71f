#!/usr/bin/env -S python3 -IB
"""spoilers.py - does a text print the answer of a find exercise?

    tests/spoilers.py [FOLDER]    the texts of FOLDER (default: walkthrough)

An answer is a line that the bug adds to the stage, or that the solution adds to
it. Such a line may stand in no fence of a text, except in an excerpt of a file.
A line that the bug removes is the stage's own source, so it may also stand in the
context of a patch, but not among the lines that a patch changes. Spaces do not
count. Lines with few tokens, "return DRAINED;" for example, give nothing away.
No text names the twin that an exercise begins with.

tests/spoilers.txt lists what is allowed, and why. Exit status: 0 no spoiler, 1
some, each with a line, 2 trouble.
"""
import functools
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "scripts"))
from iomux import exercise, program  # noqa: E402

MIN_TOKENS = 6
ALLOWED = os.path.join(TOP, "tests", "spoilers.txt")
FENCE = re.compile(r"(^<!-- excerpt: [^\n]*\n)?^```(\w*)\n(.*?)^```$",
                   re.M | re.S)


def tokens(line):
    """The tokens of a line of C, without comments, joined by one space."""
    code = re.sub(r"/\*.*?(\*/|$)|//.*|^\s*\*.*|^\s*#include.*", "", line)
    return " ".join(re.findall(r"\w+|[^\w\s]", code))


def lines_of(text):
    folded = {tokens(line) for line in text.decode().splitlines()}
    return {line for line in folded if len(line.split()) >= MIN_TOKENS}


@functools.lru_cache(maxsize=None)
def answers(one):
    """Returns the lines that may stand nowhere, and those that no patch may
    change: (added, removed)."""
    stage = lines_of(program.read_bytes(os.path.join(TOP, one.file)))
    started, solved = lines_of(one.started()), lines_of(one.solution())
    return (started | solved) - stage, stage - started


def check_fences(text, one):
    """Yields (line number, words) for each line that is an answer."""
    added, removed = answers(one)
    for fence in FENCE.finditer(text):
        excerpt, kind, content = fence.groups()
        if excerpt:
            continue
        first = text.count("\n", 0, fence.start(3)) + 1
        for number, line in enumerate(content.splitlines(), first):
            changed = kind == "diff" and line[:1] in "+-"
            code = tokens(line[1:] if kind == "diff" else line)
            if code in added or changed and code in removed:
                yield number, line.strip()


def check_names(text, one):
    """Yields (line number, words) for each place that names the twin."""
    if one.twin is None:
        return
    name = os.path.basename(one.twin)[:-len(".patch")]
    form = rf"\btwin[: ]{name}\b|`{name}`|broken/{name}\.patch"
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(form, line) and not line.startswith("- start: "):
            yield number, name


def texts(folder):
    for place, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.join(place, name)


def read_allowed():
    """Returns the (file, exercise, words) that are allowed."""
    rows = [line.split(" | ") for line in
            program.read_text(ALLOWED).splitlines()
            if line and not line.startswith("#")]
    if any(len(row) != 4 for row in rows):
        raise program.Trouble(f"{ALLOWED}: a line is FILE | EXERCISE | WORDS | "
                              "REASON")
    return {tuple(row[:3]) for row in rows}


def main(arguments):
    folder = arguments[0] if arguments else os.path.join(TOP, "walkthrough")
    allowed, used, found, read = read_allowed(), set(), 0, 0
    exercises = [one for one in exercise.read_all().values()
                 if one.kind == "find"]
    for path in texts(folder):
        text, name = program.read_text(path), os.path.relpath(path, folder)
        read += 1
        for one in exercises:
            for check in check_fences, check_names:
                for number, words in check(text, one):
                    entry = name, one.name, words
                    if entry in allowed:
                        used.add(entry)
                        continue
                    found += 1
                    print(f"{name}:{number}: gives away exercise "
                          f"{one.number}: {words}")
    if not arguments:
        for entry in sorted(allowed - used):
            found += 1
            print(f"tests/spoilers.txt: not needed: {' | '.join(entry)}")
    print(f"{found} found in {read} files, for {len(exercises)} exercises")
    return 1 if found else 0


if __name__ == "__main__":
    program.run("spoilers", main)
