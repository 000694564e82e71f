"""diagram.py - a golden trace, and the sequence diagram that is made of it."""
import re

from .excerpts import read_lines, select
from .program import Trouble


def trace_of(argument):
    """Returns a golden trace, and the slice of it that a mark names."""
    words = argument.split(" ", 2)
    if len(words) < 2:
        raise Trouble("a trace is named by SCENARIO STAGE")
    path = f"tests/golden/{words[0]}/{words[1]}.txt"
    lines = read_lines(path)
    if len(words) == 3:
        return lines, select(lines, words[2], path)
    return lines, slice(0, len(lines))


def golden(fence):
    lines, part = trace_of(fence.marks["golden"])
    return lines[part]


class Picture:
    """A trace as a Mermaid sequence diagram.

    All arrows lead to the kernel or come from it. A call that may sleep and
    its result are two arrows, and the server is active between its waits. Any
    other call is one arrow."""

    def __init__(self, trace):
        listens = re.search(r"listen fd:(\d+)", "\n".join(trace))
        self.listener = listens[1] if listens else None
        self.actors, self.lines = {}, []
        self.waiting, self.awake = {}, set()
        server = [line for line in trace if line.startswith("[server]")]
        if server and not any(line.endswith("...") for line in server):
            self.awake.add(self.actor("server", None))  # it never blocks

    def actor(self, kind, number):
        short = {"client": "c", "server": "server", "thread": "t",
                 "worker": "worker"}[kind] + (number or "")
        self.actors[short] = kind + (" " + number if number else "")
        return short

    def add(self, arrow):
        self.lines.append(arrow)

    def wait(self, who, call):
        self.add(f"{who}->>kernel: {call}, sleeps")
        self.waiting[who] = call
        if who in self.awake:
            self.awake.discard(who)
            self.add(f"deactivate {who}")

    def wake(self, who, text):
        self.waiting.pop(who, None)
        self.add(f"kernel-->>{who}: {text}")
        self.awake.add(who)
        self.add(f"activate {who}")

    def short(self, text):
        """Returns the text of a line in fewer words."""
        text = re.sub(r" (from|to) clientfd:\d+ \((\w+)\)", r" \2", text)
        text = re.sub(r"clientfd:(\d+) \((\w+)\)", r"\2", text)
        text = re.sub(r"fd:\d+ \((\w+)\)", r"\1", text)
        if self.listener:
            text = re.sub(rf"\bfd:{self.listener}\b", "the listening socket",
                          text)
        text = text.replace("=====> accept new ", "accept ")
        text = text.replace(" events:", " ")
        text = re.sub(r", (\d+) bytes, msg:(.*)$", r": \2", text)
        text = re.sub(r"^(send|recv) \d+ bytes, msg:", r"\1 ", text)
        return text.replace("#", "#35;").replace(";", "#59;").replace(
            "#35#59;", "#35;")

    def event(self, kind, number, text):
        if kind in ("player", "demo"):
            self.add(f"Note over kernel: {text.removeprefix('note ')}")
            return
        who = self.actor(kind, number)
        called = re.fullmatch(r"(\w+)\.\.\.", text)
        woke = re.fullmatch(r"(\w+) done, num:(-?\d+)", text)
        if kind == "client":
            self.add(f"kernel-->>{who}: {self.short(text)}"
                     if text.startswith("recv")
                     else f"{who}->>kernel: "
                          f"{re.sub(r' fd:[0-9]+$', '', self.short(text))}")
        elif called:
            self.wait(who, called[1])
        elif woke:
            self.wake(who, f"{woke[2]} ready")
        elif text.startswith("  "):
            text = self.short(text.strip())
            if self.lines[-2:] == [f"kernel-->>{who}: 1 ready",
                                   f"activate {who}"]:
                self.lines[-2] = f"kernel-->>{who}: 1 ready, {text}"
            else:
                self.add(f"Note over {who}: {text}")
        elif who in self.waiting:
            self.wake(who, self.short(text))
        else:
            self.add(f"{who}->>kernel: {self.short(text)}")

    def draw(self, trace, part):
        """Returns the diagram of a part of a trace. The lines before the part
        show which threads sleep at its start."""
        for number, line in enumerate(trace[:part.stop]):
            if number == part.start:
                self.actors = {n: self.actors[n] for n in self.awake}
                self.lines = [f"activate {n}" for n in sorted(self.awake)]
            who = re.match(r"\[(\w+)(?: (x?\d+))?\]", line)
            if re.fullmatch(r"\w+:", line):
                continue  # the title of a client, where threads serve
            if not who:
                raise Trouble(f"this is not an event: {line}")
            self.event(who[1], who[2], line[11:])

        def number(name):
            return int(re.sub(r"\D", "", name) or 0)

        clients = sorted((n for n in self.actors if n[0] == "c"), key=number)
        others = sorted((n for n in self.actors if n[0] != "c"), key=number)
        return (["sequenceDiagram"] +
                [f"    participant {name}" + (
                    f" as {self.actors[name]}"
                    if self.actors.get(name, name) != name else "")
                 for name in clients + ["kernel"] + others] +
                ["    " + line for line in self.lines])


def sequence(fence):
    trace, part = trace_of(fence.marks["sequence"])
    return Picture(trace).draw(trace, part)
