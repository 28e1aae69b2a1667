from __future__ import annotations

import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from birdwatch.api.describe import document
from birdwatch.api.operations import PREFIX
from birdwatch.api.routes import OPERATIONS
from tests.service import Service

pytestmark = pytest.mark.anyio


def test_document_is_valid_openapi() -> None:
    described = json.loads(json.dumps(document(OPERATIONS, "zh")))
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []


async def test_document_holds_every_operation(service: Service) -> None:
    response = await service.visitor.get("/api/v1/openapi.json")
    described = response.json()["paths"]
    found = {
        (method.upper(), path.removeprefix(PREFIX))
        for path, methods in described.items()
        for method in methods
        if not path.endswith(".csv")
    }
    assert found == {(operation.method, operation.path) for operation in OPERATIONS}
    etag = {"If-None-Match": response.headers["etag"]}
    again = await service.visitor.get("/api/v1/openapi.json", headers=etag)
    assert again.status_code == 304


async def test_names_promised_are_in_the_document(service: Service) -> None:
    schemas = (await service.visitor.get("/api/v1/openapi.json")).json()["components"]["schemas"]
    promised = {
        "Photo": "id state taken_at time_source time_confidence position site season phase dekad"
        " camera species caption credit license width height renditions sha256",
        "Position": "latitude longitude source confidence",
        "Survey": "id site start end observers protocol complete tide sightings",
        "Sighting": "id species low best high method note photos",
        "Counts": "items rule window dataset_version next",
        "CountItem": "species site day dekad season count surveys",
        "Problem": "type title status detail errors",
        "FieldProblem": "field message",
    }
    missing = {
        kind: sorted(set(names.split()) - set(schemas[kind]["properties"]))
        for kind, names in promised.items()
    }
    assert missing == {kind: [] for kind in promised}


@pytest.mark.parametrize(
    ("lang", "title"), [("zh", "birdwatch 数据接口"), ("en", "The birdwatch API")]
)
async def test_docs_are_one_page_that_needs_nothing_else(
    service: Service, lang: str, title: str
) -> None:
    response = await service.visitor.get(f"/api/v1/docs?lang={lang}")
    page = response.text
    assert f"<title>{title}</title>" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "http://" not in page.replace("http://birds.test", "")
    assert page.count("<details>") == len(OPERATIONS)
