"""step_source.py - the source of a stage, and the lines of the system call that
an event is about.
"""
import difflib
import os
import re

from .program import read_text

NEAR = 6  # lines between a system call and its trace call, at most
BEFORE = ("wait", "submit", "refused", "close")  # printed before their call
CALLS = {  # of a kind, where its name is not that of the call
    "accept": ("accept4", "accept"), "recv": ("recv",), "eof": ("recv",),
    "send": ("send",), "ctl": ("epoll_ctl",), "refused": ("close",),
    "close": ("close",), "shutdown": ("shutdown",),
    "listen": ("listener_open",)}


def names_of(event):
    """Returns the names that the system call of an event may have."""
    if event.kind in CALLS:
        return CALLS[event.kind]
    name = event.call
    return (name + "4", name) if name == "accept" else (name,)


def closing_line(lines, start, column):
    """Returns the line in which the parenthesis that is open at a column of
    the line start closes. Lines are numbered from 1."""
    depth = 0
    for number in range(start, min(start + NEAR, len(lines)) + 1):
        text = lines[number - 1][column if number == start else 0:]
        for letter in text:
            depth += (letter == "(") - (letter == ")")
            if depth == 0:
                return number
    return start


def call_lines(lines, near, event):
    """Returns the first and the last line of the system call of an event that
    is traced in line near: the nearest call before it or, if the event is
    printed before the call, after it. Stage 09 prints epoll_ctl before the call,
    too, so the other direction is second. Without a call this is the line near."""
    if event.kind in ("ready", "timer", "note", "stop"):
        return near, near
    call = re.compile(rf"(?<![\w.>])(?:{'|'.join(names_of(event))})\s*\(")
    after = [near + distance for distance in range(1, NEAR + 1)]
    before = [near - distance for distance in range(1, NEAR + 1)]
    for number in after + before if event.kind in BEFORE else before + after:
        if not 1 <= number <= len(lines):
            continue
        found = call.search(lines[number - 1])
        if found is not None:
            return number, closing_line(lines, number, found.end() - 1)
    return near, near


class Sources:
    """The files of a stage in which its trace calls are."""

    def __init__(self, top, stage):
        self.top = top  # of the checkout, or of the twin
        self.names = [f"demos/{stage}.c"]
        self.lines = [self.read(self.names[0])]

    def read(self, name):
        return read_text(os.path.join(self.top, name)).split("\n")[:-1]

    def place(self, src, event):
        """Returns (file, first line, last line) of the call of an event, or
        None if it is in a file of common/. Files are numbered from 0."""
        name, _, number = (src or "").rpartition(":")
        found = re.search(r"demos/[\w-]+\.[ch]$", name)
        if found is None or not number.isdigit():
            return None
        if found[0] not in self.names:
            self.names.append(found[0])
            self.lines.append(self.read(found[0]))
        index = self.names.index(found[0])
        return (index, *call_lines(self.lines[index], int(number), event))

    def unlike(self, other):
        """Returns for each file the lines that the file of other does not
        have."""
        return [new_lines(other.read(name), lines)
                for name, lines in zip(self.names, self.lines)]


def new_lines(old, new):
    """Returns the numbers of the lines of new that old does not have. Where
    lines are only missing, this is the line after them."""
    found = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag != "equal":
            found += range(start + 1, max(end, start + 1) + 1)
    return found
