#!/usr/bin/env python3
"""hazard.py - do to a server what clients, users and systems do to servers.

    tests/hazard.py PROGRAM... HAZARD  one hazard against one stage or more
    tests/hazard.py PROGRAM... A,B,C   several hazards, one after the other
    tests/hazard.py PROGRAM... all     all hazards against them
    tests/hazard.py --list             all hazards, a sentence each

With --tcp first, the server listens on a TCP port. Some hazards are about paths
or about the output, and are then left out. With --own FILE first, the hazards of
this Python file exist, too: functions with @hazard, as here.

Each hazard is one small function. It starts PROGRAM --serve in a directory of
its own and does its worst. Leaving the `with` block then asks what has to be
true after every hazard: a fresh client gets its echo, SIGTERM ends the server
with status 0, nothing stands on standard error, the socket file is gone, and
no line of the trace holds anything but printable ASCII.

Nothing here sleeps to synchronise. Waits are for lines of the trace, for
sockets and for states in /proc; all have a limit, scaled by TIMEOUT_MULT.

Exit status: 0 good, 1 bad, 2 usage, 77 skipped, with the reason said; of
several stages: 1 if one was bad, 77 if all were skipped.
"""
import array
import collections
import contextlib
import errno
import fcntl
import functools
import importlib.util
import io
import json
import os
import random
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

LIMIT = 20 * float(os.environ.get("TIMEOUT_MULT", "1"))  # seconds for a wait
LOOK = 0.005  # seconds between two looks at what is waited for
MOST = round(3 * LIMIT)  # seconds for a hazard
PATH = "echo.sock"  # of the server, in the temporary directory
SCRIPTS = os.path.join(os.path.dirname(__file__), "..", "scripts")
MOST_CHECKED = 2_000_000  # bytes of trace that are checked against the laws
AT_ONCE = 3  # hazards
SKIPPED = 77
FAILING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fail.c")
MIB = 1 << 20
STALL = 4 * MIB  # bytes that are more than a server and two sockets take
HAZARDS = {}
FILES = [__file__]  # with hazards
NOT_TCP = set()  # hazards that are not for TCP
OF_COMMON = set()  # hazards that only common/ handles, not the loop of a stage


class Bad(Exception):
    """The server did not do what it should have done."""

    def __init__(self, expected, came):
        super().__init__(expected, came)
        self.expected, self.came = expected, came


class Skip(Exception):
    """The hazard does not apply to this stage, or is not possible here."""


def hazard(function):
    """Put a hazard on the list; its name is the function's, with dashes."""
    HAZARDS[function.__name__.replace("_", "-")] = function
    return function


def not_tcp(function):
    """Leaves out a hazard over TCP."""
    NOT_TCP.add(function.__name__.replace("_", "-"))
    return function


def of_common(function):
    """Leaves out a hazard with --loop: some stages stand for all."""
    OF_COMMON.add(function.__name__.replace("_", "-"))
    return function


class Transport:
    """How clients reach a server: by a path, or by TCP."""

    tcp = False

    @classmethod
    def use_tcp(cls):
        global STALL
        cls.tcp = True
        STALL = 16 * MIB  # those of the server grow to some MiB

    @classmethod
    def socket(cls):
        if not cls.tcp:
            return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        new = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Otherwise the second of two pieces waits for an acknowledgement.
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in socket.SO_SNDBUF, socket.SO_RCVBUF:
            new.setsockopt(socket.SOL_SOCKET, option, 65536)
        return new

    @classmethod
    def free(cls):
        """A path, or a port that no client is given by the kernel."""
        while cls.tcp:
            port = random.SystemRandom().randrange(10000, 32768)
            with cls.socket() as any_socket, contextlib.suppress(OSError):
                any_socket.bind(("127.0.0.1", port))
                return f"tcp:{port}"
        return PATH

    @classmethod
    def address(cls, text):
        """What connect(2) takes."""
        if cls.tcp:
            return "127.0.0.1", int(text.rpartition(":")[2])
        return text.replace("@", "\0", 1)


def check(good, expected, came):
    """Go on if it is good; else say what was expected and what came."""
    if not good:
        raise Bad(expected, came)


def wait_until(condition, expected, came=lambda: "nothing of the kind"):
    """Wait until condition() holds and return what it returned."""
    end = time.monotonic() + LIMIT
    while not (result := condition()):
        if time.monotonic() > end:
            raise Bad(expected, f"{came()} (within {LIMIT:g} s)")
        time.sleep(LOOK)
    return result


