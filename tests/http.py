#!/usr/bin/env python3
"""http.py - play HTTP clients, good and bad, against stage 11.

    tests/http.py PROGRAM HAZARD     one hazard against it; --tcp first: by TCP
    tests/http.py --list             all hazards, a sentence each
    tests/http.py --corpus DIR       write the requests as inputs of the fuzzer

The server, the checks after each hazard, and the rules are those of hazard.py;
this file adds the document root, a client that reads replies, and the requests
of tests/http/requests.txt.
"""
import array
import collections
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import hazard as base  # noqa: E402  (found by the line above)
from hazard import LIMIT, LOOK, MIB, check, pattern, wait_until  # noqa: E402

base.HAZARDS.clear()
hazard = base.hazard
OUTQ = termios.TIOCOUTQ  # bytes sent that the other side has not read
ROOT = ("--root", "root")
LONG = ("--header-timeout", "3600000", "--idle-timeout", "3600000")
Reply = collections.namedtuple("Reply", "status headers body")


def make_root():
    """The document root that requests.txt describes."""
    os.makedirs("root/sub")
    files = {
        "secret": b"secret\n", "root/a.txt": b"hello\n", "root/empty": b"",
        "root/index.html": b"<title>home</title>\n",
        "root/sub/b.txt": b"below\n", "root/sub/index.html": b"sub\n",
        "root/%41": b"percent\n", "root/sp ace.txt": b"space\n",
        "root/big.bin": pattern(3 * MIB),
    }
    for name, content in files.items():
        with open(name, "wb") as file:
            file.write(content)
    os.utime("root/a.txt", (1000000000, 1000000000))
    os.mkfifo("root/pipe")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind("root/socket")
    os.symlink("../secret", "root/out")
    os.symlink("a.txt", "root/in")
    os.symlink("..", "root/up")


class Browser(base.Client):
    """A client that reads replies, and keeps the bytes that follow one."""

    def __init__(self, server, name=None):
        super().__init__(server, name)
        self.rest = b""

    def more(self):
        piece = self.socket.recv(65536)
        self.rest += piece
        return piece != b""

    def reply(self, head=False):
        """Return the next reply, or None at end of file."""
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                check(not self.rest, "a whole head of a reply", self.rest)
                return None
        text, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z -]*", first)
        check(match, "HTTP/1.1, a status and its words", first)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            check(colon and name.lower() not in headers, "one header", line)
            headers[name.lower()] = value
        status, body = int(match[1]), b""
        check("content-length" in headers or status == 304,
              "the length of the body", headers)
        if status != 304 and not head:
            size = int(headers["content-length"])
            while len(self.rest) < size:
                check(self.more(), f"{size} bytes", f"only {len(self.rest)}")
            body, self.rest = self.rest[:size], self.rest[size:]
        return Reply(status, headers, body)

    def ask(self, path="/sub/b.txt", more=""):
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())

    def get(self, path="/sub/b.txt", more=""):
        self.ask(path, more)
        reply = self.reply()
        check(reply, f"a reply to GET {path}", "the end")
        return reply

    def say(self, _=b""):
        """Check, at the end of a hazard, that the server still serves."""
        reply = self.get("/trace")
        check(reply.status == 200, "status 200", reply)
        check(reply.body.startswith(b"[server]   "), "a trace", reply.body)

    def unread(self):
        """How many bytes the server has not read."""
        count = array.array("i", [0])
        fcntl.ioctl(self.socket, OUTQ, count)
        if base.Transport.tcp:  # those were not acknowledged
            return base.receive_queue(self.socket)
        return count[0]

    def wait_read(self):
        """Wait until the server has read all bytes, or has sent some."""
        end = time.monotonic() + LIMIT
        while self.unread() and not select.select([self.socket], [], [], 0)[0]:
            check(time.monotonic() < end, "a server that reads", "none")

    def wait_nothing(self, server):
        """Check that the server has read all, waits, and has sent nothing."""
        self.wait_read()
        wait_until(server.sleeps, "a server that sleeps")
        check(
            not select.select([self.socket], [], [], 0)[0],
            "no reply yet",
            "something, or the end",
        )


base.Client = Browser  # also for the fresh client after each hazard
# Its replies are no echo; the other laws of a trace hold here, too.
base.check_trace()["LEFT_OUT"].update({"echo", "all echoed"})


def at_rest(server):
    """The descriptors of a server without clients that has served one."""
    client = Browser(server)
    client.get("/trace")
    count = len(server.descriptors()) - 1
    client.close()
    wait_until(lambda: len(server.descriptors()) == count, f"{count} of them")
    return server.descriptors()


def serve(stage, *options, **environment):
    make_root()
    if "--drain" not in options:
        options += "--drain", "100"  # the end of a hazard waits no longer
    return stage.serve(*ROOT, *options, **environment)


