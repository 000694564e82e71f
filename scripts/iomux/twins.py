"""twins.py - builds and plays broken twins, tests/broken/NAME.patch."""
import os
import re
import signal
import subprocess

from . import trace as traces
from .environment import time_limit
from .program import TOP, Trouble, read_text
from .runner import name_of_signal
from .stages import find_scenario

TWIN = "twin:"
BROKEN = os.path.join(TOP, "tests", "broken")
CPU = 2  # seconds of CPU time, for a twin that spins
HANGS = 10  # seconds, for a twin that hangs, scaled by TIMEOUT_MULT
MOST = 1 << 18  # bytes that are read of a trace
SHELL = f"""ulimit -c 0; ulimit -S -t {CPU}
exec timeout -k 1 "$@" """


def twins():
    """Returns the names of all twins."""
    return sorted(name[:-6] for name in os.listdir(BROKEN)
                  if name.endswith(".patch"))


class Twin:
    """A twin, as its patch describes it."""

    def __init__(self, name):
        if name not in twins():
            raise Trouble(f"there is no twin '{name}'; the twins are "
                          f"{', '.join(twins())}")
        self.name = name
        self.patch = os.path.join(BROKEN, name + ".patch")
        self.top = os.path.join(TOP, "build", "twins", name)  # of its sources
        self.stage = self.field("Stage")
        # What shows the bug: "scenario" and its name, or another test.
        self.kind, _, self.shows = self.field("Shows").partition(" ")

    def field(self, key):
        """Returns the words after KEY: in the patch."""
        head = read_text(self.patch).partition("\n---")[0]
        found = re.search(rf"^{key}:((?:.*\n?)(?:^ .*\n?)*)", head, re.M)
        return " ".join(found[1].split())

    def scenario(self, word=None):
        """Returns the path of a scenario, or of the one that shows the bug."""
        if word is not None:
            return find_scenario(word)
        if self.kind not in ("scenario", "tcp"):
            raise Trouble(f"the bug of {self.name} shows in a test, not in a "
                          f"scenario: run scripts/twin {self.name}, or give "
                          "--scenario")
        own = os.path.join(BROKEN, self.shows + ".scn")
        return own if os.path.exists(own) else find_scenario(self.shows)

    def build(self):
        """Builds the twin, and returns the path of the program."""
        run = subprocess.run(
            [os.path.join(TOP, "scripts", "twin"), "--build", self.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        if run.returncode != 0:
            raise Trouble(f"the twin {self.name} cannot be built: see above")
        return os.fsdecode(run.stdout).strip()

    def record(self, scenario, options=()):
        """Plays a scenario, as far as the twin can. Returns what the twin
        wrote, without a part of a line, and how it ended."""
        if self.kind == "tcp":
            options = ["-s", "tcp:0", *options]
        program = self.build()
        with subprocess.Popen(
                ["bash", "-pc", SHELL, "bash", str(time_limit(HANGS)), program,
                 "-S", scenario, *options], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            data = run.stdout.read(MOST)
            whole = len(data) < MOST
            if not whole:
                os.killpg(run.pid, signal.SIGKILL)  # of timeout(1)
            said = run.communicate(timeout=time_limit(2 * HANGS))[1]
        return data[:data.rfind(b"\n") + 1], ending(run.returncode, said, whole)

    def play(self, scenario):
        """Returns the trace of a scenario, as far as the twin plays it, and
        how the twin ended."""
        data, how = self.record(scenario)
        trace = traces.read_trace(f"{TWIN}{self.name}", data)
        if not trace.events:
            raise Trouble(f"the twin {self.name} printed no events")
        trace.problem = None
        return trace, how


def find_twin(word):
    """Returns the twin that twin:NAME names, or None."""
    return Twin(word.removeprefix(TWIN)) if word.startswith(TWIN) else None


def ending(status, said, whole):
    """Returns how a twin ended, as the end of a sentence."""
    if not whole or status in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return "spins, and was ended"
    if status in (124, 137, -signal.SIGKILL):
        return f"hangs, and was ended after {time_limit(HANGS)} s"
    if status == 0:
        return "ends with status 0"
    number = -status if status < 0 else status - 128
    if number > 0:
        return f"is ended by {name_of_signal(number)}"
    last = said.decode("latin-1").strip().rpartition("\n")[2]
    return f"ends with status {status}: {last}"
