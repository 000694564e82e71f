"""traces.py - read what a stage has recorded: a trace, as text or as JSON
Lines, and the scenario that it played.

The grammar of the text stands in one place, tests/grammar.txt. A line of JSON
is written out as the line of text that it stands for, and then read like one:
so both give the same events, and both obey the same grammar.
"""
import dataclasses
import functools
import itertools
import json
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
GRAMMAR = os.path.join(TOP, "tests", "grammar.txt")
SHOWN = 32  # bytes of a message that a trace shows
COLUMN = 11  # where an event begins, after who
NUMBERS = ("fd", "bytes", "asked", "num", "again")


class Trouble(Exception):
    """Something cannot be read or run: one sentence for the user."""


def of_server(who):
    """Is it one of the server's threads?"""
    return who.startswith(("server", "thread", "worker"))


@dataclasses.dataclass
class Event:
    """One line of a trace. What it does not say is None."""
    line: int  # in the file
    text: str
    who: str  # "server", "client 2", "thread 1", "worker 1", "demo", "player"
    kind: str  # a word of trace.h: "recv", "woke", ...
    call: str  # "recv", "epoll_wait", ...
    fd: int | None = None
    client: str | None = None  # "c2", "x1"
    bytes: int | None = None
    asked: int | None = None
    num: int | None = None
    op: str | None = None
    events: str | None = None
    error: str | None = None
    msg: str | None = None
    remark: str | None = None
    again: int = 0  # EAGAINs left out before it; only JSON says that

    @property
    def of_server(self):
        return of_server(self.who)

    @property
    def of_client(self):
        return self.who.startswith("client")

    @property
    def about(self):
        """The client that it concerns, whoever says it; or None."""
        if self.of_client:
            return "c" + self.who.split()[1]
        return self.client


@dataclasses.dataclass
class Trace:
    name: str
    events: list
    summary: dict | None = None
    summary_line: int = 0
    problem: tuple | None = None  # of the first bad line: number, text, why


# --- the grammar -------------------------------------------------------------

@functools.cache
def grammar():
    """The regular expression of who, and a list of kind and expression."""
    words, kinds = {}, []
    with open(GRAMMAR, encoding="ascii") as file:
        for line in file:
            found = re.match(r"(\w+)\s+(.*\S)", line)
            if found is None:
                continue
            name, regex = found.groups()
            if name.isupper():
                words[name] = regex
            else:
                kinds.append((name, regex))
    any_word = re.compile(r"\b(%s)\b" % "|".join(words))

    def expand(regex):
        while any_word.search(regex):
            regex = any_word.sub(lambda found: words[found[1]], regex)
        # In Perl two groups may have the same name; here they get numbers.
        count = itertools.count()
        return re.compile(re.sub(
            r"\(\?<(\w+)>",
            lambda found: f"(?P<{found[1]}_{next(count)}>", regex))

    return expand("WHO"), [(kind, expand(regex)) for kind, regex in kinds]


def parse(line, number):
    """The event that a line of text is, or None."""
    who_regex, kinds = grammar()
    who = who_regex.match(line)
    if who is None:
        return None
    start = max(COLUMN, who.end() + 1)
    body = line[start:]
    if line[who.end():start].strip(" ") or len(line) <= start:
        return None
    for kind, regex in kinds:
        found = regex.fullmatch(body)
        if found is None:
            continue
        said = {name.rpartition("_")[0]: value
                for name, value in found.groupdict().items()
                if value is not None}
        call = said.pop("name", None) or body.split()[0].rstrip(".")
        call = {"accept": "accept", "ready": "ready"}.get(kind, call)
        for key in NUMBERS:
            if key in said:
                said[key] = int(said[key])
        return Event(number, line, who["who_0"], kind, call, **said)
    return None


# --- JSON as text ------------------------------------------------------------

def outcome(kind, call, args):
    """What an event of JSON says after who."""
    end = f"fd:{args.get('fd')}"
    if "client" in args:
        end += f" ({args['client']})"
    peer = "client" + end if "client" in args else end
    server = of_server(args["who"])
    subject = call
    if server and call in ("recv", "send"):
        subject = f"{call} {'from' if call == 'recv' else 'to'} {peer},"
    size, asked = args.get("bytes"), args.get("asked")
    if kind in ("again", "error"):
        rest = f", {size} of {asked} bytes sent" if asked else ""
        return f"{subject} {args['error']}{rest}"
    if kind == "send":
        part = f" of {asked}" if asked is not None and size < asked else ""
        msg = f", msg:{args['msg']}" if "msg" in args else ""
        return f"{subject} {size}{part} bytes{msg}"
    if kind == "ctl":
        error = f" {args['error']}" if "error" in args else ""
        return f"{call} {args['op']} {end} events:{args['events']}{error}"
    texts = {
        "listen": f"{call} {end}", "connect": f"{call} {end}",
        "wait": f"{call}...", "woke": f"{call} done, num:{args.get('num')}",
        "ready": f"  {end} {args.get('events')}",
        "accept": f"=====> accept new {peer}",
        "refused": f"refuse {peer}, {args.get('remark')}",
        "recv": f"{subject} {size} bytes, msg:{args.get('msg')}",
        "eof": f"{subject} eof", "close": f"close {peer}",
        "shutdown": f"shutdown {peer}" if args.get("client") else "shutdown",
        "stop": "stop", "timer": "timer",
        "note": f"note {args.get('remark')}"}
    return texts[kind]


