"""compare.py - prints two traces side by side, and the counts of both."""
import os

from . import trace as traces
from .alignment import anchored, by_client, in_lockstep, marker
from .message import plain
from .program import Trouble, colourful, columns
from .stages import build, find_play, find_scenario, play, stages
from .twins import find_twin

SPUN = 6  # lines of a twin that are shown after the end of the other trace
RED, GREEN, BOLD, NORMAL = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"


def cut(text, width):
    """Returns a text as wide as its column. A text that is cut has a ~: at its
    end, or before its events, which are never cut if there is room."""
    if len(text) <= width:
        return text.ljust(width)
    head, label, events = text.partition("events:")
    if "msg:" in head or not label or len(label + events) + 12 > width:
        return text[:width - 1] + "~"
    return text[:width - 1 - len(label + events)] + "~" + label + events


def needed(trace):
    """Returns the width that shows a trace; a message may be cut."""
    texts = (e.text.partition("msg:")[0] for e in trace.events)
    return max((len(plain(text)) for text in texts), default=0)


class Screen:
    """Two columns, of the same width unless one needs more than a half."""

    def __init__(self, left, right):
        half = max(20, (columns(100) - 3) // 2)
        self.left = self.right = half
        if needed(left) < half:
            self.right = max(half, min(needed(right), 2 * half - needed(left)))
        elif needed(right) < half:
            self.right = 2 * half - min(needed(left), 2 * half - needed(right))
        self.left = 2 * half - self.right
        self.colour = colourful()

    def paint(self, text, colour):
        return f"{colour}{text}{NORMAL}" if self.colour else text

    def title(self, left, right=""):
        line = f"{cut(left, self.left)}   {cut(right, self.right)}"
        print(self.paint(line.rstrip(), BOLD))

    def row(self, left, right):
        mark = marker(left, right)
        texts = [cut(plain(event.text) if event else "", width)
                 for event, width in ((left, self.left), (right, self.right))]
        if mark != " ":
            texts = [self.paint(texts[0], RED), self.paint(texts[1], GREEN)]
        print(f"{texts[0]} {mark} {texts[1]}".rstrip())

    def rows(self, rows):
        """Prints rows. Returns True if all are equal."""
        for left, right in rows:
            self.row(left, right)
        return all(marker(*row) == " " for row in rows)


def counts(trace):
    """Returns the numbers that compare stages, as texts. Those that a run of
    EAGAIN leaves out of the lines are taken from the summary."""
    server = [e for e in trace.events if e.of_server]

    def lines(kind=None, call=None):
        return sum((kind is None or e.kind == kind) and
                   (call is None or e.call == call) and
                   (kind is not None or e.kind != "wait") for e in server)

    found = {"waits": lines("wait"), "wake-ups": lines("woke"),
             "accept": lines(call="accept"), "recv": lines(call="recv"),
             "EAGAIN": lines("again"), "send": lines(call="send"),
             "ctl": lines("ctl")}
    said = trace.summary or {}
    for name, word in (("accept", "accept"), ("recv", "recv"),
                       ("EAGAIN", "again"), ("send", "send")):
        found[name] = said.get(word, found[name])
    rate = said.get("calls_per_message")
    found["per message"] = "-" if rate is None else f"{rate:.1f}"
    return {name: str(value) for name, value in found.items()}


def print_counts(left, right):
    columns = [counts(left), counts(right)]
    names = [os.path.basename(trace.name)[:24] for trace in (left, right)]
    first = max(len(name) for name in names)
    widths = {name: max(len(name), *(len(c[name]) for c in columns))
              for name in columns[0]}
    print()
    print(" " * first, *(n.rjust(w) for n, w in widths.items()), sep="  ")
    for name, column in zip(names, columns):
        print(name.ljust(first),
              *(column[n].rjust(w) for n, w in widths.items()), sep="  ")


def load(word, scenario):
    """Returns the trace of a stage that plays a scenario, or of a file."""
    stage, options = find_play(word)
    trace = play(stage, scenario, options) if stage else traces.read(word)
    if trace.problem is not None:
        number, _, why = trace.problem
        raise Trouble(f"{word}:{number}: {why}")
    return trace


def check_words(words, scenario):
    """Returns True if one of two words names a stage."""
    if len(words) != 2:
        raise Trouble(f"give two stages, or two files, not {len(words)}: "
                      "scripts/compare 04-select 05-poll")
    named = [find_play(word)[0] is not None or find_twin(word) is not None
             for word in words]
    for word, is_stage in zip(words, named):
        if not is_stage and not os.path.exists(word):
            raise Trouble(f"'{word}' is not a stage and not a file; the "
                          f"stages are {', '.join(stages())}")
    if scenario is not None and not any(named):
        raise Trouble("--scenario is for stages, and these are files: their "
                      "scenario has been played")
    return any(named)


def print_comparison(left, right):
    """Prints the comparison of two traces. Returns True if they are equal."""
    screen = Screen(left, right)
    screen.title(left.name, right.name)
    if in_lockstep(left) and in_lockstep(right):
        equal = screen.rows(anchored(left.events, right.events))
    else:
        equal = True
        for title, rows in by_client(left.events, right.events):
            screen.title(title)
            equal = screen.rows(rows) and equal
    print_counts(left, right)
    return equal


def shorten(trace, other):
    """Cuts the trace of a twin that spins a few lines after the end of the
    other trace. Returns True if it was longer."""
    most = len(other.events) + SPUN
    longer = len(trace.events) > most
    del trace.events[most:]
    return longer


def compare(words, scenario):
    """Compares two stages, twins or files. Returns True if they are equal."""
    path = None
    if check_words(words, scenario):
        twin = find_twin(words[0]) or find_twin(words[1])
        path = (twin.scenario(scenario) if twin else
                find_scenario(scenario or "one"))
        build()
    pair, endings = [], {}
    for side, word in enumerate(words):
        twin = find_twin(word)
        if twin is None:
            pair.append(load(word, path))
        else:
            trace, endings[side] = twin.play(path)
            pair.append(trace)
    for side in endings:
        if shorten(pair[side], pair[1 - side]):
            endings[side] += "; only the first lines are compared"
    equal = print_comparison(*pair)
    for side, how in endings.items():
        print(f"\n{pair[side].name} {how}")
    return equal
