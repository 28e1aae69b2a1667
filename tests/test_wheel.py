"""A wheel built from the tree is the whole archive: it serves from an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.serving import serving, variables
from tests.suites import ROOT, needs

BUILT = ROOT / "birdwatch" / "web" / "static" / "built"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this tree is installed, without what it depends on."""
    needs(find_spec("hatchling"), "hatchling to build a wheel")
    needs(BUILT.is_dir(), "the built client files (npm ci && npm run build)")
    wheels = tmp_path_factory.mktemp("wheels")
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    [wheel] = wheels.glob("birdwatch-*.whl")
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--target", str(target), str(wheel))
    return target


def pip(command: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--no-deps", "--no-index", *arguments],
        check=True,
    )


@contextmanager
def serving_installed(installed: Path, folder: Path) -> Iterator[httpx.Client]:
    """The installed command, serving from this folder, and a client of it."""
    command = [installed / "bin" / "birdwatch"]
    environment = variables(PYTHONPATH=str(installed))
    with (
        serving(environment, command=command, folder=folder) as served,
        httpx.Client(base_url=served.base, trust_env=False) as client,
    ):
        yield client


def test_wheel_is_what_python_finds(installed: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import birdwatch; print(birdwatch.__file__)"],
        cwd=tmp_path,
        env=variables(PYTHONPATH=str(installed)),
        capture_output=True,
        check=True,
        text=True,
    )
    assert Path(found.stdout.strip()) == installed / "birdwatch" / "__init__.py"


def test_wheel_serves_pages_client_files_species_and_sites(installed: Path, tmp_path: Path) -> None:
    with serving_installed(installed, tmp_path) as client:
        page = client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        files = sorted(set(re.findall(r'"(/static/[^"#]+)"', page.text)))
        assert len(files) > 1
        assert {file: client.get(file).status_code for file in files} == dict.fromkeys(files, 200)
        species = client.get("/api/v1/species", params={"limit": 500}).json()["items"]
        assert "grekno" in {row["code"] for row in species}
        sites = client.get("/api/v1/sites").json()["items"]
        assert len(sites) >= 6
