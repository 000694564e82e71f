"""environment.py - the environment of the Python commands and of the programs
that they start: environment.bash does the same for the shell scripts.

The user's PYTHON* variables can break an interpreter before it reads a line,
so the commands start with "python3 -I", which ignores them.
"""
import os
import re

from .program import TOP, Trouble

LIST = os.path.join(TOP, "scripts", "iomux", "environment.txt")


def clean():
    """Removes the variables that environment.txt lists; sets LC_ALL=C."""
    with open(LIST, encoding="ascii") as file:
        words = [line.strip() for line in file]
    for word in words:
        if word == "" or word.startswith("#"):
            continue
        for name in list(os.environ):
            if name == word or word[-1] == "*" and name.startswith(word[:-1]):
                del os.environ[name]
    os.environ["LC_ALL"] = "C"


def time_limit(seconds):
    """Returns a limit in seconds, scaled by TIMEOUT_MULT."""
    factor = os.environ.get("TIMEOUT_MULT") or "1"
    if re.fullmatch(r"[1-9][0-9]{0,3}", factor) is None:
        raise Trouble("TIMEOUT_MULT is a whole number from 1 to 9999, not "
                      f"'{factor}'")
    return seconds * int(factor)
