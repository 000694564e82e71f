"""measure.py - start servers, let the load generator at them, keep figures.

A server is a name and a command in which {path} stands for its socket. What
is measured lies in a dictionary that is written as JSON as it is; report.py
makes tables and plots of it.
"""
import collections
import glob
import hashlib
import json
import os
import platform
import re
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
import peer  # noqa: E402  (found by the line above)
from peer import Problem  # noqa: E402

BARE = "bare"  # the limit
ACTIVE = (1, 10, 100, 1000)
SOME = 10  # active clients, while others are idle
CROWD = 100  # active clients in the closed loop
SPARE = 64  # descriptors, beside those of the clients
DISPATCH = (100, 1000)  # descriptors watched
SHARES = (.01, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1)

Plan = collections.namedtuple("Plan", "starts idle_starts idle trips seconds "
                              "dispatch_tries patience")
QUICK = Plan(3, 2, (0, 100, 1000), 2500, .4, 1, 10)
FULL = Plan(9, 3, (0, 10, 100, 1000, 5000, 10000), 3000, 2, 3, 30)
TINY = Plan(1, 1, (0, 100), 20, .2, 1, 60)  # for the tests: figures of no worth

PEERS = {  # the name in tables: program and arguments
    "libevent": "libevent", "bufferevent": "bufferevent",
    "libev": "libev", "libuv": "libuv", "libuv, uv_write": "libuv --write",
    "io_uring": "io_uring"}


def bench_program(name):
    return os.path.join(peer.BUILD, "bench", name)


def servers():
    """All servers there are, as {name: command}, and those not built."""
    found, missing = {BARE: [bench_program(BARE), "{path}"]}, []
    for stage in peer.stages():
        serve = [peer.program(stage), "--serve", "-q", "-s", "{path}"]
        found[stage] = serve
        if stage.startswith("09-"):
            found[f"{stage}, 1 worker"] = serve + ["--workers", "1"]
    for name, words in PEERS.items():
        program, *arguments = words.split()
        if os.access(bench_program(program), os.X_OK):
            found[name] = [bench_program(program), *arguments, "{path}"]
        else:
            missing.append(name)
    return found, missing


def reasons():
    """Servers that explain figures of others: the bare loop beside a thread
    that sleeps, and edge-triggered in six ways; stages without their trace,
    and with it in a file."""
    edge = bench_program("edge")
    found = {"bare, 2 threads": [bench_program(BARE), "--thread", "{path}"],
             "edge, drained": [edge, "{path}"],
             "edge, drained, OUT": [edge, "--out", "{path}"],
             "edge, short": [edge, "--short", "{path}"],
             "edge, short, OUT": [edge, "--short", "--out", "{path}"],
             "edge, INQ": [edge, "--inq", "{path}"],
             "edge, INQ, OUT": [edge, "--inq", "--out", "{path}"]}
    for stage in peer.stages():
        untraced = bench_program(f"untraced-{stage}")
        if os.access(untraced, os.X_OK):
            program = shlex.quote(peer.program(stage))
            found[f"{stage}, no trace"] = [untraced, "--serve", "-q", "-s",
                                           "{path}"]
            found[f"{stage}, in a file"] = [
                "sh", "-c", f"exec {program} --serve -s {{path}} "
                ">{path}.trace"]
    return found


