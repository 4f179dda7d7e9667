"""What an official declares once a year: whose cases, and of which community, he does not decide (回避)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from anju.casework.v1 import casework_pb2 as casework
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call
from web_gateway.api.subjects.review import REVIEWERS
from web_gateway.api.vocabulary import CodeOf, OneOf

api = Api("recusals", "回避 Recusals", ())


class Relative(Body):
    kinship: Annotated[str, OneOf("kinships")]
    id_number: Annotated[str, Field(max_length=40, description="Of the identity document; only a blind index of it is kept.")]


class DeclareRecusals(Body):
    community: f.Code | Literal[""] = Field(
        default="", description="Where the official lives himself; empty where no community is on record."
    )
    relatives: Annotated[list[Relative], Field(max_length=50)] = []


class Declared(Answer):
    community: str
    kinships: list[Annotated[str, CodeOf("kinships")]] = Field(description="How each relative is related. Who they are is not kept.")
    declared_at: datetime
    renew_by: datetime = Field(
        description="When the official has to declare anew before he decides; until he does, this declaration counts."
    )


class RecusalDeclaration(Answer):
    declaration: Declared | None = Field(description="Null while nothing has been declared, which is not the same as nobody to declare.")


# Auditors answer objections to queries, and leave them to others as reviewers do cases.
_DECLARE = (*REVIEWERS, "auditor")


@api.get("/myself/recusals", access=Access.STAFF, roles=_DECLARE)
async def get_recusal_declaration(call: Call) -> RecusalDeclaration:
    """What the official has declared last."""
    answer = await call.rpc("casework", call.services.casework.GetRecusalDeclaration, casework.GetRecusalDeclarationRequest())
    return to_model(RecusalDeclaration, answer)


@api.put("/myself/recusals", access=Access.STAFF, roles=_DECLARE)
async def declare_recusals(call: Call, body: DeclareRecusals) -> RecusalDeclaration:
    """What the official declares from now on; what it leaves out of an earlier declaration goes on counting until this one's ``renew_by``.

    He decides no case, answers no objection and reads nobody's papers of a household to which a relative belongs
    or which lives in his community.
    """
    request = casework.DeclareRecusalsRequest(
        idempotency_key=call.idempotency_key,
        community=body.community,
        relatives=[casework.Relative(kinship=each.kinship, id_number=each.id_number) for each in body.relatives],
    )
    answer = await call.rpc("casework", call.services.casework.DeclareRecusals, request)
    return to_model(RecusalDeclaration, answer)
