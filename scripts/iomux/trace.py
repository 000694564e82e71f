"""trace.py - reads what a stage has recorded: a trace, as text or as JSON
Lines.

The grammar of the text is in one place, tests/grammar.txt. A line of JSON is
written out as the line of text that it stands for, and then read like one, so
that both kinds give the same events and obey the same grammar.
"""
from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import re

from . import summary as summaries
from .program import TOP, Trouble, read_bytes
from .trace_json import of_server as label_of_server
from .trace_json import (Metadata, State, read_done, read_object,
                         read_state)

GRAMMAR = os.path.join(TOP, "tests", "grammar.txt")
COLUMN = 11  # where an event begins, after its label
NUMBERS = ("fd", "bytes", "asked", "num")
DIGITS = 18  # of a number, at most
NO_EVENT = "this is not an event of the grammar in tests/grammar.txt"


@dataclasses.dataclass
class Event:
    """One line of a trace. A field that the line does not have is None."""
    line: int  # in the file
    text: str
    who: str  # "server", "client 2", "thread 1", "worker 1", "demo", "player"
    kind: str  # a word of trace.h: "recv", "woke", ...
    call: str  # "recv", "epoll_wait", ...
    fd: int | None = None
    client: str | None = None  # "c2", "x1"
    bytes: int | None = None
    asked: int | None = None
    num: int | None = None
    op: str | None = None
    events: str | None = None
    error: str | None = None
    msg: str | None = None
    remark: str | None = None
    again: int = 0  # EAGAINs left out before it; only JSON has this ...
    src: str | None = None  # ... and FILE:LINE

    @property
    def of_server(self):
        return label_of_server(self.who)

    @property
    def of_client(self):
        return self.who.startswith("client")

    @property
    def about(self):
        """The client that the event concerns, whichever side prints it, or
        None."""
        if self.of_client:
            return "c" + self.who.split()[1]
        return self.client


@dataclasses.dataclass
class Trace:
    name: str
    events: list
    summary: dict | None = None
    summary_line: int = 0
    problem: tuple | None = None  # of the first bad line: number, text, why
    # What the kernel held after events[i - 1], by i; only JSON has this.
    states: dict = dataclasses.field(default_factory=dict)
    done: str | None = None  # "echoed" or "answered"; only JSON has this

    @property
    def echoes(self):
        """Does the server send back what it receives?"""
        said = self.summary or {}
        if self.done or "done" in said:
            return (self.done or said["done"]) == "echoed"
        return said.get("program") != summaries.ANSWERS


# --- the grammar -------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def grammar():
    """Returns the expression of a label, and a list of kind and expression."""
    words, kinds = {}, []
    try:
        with open(GRAMMAR, encoding="ascii") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise Trouble(f"cannot read {GRAMMAR}: {error.strerror}") from None
    for line in lines:
        found = re.match(r"(\w+)\s+(.*\S)", line)
        if found is None:
            continue
        name, regex = found.groups()
        if name.isupper():
            words[name] = regex
        else:
            kinds.append((name, regex))
    any_word = re.compile(r"\b(%s)\b" % "|".join(words))

    def expand(regex):
        while any_word.search(regex):
            regex = any_word.sub(lambda found: words[found[1]], regex)
        # In Perl two groups may have the same name; here they get numbers.
        count = itertools.count()
        return re.compile(re.sub(
            r"\(\?<(\w+)>",
            lambda found: f"(?P<{found[1]}_{next(count)}>", regex), re.ASCII)

    return expand("WHO"), [(kind, expand(regex)) for kind, regex in kinds]


