"""Files through the typed layer: a form with files is received as it streams in, and a file is given as it streams out.

What is received lies in a temporary file, not in memory, and is whole and of a kind the operation takes before a handler sees it. The kind is read from
the bytes: neither the name of a file nor the type its sender gives says anything about it.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, Any, Final, TypeVar
from urllib.parse import quote

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from chassis.errors import FieldViolation
from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from web_gateway.api.problems import problem
from web_gateway.api.violations import violations

M = TypeVar("M", bound=BaseModel)

CHUNK_BYTES: Final = 64 << 10
# A page of a phone's photographs over a slow line; a form that takes longer is not arriving.
FORM_SECONDS: Final = 180.0
MAX_TEXT_BYTES: Final = 64 << 10
MAX_RECEIVING: Final = 32
MAX_NAME_CHARS: Final = 120
# Below this a file stays in memory while it is received.
_SPOOLED_BYTES: Final = 256 << 10
# The mark at the end of a PDF may be followed by line ends and padding.
_TAIL_BYTES: Final = 1024


@dataclass(frozen=True)
class FileKind:
    """What a file is by its bytes: how it begins, and what stands near its end when it is whole."""

    content_type: str
    suffix: str
    begins: bytes
    ends: bytes


PDF: Final = FileKind("application/pdf", ".pdf", b"%PDF-", b"%%EOF")
JPEG: Final = FileKind("image/jpeg", ".jpg", b"\xff\xd8\xff", b"\xff\xd9")
# The file says at its beginning how long it is; what it holds shows when it is drawn.
WEBP: Final = FileKind("image/webp", ".webp", b"RIFF", b"")
PNG: Final = FileKind("image/png", ".png", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82")


class File:
    """A file as it was received, whole and of one of the kinds asked for; gone when the request ends. ``name`` is safe to show and to store as a name."""

    def __init__(self, name: str, kind: FileKind, size: int, digest: str, content: IO[bytes]) -> None:
        self.name = name
        self.kind = kind
        self.size = size
        self.sha256 = digest
        self._content = content

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its bytes from the beginning, piece by piece."""
        self._content.seek(0)
        while chunk := self._content.read(CHUNK_BYTES):
            yield chunk

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # "binary" is what generators of clients know; OpenAPI 3.1 itself speaks by the type of the content (encoding, below the form).
        return {"type": "string", "format": "binary"}


@dataclass(frozen=True)
class FileTypes:
    """Which files a field of a form takes: ``Annotated[File, FileTypes(PDF, JPEG, max_bytes=10 << 20)]``."""

    kinds: tuple[FileKind, ...]
    max_bytes: int

    def __init__(self, *kinds: FileKind, max_bytes: int) -> None:
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "max_bytes", max_bytes)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kinds = ", ".join(kind.content_type for kind in self.kinds)
        return {**handler(core), "description": f"{kinds}; at most {self.max_bytes} bytes."}

    @property
    def content_types(self) -> str:
        return ", ".join(kind.content_type for kind in self.kinds)


def file_fields(form: type[BaseModel]) -> dict[str, FileTypes]:
    """The files a form is declared to hold. Raises TypeError for one without its kinds and size."""
    found: dict[str, FileTypes] = {}
    for name, info in form.model_fields.items():
        rules = [item for item in info.metadata if isinstance(item, FileTypes)]
        if rules:
            found[name] = rules[0]
        elif info.annotation is File:
            raise TypeError(f"{form.__name__}.{name}: a file needs its kinds and its largest size")
    return found


