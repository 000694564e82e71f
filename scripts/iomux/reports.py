"""reports.py - prints the results of exercises: for people, as TAP, as JUnit's
XML, as Gradescope's JSON and as CSV.

All formats count the same: a test is one check of one exercise of one student.
An exercise that could not be judged has failed in every check, with the reason.
"""
import collections
import csv
import io
import json
import re
from xml.sax.saxutils import escape, quoteattr

from .judge import summary

# One check. `message` explains a failure.
# earned: its points if it passes, -1 if it has none and fails, otherwise 0.
# skipped: it could not be made, so it has neither passed nor failed.
Line = collections.namedtuple(
    "Line", "check points passed message earned skipped", defaults=(False,))
# The checks of one exercise. `reason`: why there is no result, or None. The
# student is "" if there is only one.
Graded = collections.namedtuple("Graded", "student exercise lines reason")

DETAILS = ("full", "actual", "none")
FILES = {"tap": "results.tap", "junit": "results.xml",
         "gradescope": "results.json", "csv": "results.csv"}
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # the last four are wide
HIDDEN = re.compile(r" *(expected:|again:|GOOD |MISSING )")


def printable(text):
    """Returns text whose control characters are escaped, newlines excepted:
    a submission must not write to the teacher's terminal, or break XML."""
    return "".join(
        char if char == "\n" or char.isprintable() else
        char.encode("unicode_escape", "replace").decode()
        for char in text.expandtabs(4).encode(
            "utf-8", "backslashreplace").decode())


def with_detail(line, detail):
    """Returns a check with as much of its message as students may see."""
    line = line._replace(check=printable(line.check),
                         message=printable(line.message).strip("\n"))
    if detail == "full" or line.passed:
        return line
    if detail == "none":
        return line._replace(message="")
    kept = [each for each in line.message.split("\n")
            if not HIDDEN.match(each)]
    return line._replace(message="\n".join(kept))


def headline(line):
    """Returns the row of a message that describes the failure most briefly."""
    rows = line.message.strip().split("\n")
    got = [row.split(":", 1)[1] for row in rows
           if row.lstrip().startswith("got:")]
    return (got or rows)[0].strip()


def points(graded):
    """Returns the points reached, 0 at least in each exercise, and the points
    possible."""
    earned, most = zip(*(summary(each.lines) for each in graded))
    return sum(earned), sum(most)


def counts(graded):
    """Returns how many checks have passed, and how many have failed."""
    lines = [line for each in graded for line in each.lines
             if not line.skipped]
    passed = sum(line.passed for line in lines)
    return passed, len(lines) - passed


def title(graded):
    """Returns the name of a suite of tests."""
    student = f"{printable(graded.student)}: " if graded.student else ""
    return f"{student}exercise {graded.exercise}"


def text(graded):
    """Returns the report for people."""
    out = []
    for each in graded:
        out.append(f"{printable(each.student)}, exercise {each.exercise}: "
                   "{} of {} points".format(*points([each])))
        if each.reason:
            out.append(f"  not judged: {printable(each.reason)}")
        for line in each.lines:
            word = "passed" if line.passed else "FAILED"
            out.append(f"  {word}  {line.points}  {line.check}")
            if line.passed or each.reason:
                continue
            out += ["    " + row for row in line.message.split("\n") if row]
        out.append("")
    return "\n".join(out)


def tap(graded):
    """Returns the Test Anything Protocol, version 13."""
    rows = [(each, line) for each in graded for line in each.lines]
    out = ["TAP version 13", f"1..{len(rows)}"]
    for number, (each, line) in enumerate(rows, 1):
        name = re.sub(r"[#\n]", " ", f"{title(each)}: {line.check}")
        if line.skipped:
            out.append(f"ok {number} - {name} # SKIP {headline(line)}")
            continue
        out.append(f"{'ok' if line.passed else 'not ok'} {number} - {name}")
        out += [f"# {row}" for row in line.message.split("\n")
                if row and not line.passed]
    return "\n".join(out) + "\n"


def junit(graded):
    """Returns JUnit's XML: a suite is one exercise of one student."""
    return junit_suites([(title(each), each.lines) for each in graded])


def junit_suites(suites):
    """Returns JUnit's XML of suites, each a name and a list of Line."""
    lines = [line for _, each in suites for line in each]
    out = ['<?xml version="1.0" encoding="UTF-8"?>',
           f'<testsuites tests="{len(lines)}" failures="{failures(lines)}">']
    for name, each in suites:
        skipped = sum(line.skipped for line in each)
        out.append(f'  <testsuite name={quoteattr(name)} tests="{len(each)}" '
                   f'failures="{failures(each)}" errors="0" '
                   f'skipped="{skipped}">')
        for line in each:
            case = (f"    <testcase classname={quoteattr(name)} "
                    f"name={quoteattr(line.check)}")
            if line.skipped:
                out.append(f"{case}><skipped message="
                           f"{quoteattr(headline(line))}/></testcase>")
            elif line.passed:
                out.append(case + "/>")
            else:
                out += [case + ">", "      <failure message="
                        f"{quoteattr(headline(line))}>"
                        f"{escape(line.message)}</failure>",
                        "    </testcase>"]
        out.append("  </testsuite>")
    return "\n".join([*out, "</testsuites>", ""])


def failures(lines):
    return sum(not line.passed and not line.skipped for line in lines)


def gradescope(graded):
    """Returns the results.json of a Gradescope autograder."""
    score, _ = points(graded)
    tests = []
    for each in graded:
        for line in each.lines:
            test = {"name": f"exercise {each.exercise}: {line.check}",
                    "score": line.points if line.passed else 0,
                    "max_score": line.points,
                    "status": "passed" if line.passed else "failed"}
            if not line.passed and line.message:
                test["output"] = line.message
            tests.append(test)
    return json.dumps({"score": score, "tests": tests}, indent=2) + "\n"


def cell(word):
    """Returns a cell that no spreadsheet takes for a formula."""
    word = printable(str(word)).replace("\n", " ")
    return "'" + word if word[:1] in FORMULA else word


def as_csv(rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(
        [[each if isinstance(each, int) else cell(each) for each in row]
         for row in rows])
    return file.getvalue()


def checks_csv(graded):
    """Returns a row for each check."""
    rows = [["student", "exercise", "check", "passed", "points", "of",
             "message"]]
    for each in graded:
        rows += [[each.student, each.exercise, line.check,
                  "yes" if line.passed else "no",
                  line.earned, line.points,
                  "" if line.passed else headline(line)]
                 for line in each.lines]
    return as_csv(rows)


def grades_csv(students):
    """Returns a row for each student. `students` is a list of lists of Graded,
    with the same exercises in each."""
    names = [each.exercise for each in students[0]] if students else []
    rows = [["student", *(f"exercise {name}" for name in names), "points",
             "of", "passed", "failed", "reason"]]
    for graded in students:
        rows.append([graded[0].student,
                     *(points([each])[0] for each in graded), *points(graded),
                     *counts(graded),
                     "; ".join(f"exercise {each.exercise}: {each.reason}"
                               for each in graded if each.reason)])
    return as_csv(rows)


FORMATS = {"tap": tap, "junit": junit, "gradescope": gradescope,
           "csv": checks_csv}
