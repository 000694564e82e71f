"""book.py - checks the HTML of the book.

usage: book.py BOOK links | outputs

links    every link and anchor resolves, and no page needs another site
outputs  the fences of each page are those of its Markdown

Prints a line for each thing that is wrong, then a count, and exits with 1 if
there is one.
"""
import html.parser
import os
import sys
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "scripts"))
from iomux.book_pages import name_of  # noqa: E402
from iomux.pages import all_pages, read_page  # noqa: E402

LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href"}


class Page(html.parser.HTMLParser):
    """The anchors, links and fences of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loads, self.fences = set(), [], [], []
        self.article = self.inside = 0
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors.update(filter(None, (found.get("id"), found.get("name"))))
        where = found.get(LOADS.get(tag, "href"))
        if where:
            (self.loads if tag in LOADS else self.links).append(where)
        self.article += tag == "article"
        if tag == "pre" and self.article:
            self.inside = 1
            self.fences.append("")

    def handle_endtag(self, tag):
        self.article -= tag == "article"
        if tag == "pre":
            self.inside = 0

    def handle_data(self, data):
        if self.inside:
            self.fences[-1] += data


def read_book(book):
    paths = [os.path.join(where, name) for where, _, names in os.walk(book)
             for name in names if name.endswith(".html")]
    return {os.path.relpath(path, book): Page(path) for path in sorted(paths)}


def links(book, pages):
    """Returns what is wrong, and how many links there are."""
    wrong, count = [], 0
    for path, page in pages.items():
        for link in page.loads + page.links:
            count += 1
            if link.startswith("data:"):
                continue
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads:
                    wrong.append(f"{path}: it loads {link}")
                continue
            there = os.path.normpath(os.path.join(
                os.path.dirname(path), urllib.parse.unquote(parts.path))) \
                if parts.path else path
            anchor = urllib.parse.unquote(parts.fragment)
            if not os.path.isfile(os.path.join(book, there)):
                wrong.append(f"{path}: there is no {link}")
            elif anchor and anchor not in pages[there].anchors:
                wrong.append(f"{path}: there is no anchor {link}")
    return wrong, count


def outputs(_, pages):
    """Returns what is wrong, and how many fences there are. A page also has
    code that is indented, which no fence is compared with."""
    wrong, count = [], 0
    for path in all_pages():
        made = iter(text.rstrip("\n")
                    for text in pages[name_of(path) + ".html"].fences)
        for fence in read_page(path).fences:
            count += 1
            if "\n".join(fence.body).rstrip("\n") not in made:
                wrong.append(f"{fence.place}: the book does not have this fence")
                break
    return wrong, count


def main(book, check):
    wrong, count = {"links": links, "outputs": outputs}[check](
        book, read_book(book))
    for sentence in wrong:
        print(sentence)
    print(f"{count} {check}, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
