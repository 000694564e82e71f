#!/usr/bin/env python3
"""Play random scenarios and compare the traces.

usage: random_scenarios.py --seed N [--count K] [--repeat R] [--tcp] STAGE...
       random_scenarios.py --seed N --print [STAGE]

The scenario of a seed is always the same. Each of the scenarios N to N+K-1 is
played R times in each stage. All R traces of a stage must be equal, byte for
byte and including the waits, and must obey the laws of scripts/check-trace.
Stage 09 plays each scenario with two workers and with three.

  --seed N    the first seed
  --count K   how many scenarios   (default 1)
  --repeat R  how often each is played in each stage   (default 2)
  --tcp       play over TCP, where stages 03 and 09 have no fixed trace
  --print     print the scenario of the seed instead; stage 01 has its own

Exit status: 0 equal, 1 a trace differs, breaks a law or has failed, 2 usage.

A scenario must not contain a race of its own. The rules that ensure this are
in class Writer. Stage 01 serves one client at a time, so it plays a scenario in
which a client expects its echo only when all earlier clients have finished.
"""
import argparse
import concurrent.futures
import difflib
import os
import random
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "scripts"))
from iomux import trace  # noqa: E402
from iomux.law_check import Checker  # noqa: E402
from iomux.law_scenario import Script  # noqa: E402
from iomux.laws import Broken  # noqa: E402
from iomux.program import Trouble  # noqa: E402
from iomux.scenario import read_scenario  # noqa: E402

BUILD = os.environ.get("IOMUX_BUILD") or os.path.join(TOP, "build")
LIMIT = 60 * float(os.environ.get("TIMEOUT_MULT") or 1)  # seconds for one play
SERVER_BUFFER = 4096  # bytes, of a stage's recv()
MAX_UNREAD = 24000  # bytes that a client may leave in the sockets
MAX_MESSAGES = 12  # and how many messages
SIZES = 1, 2, 20, 100, 1000, 4095, 4096, 4097, 8192, 9000, 16384
WORDS = ("hello", "a", "two words", "tab\\tand\\n", "\\x00\\xff", "\\\"quoted\\\"",
         "[server]   stop", "...", "0123456789" * 4)
MAX_REPORTS = 3  # one difference explains more than a hundred
OPTIONS = {"09-epoll-pool": (["--workers", "2"], ["--workers", "3"])}
TRANSPORT = []  # options
CHECK_TRACE = os.path.join(TOP, "scripts", "check-trace")


class Client:
    """What the writer knows about a client and its sockets."""

    def __init__(self, name):
        self.name = name
        self.connected = False
        self.reset()

    def reset(self):
        self.shut = False
        self.echoed = []  # messages that the client can read now
        self.sent = []  # messages that the server may not have read yet

    def unread(self):
        return sum(size for _, size in self.echoed + self.sent)


