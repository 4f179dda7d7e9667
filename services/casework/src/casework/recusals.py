"""Whom an official does not decide about (回避, ADR 14): what he declares once a year, and what the registers say."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from anju_people import text
from anju_terms import is_code
from casekit.words import word_name
from chassis import once
from chassis.errors import NOT_FOUND, FieldViolation, Refusal, invalid
from chassis.identity import Caller
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from casework import reach, store
from casework.domain import id_number
from casework.errors import invalid_field
from casework.parts import Parts, now, today
from casework.tables import DeclaredRelative, RecusalDeclaration

MAX_RELATIVES: Final = 50

# What a household is told about a number sends it to a counter.
_ID_FORMAT: Final = (
    "证件号码是18位，旧的外国人永久居留证是15位，请对照证件检查；没有这些证件的亲属不用申报。",
    "The number of an identity document has 18 characters, of an older foreigner's card 15. Compare with the card; leave out who has none of them.",
)


class Recusals:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def declared(self, caller: Caller) -> pb.GetRecusalDeclarationResponse:
        """Nothing declared is not the same as nobody to declare: then there is no declaration in the answer."""
        async with self._parts.database.statements() as session:
            return await self._declared(session, caller)

    async def declare(self, caller: Caller, request: pb.DeclareRecusalsRequest) -> pb.GetRecusalDeclarationResponse:
        reach.require_verified(caller)
        key = word_name(once.request_key(caller, request))
        relatives = self._checked(caller, request)
        good_for = timedelta(days=self._parts.profile.recusal.declaration_days.on(today()))
        async with self._parts.database.transaction() as session:
            await store.declaring(session, caller.person)
            if await session.get(RecusalDeclaration, key) is None:
                at, who = now(), {"sub": caller.sub, "person": caller.person}
                session.add(RecusalDeclaration(id=key, **who, community=request.community, declared_at=at, renew_by=at + good_for))
                await session.flush()
                session.add_all(DeclaredRelative(declaration_id=key, blind=blind, kinship=kinship) for blind, kinship in relatives.items())
                await session.flush()
            return await self._declared(session, caller)

    def _checked(self, caller: Caller, request: pb.DeclareRecusalsRequest) -> dict[str, str]:
        """Kinship by blind index. Raises Refusal with a violation for every wrong field."""
        wrong: list[FieldViolation] = []
        found: dict[str, str] = {}
        division = self._parts.profile.divisions.get(request.community)
        if request.community and (division is None or division.level != "community"):
            wrong.append(FieldViolation("/community", "UNKNOWN_DIVISION", "请选择您居住的社区。", "Choose the community you live in."))
        if len(request.relatives) > MAX_RELATIVES:
            raise invalid_field("/relatives", "TOO_MANY", f"最多填写{MAX_RELATIVES}人。", f"At most {MAX_RELATIVES} people.")
        for place, relative in enumerate(request.relatives):
            at = f"/relatives/{place}"
            if not is_code("kinships", relative.kinship):
                wrong.append(FieldViolation(f"{at}/kinship", "CHOOSE_ONE", "请选择亲属关系。", "Choose how you are related."))
            number = text.clean_code(relative.id_number)
            fault = id_number.check(number, f"{at}/id_number", today=today(), production=self._parts.production)
            if fault is not None:
                wrong.append(
                    FieldViolation(*fault) if fault.code != "ID_FORMAT" else FieldViolation(fault.pointer, fault.code, *_ID_FORMAT)
                )
                continue
            blind = self._parts.vault.people.of(number)
            if blind == caller.person:
                wrong.append(FieldViolation(f"{at}/id_number", "ONESELF", "这是您本人的号码，不用申报。", "This is your own number."))
            elif blind in found:
                wrong.append(FieldViolation(f"{at}/id_number", "DUPLICATE", "这位亲属重复填写了。", "This person is listed twice."))
            found.setdefault(blind, relative.kinship)
        if wrong:
            raise invalid(wrong)
        return found

    async def _declared(self, session: AsyncSession, caller: Caller) -> pb.GetRecusalDeclarationResponse:
        found = await store.declaration(session, caller)
        if found is None:
            return pb.GetRecusalDeclarationResponse()
        row, relatives = found
        declaration = pb.RecusalDeclaration(
            community=row.community,
            kinships=[relative.kinship for relative in relatives],
            declared_at=stamp(row.declared_at),
            renew_by=stamp(row.renew_by),
        )
        return pb.GetRecusalDeclarationResponse(declaration=declaration)

    async def note_spouses(self, request: pb.NoteSpousesRequest) -> pb.NoteSpousesResponse:
        """Only the blind indexes of those named are kept."""
        blinds = sorted({self._parts.vault.people.of(number) for number in request.id_numbers} - {""})
        async with self._parts.database.transaction() as session:
            if await store.case(session, request.application_no) is None:
                raise Refusal(NOT_FOUND)
            await store.note_spouses(session, request.application_no, blinds)
        return pb.NoteSpousesResponse()
