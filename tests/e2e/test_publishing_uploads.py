"""Uploads: resumed where they broke off, and hostile ones refused before they cost anything."""

import asyncio
from typing import Any

import httpx
import pytest

from api.archive_slots import ARCHIVES_PER_ACCOUNT_MAX
from schema import limits
from schema.ids import sha256_digest
from schema.scopes import Scope
from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, as_object, fresh_key, fresh_spell, problem
from tests.support.e2e_packages import package

CHUNK = {"Content-Type": "application/offset+octet-stream"}


def an_archive() -> bytes:
    return package(fresh_spell(), guest("echo"))


async def signature_over(maker: Caster, archive: bytes) -> str:
    return (await maker.platform.signing.sign(archive)).bundle.decode()


async def begin(maker: Caster, archive: bytes, key: str = "", **changes: Any) -> httpx.Response:
    order = {
        "package_digest": sha256_digest(archive),
        "package_bytes": len(archive),
        "signature": await signature_over(maker, archive),
        **changes,
    }
    headers = {"Idempotency-Key": key or fresh_key()}
    return await maker.post("/v1/uploads", json=order, headers=headers)


async def begun(maker: Caster, archive: bytes, **changes: Any) -> str:
    answer = await begin(maker, archive, **changes)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def append(
    maker: Caster, path: str, offset: int, content: bytes, wait: int = 60
) -> httpx.Response:
    headers = {**CHUNK, "Upload-Offset": str(offset), "Prefer": f"wait={wait}"}
    return await maker.request("PATCH", path, content=content, headers=headers)


async def test_an_upload_in_chunks_becomes_a_version(caster: Caster) -> None:
    archive = an_archive()
    path = await begun(caster, archive)
    middle = len(archive) // 2
    first = await append(caster, path, 0, archive[:middle])
    assert (first.status_code, first.headers["upload-offset"]) == (200, str(middle))
    last = await append(caster, path, middle, archive[middle:])
    assert last.status_code == 201, last.text
    assert last.json()["package_digest"] == sha256_digest(archive)
    # Whoever missed that answer asks with nothing more to send.
    again = await append(caster, path, len(archive), b"")
    assert again.json() == last.json()


async def test_an_upload_goes_on_after_a_connection_broke(caster: Caster) -> None:
    archive, key = an_archive(), fresh_key()
    signature = await signature_over(caster, archive)
    path = (await begin(caster, archive, key, signature=signature)).headers["location"]
    await append(caster, path, 0, archive[:100])

    async def broken() -> Any:
        yield archive[100:200]
        raise ConnectionResetError

    headers = {**CHUNK, "Upload-Offset": "100"}
    with pytest.raises((httpx.HTTPError, ConnectionResetError)):
        await caster.request("PATCH", path, content=broken(), headers=headers)
    # The same key finds the same upload, and where it is.
    found = await begin(caster, archive, key, signature=signature)
    assert found.headers["location"] == path
    assert found.headers["upload-offset"] == "100"
    assert (await caster.request("HEAD", path)).headers["upload-offset"] == "100"
    assert (await append(caster, path, 100, archive[100:])).status_code == 201


async def test_a_wrong_offset_is_told_the_right_one(caster: Caster) -> None:
    archive = an_archive()
    path = await begun(caster, archive)
    await append(caster, path, 0, archive[:100])
    for offset in (0, 99, 101):
        answer = await append(caster, path, offset, archive[offset : offset + 10])
        document = problem(answer, 409, "UPLOAD_OFFSET_CONFLICT")
        assert document["details"] == {"offset": 100}


