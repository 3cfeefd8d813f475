"""What a test sees of an HTML page, and what each page must keep to."""

from html.parser import HTMLParser
from typing import Any

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNLABELLED_TYPES = {"hidden", "submit", "button", "reset", "image"}


class Page(HTMLParser):
    """A parsed page: its headings, title, forms, links and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.headings: list[str] = []
        self.title = ""
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inputs: list[dict[str, str | None]] = []
        self.label_for: set[str] = set()
        self.guard: dict[str, str] = {}
        self.inline: list[str] = []
        self.words: list[str] = []
        self._open: list[tuple[str, dict[str, Any]]] = []
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag == "label" and given.get("for"):
            self.label_for.add(str(given["for"]))
        if tag in ("input", "select", "textarea"):
            given["_in_label"] = "yes" if any(name == "label" for name, _ in self._open) else None
            self.inputs.append(given)
            if given.get("type") == "hidden" and given.get("name") in ("csrf_token", "membership"):
                self.guard[str(given["name"])] = str(given.get("value"))
        if tag == "script" and "src" not in given:
            self.inline.append("script")
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "h1":
            self.headings.append("")
        if tag not in VOID:
            self._open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, _ = self._open.pop()
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        inside = [name for name, _ in self._open]
        if "script" in inside or "style" in inside:
            return
        if "title" in inside and "svg" not in inside:
            self.title += data
            return
        if "h1" in inside:
            self.headings[-1] += data
        self.words.append(data)

    @property
    def checked(self) -> set[str]:
        """The ids of what is ticked."""
        return {str(given.get("id")) for given in self.inputs if "checked" in given}

    @property
    def unlabelled(self) -> list[dict[str, str | None]]:
        return [
            given
            for given in self.inputs
            if (given.get("type") or "text") not in UNLABELLED_TYPES
            and not given.get("aria-label")
            and not given.get("aria-labelledby")
            and not given.get("_in_label")
            and given.get("id") not in self.label_for
        ]

    def inspect(self) -> None:
        """One h1 that begins the title, unique ids, labelled inputs, nothing inline (strict CSP)."""
        headings = [" ".join(heading.split()) for heading in self.headings]
        title = " ".join(self.title.split())
        assert len(headings) == 1, f"a page has one h1, this one {headings}"
        assert title.removeprefix("错误：").removeprefix("Error: ").startswith(headings[0]), (
            title,
            headings[0],
        )
        repeated = {each for each in self.ids if self.ids.count(each) > 1}
        assert not repeated, f"ids stand twice: {repeated}"
        assert not self.unlabelled, f"inputs without a label: {self.unlabelled}"
        assert not self.inline, f"inline script or style: {self.inline}"
