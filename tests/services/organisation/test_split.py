"""A street is split: its open case keeps its name and code and is finished by the heirs' people; new cases go to the heirs."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import anju_calendar as calendar
import anju_profile
import pytest
from anju.casework.v1 import casework_pb2 as casework
from casework.app import application as casework_of
from casework.settings import Settings as CaseworkSettings
from casework.tables import MIGRATIONS as CASEWORK
from chassis.db import Database
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller
from pydantic import ValidationError

from tests.conftest import MakeDatabase
from tests.services.casework.support import Desk, Engine, Spoken, dossier, page, someone
from tests.services.organisation.office import DISTRICT, STREET, office, somebody
from tests.support.keys import ISSUERS, signer
from tests.support.profiles import KAIFENG, content, record, write

HEIRS = ("410202901", "410202902")


def split(city: Path, on: date) -> Path:
    """The city of Kaifeng whose first street became two on a day."""
    write(city, "kaifeng-sample-split", content())
    file = city / "versions" / "kaifeng-sample-split" / "divisions.csv"
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        row |= {"begins": "", "ends": "", "successors": ""}
        if row["code"] == STREET:
            row |= {"ends": (on - timedelta(days=1)).isoformat(), "successors": " ".join(HEIRS)}
    rows += [
        {
            "code": code,
            "level": "street",
            "name": f"新街道{code[-1]}",
            "parent": DISTRICT,
            "begins": on.isoformat(),
            "ends": "",
            "successors": "",
        }
        for code in HEIRS
    ]
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    anju_profile.draft(city, "kaifeng-sample-split")
    record(city, "kaifeng-sample-split", on)
    return city


def living_in(street: str) -> casework.Dossier:
    found = dossier(street=street)
    found.community = ""
    return found


async def test_a_split_street_end_to_end(make_database: MakeDatabase, keys_dir: Path, tmp_path: Path) -> None:
    today = calendar.local_date(datetime.now(UTC))
    new_city = split(tmp_path / "kaifeng", today)
    url = await make_database("casework", CASEWORK)
    database, engine = Database(url), Engine()

    async def desk_of(address: str) -> Desk:
        clients = {name: Client(address, signer(keys_dir, name), "casework") for name in ISSUERS}
        engine.desk = Desk(clients["web-gateway"], clients, keys_dir, Spoken(database, keys_dir))
        return engine.desk

    def settings(profile: Path) -> CaseworkSettings:
        return CaseworkSettings(port=0, database_url=url, keys_dir=keys_dir, profile_dir=profile, drain_seconds=0)

    async with casework_of(settings(KAIFENG), engine=engine) as server:
        desk = await desk_of(server.address)
        old = (await desk.submit(someone(), living_in(STREET))).no
        await desk.bring_to(old, "start_verification", "verification_done")

    async with office(make_database, keys_dir, new_city, somebody("heir", ("street_clerk", HEIRS[0]), since=0)) as town:
        ((_, duties, divisions),) = await town.standing("heir")
    assert set(divisions) == {STREET, HEIRS[0]}
    heir = Caller(sub="heir", kind="staff", roles=duties, divisions=divisions, person="person of heir")
    stranger = Caller(sub="x", kind="staff", roles=duties, divisions=("410202002",))

    async with casework_of(settings(new_city), engine=engine) as server:
        desk = await desk_of(server.address)
        for caller, expected in ((heir, [old]), (stranger, [])):
            tasks = (await desk.call(caller, "ListTasks", casework.ListTasksRequest(page=page()))).tasks
            assert [task.application_no for task in tasks] == expected
        assert (await desk.get(heir, old)).street == STREET
        assert anju_profile.load(new_city).name_of(STREET) == anju_profile.load(KAIFENG).name_of(STREET)
        assert (await desk.decide(heir, old)).stage == "district_review"
        with pytest.raises(Refusal, match="INVALID_FIELDS") as refused:
            await desk.submit(someone(), living_in(STREET))
        assert {each.pointer.rpartition("/")[2] for each in refused.value.fields} >= {"street"}
        assert (await desk.submit(someone(), living_in(HEIRS[0]))).street == HEIRS[0]
    await database.close()


def test_a_list_that_names_an_heir_nobody_knows_is_not_published(tmp_path: Path) -> None:
    city = split(tmp_path / "kaifeng", date(2027, 1, 1))
    file = city / "versions" / "kaifeng-sample-split" / "divisions.csv"
    whole = file.read_text(encoding="utf-8")
    for wrong in ("410202999", STREET):
        file.write_text(whole.replace(HEIRS[0] + " " + HEIRS[1], wrong), encoding="utf-8")
        with pytest.raises(ValueError, match=STREET):
            anju_profile.draft(city, "kaifeng-sample-split")
    file.write_text(whole.replace("2026-12-31", "soon"), encoding="utf-8")
    with pytest.raises(ValidationError):
        anju_profile.draft(city, "kaifeng-sample-split")
