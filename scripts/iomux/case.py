"""case.py - a file that is judged, its programs, and what they have played."""
from __future__ import annotations

import dataclasses
import functools
import os
import re
import shlex
import shutil

from . import failure, seeds, trace as traces
from .exercise import shown
from .failure import Failed
from .program import TOP, read_text
from .runner import ASAN, LIMIT, SANITIZE, Direct, Ran, build_script
from .scenario import options_of
from .stages import OPTIONS, SCENARIOS
from .twins import BROKEN

COUNTED = {"wakes": "wake-ups", "ctl": "ctl", "recv": "recv",
           "EAGAIN": "EAGAIN"}
# Plays scenarios until one fails. $1 ends each command, and is printed then.
PLAY_ALL = """mark=$1 command=(); shift
for word; do
    if [ "$word" != "$mark" ]; then command+=("$word"); continue; fi
    "${command[@]}" || exit
    echo "$mark"
    command=()
done"""
# After a build with the sanitizers, prints how the file avoids them. $FILE is its
# name without ".c". The two .i files are the input of the two compilations. In
# them and in the .s file, words and strings are no longer in parts.
AVOIDS = r"""
cmp -s "build/$FILE.i" "build/asan/$FILE.i" ||
    echo "code that depends on the sanitizers"
grep -oEm 1 'no_(sanitize|address)\w*' "build/$FILE.i" || :
grep -qE '^[[:space:]]*\S{1,2}APP$' "build/$FILE.s" &&
    echo "assembler code, which the sanitizers do not check"
grep -oEim 1 '(^|[^[:alnum:]]|lib)([almtu]|ub)san([^[:alpha:]]\w*|$)|__sanitizer\w*' \
    "build/$FILE.s" || :"""
MODEL = os.path.join(TOP, "walkthrough", "model")


@dataclasses.dataclass
class Play:
    """One scenario, played by one program."""
    name: str
    path: str
    argv: list
    ran: object

    @functools.cached_property
    def trace(self):
        return traces.read_trace(self.name, self.ran.output)


