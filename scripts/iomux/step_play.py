"""step_play.py - runs a stage or a broken twin that plays a scenario, and reads
what it has recorded, with the states of the kernel.
"""
from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import tempfile

from .environment import time_limit
from .program import TOP, Trouble, read_bytes, read_text
from .scenario import options_of
from .step import OPTIONS
from .stages import LIMIT, find_stage, stages

BROKEN = os.path.join(TOP, "tests", "broken")
TWIN = "twin:"


@dataclasses.dataclass
class Played:
    """A stage or a twin that has played a scenario."""
    name: str  # 08-epoll-et, or twin:one-recv
    stage: str
    top: str  # of the sources
    bug: str = ""  # of a twin, in words
    data: bytes = b""  # the trace as JSON Lines

    @property
    def word(self):
        """The short name, as in step_pages: 08, or twin:one-recv."""
        return (self.name if self.name.startswith(TWIN) else
                self.stage.partition("-")[0])


def twins():
    return sorted(name[:-6] for name in os.listdir(BROKEN)
                  if name.endswith(".patch"))


def field(name, key):
    """Returns the words after a key in the header of a twin's patch."""
    head = read_text(os.path.join(BROKEN, name + ".patch")).partition("\n---")
    found = re.search(rf"^{key}:((?:.*\n?)(?:^ .*\n?)*)", head[0], re.M)
    return " ".join(found[1].split()) if found else ""


def find(word):
    """Returns the stage or the twin that a word names, not yet played."""
    if not word.startswith(TWIN):
        stage = find_stage(word)
        if stage is None:
            raise Trouble(f"'{word}' is not a stage; there are "
                          f"{', '.join(stages())}, and twin:NAME")
        return Played(stage, stage, TOP)
    name = word.removeprefix(TWIN)
    if name not in twins():
        raise Trouble(f"there is no twin '{name}'; scripts/twin --list lists "
                      "them")
    return Played(word, field(name, "Stage"),
                  os.path.join(TOP, "build", "twins", name),
                  field(name, "Bug"))


def program_of(played):
    """Returns the path of the program. A twin is built."""
    if played.top == TOP:
        return os.path.join(TOP, "build", played.stage)
    name = played.name.removeprefix(TWIN)
    run = subprocess.run(
        [os.path.join(TOP, "scripts", "twin"), "--build", name],
        stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if run.returncode != 0:
        raise Trouble(f"the twin '{name}' cannot be built: scripts/twin "
                      f"--build {name} prints why")
    return run.stdout.decode().strip()


def play(played, scenario):
    """Plays a scenario, and sets the trace. A twin may fail to play it to its
    end; a stage may not."""
    needed = options_of(scenario)
    if needed and played.stage not in needed:
        raise Trouble(f"the scenario {os.path.basename(scenario)} is for "
                      f"{', '.join(needed)} alone")
    program = program_of(played)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace")
        try:
            run = subprocess.run(
                [program, "-q", "--states", "-j", path, "-S", scenario,
                 *OPTIONS.get(played.stage, []),
                 *needed.get(played.stage, [])], stdin=subprocess.DEVNULL,
                capture_output=True, check=False, timeout=time_limit(LIMIT))
        except subprocess.TimeoutExpired:
            raise Trouble(f"{played.name} has not ended after "
                          f"{time_limit(LIMIT)} s") from None
        except OSError as error:
            raise Trouble(f"cannot run {program}: {error.strerror}") from None
        if run.returncode != 0 and played.top == TOP:
            said = run.stderr.decode("latin-1").strip()
            raise Trouble(f"{played.name} cannot play this scenario to its "
                          f"end: {said}")
        played.data = read_bytes(path)
