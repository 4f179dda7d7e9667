"""Published versions of the profile: what was published stays, and what was not is not there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import anju_calendar as calendar
import anju_profile
import pytest
from anju_profile import ChangedVersionError, NotInForceError, UnknownVersionError
from anju_profile.__main__ import app
from anju_profile.published import LOCK, VERSIONS, published
from pydantic import ValidationError
from typer.testing import CliRunner

from tests.support.profiles import KAIFENG, content, publish, write

DAY = date(2026, 11, 25)


def two_versions(city: Path) -> Path:
    publish(city, "v1", content())
    later = content()
    later["lease"]["sign_days"].append({"from": date(2027, 1, 1), "value": 20, "source": "示例", "sample": True})
    return publish(city, "v2", later)


def test_every_version_of_every_city_is_as_it_was_published() -> None:
    result = CliRunner().invoke(app, ["check", str(KAIFENG.parent)])
    assert result.exit_code == 0, result.output


def test_a_case_is_read_by_its_own_version(tmp_path: Path) -> None:
    city, day = two_versions(tmp_path), date(2027, 6, 1)
    assert anju_profile.load(city).version == "v2"
    assert anju_profile.load(city, "v1").lease.sign_days.on(day) == 15
    assert anju_profile.load(city, "v2").lease.sign_days.on(day) == 20


@pytest.mark.parametrize("version", ["v3", "", "../v1", "kaifeng-sample-2026.1"])
def test_a_version_nobody_published_is_an_error_and_never_todays_rules(tmp_path: Path, version: str) -> None:
    city = write(two_versions(tmp_path), "v3", content())
    with pytest.raises(UnknownVersionError, match="it has v1, v2"):
        anju_profile.load(city, version)


@pytest.mark.parametrize("name", ["profile.yaml", "divisions.csv"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_published_file_that_was_changed_is_refused_and_named(tmp_path: Path, version: str, name: str) -> None:
    city = two_versions(tmp_path)
    file = city / VERSIONS / version / name
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(ChangedVersionError, match=f"{version} was changed after its publication: {file}"):
        anju_profile.load(city, version)
    result = CliRunner().invoke(app, ["check", str(tmp_path.parent)])
    assert result.exit_code == 1
    assert str(file) in result.output


def test_a_published_file_that_is_missing_is_a_changed_version(tmp_path: Path) -> None:
    city = two_versions(tmp_path)
    (city / VERSIONS / "v1" / "divisions.csv").unlink()
    with pytest.raises(ChangedVersionError, match=r"divisions\.csv"):
        anju_profile.load(city, "v1")


def test_the_current_version_is_a_published_one(tmp_path: Path) -> None:
    city = publish(tmp_path, "v1", content())
    lock = city / LOCK
    lock.write_text(lock.read_text(encoding="utf-8").replace("current: v1", "current: v2"), encoding="utf-8")
    with pytest.raises(ValidationError, match="v2 is not among the published ones"):
        anju_profile.load(city)


def test_publishing_makes_a_version_current_and_leaves_the_others_alone(tmp_path: Path) -> None:
    city = publish(tmp_path, "v1", content())
    before = published(city).versions["v1"]
    result = CliRunner().invoke(app, ["publish", str(write(city, "v2", content())), "v2"])
    assert result.exit_code == 0, result.output
    after = published(city)
    assert (after.current, list(after.versions), after.versions["v1"]) == ("v2", ["v1", "v2"], before)


def test_a_version_is_published_once(tmp_path: Path) -> None:
    city = publish(tmp_path, "v1", content())
    before = (city / LOCK).read_bytes()
    result = CliRunner().invoke(app, ["publish", str(city), "v1"])
    assert result.exit_code == 1
    assert "published already" in result.output
    assert (city / LOCK).read_bytes() == before


def test_a_version_that_is_not_whole_or_carries_another_name_is_not_published(tmp_path: Path) -> None:
    city = publish(tmp_path, "v1", content())
    lacking = content()
    del lacking["lease"]["sign_days"]
    write(city, "v2", lacking)
    write(city, "v3", content())
    (city / VERSIONS / "v3").rename(city / VERSIONS / "v4")
    for version, message in (("v2", "lease.sign_days"), ("v4", "calls itself version v3"), ("v5", "No such file")):
        result = CliRunner().invoke(app, ["publish", str(city), version])
        assert result.exit_code == 1
        assert message in result.output
    assert list(published(city).versions) == ["v1"]


def test_an_older_version_lacks_what_was_added_since_and_may_carry_what_nobody_reads(tmp_path: Path) -> None:
    older = content()
    del older["lease"]["sign_days"], older["waiting"]
    older["lease"]["pets_max"] = older["lease"]["term_months"]
    city = publish(tmp_path, "v1", older)
    with pytest.raises(ValidationError, match="sign_days"):
        anju_profile.load(city)
    publish(city, "v2", content())
    profile = anju_profile.load(city, "v1")
    assert profile.lease.term_months.on(DAY) == 36
    for series in (profile.lease.sign_days, profile.waiting.max_declines):
        with pytest.raises(
            NotInForceError, match=r"(lease\.sign_days|waiting\.max_declines) of profile v1 has no value: it was added in a later version"
        ):
            series.on(DAY)


def test_working_days_are_counted_by_the_current_version_whatever_is_read_beside_it(tmp_path: Path) -> None:
    day = date(2031, 3, 3)
    years = [{2031: {"source": "通知", "holidays": holidays, "workdays": []}} for holidays in ([day], [])]
    city = publish(tmp_path, "v1", content() | {"calendar": years[0]})
    publish(city, "v2", content() | {"calendar": years[1]})
    anju_profile.load(city)
    anju_profile.load(city, "v1")
    assert calendar.is_working_day(day)
