"""box.py - runs a command with limits, and ends all that it has started.

sandbox.py has the two ways to isolate the command. A judge is a Python script.
guard.py runs it and returns its status through a descriptor. The exit status of
any other program shows only how that program ended.
"""
from __future__ import annotations

import collections
import contextlib
import ctypes
import os
import re
import resource
import shutil
import stat
import subprocess
import time

from . import where
from .environment import time_limit
from .program import TOP, Trouble
from .runner import LIMIT, Exceeded, Ran, collect

PYTHON = "/usr/bin/python3"
GUARD = "scripts/iomux/guard.py"
KIB, MIB = 1 << 10, 1 << 20
BLOCK = 512  # the unit of ulimit -f in dash

Limits = collections.namedtuple(
    "Limits", "processes address_space cpu files file_size memory output disk")
LIMITS = Limits(processes=64, address_space=2048 * MIB, cpu=20, files=4096,
                file_size=128 * MIB, memory=512 * MIB, output=64 * KIB,
                disk=128 * MIB)
LOOK = 0.2  # seconds between two looks at the files and processes of a box
JOIN_SESSION_KEYRING = 1
KEYCTL = {"x86_64": 250, "aarch64": 219}  # the number of keyctl(2)
EXCESSES = 2  # time-outs and other excesses; after these, nothing is run
NOT_RUN = f"not run, because it has exceeded its limits {EXCESSES} times"

# Sets the limits inside the box, where the processes of others do not count. If
# memory runs out, the system ends these programs first. dash(1), which every
# Debian has, starts in a tenth of the time of bash, and boxes start often.
LAUNCH = """set -e
echo 1000 >/proc/self/oom_score_adj
ulimit -c 0
ulimit -n {files}
ulimit -p {processes}
ulimit -t {cpu}
ulimit -f {file_size}
{space}
exec "$@"
"""


