"""step.py - a trace with what the kernel holds after each line."""
from __future__ import annotations

import dataclasses

from . import step_play
from .message import plain
from .stages import find_scenario
from .trace import COLUMN, Event
from .trace_json import State

HANDED = ("select", "poll")  # calls that get all descriptors each time
MOST_NAMED = 6  # descriptors


@dataclasses.dataclass
class Step:
    """An event, and what holds after it."""
    event: Event
    state: State | None  # what the kernel holds, or None before the first state
    blocks: bool  # a wait that does not return at once
    limit: str  # of a wait: "with a time-out", "without a time-out" or ""


def steps(trace):
    """Returns a Step for each event of a trace with states."""
    found, state = [], None
    for i, event in enumerate(trace.events):
        state = trace.states.get(i + 1, state)
        blocks = event.kind == "wait" and (
            continues(trace.events, i, event.who) is None)
        found.append(Step(event, state, blocks,
                          limit(trace, i) if blocks else ""))
    return found


def limit(trace, i):
    """Returns whether a wait, event i, has a time-out, in words, or "" if this
    is unknown. The milliseconds are those that are left until a timer expires,
    so they differ from run to run."""
    events, who = trace.events, trace.events[i].who
    for number in range(i + 1, len(events) + 1):
        state = trace.states.get(number)
        if state is not None and who in state.timeouts:
            return ("without a time-out" if state.timeouts[who] == -1 else
                    "with a time-out")
        if number == len(events) or events[number].who == who:
            break
    return ""


def continues(events, i, who):
    """Returns the next event of a server's thread after event i, or None if a
    client or the player prints a line before it, or there is none."""
    for number in range(i + 1, len(events)):  # a slice would be a copy
        if events[number].who == who:
            return events[number]
        if not events[number].of_server:
            return None
    return None


def forgotten(state, row):
    """Returns how many bytes wait in a socket that epoll has reported and will
    not report again. A socket without room to send is left out if it is
    registered for OUT, because epoll reports it as soon as there is room."""
    asked, ready = row.registered.split("|"), row.ready.split("|")
    if (state.ready != 0 or not {"IN", "ET"} <= set(asked) or
            ("OUT" in asked and "OUT" not in ready)):
        return 0
    return row.bytes or 0


# --- as text -----------------------------------------------------------------

def count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def text_of_row(row):
    """Returns what is ready at a descriptor, what waits there and whether it
    is disarmed, or "" if it has none of these."""
    ready = row.ready.split("|") if row.ready else []
    waiting = [event for event in ready if event != "OUT"]
    words = ["|".join(waiting)] if waiting else []
    if row.bytes:
        words = [" ".join([*words, count(row.bytes, "byte")])]
    if row.bytes is not None and not {"OUT", "HUP", "ERR"} & set(ready):
        words.append("not writable")
    if row.registered == "ONESHOT":
        words.append("disarmed")
    return f"fd:{row.fd} {', '.join(words)}" if words else ""


def text_of_state(state):
    """Returns a state as one line."""
    parts = [part for part in map(text_of_row, state.rows) if part]
    if not parts:
        parts = ["nothing to read"]
    if state.epoll is not None:
        parts.append(f"ready list {'not ' * state.ready}empty")
    return "kernel: " + "; ".join(parts)


def handed_over(step):
    """Returns which descriptors a wait passes to the kernel, or ""."""
    if step.event.call not in HANDED or step.state is None:
        return ""
    names = [f"fd:{row.fd}" for row in step.state.rows]
    if len(names) > MOST_NAMED:
        return f"handed over: {len(names)} descriptors"
    return f"handed over: {', '.join(names)}"


def remark(step):
    """Returns the remark beside a wait, or ""."""
    parts = [handed_over(step)] if step.event.kind == "wait" else []
    if step.blocks:
        parts.append("blocks" + (", with a time-out" if
                                 step.limit == "with a time-out" else ""))
        lost = sum(forgotten(step.state, row)
                   for row in step.state.rows) if step.state else 0
        if lost and step.event.call == "epoll_wait":
            parts.append(f"{count(lost, 'byte')} "
                         f"{'is' if lost == 1 else 'are'} waiting and nothing "
                         "will report them")
    parts = [part for part in parts if part]
    return f"<- {'; '.join(parts)}" if parts else ""


def lines(trace):
    """Yields the lines of a trace, each followed by the state of the kernel
    where that has changed."""
    before = None
    for step in steps(trace):
        note = remark(step)
        text = plain(step.event.text)
        yield f"{text.ljust(40)} {note}" if note else text
        now = text_of_state(step.state) if step.state else None
        if now != before:
            yield " " * COLUMN + now
        before = now


def print_text(word, scenario):
    player, path = step_play.find(word), find_scenario(scenario)
    step_play.prepare([player])
    for line in lines(player.play(path)):
        print(line)