def parse_json(line, number):
    """The event of a line of JSON, the dict of its summary, True for what is
    no event, or None for what is not of the grammar."""
    try:
        said = json.loads(line)
        kind, call, args = said["cat"], said["name"], said["args"]
        if kind == "__metadata":
            return True
        if kind == "summary":
            return dict(args)
        body = outcome(kind, call, args)
        event = parse(f"[{args['who']}]".ljust(COLUMN - 1) + " " + body,
                      number)
        if event is not None and event.kind == kind:
            event.again = int(args.get("again", 0))
            return event
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return None


# --- the summary -------------------------------------------------------------

N = r"(\d+)"
SUMMARY = [
    (r"summary of (\S+(?: --connect)?)", ("program",)),
    (f"  clients      {N}", ("clients",)),
    (f"  clients      {N} accepted, {N} refused, {N} closed",
     ("accepted", "refused", "closed")),
    (f"  messages     {N} sent, {N} echoed", ("sent", "echoed")),
    (f"  messages     {N} sent", ("sent",)),
    (rf"  messages     {N} \(recv calls that brought bytes\)", ("chunks",)),
    (f"  bytes        {N} in, {N} out", ("bytes_in", "bytes_out")),
    (rf"  calls        ((?:\w+ \d+, )*\w+ \d+)", ("calls",)),
    (f"  EAGAIN       {N} of these calls", ("again",)),
    (f"  scans        {N}, of which {N} found nothing",
     ("scans", "empty_scans")),
    (r"  per message  (\d+\.\d) calls", ("calls_per_message",))]
NOT_CALLS = {key for _, keys in SUMMARY for key in keys} | {"messages"}


def add_to_summary(summary, line):
    """Take a line of the summary. False: there is no such line."""
    for regex, keys in SUMMARY:
        found = re.fullmatch(regex, line)
        if found is None:
            continue
        for key, value in zip(keys, found.groups()):
            if key == "calls":
                for call in value.split(", "):
                    name, count = call.split()
                    summary[name] = int(count)
            elif key == "program":
                summary[key] = value
            else:
                summary[key] = float(value) if "." in value else int(value)
        return True
    return False


def wait_count(summary):
    """How often select, poll or epoll_wait was called, says a summary."""
    known = NOT_CALLS | {"accept", "recv", "send", "close", "epoll_ctl"}
    return sum(value for key, value in summary.items() if key not in known)


# --- files -------------------------------------------------------------------

def read_bytes(path):
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror}") from None


def read(path):
    """The trace in a file; "-" is standard input."""
    return read_trace(path, read_bytes(path))


def read_trace(name, data):
    """The trace that bytes are; it ends before the first bad line."""
    trace = Trace(name, [])
    lines = data.decode("latin-1").split("\n")
    last = lines.pop()
    if last:
        lines.append(last)
    take = take_json if data[:1] == b"{" else take_text
    for number, line in enumerate(lines, 1):
        why = take(trace, line, number)
        if why is None and last and number == len(lines):
            why = "the last line has no newline: the end of it is missing"
        if why is not None:
            trace.problem = (number, line, why)
            break
    return trace


def take_json(trace, line, number):
    """Add a line of JSON. Returns what is wrong with it, or None."""
    found = parse_json(line, number)
    if found is None:
        return ("this is no event in JSON of the grammar in "
                "tests/grammar.txt")
    if trace.summary is not None:
        return "the summary is the last line, and this comes after it"
    if isinstance(found, Event):
        trace.events.append(found)
    elif isinstance(found, dict):
        trace.summary, trace.summary_line = found, number
    return None


def take_text(trace, line, number):
    """Add a line of text. Returns what is wrong with it, or None."""
    if trace.summary is not None:
        if not add_to_summary(trace.summary, line):
            return "the summary has no such line"
        return None
    if line == "":
        trace.summary, trace.summary_line = {}, number
        return None
    if line.startswith("ready: ") and len(trace.events) <= 1:
        return None
    event = parse(line, number)
    if event is None:
        return "this is no event of the grammar in tests/grammar.txt"
    trace.events.append(event)
    return None


# --- what messages say -------------------------------------------------------

LETTERS = dict(zip("abtnvfr\\", "\a\b\t\n\v\f\r\\"))


