"""ledger.py - prints the results of the claims, and writes their table."""
import difflib
import os
import sys
import textwrap

from .claim import SOURCES, TOPICS
from .program import Trouble, colourful, columns, read_text, write_text

README = os.path.join(SOURCES, "README.md")
BEGIN, END = "<!-- scripts/claims -->", "<!-- /scripts/claims -->"
COLOURS = {"true": "\x1b[32m", "false": "\x1b[33m", "depends": "\x1b[36m",
           "differs": "\x1b[1;31m", "not tried": "\x1b[35m"}
NORMAL = "\x1b[0m"


def print_row(cells, widths, colour=""):
    """Prints a row of a table. Wraps each cell to the width of its column, and
    colours the second one."""
    wrapped = [textwrap.wrap(cell, size, break_on_hyphens=False) or [""]
               for cell, size in zip(cells, widths)]
    for i in range(max(map(len, wrapped))):
        line = [(column[i] if i < len(column) else "").ljust(size)
                for column, size in zip(wrapped, widths)]
        if colour:
            line[1] = colour + line[1] + NORMAL
        print("  ".join(line).rstrip())


def print_table(claims):
    """Prints sentence, verdict, what was observed, and program."""
    width = columns(120)
    last = max(len(word) for word in
               ["program", *(claim.name for claim in claims)])
    text = max(24, (width - last - 9 - 6) // 2)
    widths = (text, 9, text, last)
    print_row(("claim", "verdict", "what was observed", "program"), widths)
    for topic in TOPICS:
        of_topic = [claim for claim in claims if claim.topic == topic]
        if of_topic:
            print(f"\n-- {topic} " + "-" * (width - len(topic) - 5))
        for claim in of_topic:
            print_row((claim.sentence, claim.verdict, claim.observed,
                       claim.name), widths,
                      COLOURS[claim.verdict] if colourful() else "")


def print_count(claims):
    count = {verdict: sum(claim.verdict == verdict for claim in claims)
             for verdict in COLOURS}
    print(f"\n{len(claims)} claim{'s' * (len(claims) != 1)}: {count['true']} true, "
          f"{count['false']} false, {count['depends']} depends; "
          f"{count['differs']} differ, {count['not tried']} not tried")


def print_output(claims):
    for claim in claims:
        print(f"== {claim.name}: {claim.sentence}")
        print(claim.output, end="")
        print()


def markdown(claims):
    """Returns the tables of README.md, one a topic. A program that cannot be
    tried here keeps the row that README.md has."""
    def cell(text):
        return text.replace("|", "\\|").replace("<", "\\<")

    old = {row.rsplit("](", 1)[-1]: row
           for row in read_text(README).split("\n")}
    lines = []
    for topic in TOPICS:
        if all(claim.topic != topic for claim in claims):
            continue
        lines += [f"## {topic[0].upper()}{topic[1:]}", "",
                  "| claim | verdict | what was observed | program |",
                  "|---|---|---|---|"]
        for claim in claims:
            if claim.topic != topic:
                continue
            row = (f"| {cell(claim.sentence)} | {claim.verdict} | "
                   f"{cell(claim.observed)} | "
                   f"[`{claim.name}`]({claim.name}.c) |")
            if claim.verdict == "not tried":
                row = old.get(f"{claim.name}.c) |", row)
            lines.append(row)
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def update(claims):
    """Writes the tables into README.md, and prints the changes."""
    old = read_text(README)
    head, begin, rest = old.partition(BEGIN + "\n")
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise Trouble(f"{README} lacks the line {BEGIN} or {END}")
    new = f"{head}{BEGIN}\n{markdown(claims)}{END}{tail}"
    sys.stdout.writelines(difflib.unified_diff(
        old.splitlines(True), new.splitlines(True),
        "README.md as it was", "README.md as it is now"))
    if new != old:
        write_text(README, new)


def print_list(claims):
    wide = max(len(claim.name) for claim in claims)
    for claim in claims:
        print(f"{claim.name:{wide}}  {claim.sentence}")


def print_reasons(claims):
    for claim in claims:
        if claim.verdict == "not tried":
            print(f"{claim.name}: {claim.observed}")
