"""PostgreSQL over TLS by its URL. The bundled server has none: a terminator in front of it speaks it, as the one of a hosted PostgreSQL does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from anju_onebox.authority import Authority
from chassis import migrate, tls
from chassis.db import Database
from housing.tables import MIGRATIONS
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from tests.conftest import MakeDatabase

# The first eight bytes of a client that asks for TLS (PostgreSQL 55.2.11).
_SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")


@asynccontextmanager
async def terminator(folder: Path, port: int) -> AsyncIterator[tuple[int, list[bool]]]:
    """Its port, and of every connection whether the client showed a certificate of the authority in ``folder``."""
    shown: list[bool] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / tls.AUTHORITIES))
    context.load_cert_chain(folder / tls.CERTIFICATE, folder / tls.KEY)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["postgresql"])
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != _SSL_REQUEST:
            # In the clear nobody is spoken to.
            writer.close()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except (ConnectionError, ssl.SSLError):
            return
        shown.append(bool(writer.get_extra_info("ssl_object").getpeercert()))
        there, back = await asyncio.open_connection("127.0.0.1", port)
        for one in (pipe(reader, back), pipe(there, writer)):
            task = asyncio.create_task(one)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], shown
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def answer(url: str) -> int:
    database = Database(url)
    try:
        async with database.statements() as session:
            return int(await session.scalar(text("SELECT 1")))
    finally:
        await database.close()


async def test_a_url_says_how_the_server_is_checked(make_database: MakeDatabase, tmp_path: Path) -> None:
    plain = await make_database("tls")
    for name in ("ours", "foreign"):
        (tmp_path / name).mkdir()
        Authority(tmp_path / f"{name}-authority").certify("postgres", tmp_path / name)
    async with terminator(tmp_path / "ours", make_url(plain).port or 0) as (port, shown):

        def url(**query: str) -> str:
            return make_url(plain).set(port=port).update_query_dict(query).render_as_string(hide_password=False)

        believed, foreign = str(tmp_path / "ours" / tls.AUTHORITIES), str(tmp_path / "foreign" / tls.AUTHORITIES)
        assert await answer(url(sslmode="require")) == 1
        assert await answer(url(sslmode="verify-ca", sslrootcert=believed)) == 1
        assert shown == [False, False]
        own = {"sslcert": str(tmp_path / "ours" / tls.CERTIFICATE), "sslkey": str(tmp_path / "ours" / tls.KEY)}
        assert await answer(url(sslmode="verify-ca", sslrootcert=believed, **own)) == 1
        assert shown == [False, False, True]
        for wrong in (
            {"sslmode": "verify-ca", "sslrootcert": foreign},
            # Its certificate is not for the address it is at.
            {"sslmode": "verify-full", "sslrootcert": believed},
        ):
            with pytest.raises(ssl.SSLCertVerificationError):
                await answer(url(**wrong))
        with pytest.raises(DBAPIError, match="closed"):
            await answer(url(sslmode="disable"))
        # Migrations go the same way.
        await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url(sslmode="verify-ca", sslrootcert=believed))
