from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.credit import Credit, parse_credit, photographer, render_credit

XU_AND_GUO = Credit((("text", "徐鑫"), ("photo", "国颖")))


@pytest.mark.parametrize(
    "line",
    [
        "文/徐鑫 摄/国颖",
        "文／徐鑫　摄／国颖",
        "文：徐鑫 摄影：国颖",
        "文/徐鑫摄/国颖",
        "徐鑫 文 国颖 摄",
        "撰文:徐鑫;摄影:国颖",
        "Text: 徐鑫; Photo: 国颖",
        "（文/徐鑫 摄/国颖）",
    ],
)
def test_parse_credit_reads_the_ways_it_is_printed(line: str) -> None:
    assert parse_credit(line) == XU_AND_GUO


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("国颖", (("photo", "国颖"),)),
        ("国颖 摄", (("photo", "国颖"),)),
        ("国颖摄", (("photo", "国颖"),)),
        ("Photo: Guo Ying", (("photo", "Guo Ying"),)),
        ("photo by: Guo  Ying", (("photo", "Guo Ying"),)),
        ("摄/国颖、张三", (("photo", "国颖"), ("photo", "张三"))),
        ("文/图 徐鑫", (("text", "徐鑫"), ("picture", "徐鑫"))),
        ("图文/徐鑫", (("text", "徐鑫"), ("picture", "徐鑫"))),
        ("供图/李四", (("supplied", "李四"),)),
        ("编辑/王五 制图/赵六", (("editor", "王五"), ("graphic", "赵六"))),
        ("摄/李文", (("photo", "李文"),)),
        ("阿卜杜拉·买买提", (("photo", "阿卜杜拉·买买提"),)),
        ("摄/国颖 摄/国颖", (("photo", "国颖"),)),
        ("", ()),
        (" \t ", ()),
    ],
)
def test_parse_credit_gives_each_name_its_role(
    line: str, parts: tuple[tuple[str, str], ...]
) -> None:
    assert parse_credit(line) == Credit(parts)


def test_render_credit_is_the_press_form_of_each_language() -> None:
    assert render_credit(XU_AND_GUO, "zh") == "文/徐鑫 摄/国颖"
    assert render_credit(XU_AND_GUO, "en") == "Text: 徐鑫; Photo: 国颖"
    two = Credit((("photo", "国颖"), ("photo", "张三"), ("supplied", "李四")))
    assert render_credit(two, "zh") == "摄/国颖、张三 供图/李四"
    assert render_credit(two, "en") == "Photo: 国颖, 张三; Courtesy of: 李四"
    assert render_credit(Credit(), "zh") == ""


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ((("text", "徐鑫"), ("photo", "国颖"), ("photo", "张三")), "国颖"),
        ((("picture", "徐鑫"), ("supplied", "李四")), "徐鑫"),
        ((("supplied", "李四"),), "李四"),
        ((("text", "徐鑫"),), ""),
        ((), ""),
    ],
)
def test_photographer_is_who_took_the_picture(
    parts: tuple[tuple[str, str], ...], name: str
) -> None:
    assert photographer(Credit(parts)) == name


ROLES = ("text", "photo", "picture", "supplied", "editor", "graphic")
names = st.text(st.sampled_from("国颖徐鑫李四ABCdef"), min_size=2, max_size=6)
credit_lines = st.dictionaries(
    st.sampled_from(ROLES), st.lists(names, min_size=1, max_size=4, unique=True)
).map(lambda by_role: Credit(tuple((r, n) for r, many in by_role.items() for n in many)))


@given(credit_lines)
def test_a_rendered_credit_is_read_back(credit: Credit) -> None:
    assert parse_credit(render_credit(credit, "zh")) == credit
    assert parse_credit(render_credit(credit, "en")) == credit


@given(st.text(max_size=200))
def test_parse_credit_takes_any_text(text: str) -> None:
    line = render_credit(parse_credit(text))
    assert "\n" not in line
    assert "\0" not in line
