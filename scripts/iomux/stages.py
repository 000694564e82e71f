"""stages.py - finds, builds and plays the stages and scenarios of demos/."""
import functools
import os
import re
import subprocess
import sys

from . import trace as traces
from .environment import time_limit
from .program import TOP, Trouble
from .scenario import options_of
from .summary import ANSWERS

DEMOS = os.path.join(TOP, "demos")
SCENARIOS = os.path.join(DEMOS, "scenarios")
LIMIT = 120  # seconds that a stage may take for a scenario
OPTIONS = {"09-epoll-pool": ["--workers", "2"]}  # whatever the number of CPUs


def stages():
    """Returns the names of all stages: 01-blocking, ..."""
    return sorted(name[:-2] for name in os.listdir(DEMOS)
                  if re.fullmatch(r"[0-9]+-.*\.c", name))


@functools.lru_cache(maxsize=None)
def runs_here(stage):
    """Was a stage built, and does the system allow what it needs?"""
    program = os.path.join(TOP, "build", stage)
    return os.access(program, os.X_OK) and subprocess.run(
        [program, "-q", "-c", "1", "-m", "1"], stdin=subprocess.DEVNULL,
        capture_output=True, check=False,
        timeout=time_limit(LIMIT)).returncode == 0


def find_stage(word):
    """Returns the stage that 4, 04, select or 04-select names, or None."""
    for stage in stages():
        number, _, name = stage.partition("-")
        if word in (stage, number, str(int(number)), name):
            return stage
    return None


def find_play(word):
    """Returns a stage, and the options that it is played with: 8 names
    08-epoll-et, 8:tcp names the same stage over TCP. Returns None, None if the
    word names no stage."""
    name, colon, transport = word.partition(":")
    stage = find_stage(name)
    if stage is None or (colon and transport != "tcp"):
        return None, None
    return stage, ["-s", "tcp:0"] if colon else []


def find_scenario(word):
    """Returns the path of a scenario: two-messages, two-messages.scn, or a
    path. A word with a slash is a path."""
    here = os.path.join(SCENARIOS, word.removesuffix(".scn") + ".scn")
    for path in (word,) if "/" in word else (here, word):
        if os.path.isfile(path):
            return path
    names = sorted(name[:-4] for name in os.listdir(SCENARIOS)
                   if name.endswith(".scn"))
    raise Trouble(f"there is no scenario '{word}'; there are "
                  f"{', '.join(names)}, or give the path of a file")


def build(*targets, level="compare"):
    """Installs the compiler if there is none, and builds."""
    setup = os.path.join(TOP, "scripts", "setup")
    for command in ([setup, level],
                    ["make", "-s", "-C", TOP, f"-j{os.cpu_count() or 1}",
                     *targets]):
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL,
                                    stdout=sys.stderr, check=False).returncode
        except OSError as error:
            raise Trouble(f"cannot run {command[0]}: "
                          f"{error.strerror}") from None
        if status != 0:
            raise Trouble("the programs cannot be built: see above")


def advice(stage):
    """Returns which scenarios to play with a stage that does not echo, or
    ""."""
    if stage != ANSWERS:
        return ""
    return (f"; {stage} answers requests and does not echo, so play "
            f"{' or '.join(scenarios_for(stage))} with it")


def scenarios_for(stage):
    """Returns the scenarios that have options for a stage."""
    return sorted(name[:-4] for name in os.listdir(SCENARIOS)
                  if name.endswith(".scn") and
                  stage in options_of(os.path.join(SCENARIOS, name)))


def record(stage, scenario, options=()):
    """Returns what a stage that plays a scenario writes."""
    needed = options_of(scenario)
    if needed and stage not in needed:
        raise Trouble(f"the scenario {os.path.basename(scenario)} is for "
                      f"{', '.join(needed)} alone")
    limit = time_limit(LIMIT)
    try:
        run = subprocess.run(
            [os.path.join(TOP, "build", stage), "-S", scenario,
             *needed.get(stage, []), *options],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=limit,
            check=False)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{stage} has not ended after {limit} s") from None
    except OSError as error:
        raise Trouble(f"cannot run {stage}: {error.strerror}") from None
    if run.returncode != 0:
        said = run.stderr.decode("latin-1").strip()
        raise Trouble(f"{stage} cannot play this scenario to its end: {said}" +
                      advice(stage))
    return run.stdout


def play(stage, scenario, options=()):
    """Returns the trace of a stage that plays a scenario."""
    name = stage + (":tcp" if options else "")
    trace = traces.read_trace(name, record(stage, scenario, options))
    if not trace.events:
        raise Trouble(f"{stage} printed no events")
    return trace
