"""excerpts.py - takes functions, lines and patches out of the sources."""
import os
import re
import textwrap

from .program import TOP, Trouble, read_text


def read_lines(path):
    return read_text(os.path.join(TOP, path)).splitlines()


def select(lines, span, what):
    """Returns a slice: from the first line that contains FROM to the next
    line that contains TO."""
    first, dots, last = span.partition("..")
    if not dots:
        raise Trouble(f"'{span}' is not FROM..TO")
    start = next((i for i, line in enumerate(lines) if first in line), None)
    if start is None:
        raise Trouble(f"no line of {what} contains '{first}'")
    if not last:
        return slice(start, len(lines))
    end = next((i for i in range(start, len(lines)) if last in lines[i]), None)
    if end is None:
        raise Trouble(f"no line of {what} from '{first}' on contains '{last}'")
    return slice(start, end + 1)


def definition(lines, name, path):
    """Returns a function, struct or enum with the comment above it."""
    if name.startswith(("struct ", "enum ")):
        head = re.compile(rf"^{re.escape(name)} {{")
    else:
        head = re.compile(rf"^[a-z][^/]*\b{re.escape(name)}\(")
    for i, line in enumerate(lines):
        if not head.match(line):
            continue
        end = next((k for k in range(i, len(lines))
                    if re.match(r"[^ ].*[;}]$|};?$", lines[k])), None)
        if end is None or (lines[end].endswith(");")):
            continue  # a declaration
        start = i
        if start and re.match(r"(/\*| \*).*\*/$", lines[start - 1]):
            while not lines[start - 1].startswith("/*"):
                start -= 1
            start -= 1
        return lines[start:end + 1]
    raise Trouble(f"{path} defines no {name}")


def excerpt(fence):
    path, _, rest = fence.marks["excerpt"].partition(" ")
    if not rest:
        raise Trouble("an excerpt is of FILE NAME or FILE NAME:FROM..TO")
    name, colon, span = rest.partition(":")
    lines = read_lines(path)
    if name:
        lines = definition(lines, name, path)
    if colon:
        lines = lines[select(lines, span, f"{path} {name}".rstrip())]
    return textwrap.dedent("\n".join(lines)).split("\n")


def patch(fence):
    lines = read_lines(fence.marks["patch"])
    start = next((i for i, line in enumerate(lines)
                  if line.startswith("--- a/")), None)
    if start is None:
        raise Trouble(f"{fence.marks['patch']} contains no change")
    return lines[start:]
