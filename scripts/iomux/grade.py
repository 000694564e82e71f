"""grade.py - judges the submissions of a class, each in a box of its own.

For each student there is a process that judges, so that a crash does not
affect the others. If it ends without a result, the student gets 0 points, and
the report has the reason.
"""
import contextlib
import ctypes
import json
import os
import random
import re
import selectors
import shutil
import signal
import tempfile
import time
import traceback

from . import box, hand_in, judge, reports, sandbox, trace as traces
from .case import text_of
from .environment import time_limit
from .program import TOP, Trouble, write_text
from .reports import Graded, Line
from .runner import Direct

LIMIT = 240  # seconds for an exercise of one student
LONGEST = 60  # characters of the name of a folder; one has at most 4 bytes
NEEDED = (("make", "make"), ("strace", "strace"), ("addr2line", "binutils"))
PR_SET_PDEATHSIG = 1


class Trusted(Direct):
    """No box: --trust, for the file of the user."""

    name = "no box"

    def __init__(self, folder, user):
        del user
        super().__init__(os.path.join(folder, "place"))


class Session:
    """The exercises, the seed, the users and the kind of box of a grading."""

    def __init__(self, chosen, seed, trust=False, wanted=None, jobs=1):
        self.exercises, self.seed = chosen, seed
        self.workers, self.users, self.locks = {}, [], []
        self.base = tempfile.mkdtemp(prefix="iomux-grade.")
        try:
            os.chmod(self.base, 0o711)
            for command, package in NEEDED:
                if shutil.which(command) is None:
                    raise Trouble(f"there is no {command}: install {package}, "
                                  "or run scripts/setup grade")
            for each in chosen:
                judge.prepare(each)
            traces.grammar()  # once for all workers
            self.take_users(jobs)
            self.kind = Trusted
            if not trust:
                sandbox.Bubblewrap.tree = box.copy_tree(self.base)
                self.kind = self.choose(wanted)
        except BaseException:
            self.close()
            raise

    def choose(self, wanted):
        """Returns the class of the boxes."""
        if self.users[0] is not None and not sandbox.open_to_all(self.base):
            raise Trouble(f"other users cannot enter {self.base}, and root "
                          "runs submissions as another user: set TMPDIR to a "
                          "directory that all users can enter")
        kind = sandbox.choose(os.path.join(self.base, "try"), self.users[0],
                              wanted)
        if kind is sandbox.OwnUser and not sandbox.open_to_all(TOP):
            raise Trouble(f"other users cannot enter {TOP}, and without user "
                          "namespaces root runs submissions as another user: "
                          "move the repository to a directory that all users "
                          "can enter")
        return kind

    def take_users(self, jobs):
        for _ in range(jobs):
            user, lock = (sandbox.take_user() if os.getuid() == 0 else
                          (None, None))
            self.users.append(user)
            self.locks.append(lock)

    def close(self):
        """Ends all workers and all that they have started."""
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            signal.signal(number, signal.SIG_IGN)  # a second one
        for worker in self.workers.values():
            with contextlib.suppress(OSError):
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
        if self.workers and self.kind is sandbox.OwnUser:
            for user in self.users:
                sandbox.end_user(user)
        self.workers.clear()
        box.remove_tree(self.base)

    # --- one student, in a worker

    def judge(self, student, user):
        return [self.judge_one(student, each, user) for each in self.exercises]

    def judge_one(self, student, exercise, user):
        """Returns a Graded. Whatever happens, it has all checks."""
        others = {each.name for each in self.exercises} - {exercise.name}
        folder = tempfile.mkdtemp(dir=self.base)
        reason, results, runner = None, [], None
        try:
            os.chmod(folder, 0o711)
            source = os.path.join(folder, exercise.hand_in)
            with open(source, "wb") as file:
                file.write(hand_in.read(student, exercise, others))
            runner = self.kind(os.path.join(folder, "box"), user)
            try:
                results = judge.judge(exercise, source, self.seed, runner)
            finally:
                runner.close()
        except (hand_in.Refused, Trouble) as why:
            reason = str(why)
        except Exception as error:  # a bug of the judge is not a pass
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = (f"the judge has failed: {type(error).__name__}: {error} "
                      f"({os.path.basename(where.filename)}:{where.lineno})")
        finally:
            box.remove_tree(folder)
        each = graded(student.name, exercise, results, reason)
        if runner is None:
            return each
        # In a command that repeats a failure, the paths are the student's.
        return each._replace(lines=[line._replace(message=line.message.replace(
            runner.place, "work/" + exercise.name).replace(
                source, exercise.hand_in)) for line in each.lines])


