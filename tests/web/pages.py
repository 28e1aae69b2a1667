"""What every page of the archive must be, whatever it shows."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "hr", "wbr"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in its order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"<{tag}> says {name} twice" for name in names if names.count(name) > 1]
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]


def faults_of(html: str, lang: str) -> list[str]:
    """Everything that is wrong with a page, in words."""
    page = Page(html)
    faults = page.faults
    faults += [f"id {one} twice" for one in set(page.ids) if page.ids.count(one) > 1]
    if [one.get("lang") for one in page.all("html")] != [lang]:
        faults.append("wrong lang")
    if len(page.all("h1")) != 1:
        faults.append(f"{len(page.all('h1'))} h1")
    if not any(one.get("href") == "#main" for one in page.all("a")):
        faults.append("no skip link")
    labels = {one.get("for") for one in page.all("label")}
    for tag in ("input", "select", "textarea"):
        faults += [
            f"{tag} {field.get('name')} has no label"
            for field in page.all(tag)
            if field.get("type") not in ("hidden", "checkbox")
            and field.get("id") not in labels
            and "aria-label" not in field
        ]
    faults += ["inline style" for _, attributes in page.tags if "style" in attributes]
    faults += [
        f"inline handler {name}"
        for _, attributes in page.tags
        for name in attributes
        if name.startswith("on")
    ]
    faults += ["inline script" for one in page.all("script") if "src" not in one]
    faults += ["picture without alt" for one in page.all("img") if "alt" not in one]
    faults += ["form without token" for html in _forms(html) if 'name="csrf"' not in html]
    return faults


def _forms(html: str) -> list[str]:
    parts = html.split("<form")[1:]
    return [part.split("</form>")[0] for part in parts if 'method="post"' in part.split(">")[0]]
