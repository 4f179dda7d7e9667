"""What somebody has typed of an application or a correction and not handed in yet, on whatever device he goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.casework.v1 import casework_pb2 as casework
from pydantic import Field

from web_gateway.api.convert import answered, instant
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params

api = Api("drafts", "没有交的草稿 Drafts")

# As typed: an income may still be "about 30 000", a number half of one. What is wrong with it is said when it is handed in.
Typed = Annotated[str, Field(max_length=200)]
Mark = Annotated[str, Field(max_length=40)]


class DraftMember(Body):
    name: Typed = ""
    id_number: Typed = ""
    relation: Mark = ""
    birth_date: Mark = ""
    annual_income_fen: Mark = Field(default="", description="As typed, in yuan.")
    employer: Typed = ""


class DraftHome(Body):
    district: Mark = ""
    address: Typed = ""
    area_centi_sqm: Mark = Field(default="", description="As typed, in square metres.")
    share_percent: Mark = ""
    certificate_no: Typed = ""


class DraftVehicle(Body):
    plate: Mark = ""
    value_fen: Mark = Field(default="", description="As typed, in yuan.")


class DraftForm(Body):
    """The form, half filled in."""

    category: Mark = ""
    members: Annotated[list[DraftMember], Field(max_length=20)] = []
    marital_status: Mark = ""
    has_homes: Mark = Field(default="", description="yes, no, or not said yet.")
    homes: Annotated[list[DraftHome], Field(max_length=20)] = []
    has_vehicles: Mark = Field(default="", description="yes, no, or not said yet.")
    vehicles: Annotated[list[DraftVehicle], Field(max_length=20)] = []
    district: Mark = ""
    street: Mark = ""
    community: Mark = ""
    address: Typed = ""
    phone: Mark = ""
    consents: Annotated[list[Mark], Field(max_length=20)] = Field(
        default=[], description="Registers ticked so far. No consent before it is handed in."
    )
    told_adults: bool = False
    visited: Annotated[list[Mark], Field(max_length=20)] = Field(default=[], description="Parts of the form saved at least once.")
    etag: Mark = Field(default="", description="Of the case, as it was when its correction was begun.")
    request_key: Mark = Field(
        default="", description="Idempotency-Key under which the form is being handed in, the same from every device."
    )
    request_print: Mark = Field(default="", description="Digest of what is being handed in under that key.")


class SaveDraft(Body):
    version: Annotated[int, Field(ge=0, le=2**53 - 1, description="Version the form was read at; 0 when there was none.")]
    form: DraftForm


class DraftSaved(Answer):
    version: int
    saved_at: datetime
    expires_at: datetime = Field(description="When it is forgotten unless it is saved again.")


class Draft(DraftSaved):
    secret = True

    form: DraftForm


class OfDraft(Params):
    no: Annotated[
        str,
        Field(
            pattern=r"^(new|[A-Z]{2}-[0-9]{4}-[0-9]{6})$",
            description="Acceptance number of the application that is corrected; new for an application to come.",
            examples=["new"],
        ),
    ]

    @property
    def application_no(self) -> str:
        return "" if self.no == "new" else self.no


@api.get("/drafts/{no}", access=Access.CITIZEN)
async def get_draft(call: Call, params: OfDraft) -> Draft:
    """The reader's own draft. 404 when there is none."""
    found = await call.rpc("casework", call.services.casework.GetDraft, casework.GetDraftRequest(application_no=params.application_no))
    # Saved by another release, it may lack what this one asks and hold what it asks no more.
    form = DraftForm.model_validate_json(found.draft.form or "{}", extra="ignore")
    return answered(Draft, {**_saved(found.draft), "form": form})


@api.put("/drafts/{no}", access=Access.CITIZEN, idempotent=False)
async def save_draft(call: Call, params: OfDraft, body: SaveDraft) -> DraftSaved:
    """Keeps what has been typed, encrypted, for this person alone. 412 when it was saved from another device meanwhile: read it again, nothing was lost.

    A version lets it through once, so it needs no Idempotency-Key. Nothing of the form is checked but its size before it is handed in.
    """
    request = casework.SaveDraftRequest(
        application_no=params.application_no, form=body.form.model_dump_json(exclude_defaults=True), if_version=body.version
    )
    answer = await call.rpc("casework", call.services.casework.SaveDraft, request)
    return answered(DraftSaved, _saved(answer.draft))


@api.delete("/drafts/{no}", access=Access.CITIZEN)
async def delete_draft(call: Call, params: OfDraft) -> None:
    """Forgets a draft. 204 also when there is none; handing in what it was a draft of forgets it too."""
    await call.rpc("casework", call.services.casework.DeleteDraft, casework.DeleteDraftRequest(application_no=params.application_no))


def _saved(draft: casework.Draft) -> dict[str, object]:
    return {"version": draft.version, "saved_at": instant(draft.saved_at), "expires_at": instant(draft.expires_at)}
