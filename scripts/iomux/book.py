"""book.py - builds the text as a site, with Debian's Sphinx.

book_pages.py writes the pages, and book/conf.py is Sphinx's configuration.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from . import environment
from .book_pages import write_pages
from .book_theme import mend_theme, shrink
from .pages import all_pages, read_page
from .program import TOP, Trouble
from .step_pages import FOLDER, PAGES

BOOK = os.path.join(TOP, "build", "book")
MODULES = os.path.join(TOP, "build", "npm", "node_modules")
CONFIGURATION = os.path.join(TOP, "scripts", "iomux", "book")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LIMIT = 600  # seconds


def note(sentence):
    print(f"book: {sentence}", file=sys.stderr, flush=True)


def run(command, **more):
    """Runs a program. Returns its status and what it wrote."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True,
            timeout=environment.time_limit(LIMIT), **more)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{command[0]} has not ended in time") from None
    return done.returncode, done.stdout, done.stderr


def missing_for_diagrams():
    """Returns a program or module that is missing, or None."""
    if shutil.which("node") is None:
        return "node"
    if not any(shutil.which(name) for name in BROWSERS):
        return "chromium"
    for module in ("mermaid", "playwright-core"):
        if not os.path.isdir(os.path.join(MODULES, module)):
            return f"npm's module {module}"
    return None


def draw_diagrams():
    """Returns the Mermaid diagrams of the text as pairs of SVGs."""
    texts = ["\n".join(fence.body) for path in all_pages()
             for fence in read_page(path).fences if fence.lang == "mermaid"]
    missing = missing_for_diagrams()
    if missing:
        note(f"{len(texts)} diagrams skipped: they stay text, because "
             f"{missing} is missing; scripts/setup book installs it")
        return {}
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    status, out, errors = run(
        ["node", os.path.join(CONFIGURATION, "diagrams.mjs"), MODULES, browser],
        input=json.dumps(texts))
    if status:
        lines = errors.strip().splitlines() or ["node failed"]
        reason = next((x for x in lines if "Error" in x), lines[-1])
        raise Trouble(f"cannot draw the diagrams: {reason.strip()}")
    return dict(zip(texts, json.loads(out)))


def write_step_pages():
    status, _, errors = run([os.path.join(TOP, "scripts", "step"), "--all"])
    if status:
        raise Trouble(f"scripts/step --all failed: {errors.strip()}")


def sphinx(pages, folder, out):
    status, _, errors = run(
        ["sphinx-build", "-q", "-W", "--keep-going", "-E", "-j", "2",
         "-c", CONFIGURATION, "-d", os.path.join(folder, "doctrees"),
         pages, out])
    if status:
        print(errors.replace(pages + os.sep, ""), end="", file=sys.stderr)
        raise Trouble("Sphinx has found what the lines above name")


def size_of(folder):
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(folder) for name in names)


def build(out):
    """Builds the site into a folder, which it replaces when it is whole."""
    if os.path.lexists(out) and not os.path.exists(
            os.path.join(out, "_static", "book.css")):
        raise Trouble(f"{out} exists, and is not a book")
    if shutil.which("sphinx-build") is None:
        raise Trouble("sphinx-build is missing; scripts/setup book installs it")
    diagrams = draw_diagrams()
    write_step_pages()
    parent = os.path.dirname(out)
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="book-", dir=parent) as folder:
        pages, new = os.path.join(folder, "pages"), os.path.join(folder, "new")
        texts, sources = write_pages(pages, diagrams)
        sphinx(pages, folder, new)
        mend_theme(os.path.join(new, "_static"))
        shrink(new)
        for page in PAGES:
            shutil.copy(os.path.join(FOLDER, page.name + ".html"),
                        os.path.join(new, "step"))
        if os.path.isdir(out):
            os.rename(out, os.path.join(folder, "old"))
        os.rename(new, out)
    shown = os.path.relpath(os.path.join(out, "index.html"))
    print(f"{shown}: {texts} pages of text, {sources} sources, "
          f"{len(diagrams)} diagrams, {len(PAGES)} step pages, "
          f"{size_of(out) / 1e6:.1f} MB")
