"""seeds.py - fills the places of a scenario that depend on a seed.

  {word} {word2}...    some letters; {WORD} is the same word in capital letters
  {n} {n2}...          a number from 2 to 9
  {bytes} {bytes2}...  a number of bytes from 5,000 to 60,000

A place has one value in a file: what "c1 send "{word}"" sends, "c1 expect
"{word}"" expects."""
import random
import re

from .program import Trouble

PLACE = re.compile(r"\{(word|WORD|n|bytes)([0-9]?)\}")


def has_places(text):
    return PLACE.search(text) is not None


def fill(text, seed, name):
    """Returns the text with its places filled. The same seed and name give the
    same text."""
    def value(found):
        kind, number = found.groups()
        # A text as the seed of Random gives the same numbers everywhere.
        dice = random.Random(f"{seed} {name} {kind.lower()}{number}")
        if kind == "n":
            return str(dice.randint(2, 9))
        if kind == "bytes":
            return str(dice.randint(5000, 60000))
        word = "".join(dice.choice("abcdefghijklmnopqrstuvwxyz")
                       for _ in range(dice.randint(4, 9)))
        return word.upper() if kind == "WORD" else word

    return PLACE.sub(value, text)


def parse(word):
    """Returns the number of a seed that is given as text."""
    if re.fullmatch("[0-9]{1,9}", word) is None:
        raise Trouble(f"'{word}' is not a seed: give a whole number")
    return int(word)
