"""peer.py - a client in Python, and what /proc tells of the server.

scripts/limits and tests/calls.py share it: start a stage's server, connect
to it, have bytes echoed, see whether it sleeps and what it costs, stop it.

Every wait has a limit of LIMIT seconds, scaled by TIMEOUT_MULT. No answer is
ever taken from a clock: "it does not answer" means that every thread of the
server sleeps in the kernel and that no answer is there.
"""
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("IOMUX_BUILD") or os.path.join(TOP, "build")
LIMIT = 20 * float(os.environ.get("TIMEOUT_MULT") or 1)


class Problem(Exception):
    """Something went wrong that the user should read about."""


def is_echo(stage):
    """Is it an echo server? Not if its clients have a protocol of their own."""
    with open(os.path.join(TOP, "demos", stage + ".c")) as source:
        return "demo_protocol(" not in source.read()


def has_io_uring():
    """Can stage 12 run here? It needs liburing, and a system that allows it."""
    path = os.path.join(BUILD, "12-io-uring")
    return os.access(path, os.X_OK) and subprocess.run(
        [path, "-q", "-c", "1", "-m", "1"], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=LIMIT).returncode == 0


def stages():
    """The names of all echo servers that can run here: 01-blocking, ..."""
    names = os.listdir(os.path.join(TOP, "demos"))
    return sorted(n[:-2] for n in names if n[0].isdigit() and n[-2:] == ".c"
                  and is_echo(n[:-2])
                  and (n != "12-io-uring.c" or has_io_uring()))


def program(stage):
    """The path of a stage's program."""
    path = os.path.join(BUILD, stage)
    if not os.access(path, os.X_OK):
        raise Problem(f"there is no program {path}: run make first")
    return path


def allow_descriptors(count):
    """Let this process, and the servers it starts, open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Problem(f"{count} descriptors are needed, and the hard limit "
                      f"is {hard} (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def until(true, what):
    """Wait until true() is; complain of what did not happen in time."""
    end = time.monotonic() + LIMIT
    while not true():
        if time.monotonic() > end:
            raise Problem(f"within {LIMIT:g} s: {what}")
        time.sleep(0.002)


class Server:
    """A stage's server. Use it by "with": the end stops it, and checks that
    its exit status is 0. Its descriptors begin at 3: none are inherited."""

    def __init__(self, stage, *options, wrapper=()):
        command = [program(stage), "--serve", *options]
        self.stage = stage
        self.output = tempfile.TemporaryFile()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*wrapper, *command], stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=self.errors)
        self.pid = self.process.pid
        try:
            until(lambda: self._ready() or self.process.poll() is not None,
                  f"{stage} --serve did not say 'ready:'{self._complaint()}")
            if not self._ready():
                raise Problem(f"{stage} --serve ended before it was "
                              f"ready{self._complaint()}")
        except BaseException:
            self.kill()
            raise
        self.path = self._ready()

    def _ready(self):
        for line in self.text().splitlines(keepends=True):
            if line.startswith("ready: ") and line.endswith("\n"):
                return line[7:-1]
        return None

    def _complaint(self):
        size = os.fstat(self.errors.fileno()).st_size
        text = os.pread(self.errors.fileno(), size, 0).decode(errors="replace")
        return f"; it says: {text.strip()}" if text.strip() else ""

    def text(self):
        """What it has printed so far."""
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    def stop(self):
        """End it as Ctrl-C would."""
        try:
            if self.process.returncode is None:
                self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(LIMIT)
            if status != 0:
                raise Problem(f"{self.stage} --serve ended with status "
                              f"{status}, not 0{self._complaint()}")
        except subprocess.TimeoutExpired:
            raise Problem(f"{self.stage} --serve did not end within "
                          f"{LIMIT:g} s of SIGTERM") from None
        finally:
            self.kill()

    def kill(self):
        """End it for certain, whatever state it is in."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    # --- clients ----------------------------------------------------------

    def connect(self):
        """A connected socket that blocks, but no longer than LIMIT."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        limit = struct.pack("ll", int(LIMIT), 0)
        for option in socket.SO_SNDTIMEO, socket.SO_RCVTIMEO:
            client.setsockopt(socket.SOL_SOCKET, option, limit)
        try:
            client.connect(self.path)
        except OSError as error:
            raise Problem(f"{self.stage}: connect: {error}") from None
        return client

    def fill(self, clients, count):
        """Connect until there are count clients, each of which has had an
        echo. The server may refuse one; then it ends there."""
        while len(clients) < count:
            client = self.connect()
            if not echo(client, 1):
                client.close()
                break
            clients.append(client)

    def answers(self, client):
        """True when something comes for the client; False when the server
        sleeps and nothing has come, or when it has closed."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            asleep = self.asleep()
            if select.select([client], [], [], 0)[0]:
                try:
                    return client.recv(1, socket.MSG_PEEK) != b""
                except ConnectionError:
                    return False
            if asleep:
                return False
        return False

    # --- what the kernel knows --------------------------------------------

    def cpu(self):
        """Nanoseconds of CPU time, of all its threads: the clock that
        clock_getcpuclockid(3) makes of a pid."""
        return time.clock_gettime_ns(~self.pid << 3 | 2)

    def switches(self):
        """How often its threads have gone to sleep or been put aside, and
        whether all of them sleep now."""
        total, sleeping = 0, True
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            for line in _lines(f"/proc/{self.pid}/task/{tid}/status"):
                name, _, value = line.partition(":")
                if name.endswith("voluntary_ctxt_switches"):
                    total += int(value)
                elif name == "State":
                    sleeping = sleeping and value.split()[0] == "S"
        return total, sleeping

    def asleep(self):
        """True when all its threads sleep, at several looks, and none has
        done anything in between. A thread that a client's bytes have woken
        is runnable from that very send on, so it cannot be missed."""
        first = self.switches(), self.cpu()
        for _ in range(3):
            time.sleep(0.001)
            if not first[0][1] or (self.switches(), self.cpu()) != first:
                return False
        return True

    def highest_descriptor(self):
        """The highest number among its descriptors."""
        return max(map(int, os.listdir(f"/proc/{self.pid}/fd")))

    def memory(self):
        """Bytes of memory of its own: what it has written to."""
        for line in _lines(f"/proc/{self.pid}/smaps_rollup"):
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
        raise Problem("no Private_Dirty in /proc/PID/smaps_rollup")


def _lines(path):
    """The lines of a file in /proc; none if its thread has ended."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readlines()
    except (FileNotFoundError, ProcessLookupError):
        return []


def echo(client, size):
    """Send size bytes and read them back. False when the server has closed
    the connection."""
    message = os.urandom(size)
    back = b""
    try:
        client.sendall(message)
        while len(back) < size:
            more = client.recv(size - len(back))
            if more == b"":
                return False
            back += more
    except ConnectionError:
        return False
    except BlockingIOError:
        raise Problem(f"no echo within {LIMIT:g} s") from None
    if back != message:
        raise Problem("the echo is not what was sent")
    return True
