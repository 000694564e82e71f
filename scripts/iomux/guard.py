"""guard.py - runs a judge, which is a Python script, beside the program that it
judges. Both have the same user, and the program must not change the result.

    python3 -I guard.py FD SCRIPT [ARGUMENT]...

This process cannot be traced, and /proc hides its memory and its descriptors
from others of the same user. It writes the exit status of the script to the
descriptor FD, which no program that the script starts inherits. A judge that is
killed writes nothing, and that is not a pass.
"""
import ctypes
import importlib.machinery
import os
import sys
import traceback
import types

PR_SET_DUMPABLE = 4


def run(script):
    """Runs the script in this interpreter. Returns its exit status."""
    main = types.ModuleType("__main__")
    main.__file__ = script
    # Unlike runpy, this takes the code that __pycache__ may have.
    loader = importlib.machinery.SourceFileLoader("__main__", script)
    try:
        sys.modules["__main__"] = main
        exec(loader.get_code("__main__"), main.__dict__)
        return 0
    except SystemExit as end:
        if end.code is None:
            return 0
        if isinstance(end.code, int):
            return end.code & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # a bug of the judge is not a pass
        traceback.print_exc()
        return 1


def main():
    result, script = int(sys.argv[1]), sys.argv[2]
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        sys.exit("guard: the system does not hide this process")
    os.set_inheritable(result, False)
    sys.argv = sys.argv[2:]
    sys.path.insert(0, os.path.dirname(script))
    judge = os.getpid()
    status = run(script)
    for stream in sys.stdout, sys.stderr:
        stream.flush()
    if os.getpid() == judge:  # and not a child of it that has ended
        os.write(result, b"%d\n" % status)
    os._exit(status)


if __name__ == "__main__":
    main()