class Box:
    """The code that both ways share. Only a command that builds may write to
    `place`. `papers` has scenarios, which no program in the box can change.
    """

    name = ""

    def __init__(self, folder, user=None, limits=LIMITS):
        self.folder, self.user, self.limits = folder, user, limits
        self.place = os.path.join(folder, "place")
        self.papers = os.path.join(folder, "papers")
        self.shown, self.exceeded = {}, 0
        self.look = 0  # when to look at files and processes again
        self.tracer = []  # the words before a command to trace
        for each in self.place, self.papers:
            os.makedirs(each, exist_ok=True)
            os.chmod(each, 0o755)

    def run(self, argv, limit=LIMIT, environment=None, program=None,
            build=False, outputs=1):
        """Runs a command, like runner.Direct.run(). A judge that was killed
        before it had a result ends with status 125."""
        if self.exceeded >= EXCESSES:
            return Ran(reason=NOT_RUN)
        if build and self.user is not None:
            self.give_place(self.user)
        judge = os.path.basename(argv[0]).startswith("python3")
        command = [self.show(word) for word in argv]
        result, result_end = os.pipe()
        try:
            if judge:
                while command[1][:1] == "-":
                    del command[1]  # an option of the interpreter
                command[:1] = [PYTHON, "-I", os.path.join(TOP, GUARD),
                               str(result_end)]
            roomy = build or "/asan/" in argv[0]
            process = self.open(self.launch(roomy) + command,
                                self.variables(environment), build, result_end)
            os.close(result_end)
            result_end = -1
            ran = self.watch(process, time_limit(limit), program,
                             outputs * self.limits.output)
            if judge:
                ran.status = int(os.read(result, 16).strip() or 125)
            return ran
        finally:
            os.close(result)
            if result_end >= 0:
                os.close(result_end)

    def open(self, *arguments):
        """Starts a command in the box. Returns its Popen. Its streams are pipes
        that belong to the user of the box, so that the command can open
        /dev/stdout."""
        leave_keyring()
        pipes = [os.pipe() for _ in range(2)]
        try:
            for _, end in pipes:
                if self.user is not None:
                    os.fchown(end, self.user, self.user)
            process = self.start(*arguments, [end for _, end in pipes])
        except BaseException:
            for here, _ in pipes:
                os.close(here)
            raise
        finally:
            for _, end in pipes:
                os.close(end)
        process.stdout, process.stderr = (open(here, "rb", buffering=0)
                                          for here, _ in pipes)
        return process

    def start_server(self, argv, environment, tracer):
        """Starts a program that goes on. The tracer, strace(1), is outside:
        the program can neither end it nor read or change what it writes."""
        if self.exceeded >= EXCESSES:
            raise Exceeded(NOT_RUN)
        self.tracer = tracer
        try:
            return self.open(self.launch("/asan/" in argv[0]) + argv,
                             self.variables(environment), False, None)
        finally:
            self.tracer = []

    def own_user(self):
        return as_user(self.user)

    def end_server(self, process):
        self.end(process)
        process.stdout.close()
        process.stderr.close()

    def popen(self, command, out, **more):
        """Starts a command as the user of the box, and the tracer as the user
        of this process, whose files the other cannot open."""
        if self.tracer and self.user is not None:
            command = ["setpriv", f"--reuid={self.user}",
                       f"--regid={self.user}", "--clear-groups", *command]
        elif not self.tracer:
            more.update(as_user(self.user))
        return subprocess.Popen([*self.tracer, *command],
                                stdin=subprocess.DEVNULL, stdout=out[0],
                                stderr=out[1], **more)

    def build(self, script):
        """Runs a shell script that runner.build_script() has returned."""
        return self.run(["/bin/bash", "-pc", script], 6 * LIMIT, build=True)

    def close(self):
        """Removes what the box has left."""
        remove_tree(self.folder)

    def bring(self, program):
        """Copies a program of the repository to `papers`, because the box does
        not show the original. Returns the path of the copy."""
        copy = shutil.copy(program, self.papers)
        os.chmod(copy, 0o755)
        return copy

    def show(self, word):
        """Returns the word of a command line. A scenario is replaced by its
        copy in `papers`, because nothing else of its folder is shown."""
        if not (os.path.isabs(word) and word.endswith(".scn") and
                os.path.isfile(word)):
            return word
        if os.path.dirname(word) == self.papers:
            return word
        if word not in self.shown:
            copy = os.path.join(self.papers, str(len(self.shown)))
            os.makedirs(copy, mode=0o755)
            self.shown[word] = shutil.copy(word, copy)
            os.chmod(self.shown[word], 0o644)
        return self.shown[word]

    def give_place(self, user):
        """Changes the owner of `place`, which only a compiler may write to."""
        for folder, folders, names in os.walk(self.place):
            os.chown(folder, user, user)
            for name in folders + names:
                os.chown(os.path.join(folder, name), user, user,
                         follow_symlinks=False)

    def launch(self, roomy):
        """Returns the start of a command line that sets the limits. If roomy is
        true, there is no limit of addresses, for a compiler, or for a program
        with AddressSanitizer, which reserves 20 TiB."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limits = self.limits
        return ["/bin/dash", "-c", LAUNCH.format(
            files=limits.files if hard < 0 else min(limits.files, hard),
            processes=limits.processes, cpu=time_limit(limits.cpu),
            file_size=limits.file_size // BLOCK,
            space="" if roomy else f"ulimit -v {limits.address_space // KIB}"),
            "launch"]

    def variables(self, more):
        keep = {name: os.environ[name] for name in
                ("TIMEOUT_MULT", "CC", "CFLAGS") if name in os.environ}
        return {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C",
                "TMPDIR": "/tmp", **keep, **(more or {})}

    def watch(self, process, limit, program, most):
        """Reads what a process prints, and ends it at a limit."""
        ran = Ran()
        try:
            collect(process, ran, limit, most, lambda: self.excess(process))
            if ran.timed_out:
                ran.where = where.of_processes(
                    sorted(self.processes(process), reverse=True), program,
                    self.look_up)
        finally:
            self.end(process)
            for stream in process.stdout, process.stderr:
                stream.close()
        if ran.reason or ran.timed_out:
            self.exceeded += 1
            return ran
        status = process.returncode
        ran.set_status(128 - status if status > 128 else status)
        return ran

    def excess(self, process):
        """Returns a sentence about the limit that is exceeded, or None. It may
        be called often, because it looks only every 0.2 s."""
        if time.monotonic() < self.look:
            return None
        self.look = time.monotonic() + LOOK
        return self.excess_now(process)

    def excess_now(self, process):
        pids = self.processes(process)
        count, size = open_files_of(pids)
        if memory_of(pids) + size > self.limits.memory:
            return (f"it took more than {self.limits.memory // MIB} MiB of "
                    "memory, and was ended")
        if count > 2 * self.limits.files:  # a socket takes memory, too
            return (f"its processes had more than {2 * self.limits.files} "
                    "descriptors, and were ended")
        return None

    def look_up(self, argv):
        """Runs addr2line(1) in a box."""
        return self.run(argv).output


def remove_tree(path):
    """Removes a folder that a submission could fill. rmtree() of some versions
    of Python fails at a thousand levels of folders, and rm(1) does not."""
    try:
        shutil.rmtree(path, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--one-file-system", path], check=False,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def as_user(user):
    """Returns the arguments of Popen() that change to a user, or none."""
    if user is None:
        return {}
    return {"user": user, "group": user, "extra_groups": []}


def processes_of(user):
    """Returns the processes of a user that have not ended."""
    found, words = [], re.compile(rb"\nUid:\t.*\b%d\b" % user)
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/status", "rb") as file:
                    text = file.read()
                if words.search(text) and b"\nState:\tZ" not in text:
                    found.append(int(name))
    return found


def memory_of(pids):
    """Returns the bytes of memory that these processes have."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                total += int(file.read().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE")


