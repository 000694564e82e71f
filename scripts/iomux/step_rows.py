"""step_rows.py - the steps of a page: the rows of two traces beside each other,
with repeated groups folded, and the lanes of the threads.
"""
from __future__ import annotations

import dataclasses
import re

from .alignment import anchored, marker

LONGEST = 14  # rows of a group that is repeated
LEAST = 4  # repetitions that are folded


@dataclasses.dataclass
class Row:
    """One step. A side is the number of its event, or None."""
    sides: list
    times: int = 0  # of a fold: how often the group is repeated in it
    group: int = 0  # and how many rows the group has


def align(sides):
    """Returns the rows of one or two lists of moments."""
    events = [[m.event for m in side] for side in sides]
    if len(sides) == 1:
        return [Row([number]) for number in range(len(events[0]))]
    index = [{id(e): n for n, e in enumerate(side)} for side in events]
    return [Row([None if e is None else index[side][id(e)]
                 for side, e in enumerate(pair)])
            for pair in anchored(*events)]


def sign(row, sides):
    """Returns what is compared to find repeated rows."""
    said = []
    for number, side in zip(row.sides, sides):
        if number is None:
            said.append(None)
            continue
        event = side[number].event
        text, _, _ = event.text.partition(", msg:")
        said.append(text)
    return tuple(said)


def repeats(signs, start, size):
    """Returns how often the group of size rows at start follows itself."""
    group, times = signs[start:start + size], 1
    while signs[start + times * size:start + (times + 1) * size] == group:
        times += 1
    return times


def fold(rows, sides):
    """Returns the rows, with one row in place of those repetitions of a group
    that are neither the first nor the last."""
    signs = [sign(row, sides) for row in rows]
    result, at = [], 0
    while at < len(rows):
        size, times = max(
            ((size, repeats(signs, at, size))
             for size in range(1, LONGEST + 1)),
            key=lambda found: (found[0] * found[1] if found[1] >= LEAST else 0,
                               -found[0]))
        if times < LEAST:
            result.append(rows[at])
            at += 1
            continue
        end = at + size * times
        result += rows[at:at + size]
        hidden = rows[at + size:end - size]
        last = [next((row.sides[side] for row in reversed(hidden)
                      if row.sides[side] is not None), None)
                for side in range(len(sides))]
        result.append(Row(last, times - 2, size))
        result += rows[end - size:end]
        at = end
    return result


def mark(row, sides):
    """Returns the mark of scripts/compare: "", |, < or >."""
    if len(sides) == 1:
        return ""
    return marker(*(None if n is None else side[n].event
                    for n, side in zip(row.sides, sides))).strip()


def order(name):
    """Returns the place of a lane: the server, its threads, the clients."""
    word, _, number = name.partition(" ")
    kinds = ("server", "thread", "worker", "client")
    return kinds.index(word), int(re.sub(r"\D", "", number) or 0)


def lanes(rows, side, moments):
    """Returns a lane for each thread of one side: its name, and its bars:
    (first step, last step, kind, call). Steps are numbered from 0."""
    shown = [m.event.who for m in moments]
    names = sorted({who for who in shown
                    if who.partition(" ")[0] in
                    ("server", "thread", "worker", "client")}, key=order)
    last = -1
    at = []  # of each row: the moment that it shows
    for row in rows:
        last = last if row.sides[side] is None else row.sides[side]
        at.append(last)
    result = []
    for name in names:
        result.append([name, bars(name, at, moments)])
    return result


def bars(name, at, moments):
    """Returns the bars of one lane."""
    if name.startswith("client"):
        kinds = client_kinds(name, moments)
    else:
        kinds = [m.waits.get(name) for m in moments]
    found = []
    for step, number in enumerate(at):
        what = kinds[number] if number >= 0 else None
        if what is None:
            continue
        if found and found[-1][1] == step - 1 and found[-1][2] == what:
            found[-1][1] = step
        else:
            found.append([step, step, what])
    return found


def client_kinds(name, moments):
    """Returns for each moment whether a client is in the backlog, accepted or
    neither."""
    about, kind, result = "c" + name.split()[1], None, []
    for moment in moments:
        event = moment.event
        if event.who == name and event.kind == "connect":
            kind = "backlog"
        elif event.who == name and event.kind == "close":
            kind = None
        elif event.of_server and event.client == about and \
                event.kind == "accept" and kind:
            kind = "accepted"
        result.append(kind)
    return result
