"""program.py - the frame of every Python command: arguments, messages, the
exit status, and streams that are closed, full or broken.
"""
import argparse
import io
import os
import signal
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
TROUBLE = 2  # exit status: usage, or a file that cannot be used
WIDEST = 1000  # columns that COLUMNS can ask for


class Trouble(Exception):
    """A file, an argument or a program is unusable: one sentence for the
    user, and status 2."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help has the same width everywhere, and which
    reports an error as one sentence."""

    def __init__(self, command, **more):
        class Formatter(argparse.RawDescriptionHelpFormatter):
            def __init__(self, prog, **keys):
                keys.setdefault("width", 79)
                super().__init__(prog, **keys)

        super().__init__(prog=f"scripts/{command}", formatter_class=Formatter,
                         add_help=False, allow_abbrev=False, **more)
        if hasattr(self, "color"):  # from Python 3.14 on
            self.color = False
        self.command = command

    def add_help_option(self):
        self.add_argument("-h", "--help", action="help",
                          help="print this text")

    def error(self, message):
        raise Trouble(f"{message}; try scripts/{self.command} --help")


def columns(default):
    """Returns the width of the terminal, of COLUMNS, or the default."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and len(said) < 10:
        width = int(said)
    elif sys.stdout.isatty():
        try:
            width = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            width = 0
    else:
        width = 0
    return min(width or default, WIDEST)


def colourful():
    """Is standard output a terminal that shows colours?"""
    return (sys.stdout.isatty() and not os.environ.get("NO_COLOR") and
            os.environ.get("TERM", "dumb") != "dumb")


def read_bytes(path):
    """Returns the content of a file; "-" is standard input."""
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Trouble(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # a name with a NUL byte
        raise Trouble(f"cannot read {path!a}: no file has such a name"
                      ) from None


def read_text(path):
    """Returns the content of a file of UTF-8 text."""
    try:
        return read_bytes(path).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Trouble(f"{path} is not UTF-8 text: byte {error.start}"
                      ) from None


def write_text(path, text):
    """Replaces the content of a file by UTF-8 text."""
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise Trouble(f"cannot write {path}: {error.strerror}") from None


def open_streams():
    """Makes standard input, output and error usable.

    A closed one is replaced by a descriptor that cannot be read, or written
    to, so that no file that is opened later gets its number, and its use fails
    like that of a full disk. Standard error just discards."""
    for fd, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, flags)
    for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"),
                           ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            raw = io.FileIO(fd, mode, closefd=False)
            buffered = (io.BufferedReader if mode == "r" else
                        io.BufferedWriter)(raw)
            setattr(sys, name, io.TextIOWrapper(buffered, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def complain(command, sentence):
    """Prints a sentence on standard error, if that can be written."""
    try:
        print(f"{command}: {sentence}", file=sys.stderr, flush=True)
    except OSError:
        discard(2)


def discard(fd):
    """Discards what is still buffered for standard output or error, so that
    the end of the interpreter does not fail to write it again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)


def end_by(number):
    """Ends this process by a signal, as if it had not been caught."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # the signal is blocked


def run(command, main):
    """Calls main(arguments), which returns the exit status, and exits.

    Ends by SIGPIPE if the reader of standard output has left, and by SIGINT
    after Ctrl-C."""
    from . import environment
    open_streams()
    try:
        try:
            environment.clean()
            environment.time_limit(1)  # or Trouble, at once
            status = main(sys.argv[1:])
        except SystemExit as end:  # --help
            status = end.code
        sys.stdout.flush()
    except Trouble as trouble:
        status = TROUBLE
        complain(command, trouble)
    except BrokenPipeError:
        discard(1)
        end_by(signal.SIGPIPE)
    except OSError as error:
        discard(1)
        status = TROUBLE
        what = f"{error.filename}: " if error.filename else \
            "cannot write to standard output: "
        complain(command, f"{what}{error.strerror}")
    except (MemoryError, RecursionError):
        discard(1)
        status = TROUBLE
        complain(command, "there is not enough memory for this file")
    except KeyboardInterrupt:
        discard(1)
        end_by(signal.SIGINT)
    try:
        sys.stdout.flush()  # after a Trouble
    except OSError:
        discard(1)
    sys.exit(status)
