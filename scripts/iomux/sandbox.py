"""sandbox.py - isolates a submission, which may be harmful.

There are two ways. Bubblewrap gives each command its own mounts, processes,
network and /tmp, and needs user namespaces. OwnUser, for root only, gives a
submission a user that owns nothing else. It needs no namespaces, and hides
nothing that every user may read. Root starts both as an unprivileged user,
because the limit on the number of processes does not apply to root.
"""
import contextlib
import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import time

from . import children
from .box import MIB, Box, as_user, processes_of, remove_tree
from .program import TOP, Trouble

FIRST_USER, LAST_USER = 59000, 59999
WORLD = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock",
         "/var/crash")  # where every user may write
SMALLEST = 4096  # bytes that a file counts at least
PR_SET_CHILD_SUBREAPER = 36
WAYS_OUT = """\
submissions cannot be isolated here: Bubblewrap needs user namespaces, and \
without them grading needs root. Either install bubblewrap (scripts/setup \
grade) on a system that allows user namespaces, or run scripts/grade as root, \
in a container for example. For your own file only, use --trust"""


class Bubblewrap(Box):
    """A box of Bubblewrap: see bwrap(1)."""

    name = "bubblewrap"
    meeting = "/tmp"
    # No user namespace inside: there the program could mount a /tmp without a
    # limit. Old versions, and containers, cannot forbid it.
    within = ("--unshare-user", "--disable-userns")
    tree = None  # box.copy_tree(), which is shown in the place of the tree

    def arguments(self, variables, build, info):
        yield from ("bwrap", "--unshare-all", *self.within, "--die-with-parent",
                    "--new-session", "--clearenv", "--info-fd", str(info))
        for name, value in variables.items():
            yield from ("--setenv", name, value)
        for path in ("/usr", "/etc/alternatives"):
            yield from ("--ro-bind", path, path)
        for path in ("/bin", "/lib", "/lib32", "/lib64", "/sbin"):
            if os.path.islink(path):
                yield from ("--symlink", os.readlink(path), path)
            elif os.path.isdir(path):
                yield from ("--ro-bind", path, path)
        yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev",
                    "--size", str(self.limits.disk), "--tmpfs", "/tmp")
        yield from ("--ro-bind", self.tree, TOP)
        yield from ("--bind" if build else "--ro-bind", self.place, self.place)
        yield from ("--ro-bind", self.papers, self.papers)
        yield from ("--remount-ro", "/", "--chdir", self.place)

    def start(self, command, variables, build, result, out):
        info, info_end = os.pipe()
        try:
            process = self.popen(
                [*self.arguments(variables, build, info_end), *command], out,
                cwd="/", pass_fds=[fd for fd in (result, info_end)
                                   if fd is not None])
        except OSError as error:
            os.close(info)
            raise Trouble(f"cannot start bwrap: {error.strerror}") from None
        finally:
            os.close(info_end)
        text = b""
        while not text.rstrip().endswith(b"}"):  # a tracer keeps it open
            data = os.read(info, 512)
            text += data
            if not data:
                break
        os.close(info)
        process.first = -1  # a descriptor of process 1 in the box
        with contextlib.suppress(ValueError, KeyError, OSError):
            process.first = os.pidfd_open(json.loads(text)["child-pid"])
        return process

    def processes(self, process):
        return children.of(process.pid)

    def end_others(self, process):
        """Does nothing: the end of a box's first process ends the others."""

    def path_here(self, pid, path):
        """Returns a path through /proc: the box has mounts of its own."""
        return f"/proc/{pid}/root{path}"

    def end(self, process):
        """Ends the box. With its process 1 all others in it end."""
        process.kill()
        process.wait()
        if process.first < 0:
            return
        poll = select.poll()
        poll.register(process.first, select.POLLIN)
        ended = poll.poll(10000)
        os.close(process.first)
        if not ended:
            raise Trouble("a box of Bubblewrap has not ended within 10 s")