def within_limits(plan):
    """The plan, with no more idle clients than descriptors are allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(plan.idle + ACTIVE) + SPARE
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    if most < max(ACTIVE) + SPARE:
        raise Problem(f"{max(ACTIVE) + SPARE} descriptors are needed, the "
                      f"hard limit is {hard} (ulimit -Hn)")
    peer.allow_descriptors(most)
    return plan._replace(idle=tuple(i for i in plan.idle
                                    if i + SPARE <= most))


def added(text):
    """A server of --add NAME='COMMAND {path}'."""
    name, equals, command = text.partition("=")
    if not name or not equals or "{path}" not in command:
        raise ValueError("a server is added as NAME='COMMAND {path}', where "
                         f"{{path}} is its socket; this is '{text}'")
    return name, shlex.split(command)


class Server:
    """A server that runs, to be used by `with`."""

    def __init__(self, name, command, under=(), output=subprocess.DEVNULL):
        self.name = name
        self.command = command
        self.under = list(under)  # strace and its options
        self.output = output

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="iomux-bench-")
        self.path = os.path.join(self.directory, "socket")
        self.errors = open(os.path.join(self.directory, "errors"), "w+",
                           encoding="utf-8", errors="replace")
        words = [w.replace("{path}", self.path) for w in self.command]
        try:
            self.process = subprocess.Popen(
                self.under + words, stdin=subprocess.DEVNULL,
                stdout=self.output, stderr=self.errors, cwd=peer.TOP)
        except OSError as error:
            self.remove()
            raise Problem(f"{self.name} cannot be started: {error}") from None
        try:
            peer.until(self.listens, f"{self.name} did not listen at "
                       f"{self.path}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise Problem(f"{self.name} ended with status "
                          f"{self.process.returncode} before it listened"
                          f"{self.last_words()}")
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self.path)
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        return True

    def last_words(self):
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return f"; its last words: {lines[-1]}" if lines else ""

    def __exit__(self, *_):
        if self.process.poll() is None:
            for pid in self.traced():
                os.kill(pid, signal.SIGKILL)  # strace alone would let it go
            self.process.kill()
        self.process.wait()
        self.remove()

    def traced(self):
        """The server that runs under strace; without strace nobody."""
        if not self.under:
            return []
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def remove(self):
        self.errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def load(server, *options, patience=60):
    """Let the load generator at a server. Returns what it found."""
    patience *= float(os.environ.get("TIMEOUT_MULT") or 1)
    try:
        run = subprocess.run(
            [bench_program("load"), "--json", *map(str, options), server.path],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=patience)
    except subprocess.TimeoutExpired:
        raise Problem(f"not done within {patience:g} s") from None
    if run.returncode != 0:
        raise Problem(f"{server.name}: "
                      f"{run.stderr.strip().removeprefix('load: ')}"
                      f"{server.last_words()}")
    return json.loads(run.stdout)


def check(name, command):
    """Is it an echo server? Returns how many clients it serves at once."""
    for options in (("-n", 5, "-z", 1), ("-n", 5, "-z", 20000)):
        with Server(name, command) as server:
            load(server, *options, "-t", 1, "--timeout", 2)
    with Server(name, command) as server:
        try:
            load(server, "-a", 3, "-n", 5, "-z", 999, "-t", 1, "--timeout", 2)
        except Problem as problem:
            if "no more within" in str(problem):
                return 1
            raise
    return None


def sample(name, command, active, idle, plan, **how):
    """One start of a server, measured in lockstep."""
    rounds = max(4, plan.trips // active)
    with Server(name, command, **how) as server:
        return load(server, "-a", active, "-i", idle, "-n", rounds, "-t",
                    plan.seconds, "--timeout", 10, patience=plan.patience)


def middle(samples):
    """The median, and half the distance between the quartiles."""
    if len(samples) < 2:
        return samples[0], 0
    lower, _, upper = statistics.quantiles(samples, n=4, method="inclusive")
    return statistics.median(samples), (upper - lower) / 2


def figures(samples, limit):
    """What tables show of a server, beside the limit's samples."""
    ratio, spread = middle([s["ratio"] for s in samples])
    bare = statistics.median(s["ratio"] for s in limit)
    server_us, _ = middle([s["server_us"] for s in samples])
    generator_us, _ = middle([s["generator_us"] for s in samples])
    found = {"x": round(ratio / bare, 4), "spread": round(spread / bare, 4),
             "server_us": round(server_us, 3),
             "generator_us": round(generator_us, 3),
             "starts": len(samples)}
    memory = [s["bytes_per_connection"] for s in samples]
    if None not in memory:
        found["bytes_per_connection"] = round(statistics.median(memory))
    return found


def calls(name, command, active):
    """System calls for each message: the slope between two runs."""
    found = []
    for rounds in (20, 320) if active == 1 else (2, 12):
        with tempfile.NamedTemporaryFile("r") as counts:
            strace = ["strace", "-f", "-qq", "-c", "-o", counts.name]
            with Server(name, command, under=strace) as server:
                result = load(server, "-a", active, "-n", rounds,
                              "--settle", "--timeout", 2)
                os.kill(result["pid"], signal.SIGTERM)
                try:
                    server.process.wait(10)
                except subprocess.TimeoutExpired:
                    raise Problem(f"{name} under strace did not end by "
                                  "SIGTERM") from None
            total = re.search(r"^100\.00 +[\d.]+ +\d+ +(\d+) .*total$",
                              counts.read(), re.MULTILINE)
            if not total:
                raise Problem("strace told nothing")
            found.append((result["messages"], int(total[1])))
    (few, some), (many, more) = found
    return round((more - some) / (many - few), 2)


def may_trace():
    """Is strace there, and allowed?"""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"],
                              stdin=subprocess.DEVNULL, check=False,
                              capture_output=True).returncode == 0
    except OSError:
        return False


def dispatch(watched, active):
    run = subprocess.run(
        [bench_program("dispatch"), "--json", str(watched), str(active)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Problem(run.stderr.strip())
    return json.loads(run.stdout)


def machine():
    """What the figures depend on, and no more that would name its owner."""
    model, virtual = platform.machine(), False
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            info = file.read()
        model = re.search(r"^model name\s*: (.*)$", info, re.MULTILINE)[1]
        virtual = re.search(r"^flags\s*:.*\bhypervisor\b", info,
                            re.MULTILINE) is not None
    except (OSError, TypeError):
        pass
    try:
        with open("/etc/machine-id", "rb") as file:
            owner = hashlib.sha256(b"iomux bench" + file.read().strip())
            owner = owner.hexdigest()[:12]
    except OSError:
        owner = "unknown"
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)),
            "virtual": virtual, "memory_gb": round(pages / 2**30),
            "kernel": platform.release(), "id": owner}


