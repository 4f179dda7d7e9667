"""Each service comes to its database as a role that owns nothing: it reads and writes rows, and can neither lift a trigger nor empty or change a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from anju.housing.v1 import housing_pb2_grpc as rpc
from anju_onebox.engine.postgres import Postgres
from anju_onebox.keys import folder_of
from chassis import migrate
from chassis.commands import CannotRunError
from chassis.composition import composing
from chassis.settings import GrpcServiceSettings
from sqlalchemy.engine import make_url

from tests.conftest import MakeDatabase
from tests.services.test_migrations import SERVICES

# What nobody may rewrite, by service; words and receipts may change in the ways their triggers allow.
EVIDENCE = {
    "casework": {
        "timeline",
        "repairs",
        "operator_step",
        "recusal_declaration",
        "declared_relative",
        "registered_spouse",
        "recusal",
        "interruption",
        "authorisation",
        "authorisation_end",
        "authorisation_photo",
        "assistance",
        "assistance_end",
        "staff_read",
        "staff_read_household",
        "fact",
    },
    "eligibility": {"rule_set"},
    "housing": {"repairs", "operator_step", "contract_files", "staff_read", "staff_read_household", "fact"},
    "notifications": {"operator_step"},
    "organisation": {"change"},
    "oversight": {
        "repairs",
        "operator_step",
        "staff_read",
        "staff_read_household",
        "fact",
        "complaint_step",
        "complaint_photo",
        "finished",
        "evaluation",
    },
    "payments": {"transfers", "postings", "repairs", "operator_step", "staff_read", "staff_read_household", "fact"},
    "registry-gateway": {"access_log", "fact"},
}


# Rows are changed as their triggers allow, and none is taken out: receipts are erased by emptying them, a proposal is seconded, the looks of a day are
# counted, an objection is answered, an appointment ends, a policy is withdrawn, views of a day are counted.
KEPT = (
    "receipt",
    "proposal",
    "staff_read_day",
    "query_objection",
    "staff_export",
    "member",
    "appointment",
    "cover",
    "policy",
    "policy_version",
    "policy_view",
    "complaint",
    "follow_up",
)


async def migrated(service: str, make_database: MakeDatabase, postgres: Postgres) -> tuple[str, str]:
    """The URLs of the owner and of the service."""
    owner = await make_database(service)
    url = await postgres.create_service_role(make_url(owner).database or "")
    await asyncio.to_thread(migrate.upgrade, SERVICES[service].MIGRATIONS, owner, make_url(url).username or "")
    return owner, url


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_can_neither_lift_a_trigger_nor_change_a_table(
    make_database: MakeDatabase, postgres: Postgres, service: str
) -> None:
    _, url = await migrated(service, make_database, postgres)
    tables = sorted(SERVICES[service].Base.metadata.tables)
    async with connected(url) as connection:
        refused = [
            "SET session_replication_role = replica",
            "CREATE TABLE mine (id int)",
            "UPDATE alembic_version SET version_num = '0000'",
            *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in tables),
            *(f"DROP TABLE {table}" for table in tables),
            *(f"TRUNCATE {table}" for table in tables),
            *(f"CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION now()" for table in tables),
            *(f"DELETE FROM {table}" for table in EVIDENCE[service]),
        ]
        for statement in refused:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        for table in tables:
            rights = await connection.fetch(
                "SELECT privilege_type AS kind FROM information_schema.role_table_grants WHERE table_name = $1 AND grantee = current_user",
                table,
            )
            kinds = {row["kind"] for row in rights}
            expected = {"SELECT", "INSERT"} if table in EVIDENCE[service] else {"SELECT", "INSERT", "UPDATE", "DELETE"}
            if table == "contracts":
                # What a household has read stays as it was; one whose word was refused is taken out again.
                expected = expected - {"UPDATE"}
            # Receipts are erased by emptying them, and stay; a proposal is seconded, and stays; the looks of a day are counted, and stay; an
            # objection and the request for a large file are answered, and stay.
            assert kinds == (expected - {"DELETE"} if table in KEPT else expected), table


async def test_migrating_again_keeps_the_rights_and_a_table_more_gets_its_own(make_database: MakeDatabase, postgres: Postgres) -> None:
    owner, url = await migrated("housing", make_database, postgres)
    role = make_url(url).username or ""
    async with connected(owner) as connection:
        await connection.execute("CREATE TABLE later (id bigserial PRIMARY KEY)")
    await asyncio.to_thread(migrate.upgrade, SERVICES["housing"].MIGRATIONS, owner, role)
    async with connected(url) as connection:
        assert await connection.fetchval("INSERT INTO later DEFAULT VALUES RETURNING id") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("ALTER TABLE later ADD COLUMN mine int")


async def test_in_production_a_service_does_not_start_as_the_owner_of_its_tables(
    make_database: MakeDatabase, postgres: Postgres, keys_dir: Path
) -> None:
    owner, url = await migrated("housing", make_database, postgres)

    async def serve(database_url: str, *, production: bool) -> None:
        settings = GrpcServiceSettings(
            database_url=database_url, keys_dir=keys_dir, production=production, tls_dir=folder_of(keys_dir, "housing"), drain_seconds=0
        )
        async with composing(settings, "housing") as made:
            await made.serve("anju.housing.v1.HousingService", rpc.add_HousingServiceServicer_to_server, rpc.HousingServiceServicer())

    for refused in (owner, postgres.admin_url(make_url(owner).database or "")):
        with pytest.raises(CannotRunError, match="ANJU_DATABASE_OWNER_URL"):
            await serve(refused, production=True)
    await serve(url, production=True)
    await serve(owner, production=False)