class OwnUser(Box):
    """A user of its own. Only root can start it."""

    name = "user of its own"

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        # What the submission leaves behind becomes a child of this process.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.temporary = self.meeting = os.path.join(self.folder, "tmp")

    def end_others(self, process):
        end_user(self.user)

    def path_here(self, pid, path):
        del pid
        return path

    def variables(self, more):
        return {**super().variables(more), "HOME": self.temporary,
                "TMPDIR": self.temporary}

    def start(self, command, variables, build, result, out):
        os.mkdir(self.temporary, 0o700)
        os.chown(self.temporary, self.user, self.user)
        self.built = build
        return self.popen(
            command, out, cwd=self.place, env=variables,
            pass_fds=[] if result is None else [result],
            start_new_session=True)

    def processes(self, process):
        return processes_of(self.user)

    def look_up(self, argv):
        try:  # beside the program that hangs
            return subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=10,
                check=False, **as_user(self.user)).stdout
        except (OSError, subprocess.SubprocessError):
            return b""

    def excess_now(self, process):
        try:
            size = self.size()
        except RecursionError:  # of os.walk(): a thousand levels of folders
            return "it made too many levels of folders, and was ended"
        if size > 2 * self.limits.disk:
            return ("its files took more than "
                    f"{2 * self.limits.disk // MIB} MiB, and it was ended")
        return super().excess_now(process)

    def end(self, process):
        """Ends all processes of the user, and removes what it has left."""
        end_user(self.user)
        process.wait()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        if self.built:
            self.give_place(0)  # its programs must not change each other
        remove_tree(self.temporary)
        for entry in self.left():
            if entry.is_dir(follow_symlinks=False):
                remove_tree(entry.path)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
        remove_memory(self.user)

    def left(self):
        """Returns the entries of the user in directories of all users."""
        found = []
        for place in WORLD:
            with contextlib.suppress(OSError), os.scandir(place) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        owner = entry.stat(follow_symlinks=False).st_uid
                        if owner == self.user:
                            found.append(entry)
        return found

    def size(self):
        """Returns the bytes of the user's files, as far as they have names."""
        total, waiting = 0, [self.place, self.temporary]
        for entry in self.left():
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                with contextlib.suppress(OSError):
                    total += size_of(entry.stat(follow_symlinks=False))
        for place in waiting:
            for folder, folders, names in os.walk(place):
                for name in folders + names:
                    with contextlib.suppress(OSError):
                        total += size_of(os.lstat(os.path.join(folder, name)))
        return total


def size_of(status):
    """Returns the bytes that a file counts, because no file takes nothing."""
    return max(status.st_blocks * 512, SMALLEST)


WAYS = {"bubblewrap": Bubblewrap, "user": OwnUser}  # the words for --box


def end_user(user):
    """Kills all processes of a user, from one that is of this user too."""
    end = time.monotonic() + 10
    while kill_all(user) and processes_of(user):
        if time.monotonic() > end:
            raise Trouble(f"the processes of user {user} do not end")
        time.sleep(0.01)


def kill_all(user):
    """Sends SIGKILL to all processes of a user. Returns false if there is
    none, and true if there may be others."""
    pid = os.fork()
    if pid > 0:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 77
    status = 1
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        status = 77
    finally:
        os._exit(status)


def remove_memory(user):
    """Removes the shared memory, semaphores and queues of System V that a user
    has left, which no process holds and no directory shows."""
    for kind, option in (("shm", "-m"), ("sem", "-s"), ("msg", "-q")):
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/sysvipc/{kind}", encoding="ascii") as file:
                names, *rows = [line.split() for line in file]
            for row in rows:
                if row[names.index("uid")] == str(user):
                    subprocess.run(["ipcrm", option, row[1]], check=False,
                                   stderr=subprocess.DEVNULL)


def take_user():
    """Returns the number of a user that does not exist, and a socket. While
    the socket is open, no other grading takes this number."""
    for user in range(FIRST_USER, LAST_USER + 1):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0iomux-grade-user-{user}")
            pwd.getpwuid(user)
        except OSError:
            pass  # another grading has it
        except KeyError:
            if not processes_of(user):
                return user, lock
        lock.close()
    raise Trouble(f"the users {FIRST_USER} to {LAST_USER} are all taken")


def open_to_all(path):
    """Can every user enter this directory, and those above it?"""
    path = os.path.realpath(path)
    while True:
        if not os.stat(path).st_mode & 0o001:
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def can_start(kind, folder, user):
    """Does this way work here? Returns whether a command runs in its box."""
    try:
        box = kind(folder, user)
        ran = box.run(["/bin/echo", "in the box"])
        box.close()
    except (OSError, Trouble, subprocess.SubprocessError):
        return False
    return ran.status == 0 and ran.output == b"in the box\n"


def choose(folder, user, wanted=None):
    """Returns the class that works here. Raises Trouble if there is none.

    `user` is None, or for root the user of the submissions. `wanted` is None,
    or the only way that is tried."""
    for way, kind in WAYS.items():
        if wanted not in (None, way) or (kind is OwnUser and user is None):
            continue
        if can_start(kind, folder, user):
            return kind
        if kind is Bubblewrap:
            kind.within = ()
            if can_start(kind, folder, user):
                return kind
    raise Trouble(WAYS_OUT)
