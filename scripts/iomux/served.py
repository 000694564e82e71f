"""served.py - a server of a student that runs with --serve. The clients that
connect to it are in the judge's process. A runner starts it, with its limits.
"""
from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from . import where
from .environment import time_limit
from .program import Trouble
from .runner import MOST, Ran

LIMIT = 10  # seconds for a wait
LOOK = 0.002  # seconds between two looks at a server
LOG = 16 << 20  # bytes that strace may write
STOPPED = ("T", "t")  # also by strace
# The calls on descriptors, which strace writes down.
STRACE = ("strace", "-DD", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "64",
          "-e", "signal=none", "-e", "trace=%network,%desc")


class Gone(Exception):
    """The server has ended, has exceeded a limit, or hangs."""


class Server:
    """A program that serves. Use it by "with", which ends it."""

    def __init__(self, runner, program, options=(), traced=False, spins=False,
                 environment=None):
        self.runner, self.program, self.spins = runner, program, spins
        self.environment = environment or {}
        self.out, self.errors, self.ran = bytearray(), bytearray(), Ran()
        self.pid, self.stopped, self.terminated = None, False, False
        self.hangs = None  # where it hangs while a client waits for it, or None
        self.folder = tempfile.mkdtemp(prefix="iomux-log.") if traced else None
        self.log = self.folder and os.path.join(self.folder, "log")
        # A random name, which the program cannot predict.
        self.path = f"{runner.meeting}/{os.urandom(6).hex()}"
        self.end_time = time.monotonic() + time_limit(6 * LIMIT)
        self.process = runner.start_server(
            [program, "--serve", "-s", self.path, *options],
            environment, [*STRACE, "-o", self.log] if traced else [])
        self.selector = selectors.DefaultSelector()
        for stream in self.process.stdout, self.process.stderr:
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def text(self):
        return self.out.decode("latin-1")

    # --- what it prints

    def pump(self, seconds=0.0):
        """Waits for output, at most these seconds, and reads it. Raises Gone
        at a limit."""
        for key, _ in self.selector.select(seconds):
            with contextlib.suppress(BlockingIOError):
                data = os.read(key.fd, 65536)
                if not data:
                    self.selector.unregister(key.fileobj)
                (self.out if key.fileobj is self.process.stdout
                 else self.errors).extend(data)
        if len(self.out) + len(self.errors) > MOST or self.log_size() > LOG:
            self.exceed(f"it printed over {MOST >> 10} KiB, and was ended")
        reason = self.runner.excess(self.process)
        if reason:
            self.exceed(reason)
        if time.monotonic() > self.end_time:
            self.hang()

    def log_size(self):
        try:
            return os.path.getsize(self.log) if self.log else 0
        except OSError:
            return 0

    def exceed(self, reason):
        self.ran.reason = reason
        self.runner.exceeded += 1
        raise Gone(reason)

    def hang(self):
        """Ends it, because a wait has reached its limit. Raises Gone."""
        self.ran.timed_out = True
        self.ran.where = self.place()
        self.runner.exceeded += 1
        raise Gone(self.ran.ending)

    def place(self):
        """Returns where it hangs: "blocked in recv, 06-epoll-lt.c:37"."""
        return where.of_processes(self.runner.processes(self.process),
                                  self.program, self.runner.look_up)

    def ended(self):
        return self.process.poll() is not None

    def wait_until(self, condition, seconds=LIMIT):
        """Waits until condition() holds. Raises Gone if the server ends."""
        end = time.monotonic() + time_limit(seconds)
        while not condition():
            if self.ended():
                self.finish()
                raise Gone(self.ran.ending)
            if time.monotonic() > end:
                self.hang()
            self.pump(LOOK)

    def await_ready(self):
        self.wait_until(lambda: re.search(rf"^ready: {self.path}$", self.text,
                                          re.M))
        pids = self.runner.processes(self.process)
        real = os.path.realpath(self.program)
        self.pid = next((pid for pid in sorted(pids)
                         if where.link_of(pid) == real), None)
        if self.pid is None:
            self.refuse("the process that listens is not the program")
        self.need_environment()
        self.settle()

    def refuse(self, reason):
        self.ran.reason = reason
        raise Gone(reason)

    def need_environment(self):
        """Raises Gone if the program has changed its environment, in which a
        sanitizer has its options, and has started itself again."""
        words = where.read(f"/proc/{self.pid}/environ").split("\0")
        for name, value in self.environment.items():
            if f"{name}={value}" not in words:
                self.refuse(f"it has changed {name} in its environment")

    def need_peer(self, client):
        """Raises Gone if another process listens for this client."""
        pid = struct.unpack("3i", client.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        if pid not in (0, self.pid):  # 0: the kernel does not know it
            self.refuse("the process that listens is not the program")

    @property
    def path_here(self):
        """Returns the path of the socket as this process sees it."""
        return self.runner.path_here(self.pid, self.path)

    # --- what the kernel shows

    def asleep(self):
        """Do all its threads sleep in a system call, or are they stopped?"""
        folder = f"/proc/{self.pid}/task"
        try:
            for tid in os.listdir(folder):
                state = where.state_of(f"{self.pid}/task/{tid}")
                if state in STOPPED and self.stopped:
                    continue
                if state != "S" or not where.read(
                        f"{folder}/{tid}/syscall")[:1].isdigit():
                    return False
        except OSError:
            pass  # it has ended
        return True

    def settle(self):
        """Waits until it sleeps twice in a row and has printed nothing in
        between. A stage that never sleeps must print nothing for a moment."""
        calm = 0

        def settled():
            nonlocal calm
            size = len(self.out)
            good = self.spins or self.asleep()
            self.pump(LOOK if self.spins else 0)
            calm = calm + 1 if good and len(self.out) == size else 0
            return calm > (20 if self.spins else 1)

        self.wait_until(settled)

    def descriptors(self):
        """Returns the numbers of its open descriptors."""
        try:
            return {int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd")}
        except OSError:
            self.refuse("the judge cannot see its descriptors")

    # --- what is done to it

    def send_signal(self, number):
        """Sends a signal. If the program has ended, it does nothing, because
        the next wait finds out how it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def stop(self):
        """Stops it, as Ctrl-Z does. It handles nothing until go_on()."""
        self.send_signal(signal.SIGSTOP)
        self.stopped = True
        self.wait_until(lambda: where.state_of(self.pid) in STOPPED)

    def go_on(self):
        self.stopped = False
        self.send_signal(signal.SIGCONT)

    def limit_descriptors(self, limit):
        """Sets the number of descriptors that it can have. Its own user may
        do that. Root needs a capability that a container may not have."""
        done = subprocess.run(
            ["prlimit", f"--pid={self.pid}", f"--nofile={limit}:"], check=False,
            stdin=subprocess.DEVNULL, capture_output=True,
            **self.runner.own_user())
        if done.returncode != 0 and not self.ended():
            raise Trouble("cannot limit the descriptors of a server: " +
                          done.stderr.decode("utf-8", "replace").strip())

    def terminate(self):
        self.terminated = True
        self.send_signal(signal.SIGTERM)

    def finish(self):
        """Waits until it has ended, and reads the last of its output."""
        end = time.monotonic() + time_limit(LIMIT)
        while not self.ended():
            if time.monotonic() > end:
                self.hang()
            self.pump(LOOK)
            if not self.selector.get_map():
                time.sleep(LOOK)
        # A process that it has left keeps the tracer, and perhaps the pipes.
        self.runner.end_others(self.process)
        end = time.monotonic() + time_limit(1)
        while self.selector.get_map() and time.monotonic() < end:
            self.pump(LOOK)
        status = self.process.returncode
        self.ran.set_status(128 - status if status > 128 else status)
        self.ran.output, self.ran.errors = bytes(self.out), bytes(self.errors)

    def calls(self):
        """Returns the lines of strace after the end."""
        if self.log is None:
            return []
        try:
            with open(self.log, encoding="latin-1") as file:
                return file.read(LOG).splitlines()
        except OSError:
            return []

    def close(self):
        self.runner.end_server(self.process)
        self.selector.close()
        self.ran.output, self.ran.errors = bytes(self.out), bytes(self.errors)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
