"""runner.py - runs the programs of a student, with limits.

A runner has the same methods everywhere, so that the judge does not know where
the programs run. Direct starts them as processes of this user: it is for your
own file. sandbox.py has those for the files of others.

  place     a folder that the student's programs may write to
  papers    a folder that they may only read: scenarios with a seed
  run()     runs a command, and returns a Ran
  build()   builds the programs of an exercise in place, and returns a Ran
  close()   ends all processes, and removes what was made
"""
from __future__ import annotations

import dataclasses
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time

from . import where
from .environment import time_limit
from .program import TOP, Trouble

LIMIT = 10  # seconds for a command
MOST = 1 << 20  # bytes of output; a program that prints more is killed
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
ASAN = "build/asan"


@dataclasses.dataclass
class Ran:
    """How a command ended."""
    status: int | None = None  # None: by a signal, or not at all
    signal: str | None = None  # "SIGSEGV"
    output: bytes = b""
    errors: bytes = b""
    timed_out: bool = False
    where: str | None = None  # of a command that timed out: "spins"
    cut: bool = False  # it printed too much

    @property
    def good(self):
        return self.status == 0 and not self.timed_out and not self.cut

    @property
    def ending(self):
        """How it ended, for people."""
        if self.timed_out:
            return f"no end within its limit: {self.where or 'it hangs'}"
        if self.cut:
            return f"it printed over {MOST >> 10} KiB, and was ended"
        if self.signal:
            return f"it ended by {self.signal}"
        return f"it ended with status {self.status}"


def name_of_signal(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Direct:
    """Starts processes directly, with the rights of this user."""

    def __init__(self, place=None):
        self.temporary = tempfile.mkdtemp(prefix="iomux-exercise.")
        self.place = place or os.path.join(self.temporary, "place")
        self.papers = os.path.join(self.place if place else self.temporary,
                                   "papers")
        for folder in (self.place, self.papers):
            os.makedirs(folder, exist_ok=True)
        self.running = None

    def run(self, argv, cwd=None, limit=LIMIT, stdin=None, environment=None,
            program=None):
        """Runs a command. A time-out is scaled by TIMEOUT_MULT. The program
        is the one that is asked where it hangs."""
        change = dict(os.environ, TMPDIR=self.temporary, **(environment or {}))
        try:
            process = subprocess.Popen(
                argv, cwd=cwd or self.place, env=change,
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True)
        except OSError as error:
            return Ran(status=127, errors=f"cannot run {argv[0]}: "
                       f"{error.strerror}\n".encode())
        self.running = process
        ran = Ran()
        with process:
            try:
                collect(process, ran, time.monotonic() + time_limit(limit))
                if ran.timed_out:
                    ran.where = where.of_group(process.pid, program)
            finally:
                self.end()
                process.wait()
        if not ran.timed_out and not ran.cut:
            if process.returncode < 0:
                ran.signal = name_of_signal(-process.returncode)
            else:
                ran.status = process.returncode
        return ran

    def end(self):
        """Ends all processes of the command that runs."""
        if self.running is None:
            return
        try:
            os.killpg(self.running.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.running = None

    def build(self, target, build="build", sanitize=""):
        """Runs make in place. With a sanitizer, build is another folder."""
        more = [f"SANITIZE={sanitize}", "CFLAGS=-O1 -g"] if sanitize else []
        return self.run(["make", "-s", f"BUILD={build}", *more,
                         f"{build}/{target}"], self.place, 6 * LIMIT)

    def close(self):
        self.end()
        shutil.rmtree(self.temporary, ignore_errors=True)


def collect(process, ran, end):
    """Reads what a process prints, until both streams are closed and it has
    ended, too much has come, or the time is over."""
    parts = {process.stdout: [], process.stderr: []}
    left = MOST
    with selectors.DefaultSelector() as selector:
        for stream in parts:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and left > 0 and not ran.timed_out:
            for key, _ in selector.select(max(0, min(
                    0.5, end - time.monotonic()))):
                data = os.read(key.fd, 65536)
                if data:
                    parts[key.fileobj].append(data)
                    left -= len(data)
                else:
                    selector.unregister(key.fileobj)
            ran.timed_out = time.monotonic() >= end
            # A process that it has started may keep the streams open.
            if process.poll() is not None and not ready(selector):
                break
    ran.output, ran.errors = map(b"".join, parts.values())
    ran.cut = left <= 0
    if not ran.cut and not ran.timed_out:
        try:
            process.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            ran.timed_out = True


def ready(selector):
    return bool(selector.get_map()) and bool(selector.select(0))


def lay_out(runner, exercise, source):
    """Prepares runner.place: the tree with this file in the place of the
    exercise's. Nothing is written there later, because then the student's
    programs may have changed it."""
    place = runner.place
    for folder in ("demos", "build", ASAN):
        os.makedirs(os.path.join(place, folder), exist_ok=True)
    for name in os.listdir(os.path.join(TOP, "demos")):
        if name.endswith((".c", ".h")):
            link(os.path.join(TOP, "demos", name),
                 os.path.join(place, "demos", name))
    for name in ("common", "tests", "scripts", "Makefile", "build/common",
                 ASAN + "/common"):
        link(os.path.join(TOP, name), os.path.join(place, name))
    if exercise.file.startswith("walkthrough/model/"):
        lay_out_model(place)
    path = os.path.join(place, exercise.file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    try:
        shutil.copyfile(source, path)
    except OSError as error:
        raise Trouble(f"cannot read {source}: {error.strerror}") from None


def lay_out_model(place):
    folder = os.path.join("walkthrough", "model")
    os.makedirs(os.path.join(place, folder), exist_ok=True)
    for name in os.listdir(os.path.join(TOP, folder)):
        link(os.path.join(TOP, folder, name), os.path.join(place, folder,
                                                           name))


def link(target, path):
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    os.symlink(target, path)
