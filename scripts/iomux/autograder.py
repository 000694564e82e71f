"""autograder.py - writes an autograder for Gradescope: a ZIP archive with
setup.sh, run_autograder and what grading needs of this tree.

The programs of the students are not shown the solutions, and so the archive
has none.
"""
import os
import shlex
import zipfile

from .program import TOP, Trouble

PARTS = ("Makefile", "common", "demos", "scripts", "tests",
         "walkthrough/model")
LEFT_OUT = ("solution.patch", "wrong", "__pycache__")
DATE = (2026, 1, 1, 0, 0, 0)  # the same tree gives the same archive

SETUP = """\
#!/usr/bin/env bash
# Installs what grading needs into the image.
set -euo pipefail
exec "$(dirname "$0")/iomux/scripts/setup" grade
"""
RUN = """\
#!/usr/bin/env bash
# Judges the submission. Gradescope reads results/results.json.
set -euo pipefail
here=${{AUTOGRADER:-/autograder}}
cd "$here/source/iomux"
mkdir -p "$here/results"
status=0
{exercises}scripts/grade {options} -o "$here/results" "$here/submission" || status=$?
[ "$status" -le 1 ]
"""


def files_of(folder):
    """Returns the paths of a folder's files, sorted, from TOP on."""
    if os.path.isfile(folder):
        return [folder]
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        found += [os.path.join(place, name) for name in names
                  if name not in LEFT_OUT]
    return sorted(found)


def add(archive, path, name):
    mode = 0o755 if os.access(path, os.X_OK) else 0o644
    with open(path, "rb") as file:
        put(archive, name, file.read(), mode)


def put(archive, name, data, mode):
    info = zipfile.ZipInfo(name, DATE)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def write(path, exercises, chosen):
    """Writes the archive."""
    words = []
    for each in exercises:
        words += ["-e", each.name]
    words += ["--one", "--format", "gradescope", "--detail", chosen.detail]
    if chosen.seed is not None:
        words += ["--seed", str(chosen.seed)]
    if chosen.more:
        words += ["--more", "more"]
    inside = "iomux"
    own = [each for each in exercises
           if not each.folder.startswith(TOP + os.sep)]
    try:
        with zipfile.ZipFile(path, "w") as archive:
            put(archive, "setup.sh", SETUP, 0o755)
            put(archive, "run_autograder", RUN.format(
                options=shlex.join(words),
                exercises="EXERCISES=own " if own else ""), 0o755)
            for part in PARTS:
                for file in files_of(os.path.join(TOP, part)):
                    add(archive, file,
                        f"{inside}/{os.path.relpath(file, TOP)}")
            for each in exercises:
                place = ("own" if each in own else "walkthrough/exercises")
                for file in files_of(each.folder):
                    add(archive, file, f"{inside}/{place}/{each.name}/"
                        f"{os.path.relpath(file, each.folder)}")
                if chosen.more:
                    more = os.path.join(chosen.more, each.name)
                    for file in files_of(more):
                        add(archive, file, f"{inside}/more/{each.name}/"
                            f"{os.path.relpath(file, more)}")
    except OSError as error:
        raise Trouble(f"cannot write {path}: {error.strerror}") from None
