"""Files through the typed layer, tried with operations of this test's own against the real server: the product takes none yet."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import pytest
import pytest_asyncio
from chassis import errors
from chassis.errors import Refusal
from pydantic import Field
from web_gateway import openapi
from web_gateway.api import files
from web_gateway.api.files import JPEG, PDF, Download, File, FileTypes
from web_gateway.api.layer import Answer, Api, Call, Form, Params

from tests.services.web_gateway.world import API, ROOT, Person, World, world
from tests.support.patience import eventually

MOST = 4 << 20
NAME = "张三 公租房合同（2026年）.pdf"
trial = Api("trial", "试验 Trial")
seen: list[str] = []


class Sent(Form):
    pages: Annotated[int, Field(ge=1, le=99)]
    note: Annotated[str, Field(max_length=20)] = ""
    scan: Annotated[File, FileTypes(PDF, JPEG, max_bytes=MOST)]


class Kept(Answer):
    name: str
    content_type: str
    size: int
    sha256: str
    read: str
    pages: int
    note: str


class OfPaper(Params):
    id: str


@trial.post("/papers", status=201)
async def keep_paper(call: Call, body: Sent) -> Kept:
    """Takes a paper."""
    digest = sha256()
    async for chunk in body.scan.chunks():
        digest.update(chunk)
    seen.append(body.scan.name)
    scan = body.scan
    return Kept(
        name=scan.name,
        content_type=scan.kind.content_type,
        size=scan.size,
        sha256=scan.sha256,
        read=digest.hexdigest(),
        pages=body.pages,
        note=body.note,
    )


@trial.get("/papers/{id}", gives=(PDF,))
async def give_paper(call: Call, params: OfPaper) -> Download:
    """Gives a paper."""
    return Download(NAME, PDF, paper(params.id), size=None if params.id == "unknown-size" else len(pdf()))


async def paper(which: str) -> AsyncIterator[bytes]:
    if which == "refused":
        raise Refusal(errors.NOT_FOUND)
    whole = pdf()
    for at in range(0, len(whole), 50_000):
        if which == "breaks" and at > 0:
            raise Refusal(errors.UNAVAILABLE)
        yield whole[at : at + 50_000]


def pdf(size: int = 200_000) -> bytes:
    return b"%PDF-1.7\n" + b"x" * (size - 16) + b"\n%%EOF\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def papers(keys_dir: Path) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, apis=(trial,)) as running:
            yield running


def form(content: bytes, name: str = "scan.pdf", content_type: str = "application/pdf", **fields: str) -> aiohttp.FormData:
    # As browsers write it: the name in UTF-8.
    data = aiohttp.FormData(quote_fields=False)
    for field, text in ({"pages": "2"} | fields).items():
        data.add_field(field, text)
    data.add_field("scan", content, filename=name, content_type=content_type)
    return data


async def send(papers: World, data: Any, **headers: str | None) -> Any:
    person = await papers.stranger()
    return await person.ask("POST", f"{API}/papers", data=data, headers={"Authorization": f"Bearer {papers.token()}", **headers})


async def test_a_file_arrives_whole_with_what_was_said_about_it(papers: World) -> None:
    content = pdf(MOST)
    reply = await send(papers, form(content, NAME, note="两页"))
    assert reply.status == 201, reply.text
    digest = sha256(content).hexdigest()
    assert reply.json == {
        "name": NAME,
        "content_type": "application/pdf",
        "size": MOST,
        "sha256": digest,
        "read": digest,
        "pages": 2,
        "note": "两页",
    }
    assert papers.server.edge.receiving.count == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("合同.pdf", "合同.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\用户\\合同.PDF", "合同.pdf"),
        ("photo.jpg", "photo.pdf"),
        ("a\u202efdp.exe", "afdp.pdf"),
        ("  . ", "file.pdf"),
        ("长" * 300 + ".pdf", "长" * 120 + ".pdf"),
        ('a"b;c.pdf', "a_b;c.pdf"),
        ("2026.11.25 合同.pdf", "2026.11.25 合同.pdf"),
    ],
)
async def test_a_name_is_only_ever_a_name(papers: World, given: str, kept: str) -> None:
    assert files.safe_name(given, ".pdf") == kept
    assert (await send(papers, form(pdf(), given))).json["name"] == kept


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "wrong_kind"),
        (b"%PD", "wrong_kind"),
        (b"MZ" + b"\x00" * 5000, "wrong_kind"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 5000 + b"IEND\xaeB`\x82", "wrong_kind"),
        (b"<script>alert(1)</script>%PDF-1.7 %%EOF", "wrong_kind"),
        (pdf()[:-100], "incomplete"),
        (b"\xff\xd8\xff" + b"x" * 5000, "incomplete"),
    ],
)
async def test_what_is_not_a_whole_file_of_a_kind_asked_for_reaches_no_handler(papers: World, content: bytes, code: str) -> None:
    seen.clear()
    problem = (await send(papers, form(content))).problem(422, "INVALID_FIELDS")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/scan", code)]
    assert seen == []


async def test_a_file_is_what_its_bytes_say_and_not_what_its_sender_says(papers: World) -> None:
    picture = b"\xff\xd8\xff\xe0" + b"x" * 100 + b"\xff\xd9"
    reply = await send(papers, form(picture, "合同.pdf", "application/pdf"))
    assert (reply.json["content_type"], reply.json["name"]) == ("image/jpeg", "合同.jpg")


async def test_a_file_that_is_too_large_is_cut_off_while_it_streams(papers: World) -> None:
    """In pieces and without a length, so that nothing but counting can stop it."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="scan"; filename="a.pdf"\r\n\r\n%PDF-1.7'
        while sent < 50 * MOST:
            sent += 65536
            yield b"x" * 65536

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(aiohttp.ClientError):
        reply = await send(papers, endless(), **{"Content-Type": "multipart/form-data; boundary=b"})
        problem = reply.problem(413, "FILE_TOO_LARGE")
        assert "4 MiB" in problem["detail"]
    assert sent < 10 * MOST
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    await eventually(lambda: papers.server.edge.receiving.count == 0, what="the end of what was being received")


