"""laws.py - the laws that every trace obeys, by name, and the report of the
first one that a trace breaks."""
from .message import plain

LAWS = {
    "grammar": "each line matches the grammar",
    "speaker": "each thread prints only events of its own kind",
    "accepted first": "a client is accepted before anything else happens",
    "gone": "nothing happens to a client after its close or refusal",
    "descriptor": "a descriptor belongs to one connection at a time",
    "wait": "a wait ends before its thread does anything else",
    "ready": "after 'done, num:N' N ready descriptors follow",
    "handled": "a ready descriptor is handled before the next wait",
    "requested": "a result has its request, and no client is closed while "
                 "it has one",
    "results": "after 'io_uring_enter done, num:N' N results follow",
    "one at a time": "with ONESHOT, one thread alone handles a reported client "
                     "until MOD",
    "asked": "epoll reports only registered events, and always ERR and HUP",
    "echo": "no more is sent to a client than was received from it",
    "all echoed": "what was received is sent before the close",
    "ended": "after end of file or an error a client is only closed",
    "closed": "every client that was accepted is closed in the end",
    "client": "a client connects, sends, shuts down and closes, in this order",
    "sent first": "the server receives what the client has sent, no more",
    "waiting": "bytes waiting = sent - received, in a trace with states",
    "own bytes": "a client receives what it has sent, no more",
    "all back": "a client that sees end of file has received all it has sent",
    "stop": "the program stops once",
    "summary": "the summary counts what the lines show",
    "scenario": "the clients do what the scenario lists, in its order",
}
CONTEXT = 3  # lines around the broken one
left_out = set()  # laws that are not checked; for modules that import this


class Broken(Exception):
    """A law is broken, at a line: an Event, or (number, text)."""

    def __init__(self, law, where, why):
        super().__init__(why)
        self.law, self.why = law, why
        self.line, self.text = (where if isinstance(where, tuple)
                                else (where.line, where.text))


def need(good, law, where, why):
    """Raises Broken if a condition of a law does not hold."""
    if not good and law not in left_out:
        raise Broken(law, where, why)


def at(event):
    """Returns " in line N", or "" without an event."""
    return "" if event is None else f" in line {event.line}"


def laws_as_text(indent):
    return "\n".join(f"{indent}{law:15} {text}" for law, text in LAWS.items())


def report(trace, broken):
    """Prints which law is broken, and where, with the lines around it."""
    print(f"{trace.name}: broken law '{broken.law}': {LAWS[broken.law]}")
    print(f"line {broken.line}: {broken.why}\n")
    lines = [(e.line, e.text) for e in trace.events]
    if broken.line not in [number for number, _ in lines]:
        lines.append((broken.line, broken.text))
    lines.sort()
    index = [number for number, _ in lines].index(broken.line)
    for number, text in lines[max(0, index - CONTEXT):index + CONTEXT + 1]:
        mark = ">" if number == broken.line else " "
        print(f"{mark}{number:6} | {plain(text)}")
