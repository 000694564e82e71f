"""runner.py - runs the programs of a student, with limits.

A runner has the same methods everywhere, so that the judge does not know where
the programs run. Direct starts them as processes of this user: it is for your
own file. sandbox.py has those for the files of others.

  place     a folder that the student's programs may write to
  papers    a folder that they may only read: scenarios with a seed
  run()     runs a command, and returns a Ran
  build()   builds the programs of an exercise in place, and returns a Ran
  bring()   returns the path by which run() can start a program of the repository
  close()   ends all processes, and removes what was made

For served.py, which connects to a program that goes on:

  start_server()  starts a command, perhaps under a tracer; returns its Popen
  end_server()    ends it, with all that it has started
  end_others()    after its end: ends what it has started
  own_user()      the arguments of Popen() for a command of its user
  processes()     its processes
  meeting         the folder of its socket
  path_here()     the path of its socket as this process sees it
  excess()        a sentence about a limit that it exceeds, or None
  look_up()       runs addr2line(1)
"""
from __future__ import annotations

import contextlib
import dataclasses
import functools
import glob
import os
import re
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
LOOK = 0.05  # seconds between two looks at a process
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
ASAN = "build/asan"


class Exceeded(Trouble):
    """A program is not started, because it has exceeded its limits before."""


@dataclasses.dataclass
class Ran:
    """How a command ended."""
    status: int | None = None  # None: by a signal, or at a limit
    signal: str | None = None  # "SIGSEGV"
    output: bytes = b""
    errors: bytes = b""
    timed_out: bool = False
    where: str | None = None  # of a command that timed out: "spins"
    reason: str | None = None  # the other limit that it has exceeded, or None

    @property
    def good(self):
        return self.status == 0

    @property
    def ending(self):
        """How it ended, for people."""
        if self.timed_out:
            return f"no end within its limit: {self.where or 'it hangs'}"
        if self.reason:
            return self.reason
        if self.signal:
            return f"it ended by {self.signal}"
        return f"it ended with status {self.status}"

    def set_status(self, status):
        """Sets the exit status, or for -N the signal N."""
        if status < 0:
            self.signal = name_of_signal(-status)
        else:
            self.status = status


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
        self.running, self.exceeded = None, 0
        self.meeting = self.temporary

    def run(self, argv, limit=LIMIT, environment=None, program=None,
            outputs=1):
        """Runs a command in place. A time-out is scaled by TIMEOUT_MULT. If
        there is one, the result has the place where the program hangs: a path,
        or None for any program of the command. It may print as much as this
        number of outputs."""
        change = dict(os.environ, TMPDIR=self.temporary, **(environment or {}))
        try:
            process = subprocess.Popen(
                argv, cwd=self.place, env=change, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True)
        except OSError as error:
            return Ran(status=127, errors=f"cannot run {argv[0]}: "
                       f"{error.strerror}\n".encode())
        self.running = process
        ran = Ran()
        with process:
            try:
                collect(process, ran, time_limit(limit), outputs * MOST)
                if ran.timed_out:
                    ran.where = where.of_processes(
                        where.members(process.pid), program)
            finally:
                self.end()
                process.wait()
        if not ran.timed_out and not ran.reason:
            ran.set_status(process.returncode)
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

    def start_server(self, argv, environment, tracer):
        change = dict(os.environ, TMPDIR=self.temporary, **(environment or {}))
        try:
            self.running = subprocess.Popen(
                [*tracer, *argv], cwd=self.place, env=change,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, bufsize=0, start_new_session=True)
        except OSError as error:
            raise Trouble(f"cannot run {argv[0]}: {error.strerror}") from None
        return self.running

    def end_server(self, process):
        self.end()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def end_others(self, process):
        """Ends what a program that has ended has left of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def own_user(self):
        return {}

    def processes(self, process):
        return where.members(process.pid)

    def path_here(self, pid, path):
        del pid
        return path

    def excess(self, process):
        del process

    def look_up(self, argv):
        return where.run_addr2line(argv)

    def build(self, script):
        """Runs a shell script that build_script() has returned."""
        return self.run(["bash", "-pc", script], 6 * LIMIT)

    def bring(self, program):
        return program

    def close(self):
        self.end()
        shutil.rmtree(self.temporary, ignore_errors=True)


@functools.lru_cache(maxsize=None)
def build_script(file, target, build="build", sanitize=""):
    """Returns a shell script with the commands of "make -n" for a program of an
    exercise, which builds it in place without make. Make needs the objects of
    common/, so they must be built before. The script keeps the output of the
    preprocessor (.i) and the assembler code (.s) of the file beside its
    object."""
    more = ["URING="] if target != "12-io-uring" else []
    if file.startswith("demos/"):
        # The same text with and without sanitizers, and no path of this system.
        # With DWARF 5, clang warns about a text after the preprocessor.
        more += ["CFLAGS=-O1 -gdwarf-4", "CPPFLAGS=-U_FORTIFY_SOURCE "
                 '-ffile-prefix-map="$$PWD"=.']
    others = [os.path.relpath(path, TOP) for path in glob.glob(os.path.join(
        glob.escape(TOP), os.path.dirname(file), "[a-z]*.c"))]
    ran = subprocess.run(
        ["make", "-sn", "-C", TOP, f"BUILD={build}", f"SANITIZE={sanitize}",
         "NEW=$@", "RENAME=", *more, *[f"-W{name}" for name in (file, *others)],
         f"{build}/{target}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    script = re.sub(
        rf" -c (\\\n +)?-o (\S+)\.o {re.escape(file)}\b",
        rf" -save-temps=obj -S -o \2.s {file} && ${{CC:-cc}} -c -o \2.o \2.s",
        ran.stdout)
    if ran.returncode != 0 or script == ran.stdout:
        raise Trouble(f"make does not say how to build {build}/{target}: "
                      f"{ran.stderr.strip() or ran.stdout}")
    return "set -e\nexport SOURCE_DATE_EPOCH=0\n" + script


def collect(process, ran, seconds, most, excess=lambda: None):
    """Reads what a process prints, until it has ended and no more comes, until
    it has printed more than `most` bytes, or until the time is over. excess()
    returns the sentence about another limit that is exceeded, or None."""
    end, left = time.monotonic() + seconds, most
    parts = {process.stdout: [], process.stderr: []}
    with selectors.DefaultSelector() as selector:
        for stream in parts:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while not ran.reason and not ran.timed_out:
            for key, _ in selector.select(LOOK):
                # The process may have read from its own pipe.
                with contextlib.suppress(BlockingIOError):
                    data = os.read(key.fd, 65536)
                    parts[key.fileobj].append(data)
                    left -= len(data)
                    if not data:
                        selector.unregister(key.fileobj)
            if left < 0:
                ran.reason = f"it printed over {most >> 10} KiB, and was ended"
            elif process.poll() is not None and not ready(selector):
                break  # a process that it has started may keep them open
            else:
                ran.reason = excess()
                ran.timed_out = time.monotonic() >= end
    ran.output, ran.errors = map(b"".join, parts.values())


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
    for folder in ("build", ASAN):  # what an earlier file was built into
        for name in (exercise.stage or "model",
                     *(exercise.file[:-2] + end for end in (".o", ".s", ".i"))):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(place, folder, name))
    path = os.path.join(place, exercise.file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    try:
        shutil.copyfile(source, path)
    except OSError as error:
        raise Trouble(f"cannot read {source}: " + (
            error.strerror or "it is not a regular file")) from None


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
