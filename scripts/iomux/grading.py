"""grading.py - the command line of scripts/grade."""
import os
import re
import signal
import sys
import tempfile

from . import (autograder, exercise as exercises, grade, hand_in, more,
               reports, sandbox, seeds)
from .program import Parser, Trouble

USAGE = """scripts/grade -e N [-e N]... [OPTION]... SUBMISSIONS
       scripts/grade -e N [-e N]... --gradescope-zip FILE"""
DESCRIPTION = """\
Judge the submissions of a class. SUBMISSIONS is a folder with a file or a
folder for each student. The file of an exercise is found by its name, and
nothing else of a submission is used. Each submission is compiled and run in a
box, without the files, the network and the processes of this system."""
EPILOG = """\
The reports in DIR are grades.csv and, for each student, STUDENT/report.txt. If
an exercise cannot be judged, it has 0 points, and the report has the reason.

try:  scripts/grade -e 2 --jobs 4 -o build/grades submissions

Exit status: 0 all were judged, 1 some could not be judged, 2 trouble."""


def number(least, most):
    def read(word):
        if re.fullmatch("[0-9]{1,9}", word) and least <= int(word) <= most:
            return int(word)
        raise Trouble(f"'{word}' is not a whole number from {least} to {most}")
    return read


def options(arguments):
    parser = Parser("grade", usage=USAGE, description=DESCRIPTION,
                    epilog=EPILOG)
    add = parser.add_argument
    add("submissions", metavar="SUBMISSIONS", nargs="?",
        help="a folder with a file or a folder for each student")
    add("-e", "--exercise", metavar="N", action="append", default=[],
        help="an exercise: its number or its name")
    add("-o", "--output", metavar="DIR", default="build/grades",
        help="write the reports to DIR (default: build/grades)")
    add("-j", "--jobs", metavar="N", type=number(1, 64), default=1,
        help="judge N students at the same time (default: 1)")
    add("--seed", metavar="S", type=seeds.parse,
        help="a number that chooses the words and sizes in the scenarios "
        "(default: a random one)")
    add("--detail", choices=reports.DETAILS, default="full",
        help="how much a report shows of a failure: everything, only the "
        "actual result, or nothing (default: full)")
    add("--format", choices=list(reports.FORMATS), action="append",
        default=[], help="write the results in this format too")
    add("--more", metavar="DIR", help="a folder with hidden checks: "
        "DIR/NN-name/task.md and scenarios")
    add("--one", action="store_true",
        help="SUBMISSIONS is the submission of one student")
    add("--box", choices=list(sandbox.WAYS), help="use only this kind of box: "
        "Bubblewrap, or (only for root) a user without rights")
    add("--trust", action="store_true",
        help="use no box; only for files that you trust, such as your own")
    add("--gradescope-zip", metavar="FILE",
        help="judge nothing: write an autograder for Gradescope")
    parser.add_help_option()
    chosen = parser.parse_args(arguments)
    if not chosen.exercise:
        raise Trouble("give the number of an exercise, as in: scripts/grade "
                      "-e 2 SUBMISSIONS")
    if (chosen.submissions is None) == (chosen.gradescope_zip is None):
        raise Trouble("give a folder of submissions, or --gradescope-zip FILE")
    return chosen


def stop(signum, _):
    sys.exit(128 + signum)


def main(arguments):
    chosen = options(arguments)
    known = exercises.read_all(os.environ.get("EXERCISES"))
    wanted = {}
    for word in chosen.exercise:
        each = exercises.find(known, word)
        wanted[each.number] = each
    if chosen.more is not None:
        more.need_more(chosen.more, wanted.values())
    if chosen.gradescope_zip is not None:
        autograder.write(chosen.gradescope_zip, list(wanted.values()), chosen)
        print(f"wrote {chosen.gradescope_zip}")
        return 0
    for signum in signal.SIGTERM, signal.SIGHUP:
        signal.signal(signum, stop)
    students = hand_in.students(chosen.submissions, chosen.one)
    with tempfile.TemporaryDirectory(prefix="iomux-more.") as base:
        plan = [more.with_more(each, chosen.more, base)
                if chosen.more else each for each in wanted.values()]
        grade.prepare_output(chosen.output)
        return judge_all(chosen, plan, students)


def judge_all(chosen, plan, students):
    seed = grade.random_seed() if chosen.seed is None else chosen.seed
    session = grade.Session(plan, seed, chosen.trust, chosen.box,
                            min(chosen.jobs, len(students)))
    try:
        print(f"submissions: {len(students)}, box: {session.kind.name}, "
              f"seed {seed}", flush=True)
        results = grade.grade(session, students, print_line)
    finally:
        session.close()
    grade.write_reports(chosen.output, results, chosen.detail, chosen.format,
                        chosen.one)
    flat = [each for graded in results for each in graded]
    passed, failed = reports.counts(flat)
    print(f"{passed} checks passed, {failed} failed; the reports are in "
          f"{chosen.output}")
    return 1 if any(each.reason for each in flat) else 0


def print_line(graded):
    got, most = reports.points(graded)
    name = reports.printable(graded[0].student).replace("\n", "\\n")
    line = f"{name:24} {got:3} of {most}"
    reasons = [reports.printable(each.reason) for each in graded
               if each.reason]
    print(line + ("  " + "; ".join(reasons) if reasons else ""), flush=True)
