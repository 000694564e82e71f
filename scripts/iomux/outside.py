"""outside.py - plays a scenario from outside: the clients belong to the process
of the judge, and the server runs with --serve in another one.

What a program prints about the clients inside it proves little, because the
program is the student's. These clients it does not know: their bytes, their
order and the path are chosen here.

The server is not in lock-step with them. After each step the player waits until
the server sleeps. "hold" stops the process as soon as it sleeps again. A
scenario that waits for a timer waits for the line in the trace.
"""
from __future__ import annotations

import array
import errno
import fcntl
import os
import random
import select
import socket
import termios
import time

from .environment import time_limit
from .message import escape
from .scenario import Step, pattern_bytes
from .served import LIMIT

CHUNK = 65536


class NotMet(Exception):
    """A step has not done what it should: the step, and two texts."""

    def __init__(self, step, expected, got):
        super().__init__(expected, got)
        self.step, self.expected, self.got = step, expected, got


class Client:
    """A client, like one of common/client.c."""

    def __init__(self, name):
        self.name = name
        self.socket = None
        self.sent = self.expected = 0  # of the pattern
        self.error = None  # the call that has failed, and its errno

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.__init__(self.name)

    def attempt(self, call, function, *arguments):
        """Calls the function. Returns its result; if it fails, None."""
        try:
            return function(*arguments)
        except BlockingIOError:
            return None
        except OSError as error:
            self.error = call, error.errno
            return None

    def connect(self, path, blocks):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(time_limit(LIMIT))
        if not blocks:
            self.socket.setblocking(False)
        try:
            # A link, which the server may have put there, is not followed.
            fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self.socket.connect(f"/proc/self/fd/{fd}")
            finally:
                os.close(fd)
        except socket.timeout:
            self.error = "connect", errno.ETIMEDOUT
        except OSError as error:
            self.error = "connect", error.errno
        self.socket.setblocking(False)

    def data_of(self, step, position):
        return (pattern_bytes(position, step.size) if step.data is None
                else step.data)

    def send(self, step, flags=0):
        n = self.attempt("send", self.socket.send,
                         self.data_of(step, self.sent),
                         flags | socket.MSG_NOSIGNAL)
        if step.data is None:
            self.sent += n or 0

    def peek(self):
        """Returns the bytes that have arrived, b"" at end of file, an errno,
        or None if nothing has."""
        try:
            return self.socket.recv(CHUNK, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError as error:
            return error.errno

    def unread(self):
        size = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, size)
        return size[0]


def in_words(got):
    """Describes what peek() returns."""
    if got is None:
        return "nothing"
    if isinstance(got, int):
        return errno.errorcode.get(got, str(got))
    if got == b"":
        return "end of file"
    return f"{len(got)} bytes: {escape(got.decode('latin-1'), len(got))}"


