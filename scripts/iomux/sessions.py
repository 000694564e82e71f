"""sessions.py - runs the commands that a page shows, and returns their output."""
import fcntl
import os
import signal
import subprocess
import tempfile

from .environment import time_limit
from .program import TOP, Trouble

LIMIT = 60  # seconds a session

SEPARATOR = "\x1e"
PREAMBLE = r"""
_shown() ( # wait until the output has so many lines more than $_before
    for ((i = 0; i < 20 * _seconds; i++)); do
        [ "$(tr -d '\036' <"$_out" | wc -l)" -lt $((_before + $1)) ] || return
        read -r -t 0.05 <> <(:) || :
    done
) # in a subshell: else $! would be that of <(:)
"""


def alone():
    """Waits until no other session runs in this tree, because sessions use
    the same sockets. Returns the lock, a file to be closed."""
    path = os.path.join(TOP, "build", "walkthrough.lock")
    try:
        lock = open(path, "w", encoding="ascii")
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}; run make first") from None
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def session(commands):
    """Runs commands, (text, lines shown), in one bash. Returns the output of
    each."""
    limit = time_limit(LIMIT)
    script = PREAMBLE
    for text, shown in commands:
        waits = text.rstrip().endswith("&")
        if waits:
            script += "_before=$(tr -d '\\036' <\"$_out\" | wc -l)\n"
        script += text + "\n"
        if waits:
            script += f"_shown {shown}\n"
        script += "printf '\\036'\n"
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("CI", "STAGES", "IOMUX_BUILD", "COLUMNS")}
    environment.update(LC_ALL="C.UTF-8", TERM="dumb", NO_COLOR="1",
                       _seconds=str(limit))
    with tempfile.NamedTemporaryFile("r", encoding="utf-8",
                                     errors="backslashreplace") as out:
        environment["_out"] = out.name
        descriptor = os.open(out.name, os.O_WRONLY | os.O_APPEND)
        with subprocess.Popen(
                ["bash", "-pc", script], cwd=TOP, env=environment,
                stdin=subprocess.DEVNULL, stdout=descriptor,
                stderr=descriptor, start_new_session=True) as bash:
            os.close(descriptor)
            try:
                bash.wait(limit)
                late = ""
            except subprocess.TimeoutExpired:
                late = f"[no end within {limit} s]\n"
            finally:
                try:
                    os.killpg(bash.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        said = (out.read() + late).split(SEPARATOR)
    return (said + [""] * len(commands))[:len(commands)]


def console(fence):
    """Returns the body of a session, made again."""
    commands, going_on = [], False
    for line in fence.body:
        if going_on:
            commands[-1][0].append(line)
        elif line.startswith("$ "):
            commands.append(([line[2:]], []))
        elif not commands:
            raise Trouble("a session begins with a command, '$ ...'")
        else:
            commands[-1][1].append(line)
        going_on = line.endswith("\\") and (going_on or line.startswith("$ "))
    if not commands:
        raise Trouble("a session without a command")
    said = session([("\n".join(text), len(output))
                    for text, output in commands])
    fresh = []
    for (text, _), output in zip(commands, said):
        fresh += ("$ " + "\n".join(text)).split("\n")
        fresh += output.removesuffix("\n").split("\n") if output else []
    return fresh


def output(fence):
    text = session([(fence.marks["output"], 0)])[0]
    return text.removesuffix("\n").split("\n")
