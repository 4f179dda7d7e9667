"""The services' real schemas, filled by hand: good records which pass, and what a bug, a crash or an intruder would make of them."""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from anju_contracts.application import moves
from anju_onebox.engine.postgres import Postgres
from anju_people.index import PersonIndex
from anju_verify.check import Result, Status
from anju_verify.run import Options, verify
from anju_workflows.application import calls
from chassis.crypto import KeyRing
from chassis.deployment import Deployment
from sqlalchemy.engine import make_url

from tests.conftest import MakeDatabase

LEVELS = ("street", "district", "city")
REGISTERS = ("social_insurance", "real_estate", "vehicles", "marriage")
APPLICATION = moves(LEVELS, "district")
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
PEOPLE = (("陈晓明", "991102199001011234"), ("李秀兰", "991102199203044321"))
PHONE = "19999012345"
ADDRESS = "翰园街 12 号院 3 号楼 402 室"


Snapshot = dict[str, dict[str, list[asyncpg.Record]]]


@dataclass
class Records:
    make_database: MakeDatabase
    postgres: Postgres
    keys_dir: Path
    ring: KeyRing
    urls: dict[str, str] = field(default_factory=dict)
    deployment: Deployment = field(default_factory=Deployment)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def people(self) -> PersonIndex:
        return PersonIndex.of_folder(self.keys_dir)

    async def need(self, *services: str) -> None:
        """Migrated databases of these services."""
        for service in services:
            if service not in self.urls:
                migrations = importlib.import_module(f"{service.replace('-', '_')}.tables").MIGRATIONS
                self.urls[service] = await self.make_database(service, migrations)
        self.aim()

    def aim(self, **more: Any) -> None:
        """Changes what the checker is told of."""
        self.deployment = self.deployment.model_copy(update={"databases": dict(self.urls), "keys_dir": self.keys_dir, **more})

    async def put(self, service: str, table: str, **values: Any) -> None:
        """One row, as the service itself would be allowed to write it."""
        await self.need(service)
        columns, places = ", ".join(f'"{name}"' for name in values), ", ".join(f"${number}" for number in range(1, len(values) + 1))
        given = [json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value for value in values.values()]
        connection = await asyncpg.connect(self.urls[service].replace("+asyncpg", ""))
        try:
            await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", *given)
        finally:
            await connection.close()

    async def run(self, service: str, *statements: str) -> None:
        """As the service: several statements in one transaction."""
        await self.need(service)
        connection = await asyncpg.connect(self.urls[service].replace("+asyncpg", ""))
        try:
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
        finally:
            await connection.close()

    async def sabotage(self, service: str, *statements: str) -> None:
        """As the superuser with triggers and foreign keys asleep: what no service can do to itself."""
        async with self._superuser(service) as connection:
            for statement in statements:
                await connection.execute(statement)

    @asynccontextmanager
    async def _superuser(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        name = make_url(self.urls[service]).database
        assert name is not None
        connection = await asyncpg.connect(self.postgres.admin_url(name).replace("+asyncpg", ""))
        try:
            await connection.execute("SET session_replication_role = replica")
            yield connection
        finally:
            await connection.close()

    async def snapshot(self) -> Snapshot:
        """Every row of every database."""
        kept: Snapshot = {}
        for service in self.urls:
            async with self._superuser(service) as connection:
                tables = await connection.fetch(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
                )
                kept[service] = {table: await connection.fetch(f"SELECT * FROM {table}") for (table,) in tables}
        return kept

    async def restore(self, kept: Snapshot) -> None:
        """The rows of a snapshot, and no others."""
        for service, tables in kept.items():
            async with self._superuser(service) as connection:
                await connection.execute("; ".join(f"DELETE FROM {table}" for table in tables))
                for table, rows in tables.items():
                    if rows:
                        await connection.copy_records_to_table(table, records=[tuple(row) for row in rows], columns=list(rows[0].keys()))

    async def value(self, service: str, sql: str) -> Any:
        connection = await asyncpg.connect(self.urls[service].replace("+asyncpg", ""))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    async def check(self, check_id: str, **options: Any) -> Result:
        report = await verify(self.deployment, Options(only=(check_id,), **{"settle_seconds": 0.0, **options}))
        return report[check_id]

    async def passes(self, *check_ids: str, **options: Any) -> None:
        for check_id in check_ids:
            result = await self.check(check_id, **options)
            assert result.status is Status.PASSED, (check_id, result.violations, result.notes)
            assert result.looked_at > 0

    async def violates(self, check_id: str, *words: str, **options: Any) -> Result:
        """The check fails, and some violation has all the words in it."""
        result = await self.check(check_id, **options)
        assert result.status is Status.VIOLATED, (result.status, result.notes)
        assert any(all(word in text for word in words) for text in result.violations), result.violations
        return result

    # --- casework ------------------------------------------------------------------------------------------------------------------------

    def sealed_dossier(self, no: str, round_: int = 1, people: Sequence[tuple[str, str]] = PEOPLE) -> bytes:
        members = [{"name": name, "id_number": number} for name, number in people]
        plain = json.dumps({"members": members, "phone": PHONE, "address": ADDRESS}, ensure_ascii=False).encode()
        return self.ring.encrypt(plain, f"dossier|sealed|{no}/{round_}")

    async def application(self, no: str, *, owner: str = "c-somebody", people: Sequence[tuple[str, str]] = PEOPLE, **changes: Any) -> None:
        """A case with its dossier and consent."""
        values: dict[str, Any] = {
            "no": no,
            "seq": next(self.numbers),
            "version": 1,
            "stage": "submitted",
            "waiting_on": "system",
            "overdue": False,
            "district": "410202",
            "street": "410202001",
            "category": "local_household",
            "household_size": len(people),
            "masked_name": "陈*明",
            "owner": owner,
            "locale": "zh-CN",
            "submitted_at": NOW,
            "updated_at": NOW,
            "outcome": "",
            "reason_sealed": b"",
            "round": 1,
            "profile_version": "test",
            "registers": list(REGISTERS),
            "levels": list(LEVELS),
            "objection_level": "district",
        }
        await self.put("casework", "application", **{**values, **changes})
        await self.put(
            "casework",
            "dossier",
            application_no=no,
            round=1,
            sealed=self.sealed_dossier(no, people=people),
            blinds=[self.people.of(number) for _, number in people],
            category="local_household",
            household_size=len(people),
            masked_name="陈*明",
            request_id="",
            actor=owner,
            created_at=NOW,
        )
        registers = list(REGISTERS)
        for place, (_, number) in enumerate(people):
            await self.put(
                "casework",
                "consent",
                id=f"consent-{no}-{place}",
                application_no=no,
                blind=self.people.of(number),
                round=1,
                agrees=True,
                channel="counter" if place else "self",
                text_version="consent-2026.1",
                registers=registers,
                given_at=NOW,
                given_by="s-clerk" if place else owner,
                withdrawn_at=None,
                document_sealed=b"",
            )

    async def timeline(self, advances: Sequence[calls.Advance]) -> None:
        """What casework would have recorded of these steps."""
        stage = APPLICATION.start
        for seq, step in enumerate(advances, start=2):
            move = next(move for move in APPLICATION.moves if move.event == step.event)
            await self.put(
                "casework",
                "timeline",
                application_no=step.no,
                seq=seq,
                step_id=step.step.step_id,
                word_id=step.step.word_id,
                event=step.event,
                source=stage,
                stage=step.stage,
                waiting_on=step.waiting_on,
                actor=step.step.actor,
                actor_kind=move.who,
                at=step.step.as_of,
                overdue=step.overdue,
                note_sealed=self.ring.encrypt(step.note.encode(), f"timeline|note_sealed|{step.no}/{seq}") if step.note else b"",
                objection_id=step.objection_id,
                recorded_at=NOW,
            )
            stage = step.stage
        last = advances[-1]
        ended = last.stage in APPLICATION.ends
        reason = self.ring.encrypt(last.note.encode(), f"application|reason_sealed|{last.no}") if last.note else b""
        await self.sabotage(
            "casework",
            f"UPDATE application SET stage = '{last.stage}', waiting_on = '{last.waiting_on}', version = {len(advances) + 1}, "
            f"outcome = '{last.stage if ended else ''}', reason_sealed = '\\x{reason.hex()}' WHERE no = '{last.no}'",
        )

    async def declared(self, sub: str, person: str) -> None:
        """An official has said that there is nobody whose case he leaves to others, and it holds today."""
        values = {"community": "", "declared_at": NOW - timedelta(days=1000), "renew_by": NOW + timedelta(days=3650)}
        await self.put("casework", "recusal_declaration", id=f"declared-{sub}", sub=sub, person=person, **values)

    async def told(self, no: str, template: str, owner: str = "c-somebody") -> None:
        id_ = f"msg-{next(self.numbers)}"
        content = self.ring.encrypt("通知内容".encode(), f"inbox_message|content|{id_}")
        await self.put(
            "notifications",
            "inbox_message",
            id=id_,
            owner=owner,
            role="",
            division="",
            application_no=no,
            template=template,
            content=content,
            at=NOW,
            template_version="",
            created_at=NOW,
        )

    # --- housing -------------------------------------------------------------------------------------------------------------------------

    async def estate(self, homes: int = 3) -> None:
        await self.put("housing", "estates", id="E1", name="金明家园", district="410202", address="金明大道 1 号")
        for number in range(1, homes + 1):
            await self.put(
                "housing",
                "units",
                id=f"U{number}",
                estate_id="E1",
                number=f"1-{number}01",
                bedrooms=2,
                area_centi_sqm=5000,
                monthly_rent_fen=35_000,
                deposit_fen=200_000,
            )

    async def waiting(self, no: str, state: str = "waiting", owner: str = "", word_id: str = "") -> None:
        ended = state not in ("waiting", "offered", "leasing")
        await self.put(
            "housing",
            "waiting",
            application_no=no,
            owner=owner or f"c-{no}",
            masked_name="陈*明",
            district="410202",
            street="410202001",
            household_size=2,
            accepted_on=NOW.date(),
            registered_at=NOW,
            expires_at=NOW + timedelta(days=1826),
            offer_open_days=7,
            state=state,
            closed_at=NOW if ended else None,
            word_id=word_id,
        )

    async def offer(
        self, id_: str, unit: str, no: str, state: str = "open", *, released: bool | None = None, owner: str = "", word_id: str = ""
    ) -> None:
        free = state in ("declined", "expired") if released is None else released
        await self.put(
            "housing",
            "offers",
            id=id_,
            unit_id=unit,
            application_no=no,
            owner=owner or f"c-{no}",
            state=state,
            released=free,
            made_at=NOW,
            expires_at=NOW + timedelta(days=7),
            closed_at=None if state == "open" else NOW,
            reason="",
            word_id=word_id,
        )

    async def lease(self, lease_no: str, offer: str, unit: str, no: str, state: str = "active", *, owner: str = "", **changes: Any) -> None:
        values: dict[str, Any] = {
            "no": lease_no,
            "offer_id": offer,
            "unit_id": unit,
            "application_no": no,
            "owner": owner or f"c-{no}",
            "district": "410202",
            "street": "410202001",
            "state": state,
            "released": state in ("ended", "lapsed"),
            "term_months": 12,
            "starts_on": NOW.date() if state in ("active", "ended") else None,
            "ends_on": NOW.date() + timedelta(days=364) if state in ("active", "ended") else None,
            "monthly_rent_fen": 35_000,
            "deposit_fen": 200_000,
            "drafted_at": NOW,
            "sign_by": NOW + timedelta(days=30),
            "version": 1,
        }
        await self.put("housing", "leases", **{**values, **changes})


def forget(records: Records, *services: str) -> None:
    """Takes databases away from the checker."""
    for service in services:
        records.urls.pop(service, None)
    records.aim()