@functools.lru_cache(maxsize=4)
def pattern(size):
    """Bytes without order, NULs among them; a shorter one is its beginning."""
    piece = random.Random(1).randbytes(65537)  # a prime: no buffer's size
    return (piece * (size // len(piece) + 1))[:size]


def waiting(file):
    """How many bytes can be read from a socket or a pipe."""
    size = array.array("i", [0])
    fcntl.ioctl(file, termios.FIONREAD, size)
    return size[0]


def receive_queue(client):
    """How many bytes wait in the other end of a TCP connection: sock_diag(7)."""
    here, there = client.getsockname(), client.getpeername()
    ends = struct.pack("!HH", there[1], here[1]) + b"".join(
        socket.inet_aton(end[0]).ljust(16, b"\0") for end in (there, here)
    )
    request = struct.pack("=BBxxI", socket.AF_INET, socket.IPPROTO_TCP, 0xFFF)
    request += ends + struct.pack("=iii", 0, -1, -1)
    head = struct.pack("=IHHII", 16 + len(request), 20, 1, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag:
        diag.send(head + request)
        answer = diag.recv(65536)
    if int.from_bytes(answer[4:6], sys.byteorder) != 20:
        return 0  # it is closed
    return int.from_bytes(answer[72:76], sys.byteorder)


def can_refuse_descriptors():
    """Does the kernel know SO_PASSRIGHTS?"""
    with socket.socket(socket.AF_UNIX) as any_socket:
        try:
            any_socket.setsockopt(socket.SOL_SOCKET, 83, 0)
        except OSError:
            return False
    return True


# --- a client -------------------------------------------------------------


class Client:
    """A connection to the server that can behave, and misbehave."""

    def __init__(self, server, name=None):
        self.socket = Transport.socket()
        self.socket.settimeout(LIMIT)
        if name is not None:
            self.socket.bind(name)
        server.clients.append(self)
        self.socket.connect(server.address)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, size):
        """Read size bytes; fewer only if the server closes before."""
        got = bytearray()
        while len(got) < size:
            piece = self.socket.recv(min(size - len(got), MIB))
            if not piece:
                break
            got += piece
        return bytes(got)

    def read_to_end(self):
        """Read until the server closes, politely or by ECONNRESET."""
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(MIB):
                got += piece
        return bytes(got)

    def expect(self, data, what="its message back"):
        """Read the echo of data and compare."""
        compare(data, self.receive(len(data)), what)

    def say(self, data=b"hello"):
        """Send, and expect the echo."""
        self.send(data)
        self.expect(data)

    def exchange(self, data):
        """Send much and read the echo at the same time."""
        self.socket.setblocking(False)
        poll, got, sent = select.poll(), bytearray(), 0
        view = memoryview(data)
        while len(got) < len(data):
            asked = select.POLLIN | (select.POLLOUT * (sent < len(data)))
            poll.register(self.socket, asked)
            if not poll.poll(LIMIT * 1000):
                raise Bad("the whole echo", f"{len(got)} bytes, then nothing")
            with contextlib.suppress(BlockingIOError):
                sent += self.socket.send(view[sent : sent + MIB])
            with contextlib.suppress(BlockingIOError):
                piece = self.socket.recv(MIB)
                if not piece:
                    break
                at = len(got)
                got += piece
                compare(data[at : len(got)], piece, "the next bytes of its own")
        self.socket.settimeout(LIMIT)
        compare(data, bytes(got), "the whole echo")

    def input_size(self):
        """How many bytes wait to be read."""
        return waiting(self.socket)

    def send_what_fits(self, data):
        """Send without waiting. Returns how many bytes went."""
        sent, view = 0, memoryview(data)
        self.socket.setblocking(False)
        with contextlib.suppress(
            BlockingIOError, BrokenPipeError, ConnectionResetError
        ):
            while sent < len(data):
                sent += self.socket.send(view[sent : sent + 65536])
        self.socket.settimeout(LIMIT)
        return sent

    def stall(self, server):
        """Send without reading until nothing fits and the server sleeps.

        Returns how many bytes of pattern() it has sent.
        """
        most = STALL
        data, sent, quiet, before = memoryview(pattern(most)), 0, 0, -1
        end = time.monotonic() + LIMIT
        while quiet < 5:
            more = self.send_what_fits(data[sent:])
            now, sent = server.trace_size(), sent + more
            calm = not more and now == before and server.sleeps()
            quiet, before = quiet + 1 if calm else 0, now
            check(sent < most, "backpressure", f"{sent} bytes were taken")
            check(
                time.monotonic() < end,
                "a server that sleeps while a client does not read",
                "it is still busy",
            )
            time.sleep(LOOK)
        return sent

    def is_reset(self):
        """Has the server closed with unread bytes of ours?"""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        check(poll.poll(LIMIT * 1000), "an echo, or the end", "nothing")
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


def compare(wanted, got, what):
    """Say where two runs of bytes begin to differ."""
    if wanted == got:
        return
    place = next(
        (i for i, (a, b) in enumerate(zip(wanted, got)) if a != b),
        min(len(wanted), len(got)),
    )
    raise Bad(
        f"{what}: {len(wanted)} bytes",
        f"{len(got)} bytes, wrong from byte {place}: "
        f"{got[place:place + 20]!r} instead of {wanted[place:place + 20]!r}",
    )


# --- a server -------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def check_trace():
    """What checks a trace, and the laws that a server need not keep."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, SCRIPTS)
    from iomux import check_trace as checker, laws, trace

    return {"check": checker.check, "LEFT_OUT": laws.left_out,
            "prepare": trace.grammar}


class Server:
    """A stage that runs with --serve, and what /proc tells of it."""

    def __init__(
        self,
        stage,
        *options,
        path=None,
        limit=None,
        ignore=(),
        block=(),
        gate=None,
        **environment,
    ):
        def prepare():
            for number in ignore:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, block)
            if limit is not None:
                hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))

        path = path or Transport.free()
        self.stage, self.path, self.clients = stage, path, []
        self.breaks_laws = False  # this hazard's trace may
        self.address = Transport.address(path)
        self.name = f"{stage.name}.{stage.started}"
        stage.started += 1
        stage.servers.append(self)
        command = [stage.program, "--serve", "-s", path, *options]
        if gate is not None:  # a pipe: it starts when a line comes through
            command[:0] = ["sh", "-c", 'read -r _ && exec "$@"', "gate"]
        with open(f"out.{self.name}", "wb") as out, open(
            f"err.{self.name}", "wb"
        ) as err:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if gate is None else gate,
                stdout=out,
                stderr=err,
                # Without it no copy of this process is made, only to exec.
                preexec_fn=(
                    prepare if ignore or block or limit is not None else None
                ),
                env=os.environ | environment,
            )
        self.pid = self.process.pid

    # What it says.

    def output(self):
        with open(f"out.{self.name}", "rb") as out:
            return out.read()

    def errors(self):
        """Its standard error, without the sentence that any user may connect."""
        with open(f"err.{self.name}", "rb") as err:
            text = err.read().decode(errors="backslashreplace")
        public = f"may connect to {re.escape(self.path)}, because it has no"
        return re.sub(rf".*: any user .* {public} permissions\n", "", text, 1)

    def trace_size(self):
        return os.path.getsize(f"out.{self.name}")

    def lines_until(self, word, offset):
        """How many lines of trace there are from offset to a message."""
        with open(f"out.{self.name}", "rb") as out:
            out.seek(max(0, offset - 4096))
            text = out.read()
        start = min(offset, 4096)
        return text[start : text.find(b"msg:" + word)].count(b"\n")

    def lines(self, words=""):
        """The lines of the trace that match the regular expression."""
        text = self.output().decode(errors="backslashreplace")
        return [line for line in text.splitlines() if re.search(words, line)]

    def wait_for(self, words, times=1):
        """Wait until the trace has lines that match."""
        wait_until(
            lambda: len(self.lines(words)) >= times or self.has_ended(),
            f"a line '{words}' in the trace",
        )
        check(
            len(self.lines(words)) >= times,
            f"a line '{words}' in the trace",
            f"the server ended with status {self.process.returncode}",
        )

    def wait_ready(self):
        """Wait until it listens and, as its trace tells, has come to its wait.

        It says "ready:" before it has opened all the descriptors it needs.
        """
        self.wait_for(f"^ready: {re.escape(self.path)}$")
        if "-q" not in self.process.args:
            self.wait_for(r"\.\.\.$|EAGAIN")

    # What /proc says.

    def has_ended(self):
        return self.process.poll() is not None

    def states(self):
        """R, S, T, ...: one letter for each thread."""
        letters = ""
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{self.pid}/task/{tid}/stat") as stat:
                    letters += stat.read().rpartition(") ")[2][0]
        return letters

    def sleeps(self):
        return set(self.states()) == {"S"}

    def descriptors(self):
        return sorted(int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd"))

    def status(self, field):
        with open(f"/proc/{self.pid}/status") as status:
            return re.search(rf"^{field}:\s*(\S+)", status.read(), re.M)[1]

    def cpu(self):
        """CPU time of all its threads, in seconds."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def memory(self):
        """Anonymous memory in kB: heap and stacks, exactly."""
        with open(f"/proc/{self.pid}/smaps_rollup") as smaps:
            return int(re.search(r"^Anonymous:\s*(\d+)", smaps.read(), re.M)[1])

    def wait_calm(self, why):
        """Wait until it is calm: it sleeps, and its trace hardly grows.

        It may look again for a descriptor ten times a second: a few lines. A
        server that spins runs at nearly every look, or writes thousands.
        """
        looks, much = 20, 4000
        end = time.monotonic() + LIMIT
        while True:
            before, asleep = self.trace_size(), 0
            for _ in range(looks):
                time.sleep(LOOK)
                asleep += self.sleeps()
            grown = self.trace_size() - before
            calm = asleep >= looks * 3 // 4 or self.stage.never_sleeps
            if calm and grown < much:
                return
            check(
                time.monotonic() < end and not self.has_ended(),
                f"a server that sleeps {why}",
                f"of {looks} looks it slept at {asleep}, and it wrote {grown} "
                "bytes meanwhile",
            )

    def wait_busy(self):
        """Wait until its trace has grown by much."""
        enough = self.trace_size() + 100000
        wait_until(lambda: self.trace_size() > enough, "a flood that flows")

    # What is done to it.

    def kill(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGSTOP, until it has."""
        self.kill(signal.SIGSTOP)
        wait_until(lambda: set(self.states()) == {"T"}, "a stopped server")

    def resume(self):
        self.kill(signal.SIGCONT)

    def allow_descriptors(self, number):
        hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (number, hard))

    def leave(self):
        """All clients close, and the server has noticed."""
        for client in self.clients:
            client.close()
        self.clients.clear()

    def wait_end(self):
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Bad("an end", f"it still runs after {LIMIT:g} s") from None

    def end(self, number=signal.SIGTERM):
        """End it by a signal, and see that it ends as it should."""
        check(
            not self.has_ended(),
            "a server that runs",
            f"it has ended with status {self.process.returncode}",
        )
        name = signal.Signals(number).name
        self.kill(number)
        status = self.wait_end()
        check(status == 0, f"status 0 after {name}", f"status {status}")
        check(not self.errors(), "nothing on standard error", self.errors())
        check(
            not os.path.lexists(self.path),
            f"no socket file after {name}",
            f"{self.path} is still there",
        )
        self.check_trace()
        self.check_laws()

    def check_laws(self):
        """The trace obeys the laws that scripts/check-trace knows."""
        if self.breaks_laws or "-q" in self.process.args:
            return
        if self.trace_size() > MOST_CHECKED:
            return
        check_laws, said = check_trace()["check"], io.StringIO()
        with contextlib.redirect_stdout(said):
            good = check_laws(f"out.{self.name}", None)
        check(good, "a trace that obeys all laws", said.getvalue())

    def check_trace(self):
        """Nothing but the trace, the summary, and printable ASCII."""
        text = self.output()
        junk = re.search(rb"[^\n\x20-\x7e]", text)
        check(
            not junk,
            "printable ASCII on standard output",
            junk and f"a byte {junk[0]!r} after {text[:junk.start()][-60:]!r}",
        )
        trace, _, summary = text.decode().partition("\nsummary of ")
        good = r"\[(server|demo|thread x?\d+|worker \d+|\?)\] +\S.*|ready: .*"
        for line in trace.splitlines():
            check(
                re.fullmatch(good, line),
                "only trace lines on standard output",
                repr(line),
            )
        check(
            "accepted" in summary or "-q" in self.process.args,
            "a summary at the end",
            repr(summary),
        )


class Stage:
    """One of the programs, and what its model allows."""

    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.name = os.path.basename(program)
        self.servers = []  # those of interest for the report
        self.started = 0  # how many there were
        number = int(self.name[:2]) if self.name[:2].isdigit() else 99
        self.one_at_a_time = number == 1
        self.has_threads = number == 2
        self.is_untraced = self.name.startswith("untraced-")
        self.never_sleeps = number == 3  # asks a million times a second
        self.uses_select = number == 4
        # A slow reader stops others: the model's limit, not a bug.
        self.waits_in_send = number == 1 or 3 <= number <= 6
        self.keeps_unsent = number >= 7
        is_pool = number == 9
        # An accept that has begun keeps the limit of descriptors of its start.
        self.accepts_ahead = self.has_threads or number == 12
        # The threads of a server without a client: the main thread, and two
        # workers in the pool.
        self.threads = 1 + is_pool * 2
        self.is_scheduled = self.has_threads or is_pool

    @contextlib.contextmanager
    def serve(self, *options, **arguments):
        """Start a server; after the block, see that it is still a good one."""
        server = Server(self, *options, **arguments)
        server.wait_ready()
        yield server
        server.leave()
        check(
            not server.has_ended(),
            "a server that runs",
            f"it has ended with status {server.process.returncode}",
        )
        fresh = Client(server)
        fresh.say(b"still there?")
        fresh.close()
        server.end()

    def run(self, *options, **arguments):
        """Run it to its end; return what subprocess.run() does."""
        return subprocess.run(
            [self.program, *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
            **arguments,
        )

    def is_sanitized(self, by="[amt]san"):
        with open(self.program, "rb") as program:
            return re.search(b"__%s_init" % by.encode(), program.read()) is not None

    def not_one_at_a_time(self):
        if self.one_at_a_time:
            raise Skip("this stage serves one client at a time")


# --- clients that leave ---------------------------------------------------


@hazard
def connect_and_leave(stage):
    """A client that connects and leaves at once does no harm."""
    with stage.serve() as server:
        for _ in range(100):
            Client(server).close()
        server.wait_for("close clientfd", 100)


@hazard
def leave_unread(stage):
    """A client that leaves without reading its echo does no harm."""
    with stage.serve() as server:
        client = Client(server)
        client.send(b"never read")
        wait_until(client.input_size, "an echo")
        client.close()
        server.wait_for("recv from .*ECONNRESET")


@hazard
def leave_before_the_echo(stage):
    """If a client has closed, its messages are read and SIGPIPE ends no server."""
    with stage.serve() as server:
        for _ in range(3):
            server.stop()
            client = Client(server)
            client.send(b"who has gone when this comes back?")
            client.close()
            server.resume()
        # Over TCP, only the answer shows that the client has closed.
        server.wait_for("close clientfd" if Transport.tcp else "send to .*EPIPE", 3)


@hazard
def flood_and_leave(stage):
    """A client that floods and leaves does not stop the server."""
    with stage.serve() as server:
        for round_ in range(1, 4):
            client = Client(server)
            client.stall(server)
            client.close()
            server.wait_for("close clientfd", round_)


@hazard
def stop_reading(stage):
    """A client that shuts down its reading side does no harm."""
    with stage.serve() as server:
        client = Client(server)
        client.say()
        client.socket.shutdown(socket.SHUT_RD)
        client.send(b"I do not listen")
        if Transport.tcp:  # the peer does not learn of it
            server.wait_for("send to .* 15 bytes")
            client.close()
        else:
            server.wait_for("send to .*EPIPE")
        server.wait_for("close clientfd")


@hazard
def shut_down_and_stay(stage):
    """A client that shuts down both directions and stays costs no CPU time."""
    with stage.serve() as server:
        client = Client(server)
        client.say()
        client.socket.shutdown(socket.SHUT_RDWR)
        server.wait_for("close clientfd")
        server.wait_calm("once a client has shut down")


@hazard
def no_descriptor_lost(stage):
    """After 200 clients the server has no more descriptors than before."""
    with stage.serve() as server:
        with contextlib.closing(Client(server)) as first:
            first.say()
        server.wait_for("close clientfd")
        before = server.descriptors()
        for i in range(200):
            client = Client(server)
            if i % 4 == 1:
                client.say()
            if i % 4 > 1:  # it leaves by EPIPE, or by ECONNRESET
                client.send(b"goodbye")
            if i % 4 == 2:
                wait_until(client.input_size, "an echo")
            client.close()
        server.wait_for("close clientfd", 201)
        wait_until(
            lambda: server.descriptors() == before,
            f"the descriptors {before}",
            lambda: server.descriptors(),
        )


@hazard
def no_memory_lost(stage):
    """After 4,000 clients the server has no more memory than before."""
    if stage.is_sanitized():
        raise Skip("a sanitizer keeps freed memory, and detects leaks itself")

    def visit(times):
        for i in range(times):
            client = Client(server)
            client.say(b"x" * (1 + i % 3000))
            client.close()
        server.leave()
        wait_until(
            lambda: len(server.states()) <= stage.threads + stage.has_threads,
            "no more threads than at the start",
            lambda: f"{len(server.states())} threads",
        )

    with stage.serve() as server:
        visit(500)
        check_memory(server, lambda: visit(4000))


def check_memory(server, visit):
    """Raises Bad if memory grows in each of five rounds of visits, as it does if
    each visit loses a piece.

    Chance may add some hundred kB once: malloc(3) makes an arena for a thread
    that finds the others in use, and the C library caches stacks.
    """
    grown = []
    for _ in range(5):
        before = server.memory()
        visit()
        grown.append(server.memory() - before)
        if grown[-1] < 100:  # 4,000 of the smallest pieces of malloc are 125 kB
            return
    raise Bad("a round without more memory", f"in each, kB more: {grown}")


# --- what clients send ----------------------------------------------------


@hazard
def large_messages(stage):
    """60 kB, and more than all buffers take, are echoed to a client that also reads."""
    with stage.serve() as server:
        client = Client(server)
        client.exchange(pattern(60000))
        client.exchange(pattern(STALL))


@hazard
def patient_reader(stage):
    """A client that sends everything before it reads gets the whole echo."""
    with stage.serve() as server:
        client = Client(server)
        for size in 1, 4096, 4097, 60000:
            client.send(pattern(size))
            wait_until(
                lambda wanted=size: client.input_size() == wanted,
                f"{size} bytes to read",
                lambda: f"{client.input_size()} bytes",
            )
            client.expect(pattern(size))


@hazard
def half_close(stage):
    """A client that half-closes gets all its bytes back, then end of file."""
    with stage.serve() as server:
        for size in 0, 1, 4096, 100000:
            client = Client(server)
            client.send(pattern(size))
            client.half_close()
            compare(pattern(size), client.receive(size + 1), "all, then eof")
            client.close()


@hazard
def byte_by_byte(stage):
    """Bytes that come one at a time are echoed one at a time."""
    with stage.serve() as server:
        client = Client(server)
        for byte in range(256):
            client.say(bytes([byte]))


@hazard
def out_of_band(stage):
    """A byte sent with MSG_OOB neither stops the server nor keeps it busy."""
    with stage.serve() as server:
        alone = Client(server)
        try:
            alone.socket.send(b"!", socket.MSG_OOB)
        except OSError as error:
            raise Skip(f"no MSG_OOB on this kernel: {error}") from None
        server.wait_calm("after a byte out of band")
        alone.say(b"and in band")
        alone.close()

        among = Client(server)
        for i in range(20):
            before, after = b"before %d" % i, b"after %d" % i
            among.send(before)
            among.socket.send(b"!", socket.MSG_OOB)
            among.send(after)
            among.expect(before + after)
        among.socket.send(b"!", socket.MSG_OOB)
        server.wait_calm("after the last byte out of band")
        among.half_close()
        compare(b"", among.read_to_end(), "nothing but the end")


@hazard
@not_tcp
def pass_descriptors(stage):
    """Descriptors that a client passes are refused, or closed by an older Linux."""
    with stage.serve() as server:
        client = Client(server)
        client.say()
        before = server.descriptors()
        for i in range(20):
            text = b"take these %d" % i
            try:
                socket.send_fds(client.socket, [text],
                                [client.socket.fileno()] * 9)
                check(not can_refuse_descriptors(), "EPERM", "they were taken")
            except PermissionError:
                client.send(text)
            client.expect(text)
        check(
            server.descriptors() == before,
            f"the descriptors {before}",
            server.descriptors(),
        )


@hazard
def forge_the_trace(stage):
    """No message can forge a line of the trace or drive the terminal."""
    messages = [
        b"\n[server]   =====> accept new clientfd:99 (c99)\n",
        b"\r[server]   stop\r\n",
        b"\x1b[2J\x1b[31m\x1b]0;title\x07",
        b'"},{"name":"forged"}\n{"name":"forged"}',
        b"\\n\\x1b\\\\",
        b"\x00NUL\x00\x00",
        b"\x9b2J\x80\xfe\xff",
        "grüße \u202e ✓ \U0001f600".encode(),
        b"%s%n%d%1000000d",
        b"\\" * 40,
        b"\n" * 5000,
        bytes(range(256)),
    ]
    with stage.serve("-j", "trace.json") as server:
        client = Client(server)
        for message in messages:
            client.exchange(message)
    # That nothing but trace lines came out has been seen; no line is forged?
    for words, number in (("accept new", 2), ("stop$", 1), ("c99", 0)):
        found = server.lines(rf"^\[\w+( \d+)?\] +(=====> )?{words}")
        check(len(found) == number, f"{number} lines '{words}'", found)
    with open("trace.json", encoding="ascii") as trace:
        for line in trace:
            event = json.loads(line)
            check(event["name"] != "forged", "no forged event", line)


@hazard
@of_common
def forge_a_name(stage):
    """No name that a client binds confuses the trace or forges a line."""
    number = os.getpid()
    tcp_names = [
        ("127.1.0.1", 0),
        ("127.1.0.0", 0),
        ("127.0.255.255", 0),
        ("127.16.66.65", 0),  # above all numbers of clients
        ("127.255.255.254", 0),
        ("127.0.0.1", 0),
        ("127.1.0.1", 0),  # taken
    ]
    names = tcp_names if Transport.tcp else [
        f"\0iomux-{number}-c1",
        f"\0iomux-{number + 10000000}-c1",  # above all process numbers
        f"\0iomux-{number}-c",
        f"\0iomux-{number}-c0",
        f"\0iomux-{number}-c-5",
        f"\0iomux-{number}-c99999999999",
        f"\0iomux-{number}-c4294967297",
        f"\0iomux-{number}-c2\n[server]   stop",
        f"\0iomux-{number}-c3 ",
        f"\0iomux-+{number}-c6",
        f"\0iomux-{number}-c 7",
        f"\0iomux-{number}-c08",
        f"\0iomux-{number}-c9\0junk",
        f"\0iomux--c4-{number}",
        f"\0{number}\n[server]   stop\n\x1b[2J",
        b"\0%d\xff\xfe\x80" % number,
        b"\0%d" % number + b"\0" * 20,
        f"\0iomux-{number}-c5".ljust(108, "5"),
        f"\0{number}%s%n%s".ljust(108, "n"),
        b"path\xff\xfe",
        "path\n[server]   stop\x1b[2J",
        "p" * 107,
    ]
    with stage.serve("-j", "trace.json") as server:
        here = []
        for name in names:
            client = Client(server, name)
            if stage.one_at_a_time:
                client.say()
                client.close()
            else:
                here.append(client)
        for client in here:
            client.say()
    line = re.compile(
        r"\[(?:server|worker \d+)\] +=====> accept new clientfd:\d+ \((.*)\)"
    )
    shown = list(map(line.fullmatch, server.lines("accept new")))
    check(
        len(shown) == len(names) + 1 and all(shown),
        f"{len(names) + 1} lines that name a client",
        server.lines("accept new"),
    )
    shown = [match[1] for match in shown]
    check(
        all(re.fullmatch(r"[cx][1-9]\d{0,6}", name) for name in shown),
        "names like c1 and x1",
        shown,
    )
    check(
        [name for name in shown if name[0] == "c"] == ["c1"],
        "c1 for the one true name",
        shown,
    )
    check(
        stage.one_at_a_time or len(set(shown[:-1])) == len(names),
        "a name of its own for each that is connected",
        shown,
    )
    with open("trace.json", encoding="ascii") as trace:
        collections.deque(map(json.loads, trace), maxlen=0)


# --- clients that stall, and clients that want too much -------------------


@hazard
def stalled_reader(stage):
    """A client that does not read delays nobody, or only while it is connected."""
    with stage.serve() as server:
        stalled = Client(server)
        sent = stalled.stall(server)
        other = Client(server)
        if not stage.waits_in_send:
            other.say(b"while one stalls")
            # Late, and yet not a byte is lost.
            stalled.half_close()
            compare(pattern(sent), stalled.receive(sent + 1), "all, then eof")
        else:
            other.send(b"once it has gone")
            stalled.close()
            other.expect(b"once it has gone")


@hazard
def stalled_and_back(stage):
    """A client that stalls and then reads gets every byte."""
    with stage.serve() as server:
        client = Client(server)
        for _ in range(3):
            sent = client.stall(server)
            client.expect(pattern(sent), "all that was sent")
        client.say(b"and on it goes")


@hazard
def never_reads(stage):
    """A client that never reads costs one buffer and no CPU time."""
    if not stage.keeps_unsent:
        raise Skip("stages before 07 block in send and keep no unsent data")
    with stage.serve() as server:
        Client(server).say()
        before = server.memory()
        stalled = [Client(server) for _ in range(5)]
        for client in stalled:
            client.stall(server)  # sees that the server takes no more
        server.wait_calm("while clients do not read")
        check(
            stage.is_sanitized() or server.memory() - before < 500,
            f"not much more memory than {before} kB",
            f"{server.memory()} kB",
        )


@contextlib.contextmanager
def flooding(server):
    """A client that sends, and reads, as fast as two processes can."""
    client = Client(server)
    client.socket.setblocking(True)
    with open("/dev/null", "wb") as null, open("/dev/zero", "rb") as zero:
        both = [
            subprocess.Popen("cat", stdin=client.socket, stdout=null),
            subprocess.Popen(
                "cat", stdin=zero, stdout=client.socket, stderr=null
            ),
        ]
    try:
        server.wait_busy()
        yield
    finally:
        for process in both:
            process.kill()
            process.wait()


@hazard
def flood_and_read(stage):
    """A client that sends and reads as fast as it can does not starve another."""
    stage.not_one_at_a_time()
    # When a thread gets a CPU is the scheduler's affair; in one thread for
    # all, when a client gets its turn is the stage's.
    bound = float("inf") if stage.is_scheduled else 300
    # With its trace: so the flood is faster than the server.
    with stage.serve() as server:
        with flooding(server):
            other = Client(server)
            for i in range(20):
                word = b"a word %d" % i
                other.send(word)
                sent_at = server.trace_size()
                other.expect(word)
                lines = server.lines_until(word, sent_at)
                check(
                    lines < bound,
                    "a recv before the flood gets hundreds of them",
                    f"{lines} lines of trace meanwhile",
                )
                server.wait_busy()


@hazard
def crowd(stage):
    """1,500 clients at once each get an echo, or are refused by select."""
    stage.not_one_at_a_time()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 4000:
        raise Skip(f"needs 4000 descriptors, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4000, hard))
    with stage.serve() as server:
        clients = [Client(server) for _ in range(1500)]
        for client in clients:
            with contextlib.suppress(BrokenPipeError):
                client.send(b"me too")
        got = collections.Counter()
        for client in clients:
            got[b"" if client.is_reset() else client.receive(6)] += 1
        served, refused = got[b"me too"], got[b""]
        check(
            served + refused == 1500
            and (served >= 1000 if stage.uses_select else refused == 0)
            and len(server.lines("refuse .*FD_SETSIZE")) == refused,
            "1500 echoes"
            + (", or a line about FD_SETSIZE" * stage.uses_select),
            f"{dict(got)}, {len(server.lines('FD_SETSIZE'))} refused",
        )
        clients[0].say(b"and again")
        server.leave()
        server.wait_for("close clientfd", served)


# --- a server that sleeps -------------------------------------------------


@hazard
def arrive_while_stopped(stage):
    """24 clients that arrive while the server is stopped are all served."""
    with stage.serve() as server:
        server.stop()
        clients = [Client(server) for _ in range(24)]
        for i, client in enumerate(clients):
            client.send(b"I am %d" % i)
            client.half_close()
        server.resume()
        for i, client in enumerate(clients):
            compare(b"I am %d" % i, client.read_to_end(), "the echo, then eof")


@hazard
def leave_while_stopped(stage):
    """24 clients that arrive and leave while it is stopped do no harm."""
    with stage.serve() as server:
        server.stop()
        for i in range(24):
            client = Client(server)
            if i % 2:
                client.send(b"gone before you look")
            client.close()
        server.resume()
        server.wait_for("close clientfd", 24)


@hazard
def stop_and_continue(stage):
    """A server that is stopped and continued, idle or busy, loses no byte."""
    with stage.serve() as server:
        client = Client(server)
        for i in range(10):
            client.say(b"idle %d" % i)
            server.stop()
            server.resume()
        sent = client.stall(server)
        for _ in range(10):
            server.stop()
            server.resume()
        client.expect(pattern(sent), "all that was sent")
        client.half_close()
        compare(b"", client.read_to_end(), "nothing but the end")


# --- no descriptor left ---------------------------------------------------


class Failures:
    """A library that lets calls of a server fail, and counts the failures."""

    def __init__(self, stage, names, error):
        if stage.is_sanitized():
            raise Skip("a sanitizer must be the first library")
        self.file = os.path.abspath("failures")
        with open(self.file, "wb") as file:
            file.write(bytes(16))
        library = os.path.abspath("fail.so")
        if not os.path.exists(library):
            # -Bsymbolic: the library's own calls stay inside it.
            subprocess.run(
                ["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1",
                 "-Wl,-Bsymbolic", "-o", library, FAILING, "-ldl"],
                check=True,
            )
        self.environment = {
            "LD_PRELOAD": library,
            "FAIL": f"{names} {error} {self.file}",
        }

    def switch_on(self, on=True):
        with open(self.file, "r+b") as file:
            file.write(int(on).to_bytes(8, sys.byteorder))

    def count(self):
        with open(self.file, "rb") as file:
            return int.from_bytes(file.read()[8:], sys.byteorder)


def is_refused(client):
    """Waits for an echo or the end. Returns True if the end has come."""
    return client.is_reset() or client.receive(1) == b""


@hazard
def few_descriptors(stage):
    """With 24 descriptors and 40 clients, surplus clients are refused."""
    with stage.serve(limit=24) as server:
        empty = len(server.descriptors())
        clients = [Client(server) for _ in range(40)]
        for client in clients:
            client.send_what_fits(b"1")
        if stage.one_at_a_time:
            for client in clients:
                check(not is_refused(client), "an echo for each", "the end")
                client.close()
            return
        served = [client for client in clients if not is_refused(client)]
        refused = 40 - len(served)
        check(
            0 < len(served) < 24 and served == clients[: len(served)],
            "echoes for the first clients and the end for the others",
            f"{len(served)} clients with an echo",
        )
        server.wait_for("refuse clientfd:0 .*no descriptor left", refused)
        for word in b"while descriptors are short", b"and again":
            for client in served:
                client.say(word)
            server.wait_calm("while no descriptor is left")
        full = len(server.descriptors())
        for _ in range(3):  # each descriptor that is left is used again
            wait_for_descriptors(server, full)  # with the reserve
            served.pop(0).close()
            wait_for_descriptors(server, full - 1)
            served.append(Client(server))
            served[-1].say(b"in its place")
            late = Client(server)
            late.send_what_fits(b"1")
            check(is_refused(late), "the end for one more client", "an echo")
        server.leave()
        if stage.accepts_ahead:  # until then, 12 may have lent the reserve
            wait_until(lambda: len(server.descriptors()) <= empty,
                       "no descriptor of a client")
            Client(server).say(b"the last")
            server.leave()
        wait_for_descriptors(server, empty)


def wait_for_descriptors(server, number):
    """Waits until it has so many. The line "close" precedes the call."""
    wait_until(
        lambda: len(server.descriptors()) == number,
        f"{number} open descriptors",
        lambda: f"{len(server.descriptors())} open descriptors",
    )


def take_descriptors_away(server):
    """Allows it no more descriptors than it has.

    A server that sleeps in accept has taken a descriptor already: one client
    connects and closes to use that up.
    """
    used = server.descriptors()
    server.allow_descriptors(next(n for n in range(999) if n not in used))
    client = Client(server)
    client.send_what_fits(b"1")
    with contextlib.suppress(OSError):  # ENOTCONN: refused already
        client.half_close()
    client.read_to_end()
    client.close()


@hazard
def no_descriptors(stage):
    """With no free descriptor, a client is refused at once, and the server sleeps."""
    with stage.serve() as server:
        used = server.descriptors()
        for _ in range(2):
            take_descriptors_away(server)
            server.wait_calm("without a descriptor, while no client waits")
            client = Client(server)
            compare(b"", client.read_to_end(), "the end at once")
            server.wait_calm("after it has refused a client")
            server.allow_descriptors(200)
            # accept(2) may have failed already for the first.
            with contextlib.closing(Client(server)) as client:
                client.send_what_fits(b"1")
                is_refused(client)
            with contextlib.closing(Client(server)) as client:
                client.say(b"patience")
            wait_until(
                lambda: server.descriptors() == used,
                f"the descriptors {used}",
                lambda: server.descriptors(),
            )


@hazard
def no_descriptors_and_end(stage):
    """With no free descriptor, a signal ends the server."""
    server = Server(stage)
    server.wait_ready()
    take_descriptors_away(server)
    compare(b"", Client(server).read_to_end(), "the end")
    server.end()


@hazard
def fewer_descriptors(stage):
    """A server that is allowed fewer descriptors than it has closes no client."""
    server = Server(stage)
    server.wait_ready()
    number = 1 if stage.one_at_a_time else 9
    clients = [Client(server) for _ in range(number)]
    for client in clients:
        client.say()
    server.allow_descriptors(4)
    if stage.name.startswith("05-"):
        # poll(2) refuses more slots than RLIMIT_NOFILE with EINVAL.
        with contextlib.suppress(OSError):
            clients[0].send(b"and now?")
        check_given_up(server, "EINVAL")
        for client in clients:
            client.read_to_end()
        with open(os.path.join(SCRIPTS, "..", "demos", stage.name + ".c"),
                  encoding="utf-8") as source:
            header = source.read().partition(" */")[0]
        check(
            "RLIMIT_NOFILE" in header.partition("Limitations:")[2],
            "RLIMIT_NOFILE in the header's Limitations",
            "none",
        )
        return
    for client in clients:
        client.say(b"and now?")
    server.wait_calm("with fewer descriptors than it has")
    if not stage.one_at_a_time:
        # In 02, accept(2) holds a descriptor that it took before. In 12, the
        # request has the limit of the time when it was submitted.
        for _ in range(1 + stage.accepts_ahead):
            late = Client(server)
            late.send_what_fits(b"1")
            refused = is_refused(late)
            late.close()
        check(refused, "the end for one more client", "an echo")
    for client in clients:
        client.say(b"and still?")
    server.leave()
    server.wait_calm("with fewer descriptors than it has")
    server.allow_descriptors(0)  # there is no number for the reserve either
    late = Client(server)
    server.wait_calm("while a client waits, and no descriptor is allowed")
    late.close()
    server.allow_descriptors(200)
    server.end()


# --- calls that fail ------------------------------------------------------


def check_given_up(server, error):
    """The server ends by itself: status 1, one sentence, nothing left."""
    status = server.wait_end()
    name = re.escape(server.stage.name)
    check(
        status == 1 and re.fullmatch(rf"{name}: .*\n", server.errors()),
        "status 1 and one sentence",
        f"status {status}, {server.errors()!r}",
    )
    check(
        error in server.errors() or server.stage.is_scheduled,
        f"a sentence with {error}, if it is not an error of one thread only",
        server.errors(),
    )
    check(not os.path.lexists(server.path), "no socket file", server.path)


@hazard
def wait_fails(stage):
    """A wait that always fails ends the server: it neither spins nor hangs."""
    names = {"04": "select", "05": "poll", "12": "io_uring_enter"}
    name = names.get(stage.name[:2], "epoll_wait")
    if stage.name[:2] in ("01", "02", "03"):
        raise Skip("there is no wait in this stage")
    for error in errno.EBADF, errno.ENOMEM:
        for with_client in False, True:
            failures = Failures(stage, name, error)
            if not with_client:
                failures.switch_on()
            server = Server(stage, **failures.environment)
            if with_client:
                server.wait_ready()
                client = Client(server)
                client.say()
                failures.switch_on()
                with contextlib.suppress(ConnectionError):
                    client.send(b"x")
                    while client.receive(1):
                        client.send(b"x")
                client.close()
            check_given_up(server, errno.errorcode[error])
            check(
                0 < failures.count() <= 1 + stage.threads,
                "one failure, or one for each thread that waits",
                f"{failures.count()} failures",
            )
            check(
                len(server.lines()) < 100,
                "a trace of some lines",
                f"{len(server.lines())} lines",
            )


@hazard
def accept_fails(stage):
    """While accept always fails, connected clients are served in time."""
    if stage.one_at_a_time:
        raise Skip("it does not accept while it serves a client")
    for error in errno.ENFILE, errno.ENOMEM:
        failures = Failures(stage, "accept4", error)
        server = Server(stage, **failures.environment)
        server.wait_ready()
        client = Client(server)
        client.say()
        failures.switch_on()
        if stage.accepts_ahead:
            Client(server)  # ends an accept that has begun before
        if stage.never_sleeps:
            wait_until(failures.count, "an accept that fails")  # as above
        Client(server)  # stays in the backlog
        wait_until(failures.count, "an accept that fails")
        before = failures.count()
        for i in range(20):
            client.say(b"echo %d" % i)
        failed = failures.count() - before
        check(
            failed <= 20 * 10,
            "at most 10 failed accepts before an echo",
            f"{failed} during 20 echoes",
        )
        check_pace(server, failures)
        server.end()


def check_pace(server, failures):
    """Few calls fail per second, and the server uses little CPU time."""
    start, cpu, before = time.monotonic(), server.cpu(), failures.count()
    while failures.count() < before + 50 and time.monotonic() < start + 1:
        time.sleep(LOOK)
    elapsed = time.monotonic() - start
    used, failed = server.cpu() - cpu, failures.count() - before
    check(
        failed <= 10 + 250 * elapsed,
        "at most 250 failed accepts a second",
        f"{failed} in {elapsed:.2f} s",
    )
    check(
        used < 0.2 * elapsed or server.stage.never_sleeps,
        "a server that uses 5 % of a CPU, and certainly not 20 %",
        f"{used:.3f} s in {elapsed:.2f} s",
    )


@hazard
def no_memory(stage):
    """Without memory for all clients, some are refused and the others are served."""
    if stage.is_sanitized():
        raise Skip("a sanitizer needs more address space than any limit")
    # Else each of several threads has 64 MiB of it in reserve.
    with stage.serve(MALLOC_ARENA_MAX="1") as server:
        server.breaks_laws = True  # no memory to name a connection
        everything = (resource.RLIM_INFINITY,) * 2
        with contextlib.closing(Client(server)) as first:
            first.say()
        size = 1024 * int(server.status("VmSize"))
        resource.prlimit(server.pid, resource.RLIMIT_AS, (size, everything[1]))
        if stage.keeps_unsent and not Transport.tcp:  # it has room for all
            for _ in range(100):
                Client(server).send_what_fits(pattern(MIB))
            server.wait_for("(close|refuse) clientfd", 2)
        clients = [Client(server) for _ in range(100)]
        for client in clients:
            with contextlib.suppress(BrokenPipeError):
                client.send(b"echo")
        for client in clients:
            got = client.receive(4) if not client.is_reset() else b""
            check(got in (b"echo", b""), "an echo, or the end", got)
            if stage.one_at_a_time:
                client.close()
        server.leave()
        resource.prlimit(server.pid, resource.RLIMIT_AS, everything)


# --- paths and names ------------------------------------------------------


def check_refused(result, status, words):
    """A program refused to start: its status, its sentence, no trace."""
    check(
        result.returncode == status
        and re.search(words, result.stderr)
        and "ready" not in result.stdout,
        f"status {status} and a sentence with '{words}'",
        f"status {result.returncode}, {result.stdout + result.stderr!r}",
    )


@hazard
@of_common
def killed_and_again(stage):
    """A server that was killed can be started again on its path."""
    dead = Server(stage)
    dead.wait_ready()
    Client(dead).say()
    dead.kill(signal.SIGKILL)
    dead.wait_end()
    check(Transport.tcp or os.path.exists(PATH), "a stale socket file", "none")
    with stage.serve(path=dead.path) as server:
        Client(server).say()


@hazard
@of_common
def second_instance(stage):
    """A second server on a live path is refused; the first sees nothing."""
    with stage.serve() as server:
        client = Client(server)
        client.say()
        server.wait_calm("between two messages")
        before = server.output()
        result = stage.run("--serve", "-s", server.path)
        check_refused(result, 1, "already running")
        check(
            server.output() == before,
            "a first server that notices nothing",
            server.output()[len(before) :],
        )
        client.say()


@hazard
@of_common
@not_tcp
def regular_file(stage):
    """A file at the path that is not a socket is left as it is."""
    with open("file", "w", encoding="ascii") as file:
        file.write("precious")
    os.symlink("file", "link")
    os.symlink("nowhere", "dangling")
    os.mkdir("directory")
    for path in "file", "link", "dangling", "directory":
        before = os.lstat(path)
        check_refused(stage.run("--serve", "-s", path), 2, "not a socket")
        check(os.lstat(path) == before, f"{path} as it was", "a changed one")
    with open("file", encoding="ascii") as file:
        check(file.read() == "precious", "the file as it was", "other bytes")
    check(not os.path.lexists("nowhere"), "no file behind a link", "one")


@hazard
@of_common
@not_tcp
def long_path(stage):
    """A path of 107 bytes works, a longer one is refused with the limit."""
    with stage.serve(path="p" * 107) as server:
        Client(server).say()
    for path in "p" * 108, "@" + "p" * 107, "p" * 5000:
        check_refused(stage.run("--serve", "-s", path), 2, r"\b107\b")
    for path in "", "@":
        check_refused(stage.run("--serve", "-s", path), 2, "empty")


@hazard
@of_common
@not_tcp
def abstract_name(stage):
    """An @name works, leaves no file, and is refused to a second server."""
    name = f"@iomux-hazard-{os.getpid()}"
    with stage.serve(path=name) as server:
        client = Client(server)
        client.say()
        server.wait_calm("between two messages")
        before = server.output()
        check_refused(stage.run("--serve", "-s", name), 1, "already running")
        check(
            server.output() == before,
            "a first server that notices nothing",
            server.output()[len(before) :],
        )
        client.say()
    check(not os.path.lexists(name), "no file", name)


@hazard
@of_common
@not_tcp
def path_taken_away(stage):
    """A server whose socket file was removed continues, and removes no other file."""
    first = Server(stage)
    first.wait_ready()
    client = Client(first)
    client.say()
    os.unlink(PATH)
    client.say()
    with stage.serve() as second:
        first.kill(signal.SIGTERM)
        status = first.wait_end()
        check(status == 0, "status 0", f"status {status}")
        check(os.path.exists(PATH), "the second server's file", "none")
        Client(second).say()


@hazard
@of_common
def two_at_once(stage):
    """Two servers start at once on a stale file: clients reach one of them."""
    # Nothing locks the file, so both may start, and one then has no file.
    for round_ in range(1, 21):
        path = Transport.free()
        if not Transport.tcp:
            with Transport.socket() as stale:
                stale.bind(path)
        gate, writer = os.pipe()
        both = stage.servers = [
            Server(stage, "-q", gate=gate, path=path),
            Server(stage, "-q", gate=gate, path=path),
        ]
        os.write(writer, b"\n\n")
        os.close(gate)
        os.close(writer)
        for server in both:
            wait_until(
                lambda s=server: s.output() or s.has_ended(), "a word from it"
            )
        ready = [server for server in both if server.output()]
        check(
            len(ready) == 1 or (ready and not Transport.tcp),
            f"at least one that is ready, of a port one (round {round_})",
            [server.errors() for server in both],
        )
        for server in both:
            if server not in ready:
                check(
                    server.wait_end() == 1
                    and "already running" in server.errors(),
                    "the other refused, with status 1",
                    f"status {server.wait_end()}, {server.errors()}",
                )
        Client(ready[0]).say()  # by the path, to whichever has the file
        for server in ready:  # the first may leave the file of the second
            server.kill(signal.SIGTERM)
            status = server.wait_end()
            check(status == 0, "status 0", f"{status}, {server.errors()}")
        check(not os.path.lexists(PATH), "no file left", PATH)



@hazard
@of_common
def handover(stage):
    """A server that starts while another ends on its path keeps its file."""
    old = Server(stage, "-q")
    old.wait_ready()
    for _ in range(20):
        old.kill(signal.SIGTERM)
        while True:  # as one who presses the keys again and again
            new = Server(stage, "-q", path=old.path)
            stage.servers = [old, new]
            wait_until(
                lambda: new.has_ended() or new.output(), "a word from the new"
            )
            if new.output():
                break
            words = "already running"
            check(words in new.errors(), words, new.errors())
        status = old.wait_end()
        check(status == 0, "status 0", f"status {status}")
        check(
            Transport.tcp or os.path.exists(PATH),
            "the new one's file",
            "none: it is gone",
        )
        old = new
    Client(old).say()
    old.end()


# --- signals, and the end -------------------------------------------------


@hazard
def signals_end_it(stage):
    """SIGINT, SIGTERM and SIGHUP end a server, even if a client does not read."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        server = Server(stage)
        server.wait_ready()
        stalled = Client(server)
        others = [Client(server) for _ in range(5)]
        if not stage.one_at_a_time:
            for client in others:
                client.say()
        stalled.stall(server)
        server.end(number)
        for client in (stalled, *others):
            client.read_to_end()  # the limit says whether it was closed
        summary = server.lines("accepted,")
        accepted, _, closed = re.findall(r"\d+", summary[0])
        check(accepted == closed, "as many closed as accepted", summary)


@hazard
@of_common
def signals_inherited(stage):
    """SIGINT and SIGTERM end a server that inherited them ignored or blocked."""
    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with stage.serve(ignore=every) as server:
        ignored = int(server.status("SigIgn"), 16)
        check(
            ignored >> (signal.SIGHUP - 1) & 1,
            "SIGHUP left ignored, as nohup(1) wants",
            f"SigIgn: {ignored:x}",
        )
        server.kill(signal.SIGHUP)
        Client(server).say(b"nohup")
    for number in signal.SIGINT, signal.SIGTERM:
        for options in {"ignore": every}, {"block": every}:
            server = Server(stage, **options)
            server.wait_ready()
            server.end(number)


@hazard
def signals_that_mean_nothing(stage):
    """Signals without a meaning for a server neither end it nor lose a byte."""
    with stage.serve() as server:
        client = Client(server)
        for i in range(50):
            for number in (
                signal.SIGUSR1,
                signal.SIGCONT,
                signal.SIGWINCH,
                signal.SIGCHLD,
                signal.SIGURG,
            ):
                server.kill(number)
            client.say(b"undisturbed %d" % i)


@hazard
def end_in_a_flood(stage):
    """SIGTERM in the middle of a flood ends a server, and no file is left."""
    server = Server(stage)
    server.wait_ready()
    with flooding(server):
        server.end()


def spin(seconds):
    """Lets time pass without sleeping: the scheduler rounds sleeps up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def quiet(stage):
    """Options for a server whose trace is not needed."""
    return ["-q"] if stage.is_untraced else []


def check_stopped(server, moment, allowed=(0,)):
    """The signal has ended it, and nothing is left."""
    try:
        status = server.wait_end()
    except Bad as bad:
        raise Bad(f"{bad.expected} after SIGTERM {moment}", bad.came) from None
    check(
        status in allowed and not server.errors(),
        f"status {allowed[0]} after SIGTERM {moment}, and no sentence",
        f"status {status}, {server.errors()!r}",
    )
    check(
        not os.path.lexists(server.path),
        f"no socket file after SIGTERM {moment}",
        server.path,
    )


@hazard
@of_common
def sigterm_while_it_starts(stage):
    """SIGTERM ends a server at each of 25 moments of its start."""
    if stage.is_sanitized("tsan"):
        raise Skip("ThreadSanitizer delays signals while a thread waits")
    server = Server(stage, *quiet(stage))
    start = time.monotonic()
    server.wait_ready()
    latest = 2 * (time.monotonic() - start)
    server.end()
    moments = random.Random(stage.name)
    ends = collections.Counter()
    # A busy machine starts one server sooner than the next. So the moments
    # follow what was met: later where main() had not run, earlier where it had.
    for rounds in range(200):
        if rounds >= 25 and ends[True] > 3:
            break
        stage.servers.clear()
        moment = moments.uniform(0, min(10, latest))
        server = Server(stage, *quiet(stage))
        spin(moment)
        server.kill(signal.SIGTERM)
        # Before main() has run, the signal has its default action.
        started = server.wait_end() == 0 or server.output()
        check_stopped(
            server,
            f"{moment * 1000:.2f} ms after its start",
            (0,) if started else (-signal.SIGTERM,),
        )
        ends[bool(started)] += 1
        latest *= 0.9 if started else 1.2
    check(ends[True] > 3, "some moments at which it was running", dict(ends))


# Half of the clients leave at once, the others stay for a while.
STORM = """
import socket, sys, time
stay = []
path = sys.argv[1]
tcp = path.startswith("tcp:")
while True:
    client = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
    client.setblocking(tcp)
    try:
        client.connect(("127.0.0.1", int(path[4:])) if tcp else path)
        client.send(b"storm")
        stay.append(client)
        if len(stay) > 20:
            stay.pop(0).close()
            stay.pop().close()
        time.sleep(0.0001)
    except OSError:
        client.close()
        time.sleep(0.0005)
"""


@hazard
def sigterm_in_a_storm(stage):
    """SIGTERM ends a server at each of 20 moments while many clients connect."""
    moments, path = random.Random(stage.name), Transport.free()
    command = [sys.executable, "-IS", "-c", STORM, path]
    stormed, latest = 0, 0.02
    with subprocess.Popen(command) as storm:
        try:
            # On a busy machine, the storm may not run meanwhile: then later.
            for rounds in range(200):
                if rounds >= 20 and (stage.is_untraced or stormed > 5):
                    break
                stage.servers.clear()
                moment = moments.uniform(0, min(10, latest))
                server = Server(stage, *quiet(stage), path=path)
                server.wait_for("^ready: ")
                spin(moment)
                server.kill(signal.SIGTERM)
                check_stopped(server, f"{moment * 1000:.2f} ms into the storm")
                if b"accept new" in server.output():
                    stormed += 1
                elif not stage.is_untraced:
                    latest *= 1.2
            check(
                stage.is_untraced or stormed > 5,
                "clients in some of the rounds",
                f"clients in {stormed} of {rounds}",
            )
            server.check_laws()
        finally:
            storm.kill()


@hazard
def sigterm_with_clients(stage):
    """SIGTERM ends a server with idle clients and with one that does not read."""
    server = Server(stage, *quiet(stage))
    server.wait_ready()
    others = [Client(server) for _ in range(5)]
    if not stage.one_at_a_time:
        for client in others:
            client.say()
    stalled = Client(server)
    stalled.stall(server)
    server.kill(signal.SIGTERM)
    check_stopped(server, "with a client that stalls")
    for client in (stalled, *others):
        client.read_to_end()


@hazard
def one_thread(stage):
    """With --serve there is one thread, unless threads are the lesson."""
    if stage.is_sanitized():
        raise Skip("ThreadSanitizer has a thread of its own")
    with stage.serve() as server:
        number = 1 if stage.one_at_a_time else 5
        for wanted in 0, number:
            clients = [Client(server) for _ in range(wanted)]
            for client in clients:
                client.say()
            threads = stage.threads + stage.has_threads * wanted
            wait_until(
                lambda: len(server.states()) == threads,
                f"{threads} threads with {wanted} clients",
                lambda: f"{len(server.states())} threads",
            )


# --- an output that fails -------------------------------------------------


def check_demo_gave_up(process, directory, what):
    """Server and clients ended because the trace could not be written."""
    try:
        errors = process.communicate(timeout=LIMIT)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise Bad(f"an end {what}", f"it runs after {LIMIT:g} s") from None
    check(
        process.returncode == 1 and re.fullmatch(rb"[^\n]+\n", errors),
        f"status 1 and one sentence {what}",
        f"status {process.returncode}, {errors!r}",
    )
    left = os.listdir(directory)
    check(not left, f"nothing left in TMPDIR {what}", left)


def start_demo(stage, *options, **arguments):
    """Server and clients, with a fresh TMPDIR for their socket."""
    os.makedirs("tmp", exist_ok=True)
    environment = dict(os.environ, TMPDIR=os.path.abspath("tmp"))
    return subprocess.Popen(
        [stage.program, "-c", "2", "-m", "100000", "-i", "1", *options],
        stdin=subprocess.DEVNULL,
        env=environment,
        **arguments,
    )


@hazard
@of_common
@not_tcp
def output_fails(stage):
    """`demo | head -1` and a full disk end a demo, and no file is left."""
    pipe = subprocess.PIPE
    head = start_demo(stage, stdout=pipe, stderr=pipe)
    check(head.stdout.readline(), "a first line", "none")
    head.stdout.close()
    head.stdout = None
    check_demo_gave_up(head, "tmp", "after '| head -1'")
    with open("/dev/full", "wb") as full:
        demo = start_demo(stage, stdout=full, stderr=pipe)
        check_demo_gave_up(demo, "tmp", "with a full disk")
    demo = start_demo(stage, "-q", "-j", "/dev/full", stderr=pipe)
    check_demo_gave_up(demo, "tmp", "with no room for the JSON trace")


@hazard
@of_common
@not_tcp
def both_outputs_fail(stage):
    """`demo 2>&1 | head -1` ends with status 1, and no file is left."""
    out = subprocess.PIPE
    demo = start_demo(stage, stdout=out, stderr=subprocess.STDOUT)
    demo.stdout.readline()
    demo.stdout.close()
    status = demo.wait(LIMIT)
    check(status == 1, "status 1 after '2>&1 | head -1'", f"status {status}")
    check(not os.listdir("tmp"), "nothing left in TMPDIR", os.listdir("tmp"))


@hazard
@of_common
@not_tcp
def output_unread(stage):
    """A second SIGTERM ends a demo that writes to a pipe that nobody reads."""
    if stage.is_sanitized():
        raise Skip("ThreadSanitizer delays signals while a thread waits")
    demo = start_demo(stage, "-i", "0", stdout=subprocess.PIPE)
    try:
        sizes = [-1]

        def is_full():
            sizes.append(waiting(demo.stdout))
            return sizes[-1] > 60000 and len(set(sizes[-20:])) == 1

        wait_until(is_full, "a full pipe", lambda: f"{sizes[-1]} bytes in it")
        wait_until(
            lambda: demo.terminate() or demo.poll() is not None,
            "an end after some SIGTERMs",
            lambda: "it still runs",
        )
        check(not os.listdir("tmp"), "nothing in TMPDIR", os.listdir("tmp"))
    finally:
        demo.kill()
        demo.wait()


def start_with_a_full_pipe(stage, in_summary):
    """Starts a program that blocks in a write: of its trace, or its summary.

    Returns its process and the pipe's reading end, which nobody reads.
    """
    options = ["--serve", "-s", PATH]
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    if in_summary:  # -q --serve prints none
        options = ["-q", "-c", "1", "-m", "1", "-s", PATH]
        os.write(writer, bytes(size))
    process = subprocess.Popen(
        [stage.program, *options],
        stdin=subprocess.DEVNULL,
        stdout=writer,
    )
    os.close(writer)
    return process, reader


def wait_blocked(process):
    """Waits until the process sleeps and no signal is pending."""
    looks = []

    def blocked():
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            text = status.read()
        idle = re.search(r"^State:\s+S", text, re.M) and not re.search(
            r"^(Shd|Sig)Pnd:.*[^0\s]$", text, re.M
        )
        looks.append(bool(idle))
        return len(looks) > 20 and all(looks[-20:])

    wait_until(blocked, "a process that sleeps in a write", looks[-20:].copy)


@hazard
@of_common
@not_tcp
def second_signal(stage):
    """A second SIGTERM ends a server that blocks in a write, by the signal."""
    if stage.is_sanitized():
        raise Skip("ThreadSanitizer delays signals while a thread waits")
    for in_summary in False, True:
        server, reader = start_with_a_full_pipe(stage, in_summary)
        clients = []
        try:
            if not in_summary:
                wait_until(lambda: os.path.exists(PATH), "a socket file")
                fill_the_trace(reader, clients)
            wait_blocked(server)
            server.send_signal(signal.SIGTERM)
            wait_blocked(server)
            check(server.poll() is None, "a server that blocks", "an end")
            server.send_signal(signal.SIGTERM)
            status = server.wait(LIMIT)
            what = "summary" if in_summary else "trace"
            check(
                status == -signal.SIGTERM,
                f"the end by SIGTERM, blocked in its {what}",
                f"status {status}",
            )
            check(not os.path.lexists(PATH), "no socket file", PATH)
        finally:
            server.kill()
            server.wait()
            os.close(reader)
            for client in clients:
                client.close()


def fill_the_trace(reader, clients):
    """Connects and sends until the server's trace has filled the pipe."""
    sizes = []

    def is_full():
        if len(clients) < 200:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.setblocking(False)
            if client.connect_ex(PATH) == 0:
                clients.append(client)
            else:  # the file is there before listen(2)
                client.close()
        for client in clients[:3]:
            with contextlib.suppress(OSError):
                client.send(b"a line of the trace")
        sizes.append(waiting(reader))
        return sizes[-1] > 3500 and len(set(sizes[-30:])) == 1

    wait_until(is_full, "a full pipe", lambda: f"{sizes[-1]} bytes in it")


@hazard
@of_common
@not_tcp
def first_signal(stage):
    """One SIGTERM ends a server that blocks in a write, after some seconds."""
    if stage.name[:2] not in ("02", "06", "09"):
        raise Skip("it takes seconds, so three stages are tested for all")
    if stage.is_sanitized():
        raise Skip("ThreadSanitizer delays signals while a thread waits")
    server, reader = start_with_a_full_pipe(stage, True)
    try:
        wait_blocked(server)
        server.send_signal(signal.SIGTERM)
        try:
            status = server.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Bad("an end", "it blocks in its summary") from None
        check(status != 0, "another status than 0", status)
        check(not os.path.lexists(PATH), "no socket file", PATH)
    finally:
        server.kill()
        server.wait()
        os.close(reader)


# --- server and clients in one program ------------------------------------


@hazard
@not_tcp
def demo_interrupted(stage):
    """Ctrl-C ends a busy demo by the signal, without a message."""
    for round_ in range(15):
        demo = start_demo(
            stage,
            *("-c", "5", "-i", "0"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(1 + 10 * round_):
            demo.stdout.readline()
        check_cut_short(demo, signal.SIGINT, "a free run")
    check(not os.listdir("tmp"), "nothing in TMPDIR", os.listdir("tmp"))


def check_cut_short(process, number, what):
    """Sends the signal. The process ends by it and prints no sentence."""
    process.send_signal(number)
    try:
        errors = process.communicate(timeout=LIMIT)[1]
    except subprocess.TimeoutExpired:
        raise Bad(f"an end of {what}", "it still runs") from None
    finally:
        process.kill()
        process.wait()
    name = signal.Signals(number).name
    check(
        process.returncode == -number and not errors,
        f"{what} that ends by {name}, and nothing on standard error",
        f"status {process.returncode}, {errors!r}",
    )


@hazard
@not_tcp
def cut_short(stage):
    """A signal ends a free run, a scenario and --connect by the signal."""
    with open("long.scn", "w", encoding="ascii") as file:
        file.write('c1 connect\nrepeat 100000 {\nc1 send "a"\n'
                   'c1 expect "a"\n}\n')
    signals = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # The player has descriptors of its own, of which ThreadSanitizer does not
    # know. It takes equal numbers for one descriptor.
    tsan = os.environ.get("TSAN_OPTIONS", "") + ":ignore_interceptors_accesses=1"
    for number in signals:
        demo = start_demo(stage, "-c", "1", **pipe)
        for _ in range(30):
            demo.stdout.readline()
        check_cut_short(demo, number, "a free run")
        play = subprocess.Popen(
            [stage.program, "-S", "long.scn"],
            stdin=subprocess.DEVNULL,
            env=dict(os.environ, TMPDIR=os.path.abspath("tmp"),
                     TSAN_OPTIONS=tsan),
            **pipe,
        )
        for _ in range(30):
            play.stdout.readline()
        check_cut_short(play, number, "a scenario")
    check(not os.listdir("tmp"), "nothing in TMPDIR", os.listdir("tmp"))
    with stage.serve() as server:
        for number in signals:
            clients = subprocess.Popen(
                [stage.program, "--connect", "-s", PATH, "-c", "1",
                 "-m", "100000", "-i", "1"],
                stdin=subprocess.DEVNULL,
                **pipe,
            )
            for _ in range(10):
                clients.stdout.readline()
            check_cut_short(clients, number, "--connect")


@hazard
@of_common
@not_tcp
def demo_of_few_descriptors(stage):
    """A demo with too few descriptors for its clients ends with a message."""
    for limit in range(8, 15):
        try:
            result = stage.run(
                *("-c", "20", "-m", "1", "-q"),
                preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_NOFILE, (limit, limit)
                ),
            )
        except subprocess.TimeoutExpired:
            raise Bad("an end", f"it hangs with {limit} descriptors") from None
        check(
            result.returncode == 1 and "ulimit -Sn 56" in result.stderr,
            f"status 1 and advice with {limit} descriptors",
            f"status {result.returncode}, {result.stderr}",
        )


@hazard
@of_common
@not_tcp
def impostor(stage):
    """Another program cannot take the name of one of the demo's clients."""
    stage.not_one_at_a_time()
    with open("demo", "w+b") as out:
        options = ("-m", "1", "--stagger", "300", "-s", PATH)
        demo = start_demo(stage, *options, stdout=out)
        try:
            wait_until(lambda: os.path.exists(PATH), "a socket file")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
                # Of a process that does not exist, and other than another test's.
                stranger.bind(f"\0iomux-{5_000_000 + os.getpid()}-c2")
                wait_until(lambda: stranger.connect_ex(PATH) == 0, "a server")
                check(demo.wait(LIMIT) == 0, "status 0", demo.returncode)
        finally:
            demo.kill()
            demo.wait()
        out.seek(0)
        trace = out.read().decode()
    names = re.findall(r"recv from .*\((\w+)\), .* from client 2$", trace, re.M)
    check(names == ["c2"], "client 2 called c2 by the server", names)


# --- the command ----------------------------------------------------------


def report(name, stage, error):
    """What was expected, what came, what the server said, and again."""
    print(f"BAD   {stage.name} {name}: {HAZARDS[name].__doc__}")
    print(f"  expected: {str(error.expected)[:1000]}")
    print(f"  came:     {str(error.came)[:1000]}")
    for server in stage.servers[-2:]:
        status = server.process.poll()
        ended = "runs" if status is None else f"ended with status {status}"
        server.process.kill()
        print(f"  the server ({server.pid}) {ended}; its last lines:")
        for line in server.output()[-5000:].splitlines()[-12:]:
            print(f"    {line[:200].decode(errors='backslashreplace')}")
        for line in server.errors().splitlines()[-60:]:
            print(f"  its standard error: {line[:200]}")
    again = os.path.join("tests", os.path.basename(sys.argv[0]))
    over = ["--tcp"] * Transport.tcp
    print("  again:   ", shlex.join([again, *over, stage.given, name]))


def sentence(error):
    """Explain why a call of a client, or of a tool, has failed."""
    if isinstance(error, socket.timeout):
        return f"nothing arrived within {LIMIT:g} s"
    if isinstance(error, OSError) and error.errno is not None:
        name = errno.errorcode.get(error.errno, str(error.errno))
        return f"{name} ({os.strerror(error.errno)})"
    return str(error)


def run(program, name):
    """Do one hazard to one program. Returns the exit status."""
    stage = Stage(program)
    stage.given = program
    home = os.getcwd()
    directory = tempfile.mkdtemp(prefix="hazard-")
    os.chdir(directory)
    try:
        HAZARDS[name](stage)
    except Skip as reason:
        print(f"SKIP  {stage.name} {name}: {reason}")
        return SKIPPED
    except Bad as error:
        report(name, stage, error)
        return 1
    except (OSError, subprocess.TimeoutExpired) as error:
        mine = [frame for frame in traceback.extract_tb(error.__traceback__)
                if frame.filename in FILES][-1]
        report(name, stage, Bad(
            f"{mine.name}() succeeds ({os.path.basename(mine.filename)}, "
            f"line {mine.lineno})",
            sentence(error)))
        return 1
    finally:
        for server in stage.servers:
            server.process.kill()
            server.process.wait()
        os.chdir(home)
        shutil.rmtree(directory, ignore_errors=True)
    print(f"GOOD  {stage.name} {name}: {HAZARDS[name].__doc__}")
    return 0


def too_long(*_):
    """The alarm clock: the hazard has not ended by itself."""
    raise Bad("an end", f"it goes on after {MOST} s")


def start_apart(program, name):
    """Starts it in a process of its own, which leaves nothing to the next."""
    pid = os.fork()
    if pid == 0:
        # A server that spins and writes is not to fill the disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (128 * MIB, 128 * MIB))
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(MOST)
        sys.exit(run(program, name))
    return pid


def run_all(jobs):
    """Runs some at a time, because they wait more than they compute.

    A job is a program and the name of a hazard. Returns the exit statuses.
    """
    pids, ends = set(), set()
    for program, name in jobs:
        if len(pids) == AT_ONCE:
            pid, status = os.wait()
            pids.remove(pid)
            ends.add(os.waitstatus_to_exitcode(status))
        pids.add(start_apart(program, name))
    for pid in pids:
        ends.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return ends


def read_own(path):
    """Adds the hazards of a file, which imports from "hazard"."""
    sys.dont_write_bytecode = True
    sys.modules["hazard"] = sys.modules[__name__]
    spec = importlib.util.spec_from_file_location("own", path)
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except (OSError, ImportError, SyntaxError) as error:
        sys.exit(f"hazard.py: {path} cannot be used: {error}")
    FILES.append(path)


def main(arguments):
    if arguments[:1] == ["--own"] and len(arguments) > 1:
        read_own(arguments[1])
        arguments = arguments[2:]
    if arguments[:1] == ["--tcp"]:
        arguments = arguments[1:]
        Transport.use_tcp()
        for name in NOT_TCP:
            HAZARDS.pop(name, None)
    if arguments[:1] == ["--loop"]:
        arguments = arguments[1:]
        for name in OF_COMMON:
            HAZARDS.pop(name, None)
    if arguments == ["--list"]:
        for name, function in HAZARDS.items():
            print(f"{name:26} {function.__doc__}")
        return 0
    *programs, name = arguments or [""]
    names = list(HAZARDS) if name == "all" else name.split(",")
    if not programs or not HAZARDS.keys() >= set(names):
        print("usage: hazard.py [--own FILE] [--tcp] [--loop] PROGRAM... "
              "HAZARD[,HAZARD]...|all, or with --list for the programs",
              file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    check_trace()["prepare"]()  # once for all
    sys.stdout.flush()
    ends = run_all([(program, name) for program in programs for name in names])
    return 1 if ends - {0, SKIPPED} else min(ends)


def run_and_exit(arguments):
    """Calls main(), and exits, also if the reader of the output has left."""
    try:
        status = main(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    run_and_exit(sys.argv[1:])
