"""The sample stock, the durations of the command line, and the pages generated from code."""

from __future__ import annotations

import configparser
import pkgutil
from datetime import date, timedelta
from pathlib import Path

import anju_profile
import anju_workflows
import pytest
import typer
from anju_onebox import reference
from anju_onebox.cli import _replicas
from anju_onebox.engine.postgres import Postgres
from anju_onebox.layout import find_profile
from anju_onebox.stock import sample_units
from anju_onebox.terminal import duration

DAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def profile() -> anju_profile.Profile:
    return anju_profile.load(find_profile())


def test_every_district_has_sixty_units_which_are_the_same_on_every_machine(profile: anju_profile.Profile) -> None:
    for district in profile.districts:
        units = sample_units(profile, district.code, DAY)
        assert len(units) == 60
        assert len({(unit.estate_id, unit.number) for unit in units}) == 60
        assert {unit.district for unit in units} == {district.code}
        assert len({unit.estate_name for unit in units}) == 3
        assert {unit.bedrooms for unit in units} == {1, 2, 3}
        assert units == sample_units(profile, district.code, DAY)


def test_rent_and_deposit_are_the_profiles(profile: anju_profile.Profile) -> None:
    unit = sample_units(profile, "410202", DAY)[0]
    assert unit.monthly_rent_fen == 0, "housing knows the standard"
    assert unit.deposit_fen == profile.lease.deposit_fen.on(DAY)
    assert unit.area_centi_sqm < 6000


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30d", timedelta(days=30)), ("12h", timedelta(hours=12)), ("1d12h", timedelta(days=1.5)), ("90s", timedelta(seconds=90))],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "d", "30", "-3d", "3w", "1d x", "３d4", "0d", "3661d", "99999999999d", "9" * 400 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


@pytest.mark.parametrize("entry", ["casework", "casework=0", "casework=x", "postgres=2"])
def test_replicas_are_of_services_and_few(entry: str) -> None:
    with pytest.raises(typer.BadParameter):
        _replicas([entry], processes=True)
    with pytest.raises(typer.BadParameter):
        _replicas(["casework=2"], processes=False)
    assert _replicas(["casework=2"], processes=True) == {"casework": 2}


def test_the_generated_pages_are_what_the_code_says() -> None:
    assert reference.stale() == [], "run make docs"
    assert "/home/" not in reference.settings_page()


def test_the_import_contract_names_every_module_the_sandbox_loads() -> None:
    """A module added to the workflows must not become a way outward by being forgotten."""
    contracts = configparser.ConfigParser()
    contracts.read(Path(reference.ROOT) / ".importlinter")
    named = set(contracts["importlinter:contract:workflows"]["source_modules"].split())
    outward = {"activities", "cli", "settings", "setup", "wire", "worker"}
    found = list(pkgutil.iter_modules(anju_workflows.__path__))
    modules = {module.name for module in found if not module.ispkg} - outward
    same = {"flow", "calls", "activities"}
    expected = {f"anju_workflows.{name}" for name in modules} | {"anju_workflows.*.flow", "anju_workflows.*.calls"}
    for subject in (module.name for module in found if module.ispkg):
        parts = {module.name for module in pkgutil.iter_modules([f"{anju_workflows.__path__[0]}/{subject}"])}
        assert parts >= same, "a subject has the same files as every other"
        # What else it has is a part of its flow.
        expected |= {f"anju_workflows.{subject}.{part}" for part in parts - same}
    assert expected == named


def test_passwords_of_roles_differ_and_stand_in_no_other_url(tmp_path: Path) -> None:
    server = Postgres(tmp_path)
    server._secret = "s"
    housing, payments = server.url("housing"), server.url("payments")
    assert housing.split(":")[2].split("@")[0] != payments.split(":")[2].split("@")[0]
