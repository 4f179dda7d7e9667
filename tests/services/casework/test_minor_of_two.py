"""A minor whom two households name: nobody is refused for it, and approving takes two persons in both (parents who live apart)."""

from __future__ import annotations

from anju.casework.v1 import casework_pb2 as pb

from tests.services.casework.support import CLERK, TO_STREET, Desk, dossier, member, person_number, reason_of, someone
from tests.services.casework.test_two_persons import COLLEAGUE, WHY, approve, review


def with_child(child: pb.Member) -> pb.Dossier:
    return dossier(member(), child)


async def test_both_reviewers_see_it_and_two_decide(desk: Desk) -> None:
    child = member("child", "张小燕", person_number("20150315"))
    first = await desk.submit(someone(), with_child(child))
    await desk.bring_to(first.no, *TO_STREET)
    assert not (await review(desk, CLERK, first.no)).doubts
    # Named by the other parent afterwards, the doubt stands against both.
    second = await desk.submit(someone(), with_child(child))
    await desk.bring_to(second.no, *TO_STREET)
    for no in (first.no, second.no):
        assert list((await review(desk, CLERK, no)).doubts) == ["minor_elsewhere"]
        assert [each.named_elsewhere for each in (await desk.get(CLERK, no)).members] == [False, True]
        assert await reason_of(approve(desk, CLERK, no)) == "INVALID_FIELDS"
    proposed = await approve(desk, CLERK, first.no, WHY)
    assert proposed.stage == "street_review"
    assert await reason_of(approve(desk, CLERK, first.no, WHY)) == "SECOND_PERSON"
    assert (await approve(desk, COLLEAGUE, first.no, WHY)).stage == "district_review"
    # Decided there, it is still a doubt here, until the other household's case is over.
    assert list((await review(desk, CLERK, second.no)).doubts) == ["minor_elsewhere"]
    await desk.bring_to(first.no, "withdrawn")
    assert not (await review(desk, CLERK, second.no)).doubts
    assert (await approve(desk, CLERK, second.no)).stage == "district_review"


async def test_an_adult_whom_somebody_else_only_names_is_no_doubt(desk: Desk) -> None:
    wife = member("spouse", "李秀英")
    own = await desk.submit(someone(), dossier(member(), wife))
    await desk.bring_to(own.no, *TO_STREET)
    await desk.submit(someone(), dossier(member(), wife))
    assert not (await review(desk, CLERK, own.no)).doubts