class Writer:
    """Writes the scenario of a seed.

    The rules that keep races out:
    1. A client expects one message at a time. An expect of two messages would
       free two buffers of the server, and stage 08 may see one edge or two.
    2. Messages that the server may read together have at most 4096 bytes, or
       are a single message. A buffer of the server then never ends inside the
       last part of a message.
    3. Nobody fills a socket: no more than MAX_UNREAD bytes are unread.
    4. While the server is held, a client expects only what came before.
    """

    def __init__(self, seed, one_at_a_time):
        self.random = random.Random(seed)
        self.one_at_a_time = one_at_a_time
        self.clients = [Client(f"c{n}")
                        for n in range(1, self.random.randint(3, 6))]
        self.queue = []  # clients that stage 01 has not finished, in order
        self.held = False
        self.lines = [f"# random scenario of seed {seed}"]

    def write(self):
        for _ in range(self.random.randint(20, 60)):
            self.random.choice((
                self.connect, self.connect, self.send, self.send, self.send,
                self.send, self.expect, self.expect, self.expect, self.finish,
                self.hold_or_release, self.repeat, self.expect_nothing,
                self.note))()
        if self.held:
            self.hold_or_release()
        self.read_the_rest()
        return "\n".join(self.lines) + "\n"

    # --- the model --------------------------------------------------------

    def add(self, line):
        self.lines.append(line)
        self.settle()

    def settle(self):
        """The server has read and echoed all that it can."""
        if self.held:
            return
        while self.queue:
            first = self.queue[0]
            first.echoed += first.sent
            first.sent = []
            if first.connected and not first.shut:
                break
            self.queue.pop(0)
        if not self.one_at_a_time:
            for client in self.clients:
                client.echoed += client.sent
                client.sent = []

    def is_served(self, client):
        """The server has reacted to everything that the client has done."""
        if self.held or client.sent:
            return False
        return not self.one_at_a_time or client not in self.queue[1:]

    def pick(self, condition):
        """One of the clients that satisfy the condition, or None."""
        found = [client for client in self.clients if condition(client)]
        return self.random.choice(found) if found else None

    def fits(self, client, size, times=1):
        """Rules 2 and 3."""
        messages = len(client.echoed) + len(client.sent)
        if (messages + times > MAX_MESSAGES
                or client.unread() + times * size > MAX_UNREAD):
            return False
        together = sum(length for _, length in client.sent)
        alone = self.is_served(client) or (not client.sent and times == 1)
        if client.sent and together > SERVER_BUFFER:
            return False
        return alone or together + times * size <= SERVER_BUFFER

    # --- steps ------------------------------------------------------------

    def connect(self):
        client = self.pick(lambda c: not c.connected and c not in self.queue)
        if client is not None:
            client.reset()
            client.connected = True
            self.queue.append(client)
            self.add(f"{client.name} connect")

    def message(self):
        """What follows "send" or "expect", and its size."""
        if self.random.random() < 0.5:
            text = self.random.choice(WORDS)
            plain = text.encode().decode("unicode_escape")
            return f'"{text}"', len(plain)
        size = self.random.choice(SIZES)
        return str(size), size

    def send(self):
        message = self.message()
        client = self.pick(lambda c: c.connected and not c.shut
                           and self.fits(c, message[1]))
        if client is not None:
            client.sent.append(message)
            self.add(f"{client.name} send {message[0]}")

    def expect(self):
        client = self.pick(lambda c: c.connected and c.echoed)
        if client is not None:
            text, _ = client.echoed.pop(0)
            self.add(f"{client.name} expect {text}")

    def expect_nothing(self):
        client = self.pick(lambda c: c.connected and self.is_served(c)
                           and not c.echoed)
        if client is not None:
            eof = client.shut
            self.add(f"{client.name} expect-{'eof' if eof else 'nothing'}")

    def finish(self):
        """Half-close, close, or close with unread bytes."""
        client = self.pick(lambda c: c.connected)
        if client is None:
            return
        if not client.shut and self.random.random() < 0.4:
            client.shut = True
            self.add(f"{client.name} shutdown")
            return
        verb = "close"
        if client.echoed and self.random.random() < 0.7:
            verb = "abort"
        client.connected = False
        client.reset()
        self.add(f"{client.name} {verb}")

    def hold_or_release(self):
        self.held = not self.held
        self.add("hold" if self.held else "release")

    def note(self):
        self.add(f"note step {len(self.lines)}")

    def repeat(self):
        times = self.random.randint(2, 4)
        text, size = self.message()
        client = self.pick(lambda c: c.connected and not c.shut
                           and not c.echoed and self.is_served(c))
        if client is not None:
            self.lines += [f"repeat {times} {{",
                           f"    {client.name} send {text}",
                           f"    {client.name} expect {text}"]
            self.add("}")
            return
        client = self.pick(lambda c: c.connected and not c.shut
                           and self.fits(c, size, times))
        if client is not None:
            client.sent += [(text, size)] * times
            self.lines += [f"repeat {times} {{",
                           f"    {client.name} send {text}"]
            self.add("}")
            return
        client = self.pick(lambda c: not c.connected and c not in self.queue)
        if client is not None and not self.held and not self.queue:
            self.lines += [f"repeat {times} {{",
                           f"    {client.name} connect",
                           f"    {client.name} send {text}",
                           f"    {client.name} expect {text}",
                           f"    {client.name} close"]
            self.add("}")

    def read_the_rest(self):
        """Most clients read their last echoes; all are closed at the end."""
        for client in list(self.queue):
            while (client.connected and client.echoed
                   and self.random.random() < 0.9):
                text, _ = client.echoed.pop(0)
                self.add(f"{client.name} expect {text}")
            if client.connected and self.random.random() < 0.8:
                client.connected = False
                self.add(f"{client.name} close")


