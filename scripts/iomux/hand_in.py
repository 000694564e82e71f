"""hand_in.py - finds the submissions of a class, and in each the one file that
an exercise wants. Nothing else of a submission is used.
"""
import collections
import os
import stat

from .program import Trouble

MOST = 256 << 10  # bytes of a file
ENTRIES = 20000  # files and folders of a submission; with more, it is refused
DEEPEST = 50  # levels of folders
IGNORED = ("__MACOSX",)

Student = collections.namedtuple("Student", "name path")


class Refused(Exception):
    """A submission cannot be judged: the reason, for its report."""


def students(path, one):
    """Returns the students of a folder: an entry each. With `one` the path is
    the submission of one student."""
    if not os.path.lexists(path):
        raise Trouble(f"there is no {path or 'folder with an empty name'}")
    if one:
        name = os.path.basename(os.path.abspath(path))
        return [Student(name, path)]
    if not os.path.isdir(path):
        raise Trouble(f"{path} is not a folder with a file or a folder for "
                      "each student; for one submission there is --one")
    entries = sorted(name for name in os.listdir(path)
                     if name[0] != "." and name not in IGNORED)
    if not entries:
        raise Trouble(f"{path} is empty: there is no submission")
    stems = collections.Counter(os.path.splitext(name)[0] for name in entries)
    found = []
    for name in entries:
        full, stem = os.path.join(path, name), os.path.splitext(name)[0]
        short = stem and stems[stem] == 1 and not os.path.isdir(full)
        found.append(Student(stem if short else name, full))
    return found


def read(student, exercise, others):
    """Returns the bytes of the file that a student has handed in for an
    exercise. `others` are the names of the other exercises, whose folders are
    not looked at. Raises Refused."""
    wanted, path = exercise.hand_in, checkout_of(student.path)
    if os.path.islink(student.path) or os.path.islink(path):
        raise Refused("the submission is a symbolic link")
    if not os.path.lexists(path):
        raise Refused(f"there is no file {wanted} in work/")
    if not os.path.isdir(path):
        # one file: alice.c, or alice-06-epoll-lt.c
        if not (path.endswith(wanted) or not others and
                os.path.splitext(path)[1] == os.path.splitext(wanted)[1]):
            raise Refused(f"{os.path.basename(path)} is not {wanted}")
        return read_file(path, wanted)
    found = candidates(path, wanted, others)
    own = [each for each in found
           if exercise.name in os.path.relpath(each, path).split(os.sep)]
    found = own or found
    if not found:
        raise Refused(f"there is no file {wanted}")
    if len(found) > 1:
        names = ", ".join(sorted(os.path.relpath(each, path)
                                 for each in found)[:3])
        raise Refused(f"there are {len(found)} files {wanted}: {names}")
    return read_file(found[0], wanted)


def checkout_of(path):
    """Returns the folder work/ of a checkout of this course, whose demos/ has
    the correct stages. Another path is returned as it is."""
    if os.path.lexists(os.path.join(path, "scripts", "exercise")):
        return os.path.join(path, "work")
    return path


def candidates(path, wanted, others):
    found, closed, count = [], [], 0
    for folder, folders, names in os.walk(path, onerror=closed.append):
        folders[:] = [name for name in folders
                      if name[0] != "." and name not in others
                      and name not in IGNORED]
        if os.path.relpath(folder, path).count(os.sep) >= DEEPEST:
            raise Refused(f"the submission has over {DEEPEST} levels of folders")
        count += len(names) + len(folders)
        if count > ENTRIES:
            raise Refused(f"the submission has more than {ENTRIES} files")
        if wanted in names or wanted in folders:
            found.append(os.path.join(folder, wanted))
    if closed and not found:
        raise Refused("a folder cannot be read: " + (closed[0].strerror or ""))
    return found


def read_file(path, wanted):
    try:
        # Neither a link, nor a FIFO, which would block this process.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK |
                     os.O_CLOEXEC)
    except OSError as error:
        if os.path.islink(path):
            raise Refused(f"{wanted} is a symbolic link") from None
        raise Refused(f"{wanted} cannot be read: {error.strerror}") from None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):  # open() refuses a directory
        os.close(fd)
        raise Refused(f"{wanted} is not a regular file")
    with open(fd, "rb") as file:
        if status.st_size > MOST:
            raise Refused(f"{wanted} has more than {MOST >> 10} KiB")
        return file.read(MOST)
