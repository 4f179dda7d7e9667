"""Drafts (ADR 15): what a citizen has typed and not handed in yet, kept for him alone and for some days, on whatever device and by whatever account he
goes on.

A draft is nobody's fact: nothing is looked up, decided or counted by it, and no official reads one. It is sealed as the dossier it may become.
"""

from __future__ import annotations

from typing import Final

from anju.casework.v1 import casework_pb2 as pb
from chassis.errors import NOT_FOUND, VERSION_MISMATCH, Refusal
from chassis.identity import Caller
from chassis.wire import stamp
from sqlalchemy.ext.asyncio import AsyncSession

from casework import reach, store
from casework.errors import NOT_RETURNED
from casework.parts import Parts, now
from casework.tables import Application, Draft

PRUNE_SECONDS: Final = 3600.0


def owner_of(caller: Caller) -> str:
    """Whose a draft is: the verified person's, by his blind index, so that two accounts of one person have one draft. The account's where nobody is
    verified: such a draft cannot be handed in, and two accounts without a number are two people as far as anybody knows."""
    return caller.person or caller.sub


class Drafts:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def get(self, caller: Caller, application_no: str) -> pb.Draft:
        async with self._parts.database.transaction() as session:
            await self._own(session, caller, application_no)
            draft = await store.draft(session, owner_of(caller), application_no, now())
            if draft is None:
                raise Refusal(NOT_FOUND)
            return _message(draft, self._parts.vault.open_draft(draft.sealed, draft.owner, draft.application_no))

    async def save(self, caller: Caller, request: pb.SaveDraftRequest) -> pb.Draft:
        instant, owner = now(), owner_of(caller)
        async with self._parts.database.transaction() as session:
            case = await self._own(session, caller, request.application_no)
            if case is not None and case.stage != "correction":
                raise Refusal(NOT_RETURNED)
            sealed = self._parts.vault.seal_draft(request.form, owner, request.application_no)
            draft = await store.save_draft(
                session, owner, request.application_no, sealed, request.if_version, instant, instant + self._parts.draft_life
            )
            if draft is None:
                raise Refusal(VERSION_MISMATCH)
            return _message(draft)

    async def delete(self, caller: Caller, application_no: str) -> None:
        async with self._parts.database.transaction() as session:
            await store.delete_draft(session, owner_of(caller), application_no)

    async def prune(self) -> None:
        """Forgets those whose time is over."""
        async with self._parts.database.transaction() as session:
            await store.prune_drafts(session, now())

    async def _own(self, session: AsyncSession, caller: Caller, application_no: str) -> Application | None:
        """The caller's own case that is corrected; None for a new application. Raises Refusal(NOT_FOUND) for any other's."""
        return reach.own_case(caller, await store.case(session, application_no)) if application_no else None


def _message(draft: Draft, form: str = "") -> pb.Draft:
    return pb.Draft(
        application_no=draft.application_no,
        form=form,
        version=draft.version,
        saved_at=stamp(draft.saved_at),
        expires_at=stamp(draft.expires_at),
    )