def build(stage, functions):
    """A library for LD_PRELOAD, whose functions stand for those of libc."""
    if stage.is_sanitized():
        raise base.Skip("a sanitizer wants to be the first library")
    names = "errno fcntl stdlib sys/socket sys/stat sys/syscall unistd".split()
    source = "".join(f"#include <{name}.h>\n" for name in names) + functions
    subprocess.run(
        ["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", "failing.so",
         "-x", "c", "-"], input=source.encode(), check=True)
    return os.path.abspath("failing.so")


# --- requests.txt ---------------------------------------------------------

Case = collections.namedtuple("Case", "statuses heads end rfc name data")


def unfold(text):
    """{TEXT*N} is the text N times."""
    return re.sub(r"\{([^{}]*)\*(\d+)\}", lambda m: m[1] * int(m[2]), text)


def unescape(text):
    """The bytes that are meant by \\r, \\x41 and so on."""
    names = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    text = re.sub(
        r"\\(?:x([0-9a-f]{2})|(.))",
        lambda m: chr(int(m[1], 16)) if m[1] else names[m[2]],
        text,
    )
    return text.encode("latin-1")


def read_cases():
    cases = []
    with open(os.path.join(HERE, "http", "requests.txt")) as file:
        lines = file.read().partition("\n--- ")[2].splitlines()
    for line in lines:
        if " | " not in line:
            continue
        wanted, rfc, name, data = line.split(" | ", 3)
        *statuses, end = unfold(wanted).split()
        statuses = [status.partition("/") for status in statuses]
        cases.append(Case([int(s[0]) for s in statuses],
                          [s[2] == "head" for s in statuses],
                          end, rfc, name, unescape(unfold(data))))
    assert len(cases) >= 300 and len({c.name for c in cases}) == len(cases)
    return cases


def check_reply(case, i, reply):
    """Is the reply what such a status promises?"""
    status, headers, body = reply
    wanted = {"date"}
    if status == 405:
        wanted.add("allow")
    if status in (206, 416):
        wanted.add("content-range")
    check(wanted <= set(headers), f"{wanted} in {case.name}", headers)
    last = i + 1 == len(case.statuses) and case.end == "closed"
    check(
        (headers.get("connection") == "close") == last,
        "Connection: close where it closes, and there only",
        headers,
    )
    if i == 0 and status == 200 and re.match(rb"\s*GET /a.txt", case.data):
        check(body == b"hello\n", "hello", body)
    if status == 206:
        first, to, size = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+)", headers["content-range"]
        ).groups()
        check(body == b"hello\n"[int(first) : int(to) + 1] and size == "6",
              "the range it names", reply)


def try_case(server, before, case, pieces):
    """Send the pieces of a case, and check the replies to it."""
    client = Browser(server)
    for piece in pieces:
        with contextlib.suppress(BrokenPipeError):
            client.send(piece)
        if len(pieces) > 1:
            client.wait_read()
    for i, status in enumerate(case.statuses):
        wanted = f"{status} for: {case.name} (RFC {case.rfc})"
        reply = client.reply(case.heads[i])
        check(reply, wanted, "the end")
        check(reply.status == status, wanted, reply)
        check_reply(case, i, reply)
    if case.end == "open":
        reply = client.get()
        check(
            (reply.status, reply.body) == (200, b"below\n"),
            f"after '{case.name}' the reply to the next request",
            reply,
        )
    elif case.end == "closed":
        rest = client.reply()
        check(rest is None, f"the end after '{case.name}'", rest)
    else:
        client.wait_nothing(server)
    client.close()
    server.clients.clear()
    check(not server.has_ended(), f"a server after '{case.name}'", "it ended")
    wait_until(
        lambda: server.descriptors() == before,
        f"the descriptors {before} after '{case.name}'",
        server.descriptors,
    )


def try_cases(stage, split):
    # Nothing may wait for a time-out here: "wait" is to be seen.
    with serve(stage, "-q", *LONG) as server:
        before = at_rest(server)
        for case in read_cases():
            for pieces in split(case.data):
                try_case(server, before, case, pieces)


@hazard
def requests(stage):
    """Every request of the list gets its status."""
    try_cases(stage, lambda data: [[data]])


@hazard
def requests_in_small_pieces(stage):
    """The same, byte by byte; what is long, in some fifty pieces."""

    def split(data):
        # More than fifty unread pieces fill the client's own socket, while
        # the server may wait for the client to read: each for the other.
        size = 1 if len(data) <= 400 else len(data) // 50
        return [[data[i : i + size] for i in range(0, len(data), size)]]

    try_cases(stage, split)


@hazard
def requests_in_two_pieces(stage):
    """The same, cut in two at every third byte; if long, at fewer."""

    def split(data):
        step = 3 if len(data) <= 200 else len(data) // 20
        step *= 1 + base.Transport.tcp  # fewer, because it takes longer
        first = 1 + len(data) % 3  # not the same bytes in every case
        return [[data[:i], data[i:]] for i in range(first, len(data), step)]

    try_cases(stage, split)


