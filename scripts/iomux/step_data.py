"""step_data.py - what a page of scripts/step shows of one stage: the trace, and
for each line what the kernel holds after it.
"""
from __future__ import annotations

import dataclasses

from . import step
from . import trace as traces
from .step_source import BEFORE
from .trace_json import State

COLUMNS = ["descriptor", "bytes waiting", "held by the server", "poll says"]
KERNEL_COLUMNS = ["registered for", "on ready list"]


@dataclasses.dataclass
class Moment:
    """A line of a trace, and what holds after it."""
    event: traces.Event
    state: State  # of trace_json.py
    names: dict  # of descriptors
    held: dict  # bytes received and not sent back, by client, of an echo
    queue: int  # connections that the server has not accepted
    waits: dict  # the call in which each server thread blocks
    limits: dict  # "with a time-out", "without a time-out", of these threads
    returns: list  # the threads whose call has returned, with its name
    place: tuple | None = None  # file, first and last line of the call


class Reader:
    """Follows a trace, event by event."""

    def __init__(self, trace):
        self.trace, self.events = trace, trace.events
        self.names, self.held, self.queue = {}, {}, 0
        self.last = {}  # the last event of each thread of the server
        self.limits = {}  # and whether it is a wait with a time-out

    def take(self, number):
        event = self.events[number]
        if event.kind == "connect":
            self.queue += 1
        elif event.kind == "listen":
            self.names[event.fd] = "listener"
        if not event.of_server:
            return
        self.last[event.who] = event
        self.limits[event.who] = (step.limit(self.trace, number)
                                  if event.kind == "wait" else "")
        if event.kind in ("accept", "refused"):
            self.queue -= 1
        if event.kind == "accept":
            self.names[event.fd] = event.client
            if self.trace.echoes:
                self.held[event.client] = 0
        elif event.kind == "close":
            self.names.pop(event.fd, None)
            self.held.pop(event.client, None)
        elif event.client in self.held and event.bytes:
            self.held[event.client] += (
                event.bytes if event.call == "recv" else
                -event.bytes if event.call == "send" else 0)

    def calls(self, number):
        """Returns the call in which each thread of the server blocks after an
        event, and a list of the threads whose announced call returns now.

        A thread blocks if a client, or the player, prints a line before it
        does. A send that blocks is not announced: then its line is the next
        one of this thread."""
        waits, returns = {}, []
        for who, last in self.last.items():
            waiting = last.kind == "wait"
            if step.continues(self.events, number, who) is not None:
                if waiting:
                    returns.append((who, last.call))
            elif waiting or self.sends_next(who, number):
                waits[who] = last.call if waiting else "send"
        return waits, returns

    def sends_next(self, who, number):
        own = self.next_of(who, number)
        return own is not None and own.call == "send"

    def next_of(self, who, number):
        return next((self.events[n]
                     for n in range(number + 1, len(self.events))
                     if self.events[n].who == who), None)

    def moment(self, number, state):
        waits, returns = self.calls(number)
        return Moment(self.events[number], state, dict(self.names),
                      dict(self.held), self.queue, waits, dict(self.limits),
                      returns)


def moments(trace, sources):
    """Returns the moments of a trace with the states of the kernel."""
    reader, found = Reader(trace), []
    state = trace.states.get(0, State(0, None, None, [], {}))
    for number, event in enumerate(trace.events):
        reader.take(number)
        state = trace.states.get(number + 1, state)
        moment = reader.moment(number, state)
        if event.of_server:
            shown = event
            if moment.waits.get(event.who) == "send" and event.kind != "wait":
                shown = reader.next_of(event.who, number)  # it blocks there
            moment.place = sources.place(shown.src, shown)
        found.append(moment)
    keep_place(found)
    return found


def keep_place(found):
    """Gives a line without a call of the stage the place of the line before
    it, where the server still is."""
    last = next((m.place for m in found if m.place), (0, 1, 1))
    for moment in found:
        moment.place = last = moment.place or last


# --- the cells of the table --------------------------------------------------

def number(count):
    return f"{count:,}"


def forgotten(moment, descriptor):
    """Returns the bytes of a descriptor that wait although the server blocks
    and nothing will report them, or 0."""
    blocked = "epoll_wait" in moment.waits.values()
    return step.forgotten(moment.state, descriptor) if blocked else 0


def on_list(moment, descriptor):
    """Is a descriptor on the ready list? Returns a word. The kernel shows only
    whether the list is empty, so that for several edge-triggered descriptors
    the answer may be "perhaps"."""
    state = moment.state
    lost = forgotten(moment, descriptor)
    if lost:
        return f"forgotten: {number(lost)} bytes"

    def candidate(one):
        always = {"ERR", "HUP"}
        flags = set(one.registered.split("|"))
        return bool(set(one.ready.split("|")) & (flags | always) and
                    flags & {"IN", "OUT", "PRI", "RDHUP"})

    if not state.ready or not candidate(descriptor):
        return "no"
    if ("ET" not in descriptor.registered.split("|") or
            sum(map(candidate, state.rows)) == 1):
        return "yes"
    return "perhaps"


def cells(moment, keeps):
    """Returns the rows of the table of descriptors, with COLUMNS, and if the
    stage keeps descriptors in the kernel also with KERNEL_COLUMNS."""
    rows = []
    for descriptor in moment.state.rows:
        fd, size, registered, polled = descriptor
        name = moment.names.get(fd, "")
        if size is not None:
            waiting = number(size)
        else:
            waiting = (f"{moment.queue} connection" +
                       ("" if moment.queue == 1 else "s"))
        held = moment.held.get(name)
        rows.append([f"fd:{fd}" + (f" ({name})" if name else ""), waiting,
                     "-" if held is None else number(held), polled or "-"])
        if keeps:
            rows[-1] += [registered or "-", on_list(moment, descriptor)]
    return rows


def caption(moment, handed):
    """Returns the sentence below the table."""
    state = moment.state
    if state.epoll is not None:
        what = "is not empty" if state.ready else "is empty"
        return f"The ready list of fd:{state.epoll} (epoll) {what}."
    if handed:
        return (f"{handed} leaves nothing in the kernel: all descriptors are "
                "handed over at each wait.")
    return "The server has registered nothing with the kernel."


def before_call(event):
    """Is the line of an event printed before its system call?"""
    return event.kind in BEFORE or (event.of_client and event.kind in
                                    ("connect", "send", "shutdown", "close"))


def now(moment):
    """Returns the sentence that names the threads that block."""
    event = moment.event
    blocked = [f"{who} blocks in {call}" +
               (f" {moment.limits[who]}" if moment.limits[who] else "")
               for who, call in sorted(moment.waits.items())]
    blocked += [f"{who} returns from {call}" + (
        " at once" if event.who == who else "")
        for who, call in sorted(moment.returns)]
    lost = sum(forgotten(moment, fd) for fd in moment.state.rows)
    if lost:
        blocked.append(f"{number(lost)} bytes are waiting and nothing will "
                       "report them")
    return "; ".join(blocked)


def keeps_in_kernel(found):
    """Does the stage register descriptors with epoll?"""
    return any(m.state.epoll is not None for m in found)


def handed_over(found):
    """Returns the name of the wait that keeps nothing, or None."""
    return next((m.event.call for m in found if m.event.kind == "wait" and
                 m.event.call in step.HANDED), None)