def graded(student, exercise, results, reason):
    """Returns a Graded from the results of a judge, or without them."""
    planned = judge.planned(exercise)
    if reason is None and len(results) != len(planned):
        reason = (f"the judge has returned {len(results)} results of "
                  f"{len(planned)}")
    if reason is not None:
        lines = [Line(text_of(words), points, False,
                      f"not judged: {reason}", 0)
                 for points, words in planned]
    else:
        lines = [Line(each.check, each.points, each.passed and not each.skipped,
                      each.message, each.earned) for each in results]
    return Graded(student, exercise.name, lines, reason)


class Worker:
    """A process that judges one student, and writes the results to a pipe."""

    def __init__(self, session, student, slot):
        self.student, self.slot, self.text = student, slot, b""
        self.end = time.monotonic() + time_limit(
            LIMIT * len(session.exercises))
        self.pipe, other = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid > 0:
            os.close(other)
            return
        status = 1
        try:
            for number in signal.SIGTERM, signal.SIGHUP:
                signal.signal(number, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            # What it leaves if it is killed, close() removes.
            tempfile.tempdir = session.base
            if os.getppid() == parent:
                found = session.judge(student, session.users[slot])
                with open(other, "w", encoding="utf-8") as file:
                    json.dump(found, file)
                status = 0
        finally:
            os._exit(status)

    def results(self, session):
        """Returns the list of Graded after the worker has ended."""
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        try:
            return [Graded(student, name, [Line(*line) for line in lines], why)
                    for student, name, lines, why in json.loads(self.text)]
        except (ValueError, TypeError):
            reason = ("judging it took too long"
                      if time.monotonic() > self.end else
                      f"the judge has ended by signal {-code}" if code < 0 else
                      f"the judge has ended with status {code}")
            return [graded(self.student.name, each, [], reason)
                    for each in session.exercises]


def grade(session, students, report):
    """Judges all students, as many at a time as there are users. Calls
    report(list of Graded) for each. Returns these lists in order."""
    results, waiting = {}, list(enumerate(students))
    free = list(range(len(session.users)))
    with selectors.DefaultSelector() as selector:
        while waiting or session.workers:
            while waiting and free:
                number, student = waiting.pop(0)
                worker = Worker(session, student, free.pop(0))
                session.workers[number] = worker
                selector.register(worker.pipe, selectors.EVENT_READ, number)
            for key, _ in selector.select(1):
                worker = session.workers[key.data]
                data = os.read(worker.pipe, 65536)
                worker.text += data
                if data:
                    continue
                selector.unregister(worker.pipe)
                os.close(worker.pipe)
                results[key.data] = worker.results(session)
                del session.workers[key.data]
                if session.kind is sandbox.OwnUser:
                    sandbox.end_user(session.users[worker.slot])
                free.append(worker.slot)
                report(results[key.data])
            for worker in session.workers.values():
                if time.monotonic() > worker.end:
                    os.kill(worker.pid, signal.SIGKILL)
    return [results[number] for number in range(len(students))]


def prepare_output(folder):
    """Makes the folder of the reports. Raises Trouble if no file can be
    written there, before the students are judged."""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = ("it is a file" if os.path.isfile(folder) else error.strerror)
        raise Trouble(f"cannot write reports to '{folder}': {why}") from None


def write_reports(folder, students, detail, formats, one):
    """Writes DIR/STUDENT/report.txt, a file for each format, and grades.csv."""
    shown = [[each._replace(lines=[reports.with_detail(line, detail)
                                   for line in each.lines])
              for each in graded] for graded in students]
    names = place_names([each[0].student for each in shown], folder)
    for each, name in zip(shown, names):
        place = folder if one else os.path.join(folder, name)
        os.makedirs(place, exist_ok=True)
        write_text(os.path.join(place, "report.txt"), reports.text(each))
        for form in formats:
            write_text(os.path.join(place, reports.FILES[form]),
                       reports.FORMATS[form](each))
    if not one:
        flat = [each for graded in shown for each in graded]
        write_text(os.path.join(folder, "grades.csv"),
                   reports.grades_csv(students))
        for form in formats:
            write_text(os.path.join(folder, reports.FILES[form]),
                       reports.FORMATS[form](flat))


def place_names(students, folder):
    """Returns a name for each student's folder of reports. A long name is cut.
    All names differ, and none is the name of a result or of an existing file.
    """
    found = []
    taken = {"grades.csv", *reports.FILES.values()}
    for student in students:
        word = re.sub(r"[^\w.@+-]", "_", reports.printable(student))[:LONGEST]
        if word.strip(".") == "":
            word = "student" + word
        name, number = word, 1
        while name in taken or os.path.isfile(os.path.join(folder, name)):
            number += 1
            name = f"{word}_{number}"
        taken.add(name)
        found.append(name)
    return found


def random_seed():
    return random.SystemRandom().randrange(10 ** 6)
