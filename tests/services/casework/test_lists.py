"""What the lists of the console are narrowed to and counted by; and that a number alone is nobody's look at anybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.common.v1 import common_pb2 as common
from anju.reads.v1 import reads_pb2 as reads_pb
from anju_calendar import local_date

from tests.services.casework.conftest import Office
from tests.services.casework.support import TO_STREET, Desk, dossier, page, reason_of, someone
from tests.support.keys import staff

# A street nobody else's case of this run is in, so that the numbers are whole.
STREET, COMMUNITY = "410204001", "410204001002"
CLERK = staff("street_clerk", STREET, sub="clerk-lists")
COUNT = common.PageRequest(count=True, only_count=True)
TODAY = local_date(datetime.now(UTC))


async def listed(desk: Desk, **asked: object) -> list[str]:
    found = await desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=page(), **asked))  # type: ignore[arg-type]  # its fields
    counted = await desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=COUNT, **asked))  # type: ignore[arg-type]
    assert (counted.page.total, list(counted.applications)) == (len(found.applications), [])
    return [case.no for case in found.applications]


async def test_a_number_counts_what_its_list_shows(office: Office) -> None:
    desk = office.desk
    cases = [(await desk.submit(someone(), dossier(district=STREET[:6], street=STREET, community=COMMUNITY))).no for _ in range(3)]
    await desk.bring_to(cases[0], *TO_STREET)
    await office.rows("UPDATE application SET overdue = true, updated_at = now() - interval '5 days' WHERE no = $1 RETURNING no", cases[1])
    assert await listed(desk) == cases[::-1]
    assert await listed(desk, stage="street_review") == [cases[0]]
    assert await listed(desk, overdue=True) == [cases[1]]
    assert await listed(desk, blocked=True) == []
    assert await listed(desk, changed_since=TODAY.isoformat()) == [cases[2], cases[0]]
    assert await listed(desk, changed_since=(TODAY - timedelta(days=9)).isoformat()) == cases[::-1]
    assert await listed(desk, changed_since=(TODAY + timedelta(days=1)).isoformat()) == []


async def test_a_number_is_no_look_at_anybody(office: Office) -> None:
    log = "SELECT count(*) FROM staff_read WHERE reader = $1"
    before = await office.rows(log, CLERK.sub)
    for method, request in (("ListApplications", pb.ListApplicationsRequest(page=COUNT)), ("ListTasks", pb.ListTasksRequest(page=COUNT))):
        answer = await office.desk.call(CLERK, method, request)
        assert answer.ByteSize() <= 10, "a number and nothing else"
    assert await office.rows(log, CLERK.sub) == before
    await office.desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=page()))
    assert await office.rows(log, CLERK.sub) != before


@pytest.mark.parametrize("day", ["today", "2026-13-01", "2026-1-1", "9999-12-31", "2026-11-26T00:00:00Z", "' OR 1=1"])
async def test_what_is_no_day_is_refused(desk: Desk, day: str) -> None:
    assert await reason_of(desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(changed_since=day))) == "INVALID_FIELDS"


async def test_a_row_taken_away_in_a_file_is_on_record_with_its_purpose(office: Office) -> None:
    owner = someone()
    no = (await office.desk.submit(owner, dossier(district=STREET[:6], street=STREET, community=COMMUNITY))).no
    taken = common.PageRequest(limit=100, purpose="audit")
    found = await office.desk.call(CLERK, "ListApplications", pb.ListApplicationsRequest(page=taken))
    assert no in {case.no for case in found.applications}
    reads = await office.desk.ask_reads(owner, "ListReads", reads_pb.ListReadsRequest(application_no=no, page=page()))
    assert [(read.what, *read.roles) for read in reads.reads] == [("export_audit", "street_clerk")]
    nobody = common.PageRequest(purpose="curiosity")
    # Every list that is taken away asks what for.
    for method, request in (("ListApplications", pb.ListApplicationsRequest(page=nobody)), ("ListTasks", pb.ListTasksRequest(page=nobody))):
        assert await reason_of(office.desk.call(CLERK, method, request)) == "INVALID_FIELDS", method
