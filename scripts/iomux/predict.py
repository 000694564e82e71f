"""predict.py - judges guesses of how often a stage makes a call."""
import re

from .compare import counts
from .program import Trouble
from .stages import build, find_scenario, find_stage, play, stages

ACTIONS = {"waits": "call a function that waits",
           "wake-ups": "return from a wait", "accept": "call accept4",
           "recv": "call recv", "EAGAIN": "get EAGAIN from a call",
           "send": "call send", "ctl": "call epoll_ctl"}
NAMES = tuple(ACTIONS)


def parse(word):
    """Returns the name and the number of a guess, WHAT=N."""
    name, _, number = word.partition("=")
    if re.fullmatch("[0-9]{1,18}", number) is None:
        raise Trouble(f"'{word}' is not a guess: write WHAT=NUMBER, as in "
                      "waits=5")
    if name not in NAMES:
        raise Trouble(f"'{name}' is not counted; guess one of "
                      f"{', '.join(NAMES)}")
    return name, int(number)


def judge(guess, truth):
    """Returns the verdict on a number."""
    return ("right" if guess == truth else
            "too many" if guess > truth else "too few")


def verdict(word, scenario, guess):
    """Plays a scenario and returns the verdict on one guess, WHAT=N."""
    name, number = parse(guess)
    counted = counts(play(find_stage(word), find_scenario(scenario)))
    return judge(number, int(counted[name]))


def predict(word, scenario, guesses):
    """Plays a scenario and prints a verdict on each guess. Returns True if
    all are right."""
    stage = find_stage(word)
    if stage is None:
        raise Trouble(f"'{word}' is not a stage; there are "
                      f"{', '.join(stages())}")
    path = find_scenario(scenario)
    parsed = [parse(guess) for guess in guesses]
    build()
    counted = counts(play(stage, path))
    right = 0
    for name, guess in parsed:
        truth = int(counted[name])
        print(f"How often does {stage} {ACTIONS[name]} in {scenario}? {guess}: "
              f"{judge(guess, truth)}")
        right += guess == truth
    print(f"{right} of {len(parsed)} right")
    return right == len(parsed)
