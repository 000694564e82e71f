"""claim.py - finds, builds and runs the claims of walkthrough/claims/.

Each claim is a small C program. Its header has the sentence and whether it is
true; the program tries it on this machine. Exit status of a program: 0 the
machine behaves as the header says, 1 it does not, 77 it cannot be tried here.
A program is believed only if its last line has the sentence and the verdict of
its header.
"""
import difflib
import os
import re
import signal
import subprocess

from .environment import time_limit
from .program import TOP, Trouble, read_text
from .stages import build as make

SOURCES = os.path.join(TOP, "walkthrough", "claims")
LIMIT = 20  # seconds a program
NOT_TRIED = 77
TOPICS = ("select and poll", "epoll's interface", "level and edge",
          "who is woken", "completions with io_uring", "limits and costs",
          "Unix-domain sockets", "TCP", "well-known samples")
VERDICTS = ("true", "false", "depends")


class Claim:
    """A claim as its header has it, and after run() its result."""

    def __init__(self, name):
        self.name = name
        source = read_text(os.path.join(SOURCES, name + ".c"))
        header = re.match(r"/\*\n(.*?)\n \*/\n", source, re.S)
        text = re.sub(r"^ \* ?", "", header[1] if header else "", flags=re.M)
        first, _, text = text.partition("\n")
        self.topic = first.removeprefix(f"{name}.c - ")
        self.parts = {}
        for word, said in re.findall(r"^(\w[\w ]*): (.*?)(?=^\w[\w ]*: |\Z)",
                                     text, re.S | re.M):
            self.parts[word] = " ".join(said.split())
        self.sentence = self.parts.get("Claim", "")
        self.truth = re.match(r"\w*", self.parts.get("Truth", ""))[0]
        if self.topic not in TOPICS or self.truth not in VERDICTS or \
                not self.sentence:
            raise Trouble(
                f"the header of walkthrough/claims/{name}.c must begin with "
                f"'{name}.c - TOPIC' (one of: {'; '.join(TOPICS)}), have a "
                f"line 'Claim: ...' and one 'Truth: true' (or false, or "
                f"depends)")
        self.verdict = self.observed = self.output = ""

    def run(self, program):
        """Sets verdict (true, false, depends, differs, not tried), observed
        (or the reason why not) and output."""
        status, self.output = run(program)
        lines = self.output.splitlines()
        last = lines[-1] if lines else ""
        self.verdict = "differs"
        if status == NOT_TRIED and last.startswith("not tried: "):
            self.verdict = "not tried"
            self.observed = last.removeprefix("not tried: ")
        elif status is None:
            self.observed = f"it has not ended after {time_limit(LIMIT)} s"
        elif status == 1:
            self.observed = "the machine does not behave as the text says"
        elif status != 0:
            self.observed = "it ended with " + (
                f"status {status}" if status > 0 else
                signal_name(-status))
        else:
            self.believe(last)

    def believe(self, last):
        """Takes verdict and observation from the last line, if it has them."""
        said = re.fullmatch(r'claim "(.*)" : (\w+) - (.+)', last)
        if not said:
            self.observed = "its last line is not a verdict"
        elif said[1] != self.sentence or said[2] != self.truth:
            self.observed = (f"its header says '{self.sentence}' is "
                             f"{self.truth}, its last line does not")
        else:
            self.verdict, self.observed = said[2], said[3]


def run(program):
    """Runs a program. Returns its status, or None if it does not end, and its
    output."""
    try:
        process = subprocess.Popen(
            [program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
    except OSError as error:
        raise Trouble(f"cannot run {program}: {error.strerror}") from None
    try:
        output, _ = process.communicate(timeout=time_limit(LIMIT))
        status = process.returncode
    except subprocess.TimeoutExpired:
        status = None
    finally:
        try:  # whatever children it may have left
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if status is None:
        output, _ = process.communicate()
    return status, output.decode("utf-8", "replace")


def known():
    return sorted(name[:-2] for name in os.listdir(SOURCES)
                  if name.endswith(".c"))


def wanted(names):
    """Returns the claims that the command line names, or all, in the order
    of the topics."""
    there = known()
    for i, name in enumerate(names):
        names[i] = os.path.basename(name).removesuffix(".c")
        if names[i] not in there:
            near = difflib.get_close_matches(names[i], there, 1)
            raise Trouble(f"there is no claim '{name}'" +
                          (f"; do you mean '{near[0]}'?" if near else
                           "; --list shows all"))
    claims = [Claim(name) for name in names or there]
    return sorted(claims, key=lambda claim: TOPICS.index(claim.topic))


def build(claims):
    """Builds claims. Returns the folder of the programs."""
    folder = os.environ.get("IOMUX_BUILD") or os.path.join(TOP, "build")
    relative = os.path.relpath(folder, TOP)
    make(f"BUILD={relative}",
         *(f"{relative}/claims/{claim.name}" for claim in claims))
    return os.path.join(folder, "claims")


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