# --- clients that leave ---------------------------------------------------


@hazard
def connect_and_leave(stage):
    """A client that connects and leaves at once does no harm."""
    with serve(stage) as server:
        for _ in range(100):
            Browser(server).close()
        server.wait_for("close clientfd", 100)


@hazard
def leave_in_a_head(stage):
    """A client that leaves in the middle of its head does no harm."""
    with serve(stage) as server:
        for i in range(20):
            client = Browser(server)
            client.send(b"GET / HTTP/1.1\r\n"[: 1 + i])
            client.close()
        server.wait_for("close clientfd", 20)


@hazard
def leave_in_a_large_reply(stage):
    """A client that leaves in the middle of a file does no harm."""
    with serve(stage) as server:
        before = at_rest(server)
        for _ in range(5):
            client = Browser(server)
            client.ask("/big.bin")
            client.more()
            client.close()
        if base.Transport.tcp:  # ECONNRESET, of send or recv
            server.wait_for("close clientfd", 6)
        else:
            server.wait_for("send to .*EPIPE", 5)
        wait_until(lambda: server.descriptors() == before, before)


@hazard
def leave_before_the_reply(stage):
    """A client that leaves before its reply is sent does no harm."""
    with serve(stage) as server:
        server.stop()
        for path in ("/a.txt", "/big.bin", "/trace", "/none"):
            client = Browser(server)
            client.ask(path)
            client.close()
        server.resume()
        # Over TCP, only the answer to the reply shows that the client has closed.
        last = "close clientfd" if base.Transport.tcp else "send to .*EPIPE"
        server.wait_for(last, 4)


@hazard
def half_close(stage):
    """A client that half-closes gets all replies, then end of file."""
    with serve(stage) as server:
        client = Browser(server)
        for path in ("/a.txt", "/big.bin", "/sub/b.txt"):
            client.ask(path)
        client.half_close()
        bodies = [client.reply().body for _ in range(3)]
        check(bodies[1] == pattern(3 * MIB), "the file", len(bodies[1]))
        check(bodies[0::2] == [b"hello\n", b"below\n"], "two files", bodies)
        check(client.reply() is None, "the end", "more")


# --- clients that are slow ------------------------------------------------


@hazard
def slow_head(stage):
    """A head that arrives byte by byte does not delay a quick client."""
    with serve(stage, *LONG) as server:
        slow, quick = Browser(server), Browser(server)
        for byte in b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n":
            slow.send(bytes([byte]))
            check(quick.get().body == b"below\n", "a reply", "none")
        check(slow.reply().body == b"hello\n", "a reply in the end", "none")


@hazard
def slow_head_times_out(stage):
    """More bytes of a head do not restart its time-out: 408."""
    with serve(stage, "--header-timeout", "200") as server:
        slow, quick = Browser(server), Browser(server)
        slow.send(b"GET /a.txt HTTP/1.1\r\nX: ")
        end = time.monotonic() + LIMIT
        while not select.select([slow.socket], [], [], LOOK)[0]:
            slow.send(b"y")
            check(quick.get().status == 200, "a reply", "none")
            check(time.monotonic() < end, "408", "nothing")
        reply = slow.reply()
        check(reply.status == 408, "408", reply)
        check(reply.headers["connection"] == "close", "close", reply)
        check(slow.reply() is None, "the end after 408", "more")
        server.wait_for(r"timer$")


@hazard
def slow_body_times_out(stage):
    """A body that does not arrive gets 408, not the reply."""
    with serve(stage, "--header-timeout", "100") as server:
        client = Browser(server)
        client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        check(client.reply().status == 408, "408", "another status")
        check(client.reply() is None, "the end after 408", "more")


@hazard
def late_head_without_a_body(stage):
    """The 408 for a HEAD has no body, in the head and in the body."""
    with serve(stage, "--header-timeout", "100") as server:
        for rest in b"", b"Host: x\r\nContent-Length: 9\r\n\r\n":
            client = Browser(server)
            client.send(b"HEAD / HTTP/1.1\r\n" + rest)
            reply = client.reply(head=True)
            check(reply.status == 408, "408", reply)
            check(client.reply() is None, "the end after the head", "a body")


@hazard
def empty_lines_are_not_a_request(stage):
    """After empty lines alone the connection is idle: no 408."""
    # A head would get 408 after 100 ms, long before the idle time-out.
    with serve(stage, "--header-timeout", "100", "--idle-timeout", "1500") \
            as server:
        clients = [Browser(server) for _ in range(4)]
        clients[0].get()
        for client, data in zip(clients, (b"\r\n", b"\r\n\r\n", b"\r", b"")):
            client.send(data)
        for client in clients:
            reply = client.reply()
            check(reply is None, "the end without a reply", reply)
        server.wait_for("close clientfd", 4)


