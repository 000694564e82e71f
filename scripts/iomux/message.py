"""message.py - how a trace shows the bytes of a message: escaped and cut."""
import re

SHOWN = 32  # bytes of a message that a trace shows
LETTERS = dict(zip("abtnvfr\\", "\a\b\t\n\v\f\r\\"))
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([abtnvfr\\]))")


def unescape(msg):
    """Returns the bytes that msg shows, as a string of latin-1, and the number
    of bytes that it leaves out."""
    cut = re.fullmatch(r"(.*)\.\.\. \(\+([0-9]{1,18})\)", msg)
    # A short message may end in such words itself.
    if cut is not None and len(shown(cut[1])) == SHOWN:
        return shown(cut[1]), int(cut[2])
    return shown(msg), 0


def shown(text):
    """Returns the bytes that a text with escapes stands for."""
    return ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1]
        else LETTERS[found[2]], text)


def escape(text, size):
    """Returns the msg of a message of size bytes that begins with text."""
    names = {value: "\\" + key for key, value in LETTERS.items()}
    msg = "".join(
        names.get(c) or (c if " " <= c <= "~" else f"\\x{ord(c):02x}")
        for c in text[:min(size, SHOWN)])
    return msg + (f"... (+{size - SHOWN})" if size > SHOWN else "")


def plain(text, most=200):
    """Returns a text that does not control the terminal, cut to most."""
    return "".join(c if " " <= c <= "~" else
                   f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"
                   for c in text[:most])[:most]
