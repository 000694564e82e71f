#!/usr/bin/env python3
"""Type a command at the prompt of an interactive shell and print the terminal.

usage: prompt.py SHELL COMMAND

The output ends when a prompt has appeared after the command. Exit status: 0,
or 1 if that took too long, or 77 if there is no pseudo-terminal.
"""
import os
import pty
import select
import shlex
import sys
import time

LIMIT = 40 * float(os.environ.get("TIMEOUT_MULT") or 1)
PROMPT = b"<prompt> "


def read_until(terminal, words, times):
    """Returns what the terminal shows up to that many of the words."""
    shown, end = b"", time.monotonic() + LIMIT
    while shown.count(words) < times:
        if not select.select([terminal], [], [], end - time.monotonic())[0]:
            print(shown.decode(errors="replace"))
            sys.exit(f"prompt.py: {times} x {words!r} not within {LIMIT:g} s")
        shown += os.read(terminal, 65536)
    return shown


def main(shell, command):
    environment = dict(os.environ, PS1=PROMPT.decode(), TERM="dumb",
                       HISTFILE="/dev/null", ENV="", PROMPT_COMMAND="")
    words = shlex.split(shell)
    try:
        pid, terminal = pty.fork()
    except OSError as error:
        print(f"there is no pseudo-terminal: {error}")
        return 77
    if pid == 0:
        os.execvpe(words[0], words, environment)
    try:
        read_until(terminal, PROMPT, 1)
        # The shell prints a second prompt when the command has ended.
        os.write(terminal, command.encode() + b"\n")
        shown = read_until(terminal, PROMPT, 1)
        os.write(terminal, b"jobs; echo no more jobs\n")
        shown += read_until(terminal, PROMPT, 1)
        sys.stdout.write(shown.decode(errors="replace").replace("\r\n", "\n"))
    finally:
        os.close(terminal)  # the shell gets SIGHUP
        os.waitpid(pid, 0)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    sys.exit(main(*sys.argv[1:]))
