"""more.py - adds the hidden checks of a teacher to an exercise."""
import os
import re
import shutil

from . import checks, seeds
from .exercise import Exercise
from .program import Trouble, read_text, write_text
from .scenario import read_scenario


def with_more(exercise, more, base):
    """Returns the exercise with the hidden checks of a teacher: the lines
    "- check:" of MORE/NN-name/task.md, and the scenarios beside it. Raises
    Trouble if a check cannot be made, before a student is judged."""
    folder = os.path.join(more, exercise.name)
    if not os.path.isdir(folder):
        return exercise
    merged = os.path.join(base, exercise.name)
    os.makedirs(merged)
    for source in exercise.folder, folder:
        for name in os.listdir(source):
            if name.endswith((".scn", ".patch", ".py")):
                shutil.copy(os.path.join(source, name), merged)
    scenarios = [name for name in os.listdir(folder) if name.endswith(".scn")]
    lines = re.findall(r"^- check: .*$", read_text(
        os.path.join(folder, "task.md")), re.M)
    if not lines:
        raise Trouble(f"{folder}/task.md has no line '- check: POINTS CHECK'")
    write_text(os.path.join(merged, "task.md"), "\n".join(
        [exercise.text.rstrip(), "", *lines, ""]))
    try:
        found = Exercise(merged)
        checks.validate(found)
        for name in scenarios:
            need_scenario(os.path.join(merged, name), base)
    except Trouble as why:  # the files are the teacher's
        raise Trouble(str(why).replace(merged, folder)) from None
    return found


def need_scenario(path, base):
    """Raises Trouble if a scenario cannot be read with its places filled."""
    name = os.path.basename(path)
    filled = os.path.join(base, name)
    write_text(filled, seeds.fill(read_text(path), 1, name))
    read_scenario(filled)


def need_more(more, chosen):
    """Raises Trouble if a folder has no hidden checks of these exercises."""
    names = [each.name for each in chosen]
    if not any(os.path.isdir(os.path.join(more, name)) for name in names):
        raise Trouble(f"{more} has no hidden checks: there is no folder "
                      f"{' or '.join(names)} in it")