def unescape(msg):
    """The bytes that a msg shows, as a string, and how many it leaves out."""
    cut = re.fullmatch(r"(.*)\.\.\. \(\+(\d+)\)", msg)
    # A short message may end in such words itself.
    if cut is not None and len(shown(cut[1])) == SHOWN:
        return shown(cut[1]), int(cut[2])
    return shown(msg), 0


def shown(text):
    return re.sub(
        r"\\(?:x(..)|(.))",
        lambda found: chr(int(found[1], 16)) if found[1]
        else LETTERS[found[2]], text)


def escape(text, size):
    """The msg of a message of size bytes, of which text has the first."""
    names = {value: "\\" + key for key, value in LETTERS.items()}
    msg = "".join(
        names.get(c) or (c if " " <= c <= "~" else f"\\x{ord(c):02x}")
        for c in text[:min(size, SHOWN)])
    return msg + (f"... (+{size - SHOWN})" if size > SHOWN else "")


# --- scenarios ---------------------------------------------------------------

PATTERN = "abcdefghijklmnopqrstuvwxyz0123456789\n"


@dataclasses.dataclass
class Step:
    line: int
    who: str  # "c1"; "player"
    verb: str
    size: int = 0
    text: str | None = None  # None: of the pattern


def pattern(position, size):
    """The shown part of size bytes of the pattern, from position on."""
    size = min(size, SHOWN)
    start = position % len(PATTERN)
    return (PATTERN * 2)[start:start + size]


def parse_step(line, number, name):
    """The step of a line of a scenario; None for an empty line."""
    def wrong():
        return Trouble(f"{name}:{number}: this is no step of a scenario: "
                       f"{ascii(line)}; common/scenario.h lists them all")

    line = line.strip(" \t\r")
    if line == "" or line.startswith("#"):
        return None
    if re.match(r"note[ \t]", line):
        return Step(number, "player", "note", text=line[4:].strip())
    quoted = re.fullmatch(
        r'(c\d+)[ \t]+(send|expect)[ \t]+"((?:[^"\\]|\\.)*)"[ \t]*(#.*)?',
        line)
    if quoted is not None:
        text = re.sub(r"\\0", r"\\x00", quoted[3]).replace('\\"', '"')
        text = shown(text.encode().decode("latin-1"))
        return Step(number, quoted[1], quoted[2], len(text), text)
    words = re.sub(r"(^|[ \t])#.*", "", line).split()
    if re.fullmatch(r"c\d+", words[0]) and len(words) in (2, 3):
        step = Step(number, words[0], words[1])
        if step.verb == "send-oob" and len(words) == 3:
            step.text, step.size = shown(words[2].replace(r"\0", r"\x00")), 1
        elif step.verb == "expect-error" and len(words) == 3:
            step.text = words[2]
        elif len(words) == 3:
            if step.verb not in ("send", "expect") or not words[2].isdigit():
                raise wrong()
            step.size = int(words[2])
        elif step.verb not in ("connect", "connect-nonblocking", "shutdown",
                               "expect-eof", "expect-nothing", "close",
                               "abort"):
            raise wrong()
        return step
    if re.fullmatch(r"hold|release|await-timer|\}|signal (stop|cont)|"
                    r"room \d+|repeat \d+ \{", " ".join(words)) is None:
        raise wrong()
    return Step(number, "player", words[0],
                int(words[1]) if words[0] in ("room", "repeat") else 0,
                " ".join(words))


def read_scenario(path):
    """The steps of a scenario in the order in which they are played."""
    name = os.path.basename(path)
    opened = [(1, [])]  # how often, and the steps of it
    lines = read_bytes(path).decode("latin-1").split("\n")
    for number, line in enumerate(lines, 1):
        step = parse_step(line, number, name)
        if step is None:
            continue
        if step.verb == "repeat":
            opened.append((step.size, []))
        elif step.verb == "}":
            if len(opened) == 1:
                raise Trouble(f"{name}:{number}: there is no repeat that "
                              "this } could end")
            times, steps = opened.pop()
            opened[-1][1].extend(steps * times)
        else:
            opened[-1][1].append(step)
    if len(opened) > 1:
        raise Trouble(f"{name}: a repeat has no }}")
    return opened[0][1] + last_closes(opened[0][1])


def options_of(path):
    """The options of each stage that a scenario is for; {}: it is for all."""
    found = re.findall(rb"^# options (\S+): (.+)$", read_bytes(path), re.M)
    return {stage.decode(): words.decode().split() for stage, words in found}


def last_closes(steps):
    """Who is connected at the end leaves, in the order of their numbers."""
    connected = set()
    for step in steps:
        if step.verb.startswith("connect"):
            connected.add(step.who)
        elif step.verb in ("close", "abort"):
            connected.discard(step.who)
    return [Step(0, who, "close")
            for who in sorted(connected, key=lambda who: int(who[1:]))]