def scenario(seed, stage):
    return Writer(seed, stage.startswith("01")).write()


# --- plays ------------------------------------------------------------------


class Failed(Exception):
    """A play that has failed, as text for the user."""


def play(stage, path, options):
    """Play once. Returns the whole output."""
    command = [os.path.join(BUILD, stage), "-S", path, *options, *TRANSPORT]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end within {LIMIT:g} s") from None
    sentences = done.stderr.count(b"\n")  # over TCP, who may connect
    if done.returncode != 0 or sentences != (1 if TRANSPORT else 0):
        raise Failed(f"status {done.returncode}, "
                     f"{done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode("latin-1")


def events(trace):
    """The trace without the summary: stage 03 counts its scans there."""
    return (trace.partition("\n\n")[0] + "\n").splitlines(keepends=True)


def play_seed(seed, stages, repeat):
    """Play the scenario of a seed in all stages. Returns a list of reports."""
    reports, traces = [], {}  # traces: of a scenario's path, the files
    with tempfile.TemporaryDirectory(prefix="scenario-") as directory:
        for stage in stages:
            text = scenario(seed, stage)
            path = os.path.join(directory, f"{'01' in stage[:2]}.scn")
            write(path, text)
            for options in OPTIONS.get(stage, ([],)):
                name = " ".join([stage, *options])
                try:
                    played = play_repeatedly(stage, path, options, repeat)
                except Failed as failed:
                    reports.append(
                        f"seed {seed}, {name}: {failed}\n--- again: "
                        f"tests/random_scenarios.py --seed {seed} "
                        f"--repeat {repeat}{' --tcp' * bool(TRANSPORT)} "
                        f"{stage}\n"
                        f"--- the scenario:\n{text}")
                    continue
                file = os.path.join(directory, name.replace(" ", ""))
                write(file, played)
                traces.setdefault(path, []).append(file)
        for path, files in traces.items():
            steps = read_scenario(path)
            broken = [file for file in files if not obeys(file, steps)]
            if broken:
                done = subprocess.run(
                    [sys.executable, CHECK_TRACE, "--scenario", path, *broken],
                    capture_output=True, text=True, timeout=LIMIT)
                reports.append(f"seed {seed}: {done.stdout}{done.stderr}"
                               f"--- the scenario:\n{read(path)}")
    return reports


def obeys(file, steps):
    """Returns whether a trace obeys all laws. scripts/check-trace would say
    the same, but starting Python takes longer than the checks."""
    try:
        recorded = trace.read(file)
        Checker(recorded).check()
        Script(recorded).play(steps)
    except (Broken, Trouble):
        return False
    return True


def play_repeatedly(stage, path, options, repeat):
    """Play and compare. Returns the first trace."""
    traces = [play(stage, path, options) for _ in range(repeat)]
    for number, trace in enumerate(traces[1:], 2):
        difference = "".join(difflib.unified_diff(
            events(traces[0]), events(trace), "play 1", f"play {number}"))
        if difference:
            raise Failed("two plays differ\n" + difference)
    return traces[0]


def write(path, text):
    with open(path, "w", encoding="latin-1") as file:
        file.write(text)


def read(path):
    with open(path, encoding="latin-1") as file:
        return file.read()


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--print", action="store_true")
    parser.add_argument("stages", nargs="*")
    chosen = parser.parse_args(arguments)
    if chosen.print:
        print(scenario(chosen.seed, (chosen.stages or ["02"])[0]), end="")
        return 0
    if chosen.tcp:
        TRANSPORT.extend(["-s", "tcp:0"])
    if not chosen.stages:
        parser.error("name at least one stage")
    bad = 0
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    # More players than CPUs: each is often preempted in the middle of a step.
    with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
        for reports in pool.map(
                lambda seed: play_seed(seed, chosen.stages, chosen.repeat),
                seeds):
            for report in reports[:max(0, MAX_REPORTS - bad)]:
                print(report, flush=True)
            bad += len(reports)
    plays = sum(len(OPTIONS.get(stage, ([],))) for stage in chosen.stages)
    print(f"{chosen.count} scenarios, {chosen.repeat} times each in {plays} "
          f"servers: {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
