"""The credit line of the press: who wrote, who photographed (文/徐鑫 摄/国颖)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from birdwatch.domain.text import Locale

Role = Literal["text", "photo", "picture", "supplied", "editor", "graphic"]


@dataclass(frozen=True, slots=True)
class Credit:
    """Names by role, in order: role is one of text, photo, picture, supplied, editor, graphic."""

    parts: tuple[tuple[str, str], ...] = ()


# Each role with the mark it is printed with (zh, en), and the other marks it is read from.
_PRINTED: Final[dict[Role, tuple[str, str]]] = {
    "text": ("文", "Text"),
    "photo": ("摄", "Photo"),
    "picture": ("图", "Picture"),
    "supplied": ("供图", "Courtesy of"),
    "editor": ("编辑", "Editor"),
    "graphic": ("制图", "Graphic"),
}
_READ: Final[dict[str, Role]] = {
    "文": "text", "文字": "text", "撰文": "text", "撰稿": "text", "记者": "text",
    "text": "text", "words": "text", "story": "text", "by": "text",
    "摄": "photo", "摄影": "photo", "拍摄": "photo", "摄像": "photo",
    "photo": "photo", "photos": "photo", "photo by": "photo", "photos by": "photo",
    "photograph": "photo", "photography": "photo", "photographer": "photo",
    "图": "picture", "图片": "picture", "图/片": "picture", "照片": "picture",
    "picture": "picture", "pictures": "picture", "image": "picture", "images": "picture",
    "供图": "supplied", "courtesy of": "supplied", "courtesy": "supplied",
    "supplied by": "supplied",
    "编辑": "editor", "责编": "editor", "editor": "editor", "edited by": "editor",
    "制图": "graphic", "绘图": "graphic", "graphic": "graphic", "graphics": "graphic",
}  # fmt: skip
# One line may serve two roles: 文/图 徐鑫, 图文/徐鑫.
_JOINT: Final[dict[str, tuple[Role, ...]]] = {
    "图文": ("text", "picture"),
    "文图": ("text", "picture"),
    "文/图": ("text", "picture"),
    "图/文": ("text", "picture"),
    "文/摄": ("text", "photo"),
    "摄/文": ("text", "photo"),
    "文摄": ("text", "photo"),
    "摄影报道": ("text", "photo"),
    "text and photo": ("text", "photo"),
    "text and photos": ("text", "photo"),
}
_MARKS: Final = sorted((*_READ, *_JOINT), key=lambda mark: (-len(mark), mark))
# 摄/ may stand right behind a Chinese name; 文 may not, since names end in it.
_MARK: Final = re.compile(
    r"(?:(?:^|(?<=[\s,;、|()]))(?P<joint>文/图|图/文|文/摄|摄/文)(?:\s*[/:]\s*|\s+)"
    r"|(?:^|(?<=[\s,;、|()]))(?P<mark>" + "|".join(re.escape(m) for m in _MARKS) + r")\s*[/:]\s*"
    r"|(?<=[\u4e00-\u9fff])(?P<glued>摄影|摄|供图|制图)\s*[/:]\s*)",
    re.IGNORECASE,
)
# 国颖 摄, 国颖摄, 徐鑫 文 国颖 摄: the mark after the name.
_AFTER: Final = re.compile(
    r"(?P<name>[^/:]{2,}?)(?:\s+(?P<mark>摄影报道|摄影|摄|供图|制图|撰文|文)(?=\s|$)"
    r"|(?P<glued>摄影报道|摄影|摄|供图)$)"
)
_BETWEEN: Final = re.compile(r"\s*[、,;&|]\s*|\s+and\s+", re.IGNORECASE)
_EDGES: Final = " \t\r\n,;、|()"
MAX_LENGTH: Final = 500


def parse_credit(text: str) -> Credit:
    """The names of a credit line by role; a line without any mark is the photographer.

    Reads 文/徐鑫 摄/国颖, full-width ／ and ：, 摄影:国颖, 国颖 摄, Photo: Guo Ying.
    """
    line = _plain(text)
    marks = list(_MARK.finditer(line))
    if not marks:
        return Credit(tuple(_unmarked(line)))
    parts = list(_unmarked(line[: marks[0].start()])) if line[: marks[0].start()].strip() else []
    ends = [mark.start() for mark in marks[1:]] + [len(line)]
    for mark, end in zip(marks, ends, strict=True):
        names = _names(line[mark.end() : end])
        parts += [(role, name) for role in _roles(mark[mark.lastgroup or "mark"]) for name in names]
    return Credit(tuple(dict.fromkeys(parts)))


def render_credit(credit: Credit, locale: Locale = "zh") -> str:
    """文/徐鑫 摄/国颖, or Text: Xu Xin; Photo: Guo Ying. Empty for an empty credit."""
    by_role: dict[str, list[str]] = {}
    for role, name in credit.parts:
        by_role.setdefault(role, []).append(name)
    if locale == "zh":
        return " ".join(
            f"{_printed(role, 0)}/{'、'.join(names)}" for role, names in by_role.items()
        )
    return "; ".join(f"{_printed(role, 1)}: {', '.join(names)}" for role, names in by_role.items())


def photographer(credit: Credit) -> str:
    """Who took the picture: the first `photo`, else `picture`, else `supplied`; may be empty."""
    for wanted in ("photo", "picture", "supplied"):
        for role, name in credit.parts:
            if role == wanted:
                return name
    return ""


def _plain(text: str) -> str:
    """Full-width marks to plain ones, the middle dot of foreign names kept, one line."""
    clean = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    wide = str.maketrans({"／": "/", "：": ":", "；": ";", "，": ",", "（": "(", "）": ")",
                          "｜": "|", "＆": "&", "\u3000": " ", "∕": "/"})  # fmt: skip
    return clean.translate(wide).strip()[:MAX_LENGTH]


def _roles(mark: str) -> tuple[Role, ...]:
    key = mark.casefold()
    return _JOINT[key] if key in _JOINT else (_READ[key],)


def _names(text: str) -> list[str]:
    names = (name.strip(_EDGES) for name in _BETWEEN.split(text.strip(_EDGES)))
    return [" ".join(name.split()) for name in names if name]


def _unmarked(text: str) -> list[tuple[str, str]]:
    """Names without a mark before them: the mark may follow; else it is the photographer."""
    line = text.strip(_EDGES)
    parts: list[tuple[str, str]] = []
    end = 0
    for after in _AFTER.finditer(line):
        end = after.end()
        names = _names(after["name"])
        parts += [
            (role, name) for role in _roles(after[after.lastgroup or "mark"]) for name in names
        ]
    return parts + [("photo", name) for name in _names(line[end:])]


def _printed(role: str, language: int) -> str:
    for known, marks in _PRINTED.items():
        if known == role:
            return marks[language]
    return role