async def test_of_two_writers_at_once_one_is_refused_and_the_archive_is_whole(
    caster: Caster,
) -> None:
    archive = an_archive()
    path = await begun(caster, archive)
    sizes = (100, 200, 300, 400)
    answers = await asyncio.gather(*(append(caster, path, 0, archive[:size]) for size in sizes))
    taken = [size for size, answer in zip(sizes, answers, strict=True) if answer.is_success]
    assert len(taken) == 1
    refused = [answer for answer in answers if not answer.is_success]
    assert {
        problem(answer, 409, "UPLOAD_OFFSET_CONFLICT")["details"]["offset"] for answer in refused
    } == set(taken)
    assert (await append(caster, path, taken[0], archive[taken[0] :])).status_code == 201


async def test_another_accounts_upload_is_not_there(caster: Caster, stranger: Caster) -> None:
    archive = an_archive()
    path = await begun(caster, archive)
    problem(await stranger.get(path), 404, "UPLOAD_NOT_FOUND")
    problem(await append(stranger, path, 0, archive), 404, "UPLOAD_NOT_FOUND")
    problem(await stranger.request("DELETE", path), 404, "UPLOAD_NOT_FOUND")
    assert (await caster.get(path)).json()["offset"] == 0


async def test_an_upload_whose_time_is_up_is_gone(caster: Caster) -> None:
    from sqlalchemy import text

    path = await begun(caster, an_archive())
    async with caster.platform.database.transaction() as connection:
        await connection.execute(
            text("UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = :id"),
            {"id": path.rpartition("/")[2]},
        )
    problem(await caster.get(path), 404, "UPLOAD_NOT_FOUND")


async def test_what_has_another_digest_than_was_said_is_refused(caster: Caster) -> None:
    archive = an_archive()
    path = await begun(caster, archive, package_digest=sha256_digest(b"another"))
    problem(await append(caster, path, 0, archive), 422, "UPLOAD_DIGEST_MISMATCH")
    problem(await caster.get(path), 404, "UPLOAD_NOT_FOUND")


async def test_more_than_was_said_is_refused_and_changes_nothing(caster: Caster) -> None:
    archive = an_archive()
    path = await begun(caster, archive)
    problem(await append(caster, path, 0, archive + b"x"), 422, "VALIDATION_ERROR")
    assert (await append(caster, path, 0, archive)).status_code == 201


async def test_a_chunk_that_is_too_large_is_refused(caster: Caster) -> None:
    path = await begun(caster, an_archive())
    content = bytes(limits.UPLOAD_CHUNK_BYTES_MAX + 1)
    problem(await append(caster, path, 0, content), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    "changes",
    [
        {"package_bytes": 0},
        {"package_bytes": limits.PACKAGE_BYTES_MAX + 1},
        {"package_digest": "md5:0"},
        {"signature": "x" * (limits.SIGNATURE_BYTES_MAX + 1)},
        {"more": 1},
    ],
    ids=["empty", "too large", "digest", "signature", "unknown"],
)
async def test_an_order_that_cannot_be_kept_is_refused(caster: Caster, changes: Json) -> None:
    problem(await begin(caster, b"archive", **changes), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("offset", ["", "-1", "x", "٣", "9" * 30])
async def test_an_offset_that_is_no_number_is_refused(caster: Caster, offset: str) -> None:
    path = await begun(caster, an_archive())
    headers = {**CHUNK, "Upload-Offset": offset.encode()}
    answer = await caster.request("PATCH", path, content=b"x", headers=headers)
    problem(answer, 422, "VALIDATION_ERROR")


async def test_an_account_has_so_many_open_uploads_and_no_more(caster: Caster) -> None:
    paths = [await begun(caster, an_archive()) for _ in range(limits.UPLOADS_OPEN_MAX)]
    problem(await begin(caster, an_archive()), 429, "TOO_MANY_UPLOADS")
    assert (await caster.request("DELETE", paths[0])).status_code == 204
    assert (await begin(caster, an_archive())).status_code == 201


BOUNDARY = b"b0undary"
FORM = {"Content-Type": "multipart/form-data; boundary=b0undary"}


def part(name: str, content: bytes) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
    return b"--" + BOUNDARY + b"\r\n" + head + content + b"\r\n"


END = b"--" + BOUNDARY + b"--\r\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"garbage", "no multipart"),
        (b"", "last boundary"),
        (part("package", b"x"), "last boundary"),
        (part("package", b"x") + part("package", b"y") + END, "twice"),
        (part("other", b"x") + END, "nothing else"),
        (part("signature", b"x") + END, "part `package`"),
        (b"--" + BOUNDARY + b"\r\n\r\nx\r\n" + END, "nothing else"),
        (b"--" + BOUNDARY + b"\r\n" + b"A: b\r\n" * 50 + b"\r\nx\r\n" + END, "no multipart"),
        (b"--" + BOUNDARY + b"\r\nA: " + b"b" * 9000 + b"\r\n\r\nx\r\n" + END, "no multipart"),
    ],
    ids=[
        "garbage",
        "empty",
        "cut",
        "twice",
        "unknown",
        "no package",
        "no name",
        "many headers",
        "long header",
    ],
)
async def test_a_form_that_is_none_is_refused(caster: Caster, body: bytes, said: str) -> None:
    answer = await caster.post("/v1/spells", content=body, headers=FORM)
    document = problem(answer, 422, "VALIDATION_ERROR")
    assert said in document["message"]


