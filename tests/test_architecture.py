"""The import rule of the house, its outer walls, and a few habits, read off the syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.suites import ROOT

PACKAGE = ROOT / "birdwatch"

# Which layers each layer may import, besides itself. `settings` is a leaf that all but domain read.
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "imaging": {"domain"},
    "storage": {"domain"},
    "exchange": {"domain"},
    "intake": {"domain", "imaging", "storage"},
    "worker": {"domain", "storage", "intake"},
    "http": {"domain", "storage"},
    "api": {"domain", "storage", "intake", "exchange", "http"},
    "web": {"domain", "storage", "intake", "exchange", "http"},
    "delivery": {"domain", "storage", "intake", "exchange", "http", "imaging"},
    "settings": {"domain"},
    "client": set(),
}
IMPORTS_EVERYTHING = {"app", "cli", "__main__"}
LEAF = "settings"
LEAFLESS = {"domain", "client"}  # the client is of use without the server

# The only users of a package from outside.
WALLS: dict[str, set[str]] = {
    "PIL": {"imaging"},
    "pillow_heif": {"imaging"},
    "exifread": {"imaging"},
    "thumbhash": {"imaging"},
    "tortoise": {"storage"},
    "aiosqlite": {"storage"},
    "asyncpg": {"storage"},
    "sqlite3": {"storage"},
    "starlette": {"http", "api", "web", "delivery", "app"},
    "jinja2": {"web"},
    "argon2": {"http"},
    "webauthn": {"http"},
    "authlib": {"http"},
    "joserfc": {"http"},
    "typer": {"cli"},
    "rich": {"cli"},
    "astral": {"domain"},
    "uvicorn": {"cli"},
    "httpx": {"client"},
}
# Of the standard library, what a domain module must not touch: no I/O, no clock, no loop.
NOT_IN_DOMAIN = {
    "asyncio",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
# From outside, what a domain module may use: pure computation, without I/O or clock of ours.
PURE_PACKAGES = {"astral"}
# Imported inside a function, since an installation may do without them.
OPTIONAL = {"asyncpg", "authlib", "joserfc", "uvloop"}

# Where an exception of any kind may end: the top handler, the loops over jobs, rows and files.
EDGES = {"app", "cli", "http", "imaging", "intake", "worker"}

SHAPELESS_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
LONGEST_FUNCTION_LINES = 60


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Each imported module by its full name, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package.split(".")[: -node.level], base]).rstrip(".")
            yield node.lineno, base
            if base == "birdwatch":
                for alias in node.names:
                    yield node.lineno, f"birdwatch.{alias.name}"


def imports_of(path: Path) -> list[tuple[int, str]]:
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return list(imported(tree_of(path), package))


def test_layers_import_only_what_the_design_allows() -> None:
    broken = []
    for path in modules():
        layer = layer_of(path)
        if layer in IMPORTS_EVERYTHING or layer == "__init__":
            continue
        allowed = MAY_IMPORT[layer] | {layer} | ({LEAF} if layer not in LEAFLESS else set())
        for line, name in imports_of(path):
            parts = name.split(".")
            if parts[0] != "birdwatch" or len(parts) == 1:
                continue
            target = parts[1]
            if target not in allowed and target != "__version__":
                broken.append(f"{name_of(path)}:{line} imports birdwatch.{target}")
    assert broken == []


def test_every_layer_is_known_to_the_rule() -> None:
    layers = {layer_of(path) for path in modules()} - IMPORTS_EVERYTHING - {"__init__"}
    assert layers - set(MAY_IMPORT) == set()


def test_outside_packages_stay_behind_their_walls() -> None:
    broken = []
    for path in modules():
        layer = layer_of(path)
        for line, name in imports_of(path):
            top = name.split(".")[0]
            inside = WALLS.get(top)
            if inside is None or layer in inside:
                continue
            broken.append(f"{name_of(path)}:{line} imports {top}")
    assert broken == []


def test_domain_is_pure() -> None:
    broken = []
    for path in sorted((PACKAGE / "domain").rglob("*.py")):
        for line, name in imports_of(path):
            top = name.split(".")[0]
            is_pure = top in PURE_PACKAGES or (
                top in sys.stdlib_module_names and top not in NOT_IN_DOMAIN
            )
            if not is_pure and top != "birdwatch":
                broken.append(f"{name_of(path)}:{line} imports {name}")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                broken.append(f"{name_of(path)}:{node.lineno} waits")
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"now", "today", "utcnow"}
            ):
                broken.append(f"{name_of(path)}:{node.lineno} reads the clock")
    assert broken == []


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_import_inside_a_function() -> None:
    broken = []
    for path in modules():
        package = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for function in functions(tree_of(path)):
            for line, name in imported(function, package):
                if name.split(".")[0] not in OPTIONAL:
                    broken.append(f"{name_of(path)}:{line} imports {name} in {function.name}")
    assert broken == []


def test_functions_fit_on_a_screen() -> None:
    broken = []
    for path in modules():
        for function in functions(tree_of(path)):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > LONGEST_FUNCTION_LINES:
                broken.append(
                    f"{name_of(path)}:{function.lineno} {function.name} has {lines} lines"
                )
    assert broken == []


def test_no_file_has_a_shapeless_name() -> None:
    broken = [name_of(path) for path in modules() if path.stem in SHAPELESS_NAMES]
    assert broken == []


def test_every_module_says_why_it_exists() -> None:
    broken = [
        name_of(path)
        for path in modules()
        if tree_of(path).body and ast.get_docstring(tree_of(path)) is None
    ]
    assert broken == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether it takes any exception and does not pass it on."""
    is_broad = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )
    return is_broad and not any(
        isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler)
    )


def test_everything_is_caught_only_at_the_edges() -> None:
    broken = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        if layer_of(path) not in EDGES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    ]
    assert broken == []
