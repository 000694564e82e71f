"""law_scenario.py - the law that the clients do what their scenario lists."""
import collections

from .laws import Broken
from .message import escape
from .scenario import pattern

class Script:
    """The lines of the clients and the player, one after the other."""

    def __init__(self, trace):
        self.events = [e for e in trace.events
                       if e.of_client or e.who == "player"]
        self.next = 0
        self.failed = {}  # client: the errno of a failed call
        self.unconnected = set()  # clients whose connect has failed
        self.sent = collections.Counter()  # bytes of the pattern
        self.expected = collections.Counter()
        last = trace.events[-1]
        self.end = (last.line, last.text)

    def play(self, steps):
        for step in steps:
            self.play_step(step)
        if self.next < len(self.events):
            raise Broken("scenario", self.events[self.next],
                         "the scenario has ended before")

    def play_step(self, step):
        """Finds the lines of one step, each in its place."""
        if step.verb.startswith("connect"):
            self.take(step, "connect")
            self.unconnected.discard(step.who)
            if self.take_failure(step, "connect"):
                self.unconnected.add(step.who)
        elif step.verb in ("send", "send-oob"):
            self.take_send(step)
        elif step.verb == "expect":
            self.take_expected(step)
        elif step.verb.startswith("expect-"):
            self.take_no_bytes(step)
        elif step.line == 0 and step.who in self.unconnected:
            pass  # it has nothing to close in the end
        elif step.verb in ("shutdown", "close", "abort"):
            self.take(step, "shutdown" if step.verb == "shutdown" else "close")
            self.failed.pop(step.who, None)
            if step.verb != "shutdown":
                self.sent[step.who] = self.expected[step.who] = 0
        else:
            self.take(step, "note", remark=step.text)

    def look(self, step):
        """Returns the next line if it is of the client of this step, or None."""
        who = step.who if step.who == "player" else f"client {step.who[1:]}"
        event = self.peek()
        return event if event is not None and event.who == who else None

    def peek(self):
        return (self.events[self.next] if self.next < len(self.events)
                else None)

    def take(self, step, kind, **said):
        event = self.look(step)
        if (event is None or event.kind != kind or
                any(getattr(event, key) != value
                    for key, value in said.items())):
            self.differ(step)
        self.next += 1
        return event

    def differ(self, step):
        where = self.peek() or self.end
        says = f"{step.who} {step.verb}".replace("player note", "note")
        line = f"line {step.line}: " if step.line else "the end: "
        raise Broken("scenario", where, f"the scenario has here, {line}"
                     f"{says}" + ("" if self.peek() else
                                  "; no line of a client is left"))

    def take_failure(self, step, call):
        """Takes the line of a failed call, if the next line is one. Returns
        True if it is."""
        event = self.look(step)
        if (event is not None and event.kind in ("again", "error") and
                event.call == call and event.asked is None):
            self.failed[step.who] = event.error or "EAGAIN"
            self.next += 1
            return True
        return False

    def take_send(self, step):
        text = (step.text if step.text is not None
                else pattern(self.sent[step.who], step.size))
        self.take(step, "send", bytes=step.size,
                  msg=escape(text, step.size))
        size, event = step.size, self.look(step)
        if event is not None and event.kind == "again" and event.asked:
            size = event.bytes
            self.next += 1
        self.take_failure(step, "send")
        if step.text is None and step.who not in self.failed:
            self.sent[step.who] += size

    def take_expected(self, step):
        position = 0
        while position < step.size:
            event = self.take(step, "recv")
            text = (step.text[position:] if step.text is not None else
                    pattern(self.expected[step.who], event.bytes))
            if (position + event.bytes > step.size or
                    event.msg != escape(text, event.bytes)):
                self.next -= 1
                self.differ(step)
            position += event.bytes
            if step.text is None:
                self.expected[step.who] += event.bytes

    def take_no_bytes(self, step):
        if step.verb == "expect-eof":
            self.take(step, "eof")
        elif step.verb == "expect-error":
            # An earlier call may have failed with it already.
            if self.failed.pop(step.who, None) != step.text:
                self.take(step, "error", call="recv", error=step.text)
        elif not self.left_out(step):
            self.take(step, "again", call="recv")

    def left_out(self, step):
        """Of a run of EAGAINs of a client only the first has a line."""
        who = f"client {step.who[1:]}"
        before = [e for e in self.events[:self.next] if e.who == who]
        return before and before[-1].kind == "again"