async def test_a_signature_that_is_too_large_is_refused_by_its_own_limit(caster: Caster) -> None:
    large = part("signature", bytes(limits.SIGNATURE_BYTES_MAX + 1))
    answer = await caster.post("/v1/spells", content=large + END, headers=FORM)
    document = problem(answer, 413, "PAYLOAD_TOO_LARGE")
    assert document["details"]["part"] == "signature"


async def test_a_form_that_says_it_is_too_large_is_refused_before_it_is_sent(
    caster: Caster,
) -> None:
    url = httpx.URL(caster.platform.api_url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = {
        **caster.headers,
        **FORM,
        "Host": "api",
        "Content-Length": str(10 * limits.PACKAGE_BYTES_MAX),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST /v1/spells HTTP/1.1\r\n{lines}\r\n".encode())
    async with asyncio.timeout(20):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_key_that_may_not_publish_uploads_nothing(caster: Caster) -> None:
    other = await caster.with_key(scopes=[Scope.CAST.value])
    problem(await begin(other, an_archive()), 403, "FORBIDDEN")
    assert as_object(await begin(caster, an_archive()))["offset"] == 0


async def test_archives_that_are_sent_slowly_leave_the_process_its_memory(
    caster: Caster, stranger: Caster
) -> None:
    """Method: hold every slot of an account with bodies that do not go on, then let them end."""
    goes_on = asyncio.Event()
    archive = an_archive()
    started = asyncio.Semaphore(0)

    async def slowly() -> Any:
        yield archive[:10]
        started.release()
        await goes_on.wait()
        yield archive[10:]

    tar = {"Content-Type": "application/x-tar"}
    async with asyncio.TaskGroup() as group:
        slow = [
            group.create_task(caster.post("/v1/spells", content=slowly(), headers=tar))
            for _ in range(ARCHIVES_PER_ACCOUNT_MAX)
        ]
        for _ in slow:
            await started.acquire()
        async with asyncio.timeout(20):
            while (answer := await caster.upload(an_archive())).is_success:
                pass
        assert problem(answer, 503, "SERVICE_UNAVAILABLE")["retry_after"] == 5
        assert (await stranger.upload(an_archive())).status_code == 201
        path = await begun(caster, archive)
        problem(await append(caster, path, 0, archive), 503, "SERVICE_UNAVAILABLE")
        goes_on.set()
    # A bare tar has no signature; what counts is that each was read whole and got its verdict.
    for task in slow:
        problem(task.result(), 403, "SPELL_UNVERIFIED")
    # Nothing of the upload was lost: the same empty chunk asks for another try.
    assert (await append(caster, path, len(archive), b"")).status_code in (200, 201)
