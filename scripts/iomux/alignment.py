"""alignment.py - puts the lines of two traces beside each other.

In a scenario both traces have the same lines of the clients in the same order:
these are the anchors. Between two anchors the server's lines of both sides are
aligned. Where threads ran freely only the order of the lines about one client
means anything, so each client is aligned alone.
"""
import difflib
import itertools
import re


def key(event):
    """Returns what is compared of an event: its text without the numbers of
    descriptors and workers, and without the name of a call that waits."""
    text, label, msg = event.text.partition("msg:")
    text = re.sub(r"^\[worker \d+\]", "[server]".ljust(10), text)
    text = re.sub(r"fd:\d+", "fd", text)
    if event.kind in ("wait", "woke"):
        text = text.replace(event.call, "wait", 1)
    return text + label + msg


def marker(left, right):
    """Returns what is between two events of a row: <, > or | if they differ."""
    if left is None:
        return ">"
    if right is None:
        return "<"
    return " " if key(left) == key(right) else "|"


def is_anchor(event):
    return not event.of_server


def pairs(left, right, by):
    """Yields tuples of two lists: (True, L, R) where they are equal by a key,
    and (False, L, R) where not."""
    matcher = difflib.SequenceMatcher(
        None, [by(e) for e in left], [by(e) for e in right], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        yield tag == "equal", left[a:b], right[c:d]


def beside(left, right):
    """Returns rows of two lists of events: equal events beside each other,
    then events of one kind, then the others alone."""
    rows = []
    for equal, some, others in pairs(left, right, key):
        if equal:
            rows += zip(some, others)
            continue
        for alike, these, those in pairs(some, others, lambda e: e.kind):
            if alike:
                rows += zip(these, those)
            else:
                rows += zip(these, itertools.repeat(None))
                rows += zip(itertools.repeat(None), those)
    return rows


def anchored(left, right):
    """Returns rows of two traces of a scenario."""
    rows, done, done_too = [], 0, 0
    anchors = [[(i, e) for i, e in enumerate(events) if is_anchor(e)]
               for events in (left, right)]
    for equal, some, others in pairs(*anchors, lambda pair: key(pair[1])):
        for (i, event), (j, other) in zip(some, others) if equal else ():
            rows += beside(left[done:i], right[done_too:j])
            rows.append((event, other))
            done, done_too = i + 1, j + 1
    return rows + beside(left[done:], right[done_too:])


def in_lockstep(trace):
    """Is the trace of a scenario? There c1 has fd:101, c2 fd:102, and so on.
    Several workers run freely all the same."""
    if any(e.who.startswith("worker") for e in trace.events):
        return False
    connects = [e for e in trace.events if e.kind == "connect"]
    return bool(connects) and all(
        e.fd == 100 + int(e.about[1:]) for e in connects)


def by_client(left, right):
    """Yields titles, each with the rows of the lines about one client."""
    names = {e.about for e in left + right if e.about is not None}
    for name in sorted(names, key=lambda name: (name[0], int(name[1:]))):
        for side in ("of_client", "of_server"):
            some, others = ([e for e in events if e.about == name and
                             getattr(e, side)] for events in (left, right))
            if some or others:
                who = "what the server does" if side == "of_server" else (
                    "what it does")
                yield f"{name}: {who}", beside(some, others)
