"""tap.py - what Bats prints, the Test Anything Protocol, as JUnit's XML."""
import re

from . import reports
from .program import read_bytes, write_text

# ok 3 title # skip reason
TEST = re.compile(r"(not )?ok ([0-9]+) (.*?)(?: # skip *(.*))?")


def read(text):
    """Returns the tests of an output, as lines of a report. The comments below
    a test that has failed are its message."""
    lines = []
    for row in text.split("\n"):
        found = TEST.fullmatch(row)
        if found is not None:
            skipped = found[4] is not None
            lines.append(reports.Line(
                reports.printable(found[3]), 0, not found[1] and not skipped,
                reports.printable(found[4] or ""), 0, skipped))
        elif row.startswith("# ") and lines and not lines[-1].passed and (
                not lines[-1].skipped):
            message = lines[-1].message + reports.printable(row[2:]) + "\n"
            lines[-1] = lines[-1]._replace(message=message)
    return lines


def write_junit(source, target):
    """Writes the results in the file `source` to the file `target`."""
    text = read_bytes(source).decode("utf-8", "replace")
    write_text(target, reports.junit_suites([("iomux", read(text))]))
    return 0