def parse(line, number):
    """Returns the event of a line of text, or None."""
    who_regex, kinds = grammar()
    who = who_regex.match(line)
    if who is None or who.end() > DIGITS:
        return None
    start = max(COLUMN, who.end() + 1)
    body = line[start:]
    if line[who.end():start].strip(" ") or len(line) <= start:
        return None
    for kind, regex in kinds:
        found = regex.fullmatch(body)
        if found is None:
            continue
        said = {name.rpartition("_")[0]: value
                for name, value in found.groupdict().items()
                if value is not None}
        call = said.pop("name", None) or body.split()[0].rstrip(".")
        call = {"accept": "accept", "ready": "ready"}.get(kind, call)
        if any(len(said.get(key, "")) > DIGITS for key in (*NUMBERS, "client")):
            return None
        for key in NUMBERS:
            if key in said:
                said[key] = int(said[key])
        return Event(number, line, who["who_0"], kind, call, **said)
    return None


def not_finite(word):
    raise ValueError(f"{word} is not a number of JSON")


def parse_json(line, number):
    """Returns the event of a line of JSON, a State, the dict of its summary,
    a Metadata, or None if it is none of these."""
    try:
        said = json.loads(line, parse_constant=not_finite)
        if said["cat"] == "__metadata":
            return Metadata(read_done(said.get("args", {})))
        if said["cat"] == "state":
            return read_state(said["args"], number)
        if said["cat"] == "summary":
            return summaries.from_json(said["args"])
        kind, text, again = read_object(said)
        event = parse(text, number)
        if event is not None and event.kind == kind:
            event.again, event.src = again, said["args"].get("src")
            return event
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return None


# --- files -------------------------------------------------------------------

def read(path):
    """Returns the trace in a file; "-" is standard input. Raises Trouble if
    the file cannot be read, is empty, or is not a trace at all."""
    data = read_bytes(path)
    if not data:
        raise Trouble(f"{path} is empty")
    trace = read_trace(path, data)
    if trace.problem is not None and not trace.events:
        number, line, why = trace.problem
        if number == 1 and not re.match(r'\[[a-z]|\{"', line):
            raise Trouble(f"{path} is not a trace: line 1 is neither an event "
                          "nor an object of JSON")
    if trace.problem is None and not trace.events:
        why = ("was it recorded with -q? Record it again without -q"
               if trace.summary else "nothing happened before it was cut")
        raise Trouble(f"{path} has no events: {why}")
    return trace


def read_trace(name, data):
    """Returns the trace that bytes are, up to the first bad line. A line may
    end with CR LF."""
    trace = Trace(name, [])
    lines = data.decode("latin-1").split("\n")
    last = lines.pop()
    if last:
        lines.append(last)
    take = take_json if data[:1] == b"{" else take_text
    for number, line in enumerate(lines, 1):
        if line.endswith("\r"):
            line = line[:-1]
        why = take(trace, line, number)
        if why is None and last and number == len(lines):
            why = "the last line has no newline: the end of it is missing"
        if why is not None:
            trace.problem = (number, line, why)
            break
    return trace


def take_json(trace, line, number):
    """Adds a line of JSON. Returns what is wrong with it, or None."""
    found = parse_json(line, number)
    if found is None:
        return ("this is not an event, in JSON, of the grammar in "
                "tests/grammar.txt")
    if trace.summary is not None:
        return "this line follows the summary, which must be the last line"
    if isinstance(found, Event):
        trace.events.append(found)
    elif isinstance(found, Metadata):
        trace.done = found.done or trace.done
    elif isinstance(found, State):
        old = trace.states.get(len(trace.events))
        if old is not None:  # nothing was printed since: its waits are known
            found = found._replace(
                timeouts={**old.timeouts, **found.timeouts})
        trace.states[len(trace.events)] = found
    elif isinstance(found, dict):
        trace.summary, trace.summary_line = found, number
    return None


def take_text(trace, line, number):
    """Adds a line of text. Returns what is wrong with it, or None."""
    if trace.summary is not None:
        if not summaries.add_line(trace.summary, line):
            return "the summary has no such line"
        return None
    if line == "":
        trace.summary, trace.summary_line = {}, number
        return None
    if line.startswith("ready: ") and len(trace.events) <= 1:
        return None
    event = parse(line, number)
    if event is None:
        return NO_EVENT
    trace.events.append(event)
    return None