class Case:
    """One file that is judged: its programs, and what they have played."""

    def __init__(self, exercise, source, seed, runner):
        self.exercise, self.source, self.seed = exercise, source, seed
        self.runner = runner
        self.program = self.asan = None
        self.plays, self.served = {}, {}  # by the name of the scenario
        if exercise.kind == "write":
            self.program = runner.bring(self.stage_program())

    def stage_program(self):
        return os.path.join(TOP, "build", self.exercise.stage)

    # --- scenarios

    def scenario(self, name, seed=None):
        """Returns the path of a scenario, with its places filled."""
        seed = self.seed if seed is None else seed
        path = scenario_of(self.exercise, name)
        text = read_text(path)
        if not seeds.has_places(text):
            return path
        filled = os.path.join(self.runner.papers, name + (
            ".scn" if seed == self.seed else f"-{seed}.scn"))
        with open(filled, "w", encoding="utf-8") as file:
            file.write(seeds.fill(text, seed, name))
        return filled

    def argv(self, path, program=None):
        stage = self.exercise.stage
        return [program or self.program, "-S", path, *OPTIONS.get(stage, []),
                *options_of(path).get(stage, [])]

    def model_argv(self, name, program=None):
        """The command that plays a file of steps, or random steps."""
        return [program or self.program, *(
            ["--random", str(1 + self.seed % 1000)] if name == "random" else
            [os.path.join(MODEL, name + ".ep")])]

    def hazard_argv(self, program, name, *, copied=True):
        """The command of a hazard. The exercise's own are copied, so that they
        can be read where the student's programs run. People read the original.
        """
        own = os.path.join(self.exercise.folder, "hazards.py")
        argv = [os.path.join(TOP, "tests", "hazard.py")]
        if os.path.isfile(own):
            argv += ["--own", shutil.copy(own, self.runner.papers)
                     if copied else own]
        return [*argv, program, name]

    def play(self, name, path=None):
        """Returns a scenario's play, which may have failed."""
        if name not in self.plays:
            path = path or self.scenario(name)
            argv = self.argv(path)
            ran = self.runner.run(argv, program=self.program)
            self.plays[name] = Play(name, path, argv, ran)
        return self.plays[name]

    def play_all(self, names):
        """Plays scenarios with one command, and yields the plays. The last one
        may have failed. A word that the program does not know before ends each
        output."""
        names = [name for name in names if name not in self.plays]
        mark, words, paths = os.urandom(8).hex(), [], {}
        for name in names:
            paths[name] = self.scenario(name)
            words += [*self.argv(paths[name]), mark]
        ran = self.runner.run(["/bin/bash", "-pc", PLAY_ALL, "play", mark,
                               *words], limit=3 * LIMIT, outputs=len(names),
                              program=self.program)
        if ran.status is not None and ran.status > 128:
            ran.status, number = None, ran.status - 128
            ran.set_status(-number)
        outputs = ran.output.split(f"{mark}\n".encode("ascii"))
        for name, output in zip(names, outputs):
            good = ran.good or output is not outputs[-1]
            each = (Ran(status=0) if good else dataclasses.replace(ran))
            each.output = output
            self.plays[name] = Play(name, paths[name],
                                    self.argv(paths[name]), each)
            yield self.plays[name]

    def command(self, words):
        """Returns the command that repeats a check."""
        exercise = self.exercise
        if words[0] == "builds":
            return None
        names = names_of(words)
        if words[0] == "hazard":
            return shlex.join(map(shown, self.hazard_argv(
                self.built(exercise.stage), names[0], copied=False)))
        if words[0] == "model":
            return shlex.join(map(shown, self.model_argv(
                names[0], self.built("model"))))
        if words[0] in ("scenario", "says", *COUNTED):
            path = self.scenario(names[0])
            return shlex.join(map(shown, self.argv(
                path, self.built(exercise.stage))))
        if words[0] == "address-sanitizer" and names:
            return shlex.join(map(shown, self.argv(
                self.scenario(names[0]), self.built(exercise.stage, ASAN))))
        if words[0] == "one":
            return shlex.join(map(shown, self.argv(self.source,
                                                   self.stage_program())))
        return None

    def built(self, target, folder="build"):
        return os.path.join(self.runner.place, folder, target)

    # --- programs

    def build(self):
        target = self.exercise.stage or "model"
        ran = self.runner.build(build_script(self.exercise.file, target))
        program = self.built(target)
        if ran.good and os.path.exists(program):
            self.program = program
        return ran

    def build_asan(self):
        """Returns the program that is built with the sanitizers. Raises Failed
        if the file changes what they check, or can recognize them."""
        if self.asan is None:
            file, stage = self.exercise.file, self.exercise.stage
            ran = self.runner.build("\n".join((
                f"FILE={file[:-2]}",
                build_script(file, stage, ASAN, SANITIZE), AVOIDS)))
            self.asan = self.built(stage, ASAN)
            if not ran.good:
                raise Failed("it builds with AddressSanitizer",
                             first_error(ran))
            if ran.output:
                raise Failed("a file that leaves the sanitizers as they are",
                             ran.output.decode("utf-8", "replace").strip())
        return self.asan

    # --- what a failure shows

    def reference(self, name, path):
        """Returns the lines of the correct trace, or None. In an exercise
        whose server does something new there is none."""
        exercise = self.exercise
        if exercise.kind != "find" or exercise.stage is None:
            return None
        golden = os.path.join(TOP, "tests", "golden", name,
                              exercise.stage + ".txt")
        if os.path.exists(golden) and path.startswith(SCENARIOS):
            return read_text(golden).splitlines()
        program = self.stage_program()
        runner = Direct()
        try:
            ran = runner.run(self.argv(path, program))
        finally:
            runner.close()
        text = ran.output.decode("latin-1")
        return text.partition("\n\n")[0].splitlines() if ran.good else None

    def fail(self, play, expected, got, at=None, rows=None, line=None,
             hang=None):
        """Raises Failed with the lines of the trace around the failure."""
        events = play.trace.events
        if rows is None:
            wanted = self.reference(play.trace.name, play.path)
            rows, count = ([], 0) if wanted is None else failure.differ(
                wanted, [e.text for e in events])
            shown = events[:count]
            if not rows:
                rows = failure.last_rows(events)
                shown = failure.before_stop(events)
            line = next((e.line for e in reversed(shown) if e.of_server), None)
        raise Failed(expected, got, at, rows, self.source_of(play, line),
                     hang=hang)

    def source_of(self, play, line):
        """Returns the line of the source that has printed a line of a trace.
        Only JSON has it, so the scenario is played once more."""
        if line is None or self.exercise.kind == "write":
            return None
        ran = self.runner.run(
            ["sh", "-c", '"$@" -q -j /dev/stdout | cat', "sh", *play.argv])
        found = re.findall(r'^\{"name":.*"cat":"(\w+)".*?"src":"([^"]+)"',
                           ran.output.decode("latin-1"), re.M)
        if line > len(found):
            return None
        return failure.source_line(self.exercise, self.source,
                                   found[line - 1][1])


def scenario_of(exercise, name):
    """Returns the path of a scenario that an exercise names."""
    for folder in exercise.folder, SCENARIOS, BROKEN:
        path = os.path.join(folder, name + ".scn")
        if os.path.isfile(path):
            return path
    exercise.refuse(f"there is no scenario '{name}'")


def first_error(ran):
    """Returns the first line of a compiler or sanitizer that names an error."""
    lines = (ran.errors + ran.output).decode("utf-8", "replace").splitlines()
    for word in ("error", "ERROR", "warning", ""):
        for line in lines:
            if word in line and line.strip():
                return line.strip()
    return ran.ending


def names_of(words):
    if words[0] == "says":
        return words[2:]
    if words[0] in COUNTED:
        return words[3:]
    return words[1:] if words[0] != "one" else ()


def text_of(words):
    return (f"says '{words[1]}' {words[2]}" if words[0] == "says"
            else " ".join(words))
