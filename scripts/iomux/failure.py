"""failure.py - the reason for which a check has failed, or was not made."""
import difflib
import os
import re

from .message import plain
from .program import TOP

ROWS = 5  # lines of the trace before the one that is wrong
WIDTH = 200  # characters of a line
WORDS = {"  ": "GOOD", "+ ": "BAD", "- ": "MISSING"}


class Skipped(Exception):
    """A check that cannot be made here, with the reason."""


class Failed(Exception):
    """A check has failed: what was expected, and what came instead.

    at is the line of a scenario. rows are (word, line of the trace). source is
    a line of the student's file. command repeats this failure, or is None if
    the command of the check does. hang is where the server was blocked or
    spinning when a client received nothing. is_step is true if a step of a
    scenario has failed."""

    is_step = False

    def __init__(self, expected, got, at=None, rows=(), source=None,
                 command=None, hang=None):
        super().__init__(expected, got)
        self.expected, self.got, self.at = expected, got, at
        self.rows, self.source = list(rows), source
        self.command, self.hang = command, hang

    def render(self, seed, command):
        """Returns the lines of the report."""
        lines = [("seed", str(seed))]
        if self.at:
            lines.append(("line", self.at))
        lines += [("expected", self.expected), ("got", self.got)]
        if self.hang:
            lines.append(("server", self.hang))
        text = [f"  {word + ':':10}{shorten(said)}" for word, said in lines]
        if self.rows:
            text.append("  trace:")
            text += [f"    {word:8}{shorten(row)}" for word, row in self.rows]
        if self.source:
            text.append(f"  source:   {shorten(self.source)}")
        if command:
            text.append(f"  again:    {command}")
        return "\n".join(text)


def shorten(text):
    text = plain(text)
    return text if len(text) <= WIDTH else text[:WIDTH - 3] + "..."


def differ(wanted, came):
    """Returns the rows around the first difference of two traces, and how many
    lines of the second come before it; [], 0 if they are equal."""
    equal = next((i for i, pair in enumerate(zip(wanted, came))
                  if pair[0] != pair[1]), min(len(wanted), len(came)))
    begin, end = max(0, equal - ROWS), equal + 4 * ROWS
    rows = [(WORDS[row[:2]], row[2:]) for row in difflib.ndiff(
        wanted[begin:end], came[begin:end]) if row[:2] in WORDS]
    first = next((i for i, (word, _) in enumerate(rows) if word != "GOOD"),
                 None)
    if first is None:
        return [], 0
    last = first
    while last + 1 < len(rows) and rows[last + 1][0] != "GOOD" and (
            last < first + ROWS - 1):
        last += 1
    return (rows[max(0, first - ROWS):last + 1],
            begin + first + (rows[first][0] == "BAD"))


def before(events, line):
    """Returns the rows before a line of a trace, and this line as BAD."""
    rows = [("GOOD", e.text) for e in events if e.line < line][-ROWS:]
    return rows + [("BAD", e.text) for e in events if e.line == line]


def before_stop(events):
    """Returns the events before the end of the scenario stops the server."""
    stop = next((i for i, e in enumerate(events) if e.kind == "stop"), None)
    return events[:stop]


def last_rows(events):
    return [("GOOD", e.text) for e in before_stop(events)[-ROWS:]]


def step_at(scenario, number):
    """Returns "last-message.scn:6: c1 close"."""
    name = os.path.basename(scenario)
    try:
        with open(scenario, encoding="latin-1") as file:  # bytes, as in "got"
            lines = file.read().split("\n")
        return f"{name}:{number}: {lines[number - 1].strip()}"
    except (OSError, IndexError):
        return f"{name}:{number}"


def said_by_player(errors):
    """Returns (line, expected, got) of the sentence with which a stage ends a
    scenario, or None."""
    for line in errors.splitlines():
        found = re.match(r".*?\.scn:([0-9]+): (.*)", line)
        if found is None:
            continue
        number, sentence = int(found[1]), found[2]
        sentence = sentence.partition("; if the scenario is meant")[0]
        parts = re.fullmatch(r"(c[0-9]+) expected (.*), but (.*)", sentence)
        if parts:
            return number, f"{parts[1]} receives {parts[2]}", parts[3]
        return number, "the step succeeds", sentence
    return None


def source_line(exercise, source, place):
    """Returns "06-epoll-lt.c:37: text" of "demos/06-epoll-lt.c:37"."""
    name, _, number = place.rpartition(":")
    path = source if name == exercise.file else os.path.join(TOP, name)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read().split("\n")[int(number) - 1].strip()
    except (OSError, IndexError, ValueError):
        return place
    return f"{os.path.basename(name)}:{number}: {text}"
