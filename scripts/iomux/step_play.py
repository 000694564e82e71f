"""step_play.py - plays a scenario with a stage or a broken twin, and reads the
trace with the states of the kernel.
"""
from __future__ import annotations

import dataclasses
import json

from . import trace as traces
from .program import TOP, Trouble
from .stages import (OPTIONS, build, find_play, find_stage, record,
                     stages)
from .summary import ANSWERS
from .trace_json import read_object
from .twins import Twin, find_twin

SCENARIO = "one"  # a short one, for all stages that echo
HTTP_SCENARIO = "slow-headers"  # one for stage 11
HTTP_OR_ECHO = "idle"  # and one that has no messages


@dataclasses.dataclass
class Player:
    """A stage or a twin that can play a scenario."""
    name: str  # 08-epoll-et, 08-epoll-et:tcp or twin:one-recv
    stage: str
    options: list
    twin: Twin | None = None

    @property
    def top(self):
        """The folder of its sources."""
        return self.twin.top if self.twin else TOP

    @property
    def bug(self):
        return self.twin.field("Bug") if self.twin else ""

    def play(self, scenario):
        """Returns the trace of a scenario. A twin may fail to play it to its
        end, and a stage may not."""
        options = [*OPTIONS.get(self.stage, []), *self.options, "--states",
                   "-j", "-"]
        how = ""
        if self.twin:
            data, how = self.twin.record(scenario, options)
        else:
            data = record(self.stage, scenario, options)
        trace = read_states(self.name, data)
        if not trace.states:
            raise Trouble(f"{self.name} {how or 'has played the scenario'} "
                          "but has not written what the kernel holds, which "
                          "needs a Linux whose /proc can be read")
        return trace


def find(word):
    """Returns the Player that a word names: 8, 8:tcp or twin:NAME."""
    twin = find_twin(word)
    if twin:
        return Player(word, twin.stage, [], twin)
    stage, options = find_play(word)
    if stage is None:
        raise Trouble(f"'{word}' is not a stage; the stages are "
                      f"{', '.join(stages())}")
    return Player(stage + (":tcp" if options else ""), stage, options)


def prepare(players):
    """Builds the stages of these players, which is faster than all. For stage
    12 it builds all, because make then omits it if liburing is missing."""
    targets = [f"build/{player.stage}" for player in players]
    build(*([] if "build/12-io-uring" in targets else targets))


def default_scenario(words):
    """Returns the scenario that is played if none is named."""
    if ANSWERS not in map(find_stage, words):
        return SCENARIO
    return HTTP_SCENARIO if len(words) == 1 else HTTP_OR_ECHO


def read_states(name, data):
    """Returns the trace of JSON with states, with all its lines."""
    trace = traces.Trace(name, [])
    for number, line in enumerate(data.decode("latin-1").split("\n")[:-1], 1):
        if traces.take_json(trace, line, number) is not None:
            trace.events.append(event_of(line, number))
    return trace


def event_of(line, number):
    """Returns the event of a line that is not in the grammar. A broken twin
    may print one: it receives from a descriptor that it has closed."""
    try:
        said = json.loads(line)
        kind, text, again = read_object(said)
        args = said["args"]
        known = {field.name for field in dataclasses.fields(traces.Event)}
        more = {key: value for key, value in args.items()
                if key in known - {"who", "again"}}
        return traces.Event(number, text, args["who"], kind, said["name"],
                            again=again, **more)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Trouble(f"line {number} of the trace cannot be read") from None