def open_files_of(pids):
    """Returns how many descriptors these processes have, and the bytes of the
    files that have no name: memfd_create(2), or a file that was removed."""
    count, sizes = 0, {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                count += 1
                with contextlib.suppress(OSError):
                    file = os.stat(f"/proc/{pid}/fd/{fd}")
                    if stat.S_ISREG(file.st_mode) and file.st_nlink == 0:
                        sizes[file.st_dev, file.st_ino] = file.st_blocks * 512
    return count, sum(sizes.values())


def leave_keyring():
    """Gives this process a new session keyring, which is empty: programs that
    it starts have the keys of its session, see keyrings(7)."""
    number = KEYCTL.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, JOIN_SESSION_KEYRING, None)


# What the programs of a submission may see of the tree: no golden trace, no
# solution, and no scenario but the one that is played.
SEEN = ("Makefile", "common", "demos", "scripts", "tests", "build/common",
        "build/asan/common", "walkthrough/model")
UNSEEN = shutil.ignore_patterns("golden", "broken", "*.bats", "bench",
                                "exercises", "scenarios", "__pycache__")


def copy_part(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, target, ignore=UNSEEN)
    elif os.path.exists(source):
        shutil.copy2(source, target)


def copy_tree(place):
    """Copies what a submission may see of the tree. Returns the copy's path."""
    copy = os.path.join(place, "tree")
    try:
        for part in SEEN:
            copy_part(os.path.join(TOP, part), os.path.join(copy, part))
    except OSError as error:  # shutil.Error has a list of files and reasons
        raise Trouble(f"cannot copy the tree to {place}: " + (
            error.strerror or str(error.args[0][0][2]))) from None
    # With compiled modules, the judges start faster.
    subprocess.run([PYTHON, "-I", "-m", "compileall", "-q",
                    os.path.join(copy, "scripts/iomux"),
                    os.path.join(copy, "tests/hazard.py")], check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    subprocess.run(["chmod", "-R", "u+w,go+rX,go-w", copy], check=True)
    return copy