class Receiving:
    """How many forms are being received at once in this process: each may fill a disk and hold a connection for minutes."""

    def __init__(self, most: int = MAX_RECEIVING) -> None:
        self._most = most
        self.count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises the problem 503 when there are too many."""
        if self.count >= self._most:
            raise problem("UNAVAILABLE", headers={"Retry-After": "5"})
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


@asynccontextmanager
async def received(model: type[M], request: web.Request, receiving: Receiving) -> AsyncIterator[M]:
    """The form of a request; its files live until the block ends. Raises a problem for whatever is wrong with it."""
    if request.content_type != "multipart/form-data":
        raise problem("UNSUPPORTED_MEDIA_TYPE", zh="请使用 multipart/form-data 提交。", en="Send multipart/form-data.")
    most = sum(rule.max_bytes for rule in file_fields(model).values()) + MAX_TEXT_BYTES * len(model.model_fields)
    if request.content_length is not None and request.content_length > most:
        raise _too_large(most)
    with receiving.one():
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(FORM_SECONDS):
                    values = await _parts(model, request, stack)
            except TimeoutError:
                raise problem("REQUEST_TIMEOUT") from None
            try:
                form = model.model_validate(values)
            except ValidationError as error:
                raise problem("INVALID_FIELDS", fields=violations(error)) from None
            yield form


async def _parts(model: type[BaseModel], request: web.Request, stack: AsyncExitStack) -> dict[str, Any]:
    files = file_fields(model)
    values: dict[str, Any] = {}
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name or "Content-Encoding" in part.headers:
                raise _malformed()
            if part.name in values or part.name not in model.model_fields:
                # At once: whatever follows need not be received.
                raise problem("INVALID_FIELDS", fields=[_unknown(part.name)])
            rule = files.get(part.name)
            values[part.name] = await _text(part) if rule is None else await _file(part, part.name, rule, stack)
    except (ValueError, AssertionError, HttpProcessingError, web.RequestPayloadError, web.HTTPBadRequest):
        # What the parser of aiohttp says of bytes that are no form.
        raise _malformed() from None
    return values


async def _text(part: BodyPartReader) -> str:
    raw = b""
    while chunk := await part.read_chunk(CHUNK_BYTES):
        raw += chunk
        if len(raw) > MAX_TEXT_BYTES:
            raise problem("CONTENT_TOO_LARGE")
    text = raw.decode("utf-8")
    if "\x00" in text:
        raise _malformed()
    return text


async def _file(part: BodyPartReader, field_name: str, rule: FileTypes, stack: AsyncExitStack) -> File:
    content = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES))  # noqa: SIM115 (the stack closes it)
    kind: FileKind | None = None
    longest = max(len(each.begins) for each in rule.kinds)
    size, digest, head, tail = 0, sha256(), b"", b""
    while chunk := await part.read_chunk(CHUNK_BYTES):
        size += len(chunk)
        if size > rule.max_bytes:
            raise _too_large(rule.max_bytes)
        tail = (tail + chunk)[-_TAIL_BYTES:]
        if kind is None:
            head += chunk[:longest]
            kind = next((each for each in rule.kinds if head.startswith(each.begins)), None)
            if kind is None and size >= longest:
                raise problem("INVALID_FIELDS", fields=[_wrong_kind(field_name, rule)])
        digest.update(chunk)
        content.write(chunk)
    if kind is None:
        raise problem("INVALID_FIELDS", fields=[_wrong_kind(field_name, rule)])
    if kind.ends not in tail:
        raise problem("INVALID_FIELDS", fields=[_cut_short(field_name)])
    return File(safe_name(part.filename or "", kind.suffix), kind, size, digest.hexdigest(), content)


_UNSAFE: Final = re.compile(r'[\\/:*?"<>|]')


def safe_name(given: str, suffix: str) -> str:
    """The last part of a name without what a file system, a header or a reader could stumble over; always with the suffix of what it really is."""
    last = unicodedata.normalize("NFC", re.split(r"[\\/]", given)[-1])
    # Cc and Cf: control characters, and marks that turn the direction of text so that "fdp.exe" reads as "exe.pdf".
    shown = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    stem = _UNSAFE.sub("_", shown).strip(" .")
    head, dot, ending = stem.rpartition(".")
    if dot and 1 <= len(ending) <= 5 and ending.isascii() and ending.isalnum():
        stem = head.strip(" .")
    return (stem[:MAX_NAME_CHARS].strip(" .") or "file") + suffix


@dataclass
class Download:
    """A file an operation gives. ``size`` in bytes when it is known beforehand; a failure after the first piece breaks the connection off."""

    name: str
    kind: FileKind
    chunks: AsyncIterator[bytes]
    size: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def whole(cls, name: str, kind: FileKind, content: bytes) -> Download:
        async def once() -> AsyncIterator[bytes]:
            yield content

        return cls(name, kind, once(), size=len(content))


async def sent(request: web.Request, download: Download, headers: dict[str, str]) -> web.StreamResponse:
    """Streams a file out. The first piece is asked for before anything is sent: what the owner refuses is still a problem with its status."""
    first = await anext(download.chunks, b"")
    response = web.StreamResponse(
        headers={
            "Cache-Control": "private, no-store",
            **headers,
            **download.headers,
            "Content-Type": download.kind.content_type,
            "Content-Disposition": content_disposition(safe_name(download.name, download.kind.suffix)),
            # Opened by a browser all the same, it is nobody's page.
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
    )
    if download.size is not None:
        response.content_length = download.size
    await response.prepare(request)
    try:
        await response.write(first)
        async for chunk in download.chunks:
            await response.write(chunk)
    except BaseException:
        # Half a file must not look like a whole one.
        if request.transport is not None:
            request.transport.abort()
        raise
    with suppress(ConnectionError):
        await response.write_eof()
    return response


def content_disposition(name: str) -> str:
    """RFC 6266: the name in UTF-8 for every reader of today, and a plain one for the rest."""
    if name.isascii():
        return f'attachment; filename="{name}"'
    plain = "file" + name[name.rindex(".") :] if "." in name else "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _malformed() -> Exception:
    return problem(
        "BAD_REQUEST", zh="提交的表单格式不正确，请重试。", en="The form cannot be read; send multipart/form-data (RFC 7578) and try again."
    )


def _too_large(most: int) -> Exception:
    size = f"{most / (1 << 20):g} MiB"
    return problem(
        "FILE_TOO_LARGE", zh=f"文件超过 {size}，请压缩后再上传。", en=f"The file is larger than {size}; make it smaller and send it again."
    )


def _unknown(name: str) -> FieldViolation:
    return FieldViolation(f"/{name[:50]}", "unknown_field", "不支持或重复的内容。", "Unknown or repeated field.")


def _wrong_kind(name: str, rule: FileTypes) -> FieldViolation:
    kinds = " / ".join(kind.suffix.removeprefix(".").upper() for kind in rule.kinds)
    return FieldViolation(f"/{name}", "wrong_kind", f"请上传 {kinds} 格式的文件。", f"Send a file of the kind {kinds}.")


def _cut_short(name: str) -> FieldViolation:
    return FieldViolation(
        f"/{name}", "incomplete", "文件不完整，请重新选择文件上传。", "The file is not whole; choose it again and send it."
    )
