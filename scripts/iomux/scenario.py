"""scenario.py - reads a scenario: the steps of the clients, as
common/scenario.h describes them."""
from __future__ import annotations

import dataclasses
import os
import re

from .message import SHOWN, shown
from .program import Trouble, read_bytes

PATTERN = "abcdefghijklmnopqrstuvwxyz0123456789\n"
MOST_STEPS = 1_000_000  # with repeats written out
ALONE = ("connect", "connect-nonblocking", "shutdown", "expect-eof",
         "expect-nothing", "close", "abort")


@dataclasses.dataclass
class Step:
    line: int
    who: str  # "c1"; "player"
    verb: str
    size: int = 0
    text: str | None = None  # None: of the pattern
    data: bytes | None = None  # of send and expect; None: of the pattern


def pattern(position, size):
    """Returns the shown part of size bytes of the pattern from position on."""
    return pattern_bytes(position, min(size, SHOWN)).decode("ascii")


def pattern_bytes(position, size):
    """Returns size bytes of the pattern from position on."""
    start, length = position % len(PATTERN), len(PATTERN)
    return (PATTERN * ((start + size) // length + 1)).encode("ascii")[
        start:start + size]


def literal(text):
    """Returns the bytes of a text between quotes, or None if one of its
    escapes does not exist."""
    text = re.sub(r'\\(0|"|\\|.)', lambda found: {
        "0": "\\x00", '"': '"'}.get(found[1], found[0]), text)
    if re.search(r"\\", re.sub(
            r"\\(?:x[0-9a-fA-F]{2}|[abtnvfr\\])", "", text)):
        return None
    return shown(text)


def step_of_client(words, number):
    """Returns the step of a client that is written without quotes, or None."""
    step = Step(number, words[0], words[1])
    if len(words) == 2:
        return step if step.verb in ALONE else None
    if step.verb == "send-oob":
        step.text, step.size = literal(words[2]), 1
        if step.text is None:
            return None
        step.data = step.text.encode("latin-1")
        return step
    if step.verb == "expect-error":
        step.text = words[2]
        return step
    if (step.verb in ("send", "expect") and
            re.fullmatch("[0-9]{1,18}", words[2])):
        step.size = int(words[2])
        return step
    return None


def parse_step(line, number, name):
    """Returns the step of a line of a scenario, or None for an empty line."""
    line = line.strip(" \t\r")
    if line == "" or line.startswith("#"):
        return None
    if re.match(r"note[ \t]", line):
        return Step(number, "player", "note", text=line[4:].strip())
    step = None
    quoted = re.fullmatch(
        r'(c[0-9]+)[ \t]+(send|expect)[ \t]+"((?:[^"\\]|\\.)*)"[ \t]*(#.*)?',
        line)
    words = re.split(r"[ \t]+", re.sub(r"(^|[ \t])#.*", "", line).strip())
    if quoted is not None:
        text = literal(quoted[3])
        if text is not None:
            step = Step(number, quoted[1], quoted[2], len(text), text,
                        text.encode("latin-1"))
    elif re.fullmatch(r"c[0-9]+", words[0]) and len(words) in (2, 3):
        step = step_of_client(words, number)
    elif re.fullmatch(r"hold|release|await-timer|\}|signal (stop|cont|term)|"
                      r"room [0-9]{1,9}|repeat [0-9]{1,9} \{",
                      " ".join(words)):
        step = Step(number, "player", words[0],
                    int(words[1]) if words[0] in ("room", "repeat") else 0,
                    " ".join(words))
    if step is None:
        raise Trouble(f"{name}:{number}: this is not a step of a scenario: "
                      f"{ascii(line[:60])}; common/scenario.h lists them all")
    return step


def read_scenario(path):
    """Returns the steps of a scenario in the order in which they are played."""
    name = os.path.basename(path)
    opened = [(1, [])]  # how often, and the steps of it
    lines = read_bytes(path).decode("latin-1").split("\n")
    for number, line in enumerate(lines, 1):
        step = parse_step(line, number, name)
        if step is None:
            continue
        if step.verb == "repeat":
            opened.append((step.size, []))
        elif step.verb == "}":
            if len(opened) == 1:
                raise Trouble(f"{name}:{number}: this }} ends no repeat")
            times, steps = opened.pop()
            if len(steps) * times > MOST_STEPS:
                raise Trouble(f"{name}:{number}: this repeat has more than "
                              f"{MOST_STEPS} steps")
            opened[-1][1].extend(steps * times)
        else:
            opened[-1][1].append(step)
    if len(opened) > 1:
        raise Trouble(f"{name}: a repeat has no }}")
    if all(step.who == "player" for step in opened[0][1]):
        raise Trouble(f"{name}: no client does anything: a scenario begins "
                      "with a step such as 'c1 connect'")
    return opened[0][1] + last_closes(opened[0][1])


def options_of(path):
    """Returns the options of each stage that a scenario is for, which may be
    none, or {} if it is for all."""
    text = read_bytes(path).decode("latin-1")
    found = re.findall(r"^# options (\S+):(.*?)\r?$", text, re.M)
    return {stage: words.split() for stage, words in found}


def last_closes(steps):
    """Returns the closes of the clients that are still connected at the end,
    in the order of their numbers."""
    connected = set()
    for step in steps:
        if step.verb.startswith("connect"):
            connected.add(step.who)
        elif step.verb in ("close", "abort"):
            connected.discard(step.who)
    return [Step(0, who, "close")
            for who in sorted(connected, key=lambda who: (len(who), who))]