def describe(host):
    return (f"a {'virtual ' if host['virtual'] else ''}machine with "
            f"{host['cpus']} CPU{'s' * (host['cpus'] != 1)} ({host['cpu']}), "
            f"Linux {host['kernel']}")


class Job:
    """One step of a run: what it is called, how long it may take, and it."""

    def __init__(self, title, weight, work):
        self.title, self.weight, self.work = title, weight, work


class Run:
    """All that is to be measured, as jobs, and what came of them."""

    def __init__(self, plan, commands, traced, with_dispatch=True):
        self.plan, self.commands = plan, commands
        self.samples = collections.defaultdict(list)
        self.closed = collections.defaultdict(list)
        self.one_client = set()
        self.gave_up = {}  # name: (active, idle) that it could not bear
        self.result = {"left_out": [], "calls": {}, "dispatch": []}
        self.traced, self.with_dispatch = traced, with_dispatch
        self.two_cpus = len(os.sched_getaffinity(0)) > 1

    def leave_out(self, name, what, why):
        self.result["left_out"].append(
            {"server": name, "what": what,
             "why": str(why).removeprefix(f"{name}: ")})

    def checks(self):
        """First of all: does each give back what it is given?"""
        for name in list(self.commands):
            yield Job(f"checking {name}", .2, lambda n=name: self.check(n))

    def check(self, name):
        try:
            if check(name, self.commands[name]) == 1:
                self.one_client.add(name)
        except Problem as problem:
            if name == BARE:
                raise
            self.leave_out(name, "all", problem)
            del self.commands[name]

    def jobs(self):
        """In this order; each start of a server is a job of its own."""
        plan = self.plan
        for start in range(plan.starts):
            for active in ACTIVE:
                yield from self.round(active, 0, start)
        for start in range(plan.idle_starts):
            for idle in plan.idle:
                yield from self.round(SOME, idle, start)
        for start in range(plan.starts if self.two_cpus else 0):
            for name in self.commands:
                if name not in self.one_client:
                    yield Job(f"{name}: closed loop", .3,
                              lambda n=name: self.sample_closed(n))
        for name in self.commands if self.traced else ():
            for active in (1, 100):
                if active == 1 or name not in self.one_client:
                    yield Job(f"counting the calls of {name}", .4,
                              lambda n=name, a=active: self.count(n, a))
        for _ in range(plan.dispatch_tries if self.with_dispatch else 0):
            for watched in DISPATCH:
                for share in SHARES if plan != TINY else (.5, 1):
                    active = max(1, round(watched * share))
                    yield Job(f"dispatch {active} of {watched}", .3,
                              lambda w=watched, a=active:
                              self.result["dispatch"].append(dispatch(w, a)))

    def round(self, active, idle, start):
        """Each server once; a different one first each time, bare twice."""
        names = [n for n in self.commands if n != BARE
                 and (active + idle == 1 or n not in self.one_client)]
        turn = start % max(1, len(names))
        for name in [BARE, *names[turn:], *names[:turn], BARE]:
            title = f"{name}: {active} active, {idle:,} idle"
            weight = .06 + (active + idle) * 6e-5 + self.plan.trips * 1.6e-5
            yield Job(title, weight,
                      lambda n=name: self.sample(n, active, idle))

    def sample(self, name, active, idle):
        worst = self.gave_up.get(name)
        if worst and active + idle >= worst:
            return
        try:
            found = sample(name, self.commands[name], active, idle, self.plan)
            self.samples[name, active, idle].append(found)
        except Problem as problem:
            if name == BARE:
                raise
            self.gave_up[name] = active + idle
            self.leave_out(name, f"{active} active, {idle:,} idle", problem)

    def sample_closed(self, name):
        """Server and clients at once: what is quicker, but not by how much."""
        try:
            with Server(name, self.commands[name]) as server:
                found = load(server, "-a", CROWD, "-m", "closed", "-n",
                             max(4, self.plan.trips // CROWD), "-t",
                             self.plan.seconds)
            self.closed[name].append(found)
        except Problem as problem:
            self.leave_out(name, "closed loop", problem)

    def count(self, name, active):
        try:
            self.result["calls"].setdefault(name, {})[str(active)] = calls(
                name, self.commands[name], active)
        except Problem as problem:
            self.leave_out(name, "calls", problem)

    def finish(self):
        """The figures, once all jobs are done."""
        table = {}
        for (name, active, idle), samples in self.samples.items():
            limit = self.samples[BARE, active, idle]
            table.setdefault(name, {})[f"{active}+{idle}"] = figures(
                samples, limit)
        self.result["servers"] = table
        keys = ("per_second", "p50_us", "p99_us", "p999_us")
        self.result["closed"] = {
            name: {key: statistics.median(s[key] for s in samples)
                   for key in keys}
            for name, samples in self.closed.items()}
        return self.result