class Player:
    """Plays steps for a server."""

    def __init__(self, server, settles=True):
        self.server, self.settles = server, settles
        self.clients, self.names = {}, []  # names in the order of connects
        self.holds = False  # the server is to be stopped after the next step
        self.timers = 0
        self.step = None

    def play(self, steps):
        """Plays all steps. Raises NotMet, or Gone of served.py."""
        try:
            for self.step in steps:
                if self.step.who == "player":
                    self.play_own(self.step)
                else:
                    self.play_client(self.step)
        except NotMet as wrong:
            if wrong.got.startswith("nothing"):  # before a close wakes it
                self.server.hangs = self.server.place()
            raise
        finally:
            for client in self.clients.values():
                client.close()
        self.release()
        self.server.settle()

    def settle(self):
        """Waits for the server after a step, unless it is stopped."""
        if self.server.stopped or not self.settles:
            return
        self.server.settle()
        if self.holds:
            self.server.stop()
            self.holds = False

    def release(self):
        self.holds = False
        if self.server.stopped:
            self.server.go_on()

    # --- steps of the player

    def play_own(self, step):
        words = step.text
        if step.verb == "hold":
            self.holds = True
        elif words == "signal stop":
            self.server.stop()
        elif step.verb == "release" or words == "signal cont":
            self.release()
            self.settle()
        elif words == "signal term":
            self.server.terminate()
            self.server.settle()
        elif step.verb == "room":
            self.make_room(step.size)
        elif step.verb == "await-timer":
            self.timers += 1
            self.server.wait_until(lambda: self.server.text.count(
                " timer\n") >= self.timers)
            self.settle()

    def make_room(self, room):
        """The server can open so many descriptors more."""
        limit = 0
        used = self.server.descriptors()
        while room > 0 or limit in used:
            room -= limit not in used
            limit += 1
        self.server.limit_descriptors(limit)

    # --- steps of a client

    def play_client(self, step):
        client = self.clients.setdefault(step.who, Client(step.who))
        self.check(step, client)
        if step.verb == "expect-error" and client.error is not None:
            call, number = client.error
            client.error = None
            self.need(errno.errorcode.get(number) == step.text,
                      f"{call} fails with {step.text}",
                      errno.errorcode.get(number, str(number)))
            return
        getattr(self, step.verb.replace("-", "_"))(client, step)
        self.settle()

    def check(self, step, client):
        if client.error is not None and step.verb not in (
                "expect-error", "close"):
            call, number = client.error
            raise NotMet(step, "the step succeeds", f"{call} has failed: "
                         f"{errno.errorcode.get(number, str(number))}")

    def need(self, good, expected, got):
        if not good:
            raise NotMet(self.step, f"{self.step.who} receives {expected}",
                         got)

    def connect(self, client, step):
        client.connect(self.server.path_here, step.verb == "connect")
        if client.error is None:
            self.server.need_peer(client.socket)
        self.names.append(client.name)

    connect_nonblocking = connect

    def send(self, client, step):
        client.send(step)

    def send_oob(self, client, step):
        client.send(step, socket.MSG_OOB)

    def shutdown(self, client, _):
        client.attempt("shutdown", client.socket.shutdown, socket.SHUT_WR)

    def close(self, client, _):
        client.close()

    def abort(self, client, _):
        self.need(client.unread() > 0, "unread data", "nothing")
        client.close()

    def await_input(self, client):
        """Waits for bytes, end of file or an error, while the server may still
        send any."""
        end = time.monotonic() + time_limit(LIMIT)
        while True:
            asleep = (self.server.ended() or self.server.stopped or
                      not self.server.spins and self.server.asleep())
            got = client.peek()
            if got is not None or time.monotonic() > end:
                return got
            if asleep and self.settles:
                return None
            poll = select.poll()
            poll.register(client.socket, select.POLLIN)
            poll.poll(1)
            self.server.pump()

    def expect(self, client, step):
        wanted, moved = client.data_of(step, client.expected), 0
        what = (f"{step.size} bytes of the pattern" if step.data is None
                else escape(step.data.decode("latin-1"), step.size))
        while moved < len(wanted):
            got = self.await_input(client)
            if not isinstance(got, bytes) or got == b"":
                self.need(False, what, in_words(got) +
                          (f" after {moved} bytes" if moved else ""))
            got = got[:len(wanted) - moved]
            self.need(got == wanted[moved:moved + len(got)], what,
                      in_words(got))
            client.socket.recv(len(got))
            moved += len(got)
            self.settle()
        if step.data is None:
            client.expected += moved

    def expect_eof(self, client, _):
        got = self.await_input(client)
        self.need(got == b"", "end of file", in_words(got))

    def expect_error(self, client, step):
        got = self.await_input(client)
        self.need(isinstance(got, int) and errno.errorcode.get(got) ==
                  step.text, step.text, in_words(got))

    def expect_nothing(self, client, _):
        got = client.peek()
        self.need(got is None, "nothing", in_words(got))


def crowd(seed, one_at_a_time=False, keeps_unsent=False):
    """Returns the steps of clients that a seed invents: how many, how many
    messages, of which bytes and sizes, in which order, and how they leave.

    Two of them are difficult, and the others must not notice: c101 sends a
    byte that recv does not return, and c102, if the stage keeps unsent bytes,
    never reads."""
    dice = random.Random(f"{seed} crowd")
    lives = [life(dice, f"c{number}")
             for number in range(1, dice.randint(13, 20) + 1)]
    if one_at_a_time:
        return [step for steps in lives for step in steps]
    mixed = [Step(0, "c101", "connect"),
             Step(0, "c101", "send-oob", 1, None, b"!")]
    if keeps_unsent:
        mixed.append(Step(0, "c102", "connect"))
        mixed += [Step(0, "c102", "send", 4096)] * 60
    while lives:
        steps = dice.choice(lives)
        mixed.append(steps.pop(0))
        if not steps:
            lives.remove(steps)
    return mixed


def life(dice, name):
    """Returns the steps of one client."""
    steps = [Step(0, name, "connect")]
    for _ in range(dice.randint(1, 4)):
        data = dice.randbytes(dice.choice((1, 7, 100, 4095, 4096, 4097, 9000)))
        cut = dice.randint(0, len(data) // 2)
        for part in filter(None, (data[:cut], data[cut:])):
            steps.append(Step(0, name, "send", len(part), None, part))
        steps.append(Step(0, name, "expect", len(data), None, data))
    if dice.random() < 0.5:
        last = dice.randbytes(dice.randint(1, 200))
        steps += [Step(0, name, "send", len(last), None, last),
                  Step(0, name, "shutdown"),
                  Step(0, name, "expect", len(last), None, last),
                  Step(0, name, "expect-eof")]
    return steps + [Step(0, name, "close")]
