"""Nobody applies in another's name: the applicant is the person whom the sign-on has verified."""

from __future__ import annotations

from dataclasses import replace

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.casework.v1 import casework_pb2_grpc as rpc
from chassis.errors import Refusal
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import TO_STREET, Desk, consent, dossier, member, person_number, reason_of, someone

STRANGERS = 30


async def test_one_sign_on_cannot_apply_in_thirty_strangers_names(office: Office) -> None:
    desk, own = office.desk, person_number()
    thief = replace(someone(), person=desk.verified(dossier(member(id_number=own))))
    households = [dossier(member(name="王秀芳"), member("spouse", "李安民")) for _ in range(STRANGERS)]
    for content in households:
        with pytest.raises(Refusal) as refused:
            await desk.submit(thief, content)
        assert [(v.pointer, v.code) for v in refused.value.fields] == [("/members/0/id_number", "NOT_ONESELF")]
        assert all(v.zh and v.en for v in refused.value.fields)
    assert await office.rows("SELECT count(*) FROM application WHERE owner = $1", thief.sub) == [(0,)]
    # And nobody is locked out by the attempt.
    assert len({(await desk.submit(someone(), content)).no for content in households}) == STRANGERS


async def test_the_field_named_is_the_applicants_wherever_he_stands(desk: Desk) -> None:
    content = dossier(member("spouse", "李安民"), member())
    with pytest.raises(Refusal) as refused:
        await desk.submit(replace(someone(), person="of somebody else"), content)
    assert [v.pointer for v in refused.value.fields] == ["/members/1/id_number"]
    assert (await desk.submit(someone(), content)).household_size == 2


@pytest.mark.parametrize(
    "typed",
    [lambda n: n.lower(), lambda n: f" {n[:6]} {n[6:14]} {n[14:]} ", lambda n: n.translate({48 + d: 0xFF10 + d for d in range(10)})],
)
async def test_it_is_the_number_that_counts_not_how_it_was_typed(desk: Desk, typed: object) -> None:
    number = person_number()
    verified = desk.verified(dossier(member(id_number=number)))
    content = dossier(member(id_number=number))
    content.members[0].id_number = typed(number)  # type: ignore[operator]  # one of the ways above
    case = await desk.submit(replace(someone(), person=verified), content)
    assert case.dossier.members[0].id_number == number


async def test_an_account_without_a_verified_number_is_told_where_to_go(desk: Desk) -> None:
    request = pb.SubmitApplicationRequest(idempotency_key=new_id(), dossier=dossier(), consent=consent())
    stub = rpc.CaseworkServiceStub(desk._people.channel)
    refused = desk._people.call(stub.SubmitApplication, request, caller=someone())
    assert await reason_of(refused) == "NOT_VERIFIED"


async def test_a_correction_does_not_hand_the_case_to_another(desk: Desk) -> None:
    owner, content = someone(), dossier()
    owner = replace(owner, person=desk.verified(content))
    case = await desk.submit(owner, content)
    await desk.bring_to(case.no, *TO_STREET)
    await desk.advance(case.no, "street_returned", "correction", note="请补充材料")
    with pytest.raises(Refusal) as refused:
        await desk.call(owner, "CorrectApplication", pb.CorrectApplicationRequest(idempotency_key=new_id(), no=case.no, dossier=dossier()))
    assert [(v.pointer, v.code) for v in refused.value.fields] == [("/members/0/id_number", "NOT_ONESELF")]
    assert (await desk.get(owner, case.no)).dossier == content
