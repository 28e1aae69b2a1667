"""Reading what callers ask and send: strictly, naming every field that is wrong, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import inspect
from starlette.requests import Request

from birdwatch.domain.errors import (
    FieldError,
    InvalidInputError,
    MalformedError,
    UnsupportedMediaError,
)
from birdwatch.domain.text import Text

Q = TypeVar("Q", bound=msgspec.Struct)


def read_query(request: Request, kind: type[Q]) -> Q:
    """The query of the request. Raises InvalidInputError for unknown names and unfit values."""
    return read_pairs(request.query_params.multi_items(), kind)


def read_pairs(pairs: Iterable[tuple[str, str]], kind: type[Q]) -> Q:
    """A struct out of names and texts. An empty text counts as not given."""
    infos = {info.encode_name: info for info in msgspec.structs.fields(kind)}
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    values: dict[str, object] = {}
    errors: list[FieldError] = []
    for name, texts in given.items():
        info = infos.get(name)
        if info is None:
            errors.append(_unknown(name, infos))
            continue
        filled = [text for text in texts if text]
        if filled:
            _convert(name, filled, info, values, errors)
    _refuse(errors)
    return kind(**values)


def _convert(
    name: str,
    texts: list[str],
    info: msgspec.structs.FieldInfo,
    values: dict[str, object],
    errors: list[FieldError],
) -> None:
    is_many = isinstance(inspect.type_info(info.type), inspect.VarTupleType)
    if len(texts) > 1 and not is_many:
        message = Text(f"参数 {name} 只能出现一次。", f"Give {name} only once.")
        errors.append(FieldError(name, message))
        return
    try:
        values[info.name] = msgspec.convert(texts if is_many else texts[0], info.type, strict=False)
    except (msgspec.ValidationError, ValueError):
        errors.append(FieldError(name, _expected(info.type)))


def _unknown(name: str, known: Iterable[str]) -> FieldError:
    names = ", ".join(known)
    shown = name[:60]
    return FieldError(
        shown,
        Text(f"没有名为“{shown}”的参数。可用：{names}。", f"There is no “{shown}”. Use {names}."),
        "unknown",
    )


def _expected(kind: object) -> Text:
    """What a value of this type looks like, in words."""
    info = inspect.type_info(kind)
    if isinstance(info, inspect.UnionType):
        info = next(t for t in info.types if not isinstance(t, inspect.NoneType))
    if isinstance(info, inspect.VarTupleType):
        info = info.item_type
    if isinstance(info, inspect.LiteralType):
        names = ", ".join(str(value) for value in info.values)
        return Text(f"只能是：{names}。", f"Must be one of {names}.")
    if isinstance(info, inspect.IntType):
        return Text(
            f"应为 {info.ge} 到 {info.le} 的整数。",
            f"Must be a whole number from {info.ge} to {info.le}.",
        )
    if isinstance(info, inspect.DateType):
        return Text(
            "应为真实存在的日期，如 2026-04-12。", "Must be a date that exists, like 2026-04-12."
        )
    if isinstance(info, inspect.BoolType):
        return Text("应为 1 或 0。", "Must be 1 or 0.")
    most = getattr(info, "max_length", None)
    return Text(f"文字过长（最多 {most} 个字符）。", f"Too long: at most {most} characters.")


async def read_json(request: Request, kind: type[msgspec.Struct]) -> dict[str, object]:
    """The JSON object of the body, its names held to those of `kind`; values are checked later.

    Raises UnsupportedMediaError, MalformedError or InvalidInputError.
    """
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise UnsupportedMediaError(
            "body.not_json",
            zh="请以 Content-Type: application/json 发送 JSON。",
            en="Send JSON with Content-Type: application/json.",
        )
    body = await request.body()
    errors: list[FieldError] = []
    try:
        value = msgspec.json.decode(body)
        if isinstance(value, dict):
            _check_names(value, kind, "", errors)
            _check_texts(value, "", errors)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedError(
            "body.json",
            zh="请求内容不是有效的 UTF-8 JSON。请检查引号、逗号和编码。",
            en="The body is not valid JSON in UTF-8. Check quotes, commas and the encoding.",
        ) from None
    if not isinstance(value, dict):
        raise MalformedError(
            "body.object", zh="请求内容应为一个 JSON 对象。", en="The body must be a JSON object."
        )
    _refuse(errors)
    return value


def _check_names(
    value: Mapping[str, object], kind: type[msgspec.Struct], path: str, errors: list[FieldError]
) -> None:
    infos = {info.encode_name: info for info in msgspec.structs.fields(kind)}
    for name, inner in value.items():
        if name not in infos:
            unknown = _unknown(name, infos)
            errors.append(FieldError(path + unknown.field, unknown.message, unknown.code))
            continue
        nested = _struct_within(infos[name].type)
        if nested is None:
            continue
        if isinstance(inner, dict):
            _check_names(inner, nested, f"{path}{name}.", errors)
        elif isinstance(inner, list):
            for index, item in enumerate(inner):
                if isinstance(item, dict):
                    _check_names(item, nested, f"{path}{name}[{index}].", errors)


def _struct_within(kind: object) -> type[msgspec.Struct] | None:
    info = inspect.type_info(kind)
    types = info.types if isinstance(info, inspect.UnionType) else (info,)
    for option in types:
        inner = option.item_type if isinstance(option, inspect.ListType) else option
        if isinstance(inner, inspect.StructType):
            return inner.cls
    return None


def _check_texts(value: object, path: str, errors: list[FieldError]) -> None:
    """Refuse NUL characters, which databases cannot store."""
    if isinstance(value, str) and "\x00" in value:
        message = Text("文字中不能有 NUL 字符。", "The text must not hold a NUL character.")
        errors.append(FieldError(path, message))
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_texts(inner, f"{path}.{name}".lstrip("."), errors)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_texts(inner, f"{path}[{index}]", errors)


def read_fields(fields: str | None, kind: type[msgspec.Struct]) -> tuple[str, ...] | None:
    """The names in `fields=a,b`, held to those of `kind`; None: all of them."""
    if not fields:
        return None
    known = kind.__struct_encode_fields__
    names = tuple(dict.fromkeys(name.strip() for name in fields.split(",") if name.strip()))
    _refuse(
        [
            FieldError("fields", _unknown(name, known).message, "unknown")
            for name in names
            if name not in known
        ]
    )
    return names or None


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidInputError(
            "input.invalid",
            zh="请求中有无法接受的内容，详见 errors。",
            en="Some of the request cannot be taken; see errors.",
            errors=tuple(errors[:50]),
        )


def invalid(field: str, zh: str, en: str) -> InvalidInputError:
    """An error of one field."""
    return InvalidInputError(
        "input.invalid", zh=zh, en=en, errors=(FieldError(field, Text(zh, en)),)
    )
