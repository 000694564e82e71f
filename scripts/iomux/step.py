"""step.py - a trace with what the kernel holds after each line."""
from __future__ import annotations

import dataclasses
import os
import subprocess

from .environment import time_limit
from .message import plain
from .program import TOP, Trouble
from .stages import LIMIT, build, find_play, find_scenario, play, stages
from .trace import COLUMN, Event, read_trace
from .trace_json import State

ALL_HANDED = ("select", "poll")  # calls that get all descriptors each time
MOST_NAMED = 6  # descriptors
TWIN = "twin:"
OPTIONS = {"09-epoll-pool": ["--workers", "2"]}  # whatever the number of CPUs


@dataclasses.dataclass
class Step:
    """An event, and what holds after it."""
    event: Event
    state: State | None  # what the kernel holds, or None before the first state
    changed: bool  # the state is another one than before
    blocks: bool  # a wait that does not return at once


def steps(trace):
    """Returns a Step for each event of a trace with states."""
    found, state = [], None
    for i, event in enumerate(trace.events):
        changed = i + 1 in trace.states
        state = trace.states.get(i + 1, state)
        found.append(Step(event, state, changed, blocks(trace.events, i)))
    return found


def blocks(events, i):
    """Is this a wait that ends only after somebody else has acted?"""
    if events[i].kind != "wait":
        return False
    for event in events[i + 1:]:
        if event.who == events[i].who:
            return False
        if not event.of_server:
            return True
    return True


def forgotten(state):
    """Returns how many bytes wait that epoll has reported and will not report
    again. A socket without room to send is left out if it is registered for
    OUT, because epoll reports it as soon as there is room."""
    if state is None or state.ready != 0:
        return 0
    return sum(row.bytes or 0 for row in state.rows
               if {"IN", "ET"} <= set(row.registered.split("|")) and
               ("OUT" in row.ready.split("|") or
                "OUT" not in row.registered.split("|")))


# --- as text -----------------------------------------------------------------

def count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def text_of_row(row):
    """Returns what is remarkable about a descriptor, or ""."""
    ready = row.ready.split("|") if row.ready else []
    waiting = [event for event in ready if event != "OUT"]
    words = ["|".join(waiting)] if waiting else []
    if row.bytes:
        words = [" ".join([*words, count(row.bytes, "byte")])]
    if row.bytes is not None and not {"OUT", "HUP", "ERR"} & set(ready):
        words.append("no room to send")
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
    if step.event.call not in ALL_HANDED or step.state is None:
        return ""
    names = [f"fd:{row.fd}" for row in step.state.rows]
    if len(names) > MOST_NAMED:
        return f"handed over: {len(names)} descriptors"
    return f"handed over: {', '.join(names)}"


def remark(step):
    """Returns what is to be said about a wait, or ""."""
    parts = [handed_over(step)] if step.event.kind == "wait" else []
    if step.blocks:
        parts.append("blocks")
        lost = forgotten(step.state)
        if lost and step.event.call == "epoll_wait":
            parts.append(f"{count(lost, 'byte')} "
                         f"{'is' if lost == 1 else 'are'} waiting and nothing "
                         "will report them")
    parts = [part for part in parts if part]
    return f"<- {'; '.join(parts)}" if parts else ""


def lines(trace):
    """Yields the lines of a trace, each followed by what it has changed."""
    before = None
    for step in steps(trace):
        note = remark(step)
        text = plain(step.event.text)
        yield f"{text.ljust(40)} {note}" if note else text
        now = text_of_state(step.state) if step.state else None
        if now != before:
            yield " " * COLUMN + now
        before = now


# --- playing -----------------------------------------------------------------

def build_twin(name):
    """Returns the path of a broken twin."""
    run = subprocess.run([os.path.join(TOP, "scripts", "twin"), "--build", name],
                         stdin=subprocess.DEVNULL, capture_output=True,
                         check=False)
    if run.returncode != 0:
        raise Trouble(f"there is no twin '{plain(name)}' that can be built; "
                      "scripts/twin --list lists all twins")
    return run.stdout.decode("latin-1").strip()


def play_twin(name, path):
    """Returns the trace of a twin that plays a scenario, perhaps not to its
    end."""
    program, limit = build_twin(name), time_limit(LIMIT)
    try:
        run = subprocess.run([program, "-S", path, "--states", "-j", "-"],
                             stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise Trouble(f"twin:{name} has not ended after {limit} s") from None
    trace = read_trace(TWIN + name, run.stdout)
    if not trace.events:
        raise Trouble(f"twin:{name} printed no events: "
                      f"{plain(run.stderr.decode('latin-1').strip())}")
    return trace


def play_states(word, scenario):
    """Returns the trace with states of a stage, or of a twin, that plays a
    scenario."""
    stage, options = find_play(word)
    if stage is None and not word.startswith(TWIN):
        raise Trouble(f"'{plain(word)}' is not a stage; the stages are "
                      f"{', '.join(stages())}")
    path = find_scenario(scenario)
    build()
    if stage is None:
        return play_twin(word.removeprefix(TWIN), path)
    trace = play(stage, path, [*OPTIONS.get(stage, []), *options,
                               "--states", "-j", "-"])
    if trace.problem is not None:
        number, _, why = trace.problem
        raise Trouble(f"{word}:{number}: {why}")
    return trace


def print_text(word, scenario):
    for line in lines(play_states(word, scenario)):
        print(line)