@hazard
def an_answer_restarts_the_time(stage):
    """A reply restarts the time-out, and a piece of a head does not."""
    times = "--header-timeout", "2000", "--idle-timeout", "2000"
    with serve(stage, *times) as server:
        answered, idle, between, slow, last = (Browser(server)
                                               for _ in range(5))
        server.wait_for("=====> accept", 5)
        # All five have the same time, in the order of these lines.
        for client in between, slow:
            client.send(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n")
            client.wait_read()
        last.send(b"GET")
        last.wait_read()
        slow.send(b"X: y\r\n")
        slow.wait_read()
        check(answered.get().status == 200, "200", "another status")
        between.send(b"\r\nGET")  # ends one head and begins the next
        check(between.reply().status == 200, "200", "another status")
        for client in slow, last, between:
            check(client.reply().status == 408, "408", "another status")
            check(client.reply() is None, "the end after 408", "more")
        for client in idle, answered:
            check(client.reply() is None, "the end", "a reply")
        server.wait_for("close clientfd", 2)
        ends = [re.search(r"\((x\d)\)", line)[1] for line in
                server.lines("shutdown clientfd|close clientfd")]
        ends = list(dict.fromkeys(ends))  # the first of each
        check(ends == ["x2", "x4", "x5", "x1", "x3"],
              "the ends of idle, slow, last, answered, between", ends)


@hazard
def idle_times_out(stage):
    """A client without a request is closed without a reply."""
    with serve(stage, "--idle-timeout", "1000") as server:
        silent, done = Browser(server), Browser(server)
        check(done.get().status == 200, "a reply", "none")
        for client in silent, done:
            check(client.reply() is None, "the end", "a reply")
        server.wait_for("close clientfd", 2)


@hazard
def leave_before_the_time_out(stage):
    """A client that has left is not closed again by a time-out."""
    with serve(stage, "--idle-timeout", "1000") as server:
        for _ in range(20):
            client = Browser(server)
            client.get()
            client.close()
        server.wait_for("close clientfd", 20)
        fired = len(server.lines("timer$"))
        check(Browser(server).reply() is None, "the end", "a reply")
        server.wait_for("close clientfd", 21)
        timers = len(server.lines("timer$"))
        check(timers == fired + 1, "one timer", f"{timers - fired} of them")


@hazard
def stalled_reader(stage):
    """A client that does not read does not delay a quick one."""
    with serve(stage, *LONG) as server:
        slow, quick = Browser(server), Browser(server)
        slow.ask("/big.bin")
        wait_until(lambda: slow.input_size() > 0, "a reply")
        for _ in range(50):
            check(quick.get().body == b"below\n", "a reply", "none")
        server.wait_calm("while one client does not read")
        check(slow.reply().body == pattern(3 * MIB), "all of it", "less")


@hazard
def stalled_reader_times_out(stage):
    """A client that never reads its reply is closed in the end."""
    with serve(stage, "--idle-timeout", "1000") as server:
        before = at_rest(server)
        client = Browser(server)
        client.ask("/big.bin")
        server.wait_for("close clientfd")
        wait_until(lambda: server.descriptors() == before, before)


@hazard
def linger_times_out(stage):
    """A client that keeps sending after an error is closed."""
    with serve(stage, "--header-timeout", "200") as server:
        client = Browser(server)
        client.send(b"\0")
        end = time.monotonic() + LIMIT
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:
                client.send_what_fits(b"x" * 65536)
                client.send(b"x")
                check(time.monotonic() < end, "an end", "it takes all")
        check(client.reply().status == 400, "400", "nothing")


# --- many, and much -------------------------------------------------------


@hazard
def flood_of_requests(stage):
    """A client that floods must wait, and loses no reply."""
    with serve(stage, *LONG) as server:
        flood, quick = Browser(server), Browser(server)
        one = b"GET /sub/b.txt HTTP/1.1\r\nHost: x\r\n\r\n"
        # Whole requests only: a part of one goes when there is room again.
        sent, quiet = 0, 0
        data = memoryview(one * 100000)
        while quiet < 5:
            more = flood.send_what_fits(data[sent:])
            sent, quiet = sent + more, 0 if more else quiet + 1
            check(sent < len(data), "backpressure", f"{sent} bytes taken")
            check(quick.get().status == 200, "a reply", "none")
            time.sleep(LOOK)
        whole, part = divmod(sent, len(one))
        for i in range(whole):
            check(flood.reply().body == b"below\n", "below", f"reply {i}")
        flood.send(one[part:] if part else one)
        check(flood.reply().body == b"below\n", "the last", "nothing")


@hazard
def turns_are_short(stage):
    """A turn answers one of the requests that arrive together."""
    with serve(stage, *LONG) as server:
        many, one = Browser(server), Browser(server)
        many.get()
        one.get()
        server.stop()
        for _ in range(50):
            many.ask()
        one.ask()
        server.resume()
        for client, times in ((many, 50), (one, 1)):
            for _ in range(times):
                client.reply()
        sends = server.lines("send to .*(x1|x2)")[2:]
        place = next(i for i, line in enumerate(sends) if "x2" in line)
        check(place <= 2, "x2 served after two of x1 at most", sends[:6])


@hazard
def newcomers_do_not_wait(stage):
    """100 new clients among 500 busy ones are accepted quickly."""
    busy_clients, newcomers = 500, 100
    with serve(stage, *LONG) as server:
        server.allow_descriptors(busy_clients + newcomers + 100)
        busy = [Browser(server) for _ in range(busy_clients)]
        server.wait_for("=====> accept", busy_clients)
        server.stop()
        for client in busy:
            client.send(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        late = [Browser(server) for _ in range(newcomers)]
        server.resume()
        server.wait_for("=====> accept", busy_clients + newcomers)
        # What the others were sent while the newcomers waited: with one accept
        # for each report of the listener, 100 rotations of 500 clients.
        lines = server.lines("=====> accept|send to ")
        place = [i for i, line in enumerate(lines) if "accept" in line]
        first, last = place[busy_clients], place[-1]
        sends = last - first - newcomers + 1
        rotations = -(-newcomers // (1 + busy_clients // 64)) + 2
        check(sends <= rotations * busy_clients,
              f"at most {rotations} replies for each busy client", sends)
        for client in busy + late:
            client.close()


@hazard
def a_path_of_dots(stage):
    """Thousands of dots in a path cost no call each."""
    library = build(stage, """
        int openat(int directory, const char *name, int flags, ...)
        {
            static int calls;
            if (++calls > 100)
                abort();
            return (int)syscall(SYS_openat, directory, name, flags);
        }""")
    with serve(stage, LD_PRELOAD=library) as server:
        reply = Browser(server).get("/" + "./" * 1500 + "sub/b.txt")
        check(reply.status == 200, "status 200", reply)


@hazard
def out_only_while_there_is_a_rest(stage):
    """EPOLLOUT is registered only while a reply is unsent."""
    with serve(stage, *LONG) as server:
        client = Browser(server)
        for _ in range(20):
            client.get()
        check(not server.lines("MOD"), "no MOD", server.lines("MOD"))
        client.get("/big.bin")
        server.wait_for("MOD .*events:IN")
        asked = [line.split(":")[-1] for line in server.lines("MOD")]
        check(asked == ["OUT", "IN"], "OUT, then IN", asked)


@hazard
def no_descriptor_lost(stage):
    """After 200 requests the server has no more descriptors than before."""
    with serve(stage) as server:
        before = at_rest(server)
        paths = ["/a.txt", "/big.bin", "/none", "/pipe", "/trace", "/up/b"]
        for i in range(200):
            client = Browser(server)
            client.ask(paths[i % len(paths)])
            if i % 2:
                client.reply()
            client.close()
        server.wait_for("close clientfd", 200)
        wait_until(lambda: server.descriptors() == before, before)


@hazard
def no_memory_lost(stage):
    """After 4,000 requests the server has no more memory than before."""
    if stage.is_sanitized():
        raise base.Skip("a sanitizer keeps what is freed; it finds leaks")

    def visit(server, times):
        client = Browser(server)
        for i in range(times):
            client.get(["/a.txt", "/none", "/trace", "/"][i % 4])
        server.leave()

    with serve(stage) as server:
        visit(server, 500)
        base.check_memory(server, lambda: visit(server, 4000))


# --- what the system does -------------------------------------------------


@hazard
def no_descriptors(stage):
    """Without a descriptor a file is 503, and later 200."""
    with serve(stage, *LONG) as server:
        client = Browser(server)
        check(client.get("/a.txt").status == 200, "200", "another status")
        client.get("/trace")  # when this comes, the file is closed
        server.allow_descriptors(max(server.descriptors()) + 1)
        check(client.get("/a.txt").status == 503, "503", "another status")
        check(client.get("/trace").status == 200, "200", "another status")
        for _ in range(3):
            surplus = Browser(server)
            check(surplus.read_to_end() == b"", "the end", "bytes")
        server.wait_for("accept EMFILE", 3)
        server.wait_calm("while there is no descriptor")
        check(client.get("/trace").status == 200, "200", "another status")
        client.close()
        wait_until(lambda: server.lines("close clientfd"), "a close")
        check(Browser(server).get("/trace").status == 200, "200", "another")
        server.allow_descriptors(64)
        check(Browser(server).get("/a.txt").status == 200, "200", "another")


@hazard
def room_after_a_file(stage):
    """A client is refused while a download has the last descriptor."""
    with serve(stage, *LONG) as server:
        reader, busy = Browser(server), Browser(server)
        for client in reader, busy:
            client.get("/trace")
        server.allow_descriptors(max(server.descriptors()) + 2)
        reader.ask("/big.bin")
        reader.more()
        surplus = Browser(server)
        check(surplus.read_to_end() == b"", "the end", "bytes")
        for _ in range(20):
            check(busy.get("/none").status == 404, "404", "another status")
        check(reader.reply().body == pattern(3 * MIB), "all of it", "less")
        check(reader.get("/none").status == 404, "404", "another status")
        check(Browser(server).get("/trace").status == 200, "200", "another")


@hazard
def no_room_in_the_system(stage):
    """If accept4 fails, it is tried again though no client leaves."""
    failing = """
        int accept4(int fd, struct sockaddr *address, socklen_t *size, int how)
        {
            static const int errors[] = {0, ENFILE, ENOBUFS, ENOMEM};
            static unsigned n;
            errno = n < 4 ? errors[n++] : 0;
            return errno ? -1 : syscall(SYS_accept4, fd, address, size, how);
        }"""
    with serve(stage, *LONG, LD_PRELOAD=build(stage, failing)) as server:
        silent, late = Browser(server), Browser(server)
        check(late.get().status == 200, "200", "another status")
        check(silent.get().status == 200, "200", "another status")
        for error in "ENFILE", "ENOBUFS", "ENOMEM":
            check(server.lines(f"accept {error}"), error, "another error")


@hazard
def no_memory_for_a_client(stage):
    """A client without memory is refused, the next one served."""
    failing = """
        static int accepted;
        int accept4(int fd, struct sockaddr *address, socklen_t *size, int how)
        {
            accepted++;
            return syscall(SYS_accept4, fd, address, size, how);
        }
        void *calloc(size_t count, size_t size)
        {
            void *__libc_calloc(size_t, size_t);
            return accepted == 1 ? NULL : __libc_calloc(count, size);
        }"""
    with serve(stage, LD_PRELOAD=build(stage, failing)) as server:
        check(Browser(server).reply() is None, "the end", "a reply")
        server.wait_for("refuse clientfd:[0-9]+ .*, epoll cannot watch it$")


@hazard
def no_word_about_a_file(stage):
    """A file that fstat cannot examine is not an empty file."""
    failing = """
        int fstat(int fd, struct stat *about)
        {
            static int n;
            errno = EIO;
            return n++ % 2 ? -1 : fstatat(fd, "", about, AT_EMPTY_PATH);
        }"""
    with serve(stage, LD_PRELOAD=build(stage, failing)) as server:
        client = Browser(server)
        replies = [client.get("/a.txt") for _ in range(4)]
        for status, _, body in replies:
            check(status == 404 or body == b"hello\n", "hello", body)
        check(404 in {reply.status for reply in replies}, "a 404", "none")


@hazard
def dates_of_files(stage):
    """Last-Modified is never later than Date."""
    with serve(stage) as server:
        client = Browser(server)
        for seconds in 0, 999999999, 4102444800, 253402300800, 10**11, -10**11:
            try:
                os.utime("root/a.txt", (seconds, seconds))
            except (OSError, OverflowError):
                continue  # this file system has no such date
            if os.stat("root/a.txt").st_mtime != seconds:
                continue
            headers = client.get("/a.txt").headers
            form = "%a, %d %b %Y %H:%M:%S GMT"
            now, then = (time.strptime(headers[name], form) if name in headers
                         else None for name in ("date", "last-modified"))
            check(now and (then is None) == (seconds < 0),
                  "no date before 1970, and otherwise one", headers)
            check(seconds < 0 or then <= now, "no date in the future", headers)
            if then and seconds < time.time():
                more = f"If-Modified-Since: {headers['last-modified']}\r\n"
                check(client.get("/a.txt", more).status == 304, "304", more)


@hazard
def stop_and_continue(stage):
    """SIGSTOP and SIGCONT in the middle of a file lose no byte."""
    with serve(stage, *LONG) as server:
        client = Browser(server)
        client.ask("/big.bin")
        for _ in range(5):
            client.more()
            server.stop()
            server.resume()
        check(client.reply().body == pattern(3 * MIB), "all of it", "less")


@hazard
def file_gets_shorter(stage):
    """A file that gets shorter while it is sent ends the connection."""
    with serve(stage, *LONG) as server:
        client = Browser(server)
        client.ask("/big.bin")
        client.more()
        wait_until(server.sleeps, "a server that waits for its reader")
        os.truncate("root/big.bin", 1000)
        got = len(client.rest) + len(client.read_to_end())
        check(got < 3 * MIB, "less than was promised", got)
        server.wait_for("close clientfd")


@hazard
def fifo_is_left_alone(stage):
    """A GET of a FIFO does not wake its writer."""
    with serve(stage, *LONG) as server:
        writer = subprocess.Popen(["sh", "-c", "echo line >root/pipe"])
        try:
            status = f"/proc/{writer.pid}/stat"
            wait_until(lambda: b") S" in open(status, "rb").read(),
                       "a writer that waits for its reader")
            check(Browser(server).get("/pipe").status == 404, "404", "another")
            fifo = os.open("root/pipe", os.O_RDONLY | os.O_NONBLOCK)
            ready = select.select([fifo], [], [], LIMIT)[0]
            line = os.read(fifo, 10) if ready else b"nothing"
            os.close(fifo)
            check(line == b"line\n", "the line, for its reader", line)
        finally:
            writer.kill()
            writer.wait()


# --- the graceful stop ----------------------------------------------------


HEAD = b"GET /a.txt HTTP/1.1\r\n"  # the host and the empty line follow
REST = b"Host: x\r\n\r\n"
FOREVER = "--drain", "3600000"


def start_again(stage, server):
    """The check at the end of each hazard wants a server that runs."""
    server.clients.clear()
    server.__init__(stage, *ROOT)
    server.wait_ready()


def end_gracefully(stage, server, accepted, refused=0):
    """The server ends by itself, with 0, and has closed all its clients."""
    check(server.wait_end() == 0, "status 0", server.process.returncode)
    summary = f"{accepted} accepted, {refused} refused, {accepted} closed"
    check(server.lines(summary), summary, server.lines("accepted"))
    start_again(stage, server)


def begin_stop(server):
    """SIGTERM, until the listening socket is no longer watched."""
    server.kill(signal.SIGTERM)
    server.wait_for(r"epoll_ctl DEL fd:\d+ events")


def check_last(client, body, closes=True):
    """Check the next reply: it is the last of its connection."""
    reply = client.reply()
    check(reply, "a reply after SIGTERM", "the end")
    check(reply.status == 200 and reply.body == body, body[:20], reply[:2])
    check(("connection" in reply.headers) == closes,
          "Connection: close" if closes else "a head from before", reply[1])
    check(client.reply() is None, "the end after the last reply", "more")


@hazard
def stop_with_requests(stage):
    """A stop lets the requests end that have begun, and no others."""
    with serve(stage, *FOREVER, *LONG) as server:
        idle, fresh, head, body, reader = (Browser(server) for _ in range(5))
        idle.get()
        head.send(HEAD)
        body.send(b"GET /sub/b.txt HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: 2\r\n\r\nx")
        reader.ask("/big.bin")
        reader.ask("/a.txt")  # a second request, which is not begun
        reader.more()
        for client in head, body:
            client.wait_read()
        begin_stop(server)
        for client in idle, fresh:
            check(client.reply() is None, "the end of an idle one", "a reply")
        try:
            Browser(server)
        except ConnectionRefusedError:
            server.clients.pop().close()
        else:
            check(False, "ECONNREFUSED", "a connection")
        body.send(b"y")
        check_last(body, b"below\n", closes=False)
        head.send(REST)
        check_last(head, b"hello\n")
        check_last(reader, pattern(3 * MIB), closes=False)
        check(not server.has_ended(), "a server that waits for us", "its end")
        for client in server.clients:
            client.close()
        end_gracefully(stage, server, 5)


@hazard
@base.not_tcp  # the end of a TCP listener resets those that it has not accepted
def stop_with_arrived_requests(stage):
    """Requests that arrive before the stop get a reply, and it is the last."""
    with serve(stage, *FOREVER, *LONG) as server:
        known = [Browser(server) for _ in range(3)]
        for client in known:
            client.get()
        server.stop()
        # 70: more than one iteration accepts. The signal comes before them.
        clients = known + [Browser(server) for _ in range(70)]
        for client in clients:
            client.send(HEAD + REST)
        server.kill(signal.SIGTERM)
        server.resume()
        for client in clients:
            reply = client.reply()
            check(reply and reply.body == b"hello\n", "a reply", reply)
            check(client.reply() is None, "the end after it", "more")
            client.close()
        end_gracefully(stage, server, 73)


@hazard
@base.not_tcp  # as above
def stop_without_descriptors(stage):
    """A stop refuses at once the clients for which no descriptor is left."""
    with serve(stage, *FOREVER, *LONG) as server:
        head = Browser(server)
        head.send(b"GET /trace HTTP/1.1\r\n")  # needs no descriptor
        head.wait_read()
        server.allow_descriptors(max(server.descriptors()) + 1)
        server.stop()
        surplus = [Browser(server) for _ in range(5)]
        server.kill(signal.SIGTERM)
        server.resume()
        for client in surplus:
            check(client.reply() is None, "the end", "a reply")
            client.close()
        head.send(REST)
        check(head.reply().status == 200, "200", "another status")
        head.close()
        end_gracefully(stage, server, 6, refused=5)


@hazard
def stop_ends(stage):
    """After --drain the server ends, whatever its clients do."""
    with serve(stage, "--drain", "200", *LONG) as server:
        half, lingers, stalled = (Browser(server) for _ in range(3))
        half.send(HEAD)
        lingers.get(more="Connection: close\r\n")
        stalled.ask("/big.bin")
        stalled.more()
        half.wait_read()
        server.end()
        check(server.lines("3 accepted, 0 refused, 3 closed"),
              "3 clients closed", server.lines("accepted"))
        got = len(stalled.rest) + len(stalled.read_to_end())
        check(got < 3 * MIB, "a part of the file", "all of it")
        check(half.reply() is None, "the end", "a reply")
        start_again(stage, server)


@hazard
def stop_at_once(stage):
    """--drain 0 closes all connections at once."""
    with serve(stage, "--drain", "0", *LONG) as server:
        half, idle = Browser(server), Browser(server)
        half.send(HEAD)
        idle.get()
        half.wait_read()
        server.end()
        for client in half, idle:
            check(client.reply() is None, "the end", "a reply")
        start_again(stage, server)


@hazard
def stop_twice(stage):
    """The second signal ends the server at once, by the signal."""
    for second in signal.SIGTERM, signal.SIGINT:
        with stage.serve(*FOREVER, *LONG) as server:
            client = Browser(server)
            client.send(HEAD)
            client.wait_read()
            begin_stop(server)
            check(not server.has_ended(), "a server that waits", "its end")
            server.kill(second)
            status = server.wait_end()
            check(status == -second, f"an end by {second.name}", status)
            check(not os.path.lexists(server.path), "no socket file", "one")
            server.clients.clear()
            server.__init__(stage)
            server.wait_ready()


@hazard
def end_with_clients(stage):
    """SIGTERM ends the server in every state of its clients."""
    with serve(stage, "--drain", "100", *LONG) as server:
        Browser(server)
        for text in (b"GET /", b"PUT / HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 9\r\n\r\n", b"\0"):
            client = Browser(server)
            client.send(text)
            client.wait_read()
        reader = Browser(server)
        reader.ask("/big.bin")
        reader.more()
        server.end()
        check(server.lines("5 accepted, 0 refused, 5 closed"),
              "5 clients closed", server.lines("accepted"))
        start_again(stage, server)


@hazard
def nothing_is_html(stage):
    """A browser does not show as HTML what a client has sent."""
    with serve(stage) as server:
        client = Browser(server)
        client.ask("/<script>\"&'")
        replies = [client.reply(), client.get("/trace"), client.get("/none")]
        for status, headers, body in replies:
            check(headers["content-type"] == "text/plain; charset=utf-8",
                  "plain text", headers)
            check(headers["x-content-type-options"] == "nosniff",
                  "nosniff", headers)
        body = replies[1].body
        check(b"GET /<script>" in body, "the request as it was sent", body)
        check(len(body.splitlines()) <= 64, "64 lines at most", body)
        client.ask("/a.txt")
        check(client.reply().headers["x-content-type-options"] == "nosniff",
              "nosniff", "none")


@hazard
def without_a_root(stage):
    """Without --root there are two texts, and no file is served."""
    with stage.serve() as server:
        client = Browser(server)
        check(b"stage 11" in client.get("/").body, "a text", "another")
        for path in ("/etc/passwd", "/../etc/passwd", "/x", "//", "/./",
                     "/index.html"):
            check(client.get(path).status == 404, "404", path)


@hazard
def nothing_stays_open(stage):
    """A stage that cannot serve has closed all that it opened."""
    library = build(stage, """
        #include <stdio.h>
        #include <sys/epoll.h>
        int epoll_wait(int fd, struct epoll_event *events, int most, int ms)
        {
            (void)fd, (void)events, (void)most, (void)ms;
            errno = EBADF;
            return -1;
        }
        __attribute__((destructor)) static void list(void)
        {
            unsetenv("LD_PRELOAD");
            if (system("ls -l /proc/$PPID/fd >&2") != 0)
                fputs("no /proc\\n", stderr);
        }""")
    make_root()
    result = subprocess.run(
        [stage.program, "--serve", "-q", "-s", "other.sock", *ROOT],
        env={**os.environ, "LD_PRELOAD": library}, capture_output=True,
        timeout=LIMIT)
    check(result.returncode == 1, "status 1", result)
    check(b": EBADF" in result.stderr, "EBADF", result)
    for kind in b"eventpoll", b"eventfd", b"timerfd", b"/root\n":
        check(kind not in result.stderr, f"no {kind} open", result.stderr)
    with stage.serve():
        pass


def write_corpus(directory):
    """Write the requests as inputs of tests/fuzz/http.c."""
    for i, case in enumerate(read_cases()):
        with open(os.path.join(directory, f"case-{i:03}"), "wb") as file:
            cut = len(case.data) // 2
            file.write(bytes([cut >> 8, cut & 255]) + case.data)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--corpus":
        sys.exit(write_corpus(sys.argv[2]))
    base.run_and_exit(sys.argv[1:])