async def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read(papers: World) -> None:
    (await send(papers, form(pdf(6 << 20)))).problem(413, "FILE_TOO_LARGE")


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"pages": "0"}, "/pages", "out_of_range"),
        ({"pages": "many"}, "/pages", "wrong_type"),
        ({"note": "长" * 21}, "/note", "too_long"),
        ({"rank": "1"}, "/rank", "unknown_field"),
        ({"scan": "no file"}, "/scan", "wrong_kind"),
    ],
)
async def test_the_texts_of_a_form_are_checked_like_those_of_a_body(papers: World, fields: dict[str, str], pointer: str, code: str) -> None:
    problem = (await send(papers, form(pdf(), **fields))).problem(422, "INVALID_FIELDS")
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in problem["errors"]}


HEAD = b'--b\r\nContent-Disposition: form-data; name="pages"'


@pytest.mark.parametrize(
    ("content_type", "data", "status", "code"),
    [
        ("application/json", b"{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("multipart/mixed; boundary=b", HEAD, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("multipart/form-data", HEAD, 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=" + "b" * 100, HEAD, 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", b"", 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", b"rubbish", 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", HEAD + b"\r\n\r\n\xff\xfe\r\n--b--\r\n", 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", HEAD + b"\r\n\r\n1\x00\r\n--b--\r\n", 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", HEAD + b"\r\nContent-Encoding: gzip\r\n\r\n1\r\n--b--\r\n", 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", HEAD + b"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n", 400, "BAD_REQUEST"),
        ("multipart/form-data; boundary=b", HEAD + b"\r\n\r\n1\r\n" + HEAD + b"\r\n\r\n1\r\n--b--\r\n", 422, "INVALID_FIELDS"),
        ("multipart/form-data; boundary=b", HEAD + b"\r\n\r\n1\r\n--b--\r\n", 422, "INVALID_FIELDS"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n1\r\n--b--\r\n", 400, "BAD_REQUEST"),
    ],
)  # fmt: skip
async def test_what_is_no_form_is_the_senders_mistake(papers: World, content_type: str, data: bytes, status: int, code: str) -> None:
    (await send(papers, data, **{"Content-Type": content_type})).problem(status, code)


async def test_who_is_not_let_in_sends_no_file(papers: World) -> None:
    (await (await papers.stranger()).ask("POST", f"{API}/papers", data=form(pdf()))).problem(401, "UNAUTHENTICATED")
    (await send(papers, form(pdf()), **{"Idempotency-Key": None})).problem(400, "IDEMPOTENCY_KEY_REQUIRED")


async def test_only_so_many_forms_are_received_at_once(papers: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers.server.edge.receiving, "_most", 1)
    release = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield HEAD + b"\r\n\r\n1"
        await release.wait()
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    first = asyncio.create_task(send(papers, slow(), **headers))
    await eventually(lambda: papers.server.edge.receiving.count == 1, what="the first form")
    (await send(papers, form(pdf()))).problem(503, "UNAVAILABLE")
    release.set()
    (await first).problem(422, "INVALID_FIELDS")


async def test_a_form_that_does_not_arrive_is_given_up(papers: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FORM_SECONDS", 0.2)

    async def stuck() -> AsyncIterator[bytes]:
        yield HEAD + b"\r\n\r\n1"
        await asyncio.sleep(5)

    (await send(papers, stuck(), **{"Content-Type": "multipart/form-data; boundary=b"})).problem(408, "REQUEST_TIMEOUT")
    assert papers.server.edge.receiving.count == 0


# -- out ------------------------------------------------------------------------------------------------------------------


async def reader(papers: World) -> tuple[Person, dict[str, str]]:
    return await papers.stranger(), {"Authorization": f"Bearer {papers.token()}"}


@pytest.mark.parametrize("which", ["known-size", "unknown-size"])
async def test_a_file_is_given_under_its_chinese_name(papers: World, which: str) -> None:
    person, headers = await reader(papers)
    async with person.http.get(f"{papers.url}{API}/papers/{which}", headers=headers) as response:
        assert response.status == 200
        assert await response.read() == pdf()
        assert response.content_disposition is not None
        # aiohttp's own reading of RFC 6266: what a client of today takes.
        assert response.content_disposition.filename == NAME
        shown = response.headers["Content-Disposition"]
        assert shown.startswith("attachment; filename=\"file.pdf\"; filename*=UTF-8''%E5%BC%A0%E4%B8%89%20")
        assert shown.isascii()
        assert response.headers["Content-Type"] == "application/pdf"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert response.headers["Cache-Control"] == "private, no-store"
        assert ("Content-Length" in response.headers) == (which == "known-size")


async def test_what_the_owner_refuses_is_a_problem_and_no_file(papers: World) -> None:
    person, headers = await reader(papers)
    (await person.get(f"{API}/papers/refused", headers=headers)).problem(404, "NOT_FOUND")


async def test_half_a_file_does_not_look_like_a_whole_one(papers: World) -> None:
    person, headers = await reader(papers)
    async with person.http.get(f"{papers.url}{API}/papers/breaks", headers=headers) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await response.read()


# -- declared -------------------------------------------------------------------------------------------------------------


def test_files_stand_in_the_document() -> None:
    document = openapi.document((trial,))
    taken = document["paths"][f"{API}/papers"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert taken["encoding"] == {"scan": {"contentType": "application/pdf, image/jpeg"}}
    scan = document["components"]["schemas"]["Sent"]["properties"]["scan"]
    assert (scan["type"], scan["format"]) == ("string", "binary")
    assert str(MOST) in scan["description"]
    given = document["paths"][f"{API}/papers/{{id}}"]["get"]["responses"]["200"]
    assert list(given["content"]) == ["application/pdf"]
    assert "Content-Disposition" in given["headers"]


def test_files_stand_in_the_types_of_the_pages(tmp_path: Path) -> None:
    """By the script the pages' own types are written with."""
    source, target = tmp_path / "openapi.json", tmp_path / "schema.d.ts"
    source.write_text(json.dumps(openapi.document((trial,))))
    # npm's own wrapper finds a Node that is new enough.
    subprocess.run(
        [
            "sh",
            "deploy/onebox/npm.sh",
            "exec",
            "--offline",
            "--",
            "node",
            "api-types.mjs",
            str(source),
            str(target),
            str(tmp_path / "limits.ts"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    types = target.read_text()
    assert "scan: Blob;" in types
    assert '"application/pdf": Blob;' in types
    assert '"multipart/form-data": components["schemas"]["Sent"]' in types


def test_a_file_without_its_kinds_and_size_fails_at_import() -> None:
    class Boundless(Form):
        scan: File

    with pytest.raises(TypeError):
        files.file_fields(Boundless)
