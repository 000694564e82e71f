"""articles.py - the claims of two well-known articles, with the programs that
show them.

They are in walkthrough/claims/ledger.txt, one a line. A row names a claim
program, a file of the course, or the reason why there is no program.
"""
import os

from .claim import SOURCES
from .ledger import print_row
from .program import TOP, Trouble, columns, read_text

FILE = os.path.join(SOURCES, "ledger.txt")
VERDICTS = ("true", "false", "outdated", "depends", "misleading",
            "unverified")


class Row:
    """A claim of an article."""

    def __init__(self, number, claim, verdict, shown_by):
        self.number, self.claim, self.verdict = number, claim, verdict
        self.shown_by = shown_by
        self.reason = shown_by.startswith("none: ")
        self.programs = [] if self.reason else shown_by.split(", ")


def source_of(name):
    """Returns the file of a program."""
    return os.path.join(TOP, name) if "/" in name else \
        os.path.join(SOURCES, name + ".c")


def read_rows(path=FILE):
    """Returns the rows. Raises Trouble for a row that is not complete, or that
    names a program that does not exist."""
    rows = {}
    for count, line in enumerate(read_text(path).split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split(" | ")]
        where = f"{os.path.relpath(path, TOP)}:{count}"
        if len(cells) != 4 or not all(cells) or cells[2] not in VERDICTS:
            raise Trouble(f"{where}: a row is NUMBER | CLAIM | VERDICT | "
                          "PROGRAMS, or 'none: ' and a reason")
        row = Row(*cells)
        if row.number in rows:
            raise Trouble(f"{where}: {row.number} is there already")
        for name in row.programs:
            if not os.path.isfile(source_of(name)):
                raise Trouble(f"{where}: there is no program '{name}'")
        rows[row.number] = row
    return list(rows.values())


def print_ledger():
    """Prints a table of all rows, and how many there are."""
    rows = read_rows()
    width = columns(120)
    text = max(20, (width - 4 - 10 - 6) * 3 // 5)
    widths = (4, text, 10, max(16, width - 4 - 10 - 6 - text))
    print_row(("no.", "claim", "verdict", "shown by"), widths)
    for row in rows:
        print_row((row.number, row.claim, row.verdict,
                   row.shown_by.replace("none: ", "no program: ")), widths)
    without = sum(row.reason for row in rows)
    print(f"\n{len(rows)} claims: {len(rows) - without} are shown by "
          f"programs, {without} have a reason why none can")
