"""The one door for picture bytes: who gets what, and what the answer says of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import anyio
import httpx
import pytest
from PIL import Image

from birdwatch.delivery.bytes import disposition
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor
from birdwatch.intake.photo_intake import PhotoRequest
from birdwatch.storage.jobs import pending
from tests.intake.archives import send
from tests.pictures import make_jpeg
from tests.service import Service, running

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(900, 600, gps=(40.6648, 122.1412))


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    async with running(tmp_path / "home", database_url) as service:
        yield service


async def uploaded(service: Service, name: str = "夕阳 1.heic") -> tuple[Photo, httpx.AsyncClient]:
    """A rendered photo, and its owner's client."""
    owner = await service.add_person("lin")
    actor = Actor(owner.id, owner.role, None, "lin", "trusted")
    receipt = await send(service.archive, PHOTO, PhotoRequest(file_name=name), actor=actor)
    with anyio.fail_after(60):  # the service's own worker makes the renditions
        while await pending(service.archive.db):
            await anyio.sleep(0.02)
    return receipt.photo, await service.token_client(owner, "read")


async def test_rendition_is_sent_to_everyone_and_kept_for_an_hour(service: Service) -> None:
    photo, _ = await uploaded(service)
    answer = await service.visitor.get(f"/media/{photo.id}/320.webp")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    with Image.open(BytesIO(answer.content)) as picture:
        assert (picture.size, picture.format) == ((320, 213), "WEBP")
        assert "exif" not in picture.info
    jpeg = await service.visitor.get(f"/media/{photo.id}/2048.jpg")
    assert (jpeg.status_code, jpeg.headers["content-type"]) == (200, "image/jpeg")


async def test_known_tag_gets_no_bytes(service: Service) -> None:
    photo, _ = await uploaded(service)
    url = f"/media/{photo.id}/320.webp"
    tag = (await service.visitor.get(url)).headers["etag"]
    for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await service.visitor.get(url, headers={"If-None-Match": given})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    answer = await service.visitor.get(url, headers={"If-None-Match": '"other"'})
    assert answer.status_code == 200


async def test_tags_tell_nothing_of_the_original(service: Service) -> None:
    photo, _ = await uploaded(service)
    answer = await service.visitor.get(f"/media/{photo.id}/320.webp")
    told = str(answer.headers)
    assert photo.sha256[:16] not in told
    assert "heic" not in told


async def test_head_and_ranges_are_answered(service: Service) -> None:
    photo, _ = await uploaded(service)
    url = f"/media/{photo.id}/320.webp"
    whole = await service.visitor.get(url)
    head = await service.visitor.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    part = await service.visitor.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    beyond = await service.visitor.get(url, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "/media/{id}/100.webp",
        "/media/{id}/320.jpg",
        "/media/{id}/320.png",
        "/media/{id}/320",
        "/media/{id}/../../birdwatch.db",
        "/media/{id}/%2e%2e%2fbirdwatch.db",
        "/media/0000000000000000/320.webp",
        "/media/..%2f..%2fetc/passwd",
        "/media/x/original",
        "/media/0000000000000000/original",
        "/media/{id}/original",
    ],
)
async def test_anything_else_is_not_found(service: Service, path: str) -> None:
    photo, _ = await uploaded(service)
    answer = await service.visitor.get(path.format(id=photo.id))
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


async def test_nul_in_the_address_is_refused(service: Service) -> None:
    answer = await service.visitor.get("/media/0000000000000000/320.webp%00")
    assert answer.status_code == 400


async def test_original_is_for_its_owner(service: Service) -> None:
    photo, owner = await uploaded(service)
    answer = await owner.get(f"/media/{photo.id}/original")
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"__ 1.jpg\"; filename*=UTF-8''%E5%A4%95%E9%98%B3%201.jpg"
    )


async def test_original_is_for_admins_and_nobody_else(service: Service) -> None:
    photo, _ = await uploaded(service)
    url = f"/media/{photo.id}/original"
    admin = await service.token_client(await service.add_person("chief", "admin"), "read")
    other = await service.token_client(await service.add_person("shen"), "read")
    assert (await admin.get(url)).status_code == 200
    assert (await other.get(url)).status_code == 404


async def test_token_without_read_gets_no_original(service: Service) -> None:
    photo, _ = await uploaded(service)
    owner = await service.add_person("chief", "admin")
    uploader = await service.token_client(owner, "upload")
    assert (await uploader.get(f"/media/{photo.id}/original")).status_code == 404


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.jpg", "attachment; filename=\"a.jpg\"; filename*=UTF-8''a.jpg"),
        (
            'a"\r\nb.jpg',
            "attachment; filename=\"a___b.jpg\"; filename*=UTF-8''a%22%0D%0Ab.jpg",
        ),
    ],
)
def test_disposition_is_one_safe_line(name: str, header: str) -> None:
    assert disposition(name) == header
