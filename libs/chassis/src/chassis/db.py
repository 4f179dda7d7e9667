"""PostgreSQL through SQLAlchemy async: one engine a process, one session a call, commit when the call succeeded.

A round trip costs more than most statements, so none is spent on what is known here: whether a connection lives (its socket says so), or that a
statement alone needs no transaction around it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

_COMMITTED: Final = "when_committed"
_OWNS: Final = text("""
    SELECT rolsuper OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relnamespace = 'public'::regnamespace)
    FROM pg_roles WHERE rolname = current_user
""")
OWNS_ITS_TABLES: Final = (
    "ANJU_DATABASE_URL: 正式环境中，服务的数据库角色不得拥有数据表；请另设所有者角色，用 ANJU_DATABASE_OWNER_URL 运行 migrate — in production the role of a service"
    " owns no table: give the tables to another role, and run migrate with its URL in ANJU_DATABASE_OWNER_URL"
)


# What libpq takes in a URL about TLS, and SQLAlchemy would hand to asyncpg as arguments it does not have.
_OF_LIBPQ: Final[tuple[str, ...]] = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation")


async def connected(**given: Any) -> asyncpg.Connection:
    """A connection as the URL of the settings says, ``sslmode`` and the files beside it included. The files are read for each connection."""
    told = {name: given.pop(name) for name in _OF_LIBPQ if name in given}
    return await asyncpg.connect(f"postgresql://?{urlencode(told)}" if told else None, **given)


class Database:
    """``pool_size`` connections at most, opened as they are needed and kept."""

    def __init__(self, url: str, *, pool_size: int = 10, application: str = "anju") -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            # One that is opened for a moment costs more than everything that is done with it.
            max_overflow=0,
            # The same few are used while few are needed: what they have prepared is there.
            pool_use_lifo=True,
            pool_timeout=10,
            # Parameters are names and addresses; an error is logged without them.
            hide_parameters=True,
            connect_args={
                "async_creator_fn": connected,
                "server_settings": {"application_name": application, "timezone": "UTC"},
                "timeout": 10,
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _living)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._snapshots = self._with(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._statements = self._with(isolation_level="AUTOCOMMIT")

    def _with(self, **options: Any) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(self.engine.execution_options(**options), expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One session with one transaction: committed at the end of the block, rolled back when it raises. Then what ``when_committed`` asked for."""
        async with self._sessions() as session:
            async with session.begin():
                yield session
            for call in session.info.pop(_COMMITTED, ()):
                call()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """Read-only, all statements on one snapshot."""
        async with self._snapshots() as session, session.begin():
            yield session

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncSession]:
        """Every statement for itself, in effect when it returns: for one statement, or for reads that need not be of the same moment."""
        async with self._statements() as session:
            yield session

    async def ping(self) -> None:
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def owns_tables(self) -> bool:
        """Whether this role could take a trigger away, as the owner of a table or a superuser."""
        async with self.engine.connect() as connection:
            return bool(await connection.scalar(_OWNS))

    async def close(self) -> None:
        await self.engine.dispose()


def when_committed(session: AsyncSession, call: Callable[[], None]) -> None:
    """Has ``call`` made when the transaction of the block is committed; not made when it is rolled back, nor when the process dies in between."""
    session.info.setdefault(_COMMITTED, []).append(call)


def _living(connection: Any, _record: Any, _proxy: Any) -> None:
    """A server that was restarted leaves dead connections in the pool. Its end of the socket is closed, which is seen without asking; the pool opens
    another one instead, and no citizen's call meets the dead one."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server has closed this connection")
