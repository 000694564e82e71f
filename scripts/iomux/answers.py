"""answers.py - the exercises in words: each has an answer, with evidence."""
import os
import re

from .program import TOP

ITEM = re.compile(r"(\d+)\. ")
BEGIN, END = "<details><summary>Answers</summary>", "</details>"
NUMBERED = os.path.join(TOP, "walkthrough", "exercises")


def is_numbered(number):
    """Is there a folder NN-name of this exercise?"""
    return os.path.isdir(NUMBERED) and any(
        name.startswith(f"{int(number):02d}-") for name in os.listdir(NUMBERED))


def prints(fence):
    """Does a session show any output? Other fences show what they are of."""
    if fence.lang != "console":
        return True
    command = False
    for line in fence.body:
        command = line.startswith("$ ") or command
        if not command:
            return True
        command = line.endswith("\\")
    return False


def items(lines):
    """Returns the items of a list, {number: (its lines, its line number)}. An
    item ends where the next one begins."""
    found, number = {}, None
    for place, line in lines:
        begins = ITEM.match(line)
        if begins:
            number = int(begins[1])
            found[number] = [], place
        if number is not None:
            found[number][0].append((place, line))
    return found


def section(page):
    """Returns the exercises and the answers of a page, lines with their
    numbers, and the number of the line that ends the answers."""
    parts, part, end = {"exercises": [], "answers": []}, None, 0
    for place, line in page.prose:
        if line.startswith("## "):
            part = "exercises" if line == "## Exercises" else None
        elif part is not None and line == BEGIN:
            part = "answers"
        elif part == "answers" and line == END:
            part, end = None, place
        if part is not None:
            parts[part].append((place, line))
    return parts["exercises"], parts["answers"], end


def supported(page, lines, end, made):
    """Is there a fence that a program makes, a claim, or a numbered exercise
    in an answer? It ends before the line END."""
    text = " ".join(line for _, line in lines)
    if re.search(r"\]\(claims/[\w-]+\.c\)", text):
        return True
    if any(map(is_numbered, re.findall(r"`scripts/exercise (\d+)`", text))):
        return True
    return any(made(fence) and prints(fence) for fence in page.fences
               if lines[0][0] < fence.line < end)


def check(page, made):
    """Checks the exercises of a page. MADE(fence) is true if a program makes
    the fence. Returns how many exercises there are, and what is wrong, (line,
    text)."""
    asked, answered, end = section(page)
    exercises, answers = items(asked), items(answered)
    wrong = []
    if asked and not exercises:
        wrong.append((asked[0][0], "these exercises have no numbers, '1. '"))
    for count, (number, (_, place)) in enumerate(exercises.items(), 1):
        if number != count:
            wrong.append((place, f"exercise {number} should be number {count}"))
        if number not in answers:
            wrong.append((place, f"exercise {number} has no answer"))
    ends = [place for _, place in answers.values()][1:] + [end]
    for (number, (lines, place)), end in zip(answers.items(), ends):
        if number not in exercises:
            wrong.append((place, f"answer {number} has no exercise"))
        if not supported(page, lines, end, made):
            wrong.append((place, f"answer {number} has no evidence: a session "
                          "with output, another fence that a program makes, a "
                          "link to a claim, or `scripts/exercise N`"))
    return len(exercises), wrong
