"""Everything a check may look at. Opened when first asked for, read-only, and remembered until ``forget``."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, TypeVar

import aiohttp
import asyncpg
from anju_contracts.base import STATE, State
from anju_workflows.search_attributes import GENERATION
from chassis.codec import data_converter
from chassis.crypto import FIELD_KEYS, KeyRing
from chassis.deployment import Deployment, DeploymentFileError
from chassis.temporal import PAYLOAD_KEYS, connect_to
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHistory,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import QueryRejectCondition
from temporalio.converter import DataConverter, WorkflowSerializationContext
from temporalio.service import RPCError, RPCStatusCode

from anju_verify.check import UnreachableError
from anju_verify.marks import DatabaseMark, Mark, Marks, Position, Since, younger
from anju_verify.people import Household, households

T = TypeVar("T")

WORKFLOW_TYPES: Final = ("Application", "Waiting", "Lease", "RentCycle", "Complaint")
_STATEMENT_SECONDS: Final = 120
_HTTP_SECONDS: Final = 30
_BOOK_PAGE: Final = 5000
_PUBLIC_PAGE: Final = 100
_MAX_PAGES: Final = 10_000
# Histories are fetched side by side, but not so many that the engine's own work waits.
_AT_ONCE: Final = 8
_RETRY_STATUS: Final = frozenset({429, 502, 503, 504})
_TRIES: Final = 6
_QUERY_SECONDS: Final = 10.0


class Repair(NamedTuple):
    """A workflow that was started again for a record at this stage; ``version`` where the record counts its steps."""

    generation: int
    stage: str
    version: int


@dataclass(frozen=True)
class Execution:
    """One run of a workflow, as visibility lists it."""

    id: str
    run_id: str
    type: str
    status: WorkflowExecutionStatus | None
    started_at: datetime
    closed_at: datetime | None = None
    # How many workflows were started for its record before this one.
    generation: int = 0

    @property
    def open(self) -> bool:
        return self.status is WorkflowExecutionStatus.RUNNING


class Sources:
    """Databases by service name, Temporal, the outside world's books and the public pages."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        canaries: tuple[str, ...] = (),
        histories: int | None = None,
        resets: frozenset[str] = frozenset(),
        marks: Marks | None = None,
    ) -> None:
        self.deployment = deployment
        self.canaries = canaries
        self.histories = histories
        # Workflows which somebody has reset or started again, and said so.
        self.resets = resets
        self.started_at = datetime.now(UTC)
        self._before = (marks or Marks()).checks
        self.marks: dict[str, Mark] = {}
        self._positions: dict[str, Position] = {}
        self._stack = AsyncExitStack()
        self._pools: dict[str, asyncpg.Pool] = {}
        self._memory: dict[str, Any] = {}
        self._http: aiohttp.ClientSession | None = None
        self._client: Client | None = None
        self._fetching = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Sources:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()

    def forget(self) -> None:
        """The next look is a new one."""
        self._memory.clear()

    async def once(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        """What ``read`` gave the first time."""
        if name not in self._memory:
            self._memory[name] = await read()
        found: T = self._memory[name]
        return found

    # --- databases -----------------------------------------------------------------------------------------------------------------------

    async def rows(self, service: str, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Raises UnreachableError when the database is not named or does not answer."""
        pool = await self._pool(service)
        try:
            return await pool.fetch(sql, *args, timeout=_STATEMENT_SECONDS)
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError) as error:
            raise UnreachableError(f"database of {service}: {type(error).__name__}") from error
        except asyncpg.UndefinedTableError as error:
            raise UnreachableError(f"database of {service}: the tables this check reads are not there") from error

    async def value(self, service: str, sql: str, *args: Any) -> Any:
        return (await self.rows(service, sql, *args))[0][0]

    async def stream(self, service: str, sql: str) -> AsyncIterator[asyncpg.Record]:
        """Row by row, for tables that may be large."""
        pool = await self._pool(service)
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(sql, prefetch=500):
                yield row

    # --- what was seen before ------------------------------------------------------------------------------------------------------------

    def seen(self, check_id: str) -> Mark | None:
        """The last clean look of a check, once it has asked what is new and something may be left out."""
        mark = self.marks.get(check_id)
        return self._before.get(check_id) if mark is not None and not mark.more.get("everything") else None

    def mark(self, check_id: str, **more: Any) -> Mark | None:
        """Notes that this look, if it is clean, is one to go on from; gives the last one."""
        noted = self.marks.get(check_id) or Mark(at=self.started_at)
        self.marks[check_id] = noted.model_copy(update={"more": {**noted.more, **more}})
        return self._before.get(check_id)

    async def since(self, check_id: str, service: str, *, grows: tuple[str, ...] = ()) -> Since:
        """What is new in a database for a check. ``grows`` are tables whose rows are never changed or taken out: if one was, everything is new."""
        if service not in self._positions:
            # Before the first look: what is written meanwhile belongs to the next run as well.
            self._positions[service] = await self._position(service)
        now = self._positions[service]
        counted = {table: await self._older(service, table, now.xid) for table in grows}
        before = self.mark(check_id)
        known = before.databases.get(service) if before is not None else None
        usable = known is not None and known.usable(now)
        if known is not None and usable:
            usable = {table: await self._older(service, table, known.xid) for table in grows} == known.counted
        noted = self.marks[check_id]
        databases = {**noted.databases, service: DatabaseMark(identity=now.identity, xid=now.xid, counted=counted)}
        more = noted.more if usable else {**noted.more, "everything": True}
        self.marks[check_id] = noted.model_copy(update={"databases": databases, "more": more})
        return Since(known.xid if known is not None and usable else None, now.xid)

    async def _older(self, service: str, table: str, xid: int) -> int:
        count: int = await self.value(service, f"SELECT count(*) FROM {table} WHERE NOT {younger(table, xid)}")  # noqa: S608  # a table of this package
        return count

    async def _position(self, service: str) -> Position:
        row = (
            await self.rows(
                service,
                """
                SELECT (SELECT system_identifier FROM pg_control_system())::text AS system, (SELECT timeline_id FROM pg_control_checkpoint())::text AS timeline,
                       (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database,
                       pg_snapshot_xmin(pg_current_snapshot())::text AS xid
                """,
            )
        )[0]
        return Position(f"{row['system']}/{row['timeline']}/{row['database']}", int(row["xid"]))

    async def repairs(self) -> dict[str, list[Repair]]:
        """What services know of workflows that were started again, by workflow id, oldest first."""

        async def read() -> dict[str, list[Repair]]:
            found: dict[str, list[Repair]] = defaultdict(list)
            for service in self.deployment.databases:
                if not self.has(service) or await self.value(service, "SELECT to_regclass('repairs')") is None:
                    continue
                for row in await self.rows(service, "SELECT workflow_id, generation, stage, version FROM repairs ORDER BY id"):
                    found[row["workflow_id"]].append(Repair(row["generation"], row["stage"], row["version"]))
            return found

        return await self.once("repairs", read)

    def has(self, service: str) -> bool:
        return bool(self.deployment.databases.get(service))

    async def _pool(self, service: str) -> asyncpg.Pool:
        if service not in self._pools:
            try:
                url = self.deployment.database_url(service)
            except DeploymentFileError as error:
                raise UnreachableError(f"database of {service}: {error}") from error
            if not url:
                raise UnreachableError(f"no database of {service} is known")
            try:
                self._pools[service] = await asyncpg.create_pool(
                    url.replace("+asyncpg", ""),
                    min_size=0,
                    max_size=2,
                    timeout=10,
                    # The verifier cannot change what it judges, not even by a mistake of its own.
                    server_settings={"default_transaction_read_only": "on", "application_name": "anju verify", "jit": "off"},
                )
            except (OSError, asyncpg.PostgresError, TimeoutError) as error:
                raise UnreachableError(f"database of {service}: {type(error).__name__}") from error
            self._stack.push_async_callback(self._pools[service].close)
        return self._pools[service]

    # --- keys ----------------------------------------------------------------------------------------------------------------------------

    def keys(self, name: str) -> KeyRing | None:
        """A key ring of the keys folder; None when this verifier was not given it."""
        path = (self.deployment.keys_dir or Path("/nonexistent")) / name
        return KeyRing.load(path) if path.exists() else None

    async def households(self) -> dict[tuple[str, int], Household]:
        """The people of every dossier on record by (application, round), opened with the field keys; {} without keys. Raises DecryptionError."""
        ring = self.keys(FIELD_KEYS)
        if ring is None or not self.has("casework"):
            return {}

        async def read() -> dict[tuple[str, int], Household]:
            return households(await self.rows("casework", "SELECT application_no, round, sealed FROM dossier"), ring)

        return await self.once("households", read)

    # --- Temporal ------------------------------------------------------------------------------------------------------------------------

    def converter(self) -> DataConverter:
        """Opens payloads with the key ring of the deployment. Raises UnreachableError without one: nothing may make a new ring here."""
        ring = self.keys(PAYLOAD_KEYS)
        if ring is None:
            raise UnreachableError("the key ring of the histories is not there")
        return data_converter(ring)

    async def temporal(self) -> Client:
        if self._client is None:
            if not self.deployment.temporal.address:
                raise UnreachableError("no address of Temporal is known")
            try:
                self._client = await connect_to(self.deployment.temporal, self.keys(PAYLOAD_KEYS))
            except (RPCError, ConnectionError, TimeoutError) as error:
                raise UnreachableError(f"Temporal: {type(error).__name__}") from error
        return self._client

    async def executions(self) -> list[Execution]:
        """Every run of our workflows, open and closed, oldest first."""

        async def read() -> list[Execution]:
            client = await self.temporal()
            types = ", ".join(f"'{name}'" for name in WORKFLOW_TYPES)
            found = [
                Execution(
                    each.id,
                    each.run_id,
                    each.workflow_type,
                    each.status,
                    each.start_time,
                    each.close_time,
                    each.typed_search_attributes.get(GENERATION) or 0,
                )
                async for each in client.list_workflows(f"WorkflowType IN ({types})")
            ]
            # Where clocks are simulated, one that was started again may begin earlier than the one before it did.
            return sorted(found, key=lambda each: (each.generation, each.started_at, each.run_id))

        return await self.once("executions", read)

    async def status_of(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """The newest run's status by the engine itself (visibility may be a moment behind); None when there is no such workflow."""
        client = await self.temporal()
        try:
            async with self._fetching:
                return (await client.get_workflow_handle(workflow_id).describe()).status
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise UnreachableError(f"Temporal: {error.status.name}") from error

    async def state_of(self, workflow_id: str) -> State | None:
        """What an open workflow holds to be so; None when there is none, or its code says nothing. Raises UnreachableError when no worker answers."""
        client = await self.temporal()
        handle = client.get_workflow_handle(workflow_id)
        try:
            async with self._fetching, asyncio.timeout(_QUERY_SECONDS):
                said: State = await handle.query(STATE, result_type=State, reject_condition=QueryRejectCondition.NOT_OPEN)
        except (WorkflowQueryFailedError, WorkflowQueryRejectedError):
            return None
        except TimeoutError as error:
            raise UnreachableError(f"no worker answers for {workflow_id}") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise UnreachableError(f"no worker answers for {workflow_id}: {error.status.name}") from error
        return said

    async def started_with(self, workflow_id: str) -> dict[str, Any] | None:
        """The input of an open workflow as its first event has it; None when there is none, or it is no object. Raises UnreachableError."""
        client = await self.temporal()
        try:
            async with self._fetching:
                events = client.get_workflow_handle(workflow_id).fetch_history_events(page_size=1)
                first = await anext(aiter(events))
        except StopAsyncIteration:
            return None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise UnreachableError(f"Temporal: {error.status.name}") from error
        payloads = first.workflow_execution_started_event_attributes.input.payloads
        context = WorkflowSerializationContext(namespace=client.namespace, workflow_id=workflow_id)
        values = await client.data_converter.with_context(context).decode(payloads)
        return values[0] if values and isinstance(values[0], dict) else None

    async def history(self, execution: Execution) -> WorkflowHistory | None:
        """None when the engine keeps it no more."""
        client = await self.temporal()
        try:
            async with self._fetching:
                return await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise UnreachableError(f"Temporal: {error.status.name}") from error

    # --- the outside world and the public pages --------------------------------------------------------------------------------------------

    async def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The sandbox's control server. Raises UnreachableError."""
        if not self.deployment.outside_url:
            raise UnreachableError("no outside world with books of its own is known")
        return await self._json(method, self.deployment.outside_url + path, body, self.deployment.outside_headers())

    async def book(self, path: str) -> list[dict[str, Any]]:
        """All pages of one of the books."""

        async def read() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = []
            after = ""
            for _ in range(_MAX_PAGES):
                page = await self.control("GET", f"{path}?limit={_BOOK_PAGE}" + (f"&after={after}" if after else ""))
                items += page["items"]
                if page["next_after"] is None or len(page["items"]) < _BOOK_PAGE:
                    return items
                after = page["next_after"]
            raise UnreachableError(f"the book {path} has no end")

        return await self.once(f"book {path}", read)

    async def public(self, path: str) -> Any:
        """One answer of the public API, as anybody gets it. Raises UnreachableError."""
        if not self.deployment.web_url:
            raise UnreachableError("no public pages are known")
        return await self._json("GET", f"{self.deployment.web_url}/api/v1{path}")

    async def public_list(self, path: str) -> list[dict[str, Any]]:
        """All pages of a public list."""
        items: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(_MAX_PAGES):
            page = await self.public(f"{path}?limit={_PUBLIC_PAGE}" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return items
        raise UnreachableError(f"the public list {path} has no end")

    async def _json(self, method: str, url: str, body: dict[str, Any] | None = None, more: dict[str, str] | None = None) -> Any:
        if self._http is None:
            self._http = await self._stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_HTTP_SECONDS)))
        for tried in range(_TRIES):
            try:
                async with self._http.request(method, url, json=body, headers={"Accept-Language": "zh-CN", **(more or {})}) as response:
                    if response.status < 400:
                        return await response.json(content_type=None)
                    if response.status not in _RETRY_STATUS or tried == _TRIES - 1:
                        raise UnreachableError(f"{method} {url}: {response.status}")
                    after = response.headers.get("Retry-After", "")
                    pause = float(after) if after.isdecimal() else 0.2 * 2**tried
            except (aiohttp.ClientError, ValueError, TimeoutError) as error:
                raise UnreachableError(f"{method} {url}: {type(error).__name__}") from error
            await asyncio.sleep(min(pause, 10))
        raise AssertionError("the loop returns or raises")
