"""variations.py - hides what differs from run to run in an output."""
import re


def by_label(text):
    """Returns the labelled lines, sorted by label, and then all others."""
    lines = text.split("\n")
    labelled = [line for line in lines if line.startswith("[")]
    return "\n".join(sorted(labelled, key=lambda line: line.split("]")[0]) +
                     [line for line in lines if not line.startswith("[")])


def substitute(pattern, by):
    return lambda text: re.sub(pattern, by, text)


# Name: what it hides, why it varies, and how. They are applied in this order,
# to both sides, the commands excepted.
RULES = {
    "order": ("the order of lines with different labels, [server] and so on",
              "threads run side by side", by_label),
    "workers": ("which of the workers it was, [worker 2]",
                "the worker that wakes first takes an event",
                substitute(r"\[worker \d+\]", "[worker]")),
    "sorted": ("the order of all lines",
               "threads run side by side",
               lambda text: "\n".join(sorted(text.split("\n")))),
    "kernel": ("versions of the kernel", "machines run different kernels",
               substitute(r"\b\d+\.\d+(\.\d+)?([-+.][\w.+-]+)?\b", "VERSION")),
    "paths": ("the names of temporary files", "each run makes its own",
              substitute(r"/tmp/[^\s\"',]+", "/tmp/...")),
    "addresses": ("addresses of memory", "the kernel shuffles them",
                  substitute(r"\b0x[0-9a-f]+\b", "0x...")),
    "inodes": ("inode numbers", "the kernel counts up",
               substitute(r"\b(ino|inode|socket|pipe):(\[?)[0-9a-f]+",
                          r"\1:\2INODE")),
    "pids": ("process numbers", "the kernel counts up",
             substitute(r"(?i)(\bpid[ :=]+|/proc/)\d+", r"\1PID")),
    "tids": ("thread numbers", "the kernel counts up",
             substitute(r"(?i)(\btid[ :=]+|/task/|\[pid +)\d+", r"\1TID")),
    "times": ("numbers with a unit of time", "machines differ in speed",
              substitute(r"\b\d[\d,.]*( ?)(ns|us|µs|ms|s|seconds?)\b",
                         r"TIME\1\2")),
    "numbers": ("all numbers, and blanks before them", "they are measured",
                substitute(r" *\b\d[\d,.]*\b", " N")),
}


def redact(body, rules):
    """Returns the lines of a fence; what the rules name is hidden."""
    text, out = [], []

    def flush():
        if text:
            hidden = "\n".join(text)
            for name, (_, _, function) in RULES.items():
                if name in rules:
                    hidden = function(hidden)
            out.extend(hidden.split("\n"))
            text.clear()

    for line in body:
        if line.startswith("$ "):
            flush()
            out.append(line)
        else:
            text.append(line)
    flush()
    return out
