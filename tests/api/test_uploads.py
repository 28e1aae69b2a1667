"""Resumable uploads over HTTP: every promise of tus 1.0.0 that the service makes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio
import httpx
import pytest

from birdwatch.api.uploads import EXTENSIONS
from tests.api.tus import (
    PIECE,
    TUS,
    UPLOADS,
    begin,
    checksum,
    metadata,
    offset_of,
    pieces,
    place_of,
    said,
    send,
)
from tests.pictures import make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(600, 400)
HALF = len(PHOTO) // 2
MOST = 4 * 1024 * 1024  # as the fixture sets it


@pytest.fixture
async def sender(service: Service) -> httpx.AsyncClient:
    person = await service.add_person("guoying")
    return await service.token_client(person, "upload", "read")


def left_over(service: Service) -> list[str]:
    return [path.name for path in (service.archive.blobs.home / "incoming").iterdir()]


async def test_abilities_are_told_to_everyone(service: Service) -> None:
    for address in (UPLOADS, f"{UPLOADS}/0123456789abcdef"):
        answer = await service.visitor.options(address)
        assert answer.status_code == 200
        assert answer.headers["tus-resumable"] == "1.0.0"
        assert answer.headers["tus-version"] == "1.0.0"
        assert answer.headers["tus-extension"] == ",".join(EXTENSIONS)
        assert answer.headers["tus-max-size"] == str(MOST)
        assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"


async def test_upload_in_pieces_becomes_a_photo(
    service: Service, sender: httpx.AsyncClient
) -> None:
    address = await begin(sender, len(PHOTO), filename="鸟浪.jpg", species="大滨鹬")
    assert await offset_of(sender, address) == 0
    first = await send(sender, address, 0, PHOTO[:HALF])
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(HALF))
    assert "birdwatch-photo" not in first.headers
    assert await offset_of(sender, address) == HALF
    state = (await sender.get(address)).json()
    assert (state["state"], state["offset"], state["length"]) == ("open", HALF, len(PHOTO))
    last = await send(sender, address, HALF, PHOTO[HALF:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(PHOTO)))
    photo = (await sender.get(last.headers["birdwatch-photo"])).json()
    assert photo["sha256"] == hashlib.sha256(PHOTO).hexdigest()
    assert (photo["original_name"], photo["species"]) == ("鸟浪.jpg", "grekno")
    state = (await sender.get(address)).json()
    assert (state["state"], state["photo"]) == ("done", f"/api/v1/photos/{photo['id']}")
    assert (state["waiting"], state["duplicate"], state["error"]) == (False, False, None)
    assert await offset_of(sender, address) == len(PHOTO)
    assert left_over(service) == []


async def test_head_tells_all_that_was_said(sender: httpx.AsyncClient) -> None:
    address = await begin(sender, len(PHOTO), filename="a b.jpg", empty="", note="鸟")
    answer = await sender.head(address, headers=TUS)
    assert answer.headers["upload-length"] == str(len(PHOTO))
    assert answer.headers["upload-metadata"] == metadata(filename="a b.jpg", empty="", note="鸟")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert parsedate_to_datetime(answer.headers["upload-expires"]) > datetime.now(UTC)


async def test_creation_takes_the_first_piece(sender: httpx.AsyncClient) -> None:
    headers = {**PIECE, "Upload-Length": str(len(PHOTO))}
    begun = await sender.post(UPLOADS, headers=headers, content=PHOTO[:HALF])
    assert (begun.status_code, begun.headers["upload-offset"]) == (201, str(HALF))
    last = await send(sender, begun.headers["location"], HALF, PHOTO[HALF:])
    assert last.headers["birdwatch-photo"].startswith("/api/v1/photos/")
    whole = await sender.post(UPLOADS, headers=headers, content=PHOTO)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, str(len(PHOTO)))
    assert whole.headers["birdwatch-photo"] == last.headers["birdwatch-photo"]
    state = (await sender.get(whole.headers["location"])).json()
    assert (state["state"], state["duplicate"]) == ("done", True)


async def test_length_may_be_told_late_and_only_once(sender: httpx.AsyncClient) -> None:
    begun = await sender.post(UPLOADS, headers={**TUS, "Upload-Defer-Length": "1"})
    address = begun.headers["location"]
    answer = await sender.head(address, headers=TUS)
    assert answer.headers["upload-defer-length"] == "1"
    assert "upload-length" not in answer.headers
    await send(sender, address, 0, PHOTO[:HALF])
    length = {"Upload-Length": str(len(PHOTO))}
    small = await send(sender, address, HALF, b"", **{"Upload-Length": "1"})
    assert said(small) == (400, "upload.length")
    await send(sender, address, HALF, b"", **length)
    other = await send(sender, address, HALF, b"", **{"Upload-Length": str(len(PHOTO) + 1)})
    assert said(other) == (400, "upload.length")
    last = await send(sender, address, HALF, PHOTO[HALF:], **length)
    assert last.headers["birdwatch-photo"].startswith("/api/v1/photos/")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_checksum_is_held_to_each_piece(sender: httpx.AsyncClient, algorithm: str) -> None:
    address = await begin(sender, len(PHOTO))
    first = PHOTO[:HALF]
    wrong = await send(
        sender, address, 0, first, **{"Upload-Checksum": checksum(first[:-1], algorithm)}
    )
    assert said(wrong) == (460, "upload.checksum")
    assert wrong.headers["tus-resumable"] == "1.0.0"
    assert await offset_of(sender, address) == 0
    for offset, data in ((0, first), (HALF, PHOTO[HALF:])):
        right = {"Upload-Checksum": checksum(data, algorithm)}
        last = await send(sender, address, offset, data, **right)
        assert last.status_code == 204
    assert last.headers["birdwatch-photo"].startswith("/api/v1/photos/")


async def test_parts_become_one_photo(service: Service, sender: httpx.AsyncClient) -> None:
    partial = {**PIECE, "Upload-Concat": "partial"}
    addresses = []
    for data in (PHOTO[:HALF], PHOTO[HALF:]):
        headers = {**partial, "Upload-Length": str(len(data))}
        begun = await sender.post(UPLOADS, headers=headers, content=data)
        addresses.append(place_of(begun))
        assert "birdwatch-photo" not in begun.headers
        state = await sender.head(addresses[-1], headers=TUS)
        assert state.headers["upload-concat"] == "partial"
    listed = f"final;{addresses[0]} http://birds.test{addresses[1]}"
    headers = {**TUS, "Upload-Concat": listed, "Upload-Metadata": metadata(filename="joined.jpg")}
    final = await sender.post(UPLOADS, headers=headers)
    assert final.status_code == 201, final.text
    photo = (await sender.get(final.headers["birdwatch-photo"])).json()
    assert photo["sha256"] == hashlib.sha256(PHOTO).hexdigest()
    assert photo["original_name"] == "joined.jpg"
    state = await sender.head(final.headers["location"], headers=TUS)
    assert state.headers["upload-concat"] == f"final;{' '.join(addresses)}"
    assert state.headers["upload-offset"] == str(len(PHOTO))
    more = await send(sender, final.headers["location"], len(PHOTO), b"x")
    assert said(more) == (403, "upload.final")
    assert (await sender.head(addresses[0], headers=TUS)).status_code == 404
    assert left_over(service) == []


async def test_parts_must_be_whole_and_ones_own(
    service: Service, sender: httpx.AsyncClient
) -> None:
    other = await service.token_client(await service.add_person("xu"), "upload")
    partial = {**PIECE, "Upload-Concat": "partial", "Upload-Length": str(HALF)}
    whole = await sender.post(UPLOADS, headers=partial, content=PHOTO[:HALF])
    half = await sender.post(UPLOADS, headers=partial, content=PHOTO[: HALF - 1])
    theirs = await other.post(UPLOADS, headers=partial, content=PHOTO[:HALF])
    photo = await begin(sender, HALF)
    for bad in (half, theirs, whole):
        parts = f"final;{whole.headers['location']} {bad.headers['location']}"
        answer = await sender.post(UPLOADS, headers={**TUS, "Upload-Concat": parts})
        assert said(answer) == (422, "upload.parts")
    answer = await sender.post(UPLOADS, headers={**TUS, "Upload-Concat": f"final;{photo}"})
    assert said(answer) == (422, "upload.parts")


async def test_ended_upload_is_gone_with_its_bytes(
    service: Service, sender: httpx.AsyncClient
) -> None:
    address = await begin(sender, len(PHOTO))
    await send(sender, address, 0, PHOTO[:HALF])
    assert (await sender.delete(address, headers=TUS)).status_code == 204
    assert (await sender.head(address, headers=TUS)).status_code == 404
    assert (await send(sender, address, HALF, PHOTO[HALF:])).status_code == 404
    assert left_over(service) == []


async def test_method_may_be_in_a_header(sender: httpx.AsyncClient) -> None:
    address = await begin(sender, len(PHOTO))
    override = {**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = await sender.post(address, headers=override, content=PHOTO[:HALF])
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(HALF))
    plain = await sender.post(address, headers=TUS)
    assert said(plain) == (400, "upload.override")
    ended = await sender.post(address, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})
    assert ended.status_code == 204
    assert (await sender.head(address, headers=TUS)).status_code == 404


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
async def test_other_versions_are_told_ours(sender: httpx.AsyncClient, version: str | None) -> None:
    headers = {} if version is None else {"Tus-Resumable": version}
    address = await begin(sender, len(PHOTO))
    for answer in (
        await sender.post(UPLOADS, headers={**headers, "Upload-Length": "9"}),
        await sender.head(address, headers=headers),
        await sender.patch(address, headers=headers),
        await sender.delete(address, headers=headers),
    ):
        assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")


async def test_upload_is_its_senders_alone(service: Service, sender: httpx.AsyncClient) -> None:
    address = await begin(sender, len(PHOTO))
    admin = await service.token_client(await service.add_person("wei", "admin"), "upload")
    for answer in (
        await admin.head(address, headers=TUS),
        await admin.get(address),
        await send(admin, address, 0, PHOTO),
        await admin.delete(address, headers=TUS),
    ):
        assert answer.status_code == 404
    assert (await admin.get(UPLOADS)).json()["items"] == []
    assert (await service.visitor.post(UPLOADS, headers=TUS)).status_code == 401


async def test_page_sends_with_its_session_and_form_token(service: Service) -> None:
    await service.add_person("guoying")
    browser, csrf = await service.sign_in("guoying")
    headers = {**PIECE, "Upload-Length": str(len(PHOTO))}
    refused = await browser.post(UPLOADS, headers=headers, content=PHOTO)
    assert said(refused) == (403, "csrf.missing")
    taken = await browser.post(UPLOADS, headers={**headers, "X-CSRF-Token": csrf}, content=PHOTO)
    assert taken.headers["birdwatch-photo"].startswith("/api/v1/photos/")


async def test_open_uploads_are_listed_page_by_page(sender: httpx.AsyncClient) -> None:
    addresses = [await begin(sender, 100 + n, filename=f"{n}.jpg") for n in range(5)]
    done = await begin(sender, len(PHOTO))
    await send(sender, done, 0, PHOTO)
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        answer = await sender.get(UPLOADS, params={"limit": "2", "cursor": cursor})
        page = answer.json()
        found += [f"{UPLOADS}/{item['id']}" for item in page["items"]]
        cursor = page["next"]
    assert found == addresses


async def test_known_files_are_ones_own_alone(service: Service, sender: httpx.AsyncClient) -> None:
    other = await service.token_client(await service.add_person("xu"), "upload")
    address = await begin(sender, len(PHOTO))
    last = await send(sender, address, 0, PHOTO)
    sha256 = hashlib.sha256(PHOTO).hexdigest()
    body = {"sha256": [sha256, "0" * 64, sha256]}
    photo = last.headers["birdwatch-photo"].rpartition("/")[2]
    assert (await sender.post(f"{UPLOADS}/known", json=body)).json() == {"known": {sha256: photo}}
    assert (await other.post(f"{UPLOADS}/known", json=body)).json() == {"known": {}}
    original = service.archive.blobs.original_path(sha256)
    original.chmod(0o644)
    original.write_bytes(PHOTO[:-1])  # cut off: sent again, it is healed
    assert (await sender.post(f"{UPLOADS}/known", json=body)).json() == {"known": {}}
    original.unlink()
    assert (await sender.post(f"{UPLOADS}/known", json=body)).json() == {"known": {}}
    for bad in ({"sha256": ["xyz"]}, {"sha256": sha256}, {}):
        assert (await sender.post(f"{UPLOADS}/known", json=bad)).status_code == 422


async def test_body_without_a_length_is_taken(sender: httpx.AsyncClient) -> None:
    address = await begin(sender, len(PHOTO))
    headers = {**PIECE, "Upload-Offset": "0"}
    last = await sender.patch(address, headers=headers, content=pieces(PHOTO, 1000))
    assert last.headers["birdwatch-photo"].startswith("/api/v1/photos/")


async def test_many_uploads_at_once_are_as_many_photos(sender: httpx.AsyncClient) -> None:
    photos = [make_jpeg(200, 100, seed=seed) for seed in range(6)]
    answers: dict[int, str] = {}

    async def upload(number: int, data: bytes) -> None:
        address = await begin(sender, len(data))
        for start in range(0, len(data), 1000):
            last = await send(sender, address, start, data[start : start + 1000])
        answers[number] = last.headers["birdwatch-photo"]

    async with anyio.create_task_group() as tasks:
        for number, data in enumerate(photos):
            tasks.start_soon(upload, number, data)
    for number, data in enumerate(photos):
        photo = (await sender.get(answers[number])).json()
        assert photo["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, (400, "upload.number")),
        ({"Upload-Length": "-5"}, (400, "upload.number")),
        ({"Upload-Length": "1e9"}, (400, "upload.number")),
        ({"Upload-Length": "9" * 30}, (400, "upload.number")),
        ({"Upload-Length": "0"}, (422, "photo.empty")),
        ({"Upload-Length": str(MOST + 1)}, (413, "photo.too_large")),
        ({"Upload-Defer-Length": "2"}, (400, "upload.defer")),
        ({"Upload-Defer-Length": "1", "Upload-Length": "5"}, (400, "upload.defer")),
        ({"Upload-Length": "5", "Upload-Metadata": "filename !"}, (400, "upload.metadata")),
        ({"Upload-Length": "5", "Upload-Metadata": "sha256 YQ=="}, (400, "upload.sha256")),
        ({"Upload-Concat": "final;/etc/passwd"}, (400, "upload.concat")),
    ],
)
async def test_creation_that_makes_no_sense_is_refused(
    service: Service, sender: httpx.AsyncClient, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert said(await sender.post(UPLOADS, headers={**TUS, **headers})) == refusal
    assert left_over(service) == []


async def test_wrong_words_are_refused_at_creation(
    service: Service, sender: httpx.AsyncClient
) -> None:
    headers = {**TUS, "Upload-Length": "5", "Upload-Metadata": metadata(species="大滨鸟", site="?")}
    answer = await sender.post(UPLOADS, headers=headers)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["species", "site"]
    assert left_over(service) == []


async def test_piece_that_makes_no_sense_is_refused(sender: httpx.AsyncClient) -> None:
    address = await begin(sender, len(PHOTO))
    start = {**PIECE, "Upload-Offset": "0"}
    for headers, refusal in (
        ({**start, "Content-Type": "application/json"}, (415, "upload.content_type")),
        (PIECE, (400, "upload.number")),
        ({**start, "Upload-Offset": "7"}, (409, "upload.offset")),
        ({**start, "Upload-Checksum": "crc32 AAAA"}, (400, "upload.checksum_header")),
    ):
        assert said(await sender.patch(address, headers=headers, content=PHOTO)) == refusal
    assert said(await send(sender, address, 0, PHOTO + b"!")) == (413, "upload.too_long")
    body = pieces(PHOTO + b"!", 5000)
    assert said(await sender.patch(address, headers=start, content=body)) == (
        413,
        "upload.too_long",
    )
    assert await offset_of(sender, address) == 0


async def test_file_that_is_no_picture_is_told_with_the_last_piece(
    service: Service, sender: httpx.AsyncClient
) -> None:
    address = await begin(sender, 5, filename="words.txt")
    status, code = said(await send(sender, address, 0, b"words"))
    assert (status, code) == (415, "photo.unsupported")
    state = (await sender.get(address)).json()
    assert (state["state"], state["error"]["code"], state["photo"]) == ("refused", code, None)
    assert (await sender.head(address, headers=TUS)).status_code == 410
    assert left_over(service) == []


async def test_photo_that_waits_says_so(service: Service) -> None:
    person = await service.add_person("xu", trust="checked")
    sender = await service.token_client(person, "upload", "read")
    address = await begin(sender, len(PHOTO), species="大滨鹬")
    await send(sender, address, 0, PHOTO)
    assert (await sender.get(address)).json()["waiting"] is True


async def test_draft_is_its_owners_alone(service: Service, sender: httpx.AsyncClient) -> None:
    address = await begin(sender, len(PHOTO), draft="1")
    photo = (await send(sender, address, 0, PHOTO)).headers["birdwatch-photo"]
    assert (await sender.get(photo)).json()["status"] == "draft"
    assert (await service.visitor.get(photo)).status_code == 404
