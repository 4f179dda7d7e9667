"""Views of the console's lists: each official's own."""

from __future__ import annotations

from typing import Annotated

from anju.organisation.v1 import organisation_pb2 as organisation
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call, Params
from web_gateway.api.problems import Kind

PROBLEMS = (
    Kind("VIEW_NAME_TAKEN", 409, "已有同名的视图", "The name is taken", "请换一个名称。", "Choose another name."),
    Kind("TOO_MANY_VIEWS", 409, "视图太多", "Too many views", "请先删除不用的视图。", "Remove a view you do not use."),
)
api = Api("views", "常用视图 Views of lists", PROBLEMS)


class SavedView(Answer):
    id: str
    list: str = Field(description="The page it is of, by its path in the console.")
    name: str
    query: str = Field(description="Filters and order, as they stand in the page's address.")
    default: bool = Field(description="What the list opens with.")


class KeepView(Body):
    list: Annotated[str, Field(pattern=r"^(/[a-z][a-z-]{0,40}){1,3}$", examples=["/cases"])]
    name: Annotated[str, Field(min_length=1, max_length=20)]
    query: Annotated[str, Field(max_length=500, examples=["stage=street_review&sort=deadline_at"])] = ""
    default: bool = False


class OfView(Params):
    id: f.Id


@api.get("/views", access=Access.STAFF)
async def list_views(call: Call) -> f.Listing[SavedView]:
    """The reader's own views of lists, 50 at most. Nobody has another's."""
    found = await call.rpc("organisation", call.services.organisation.ListViews, organisation.ListViewsRequest())
    return f.Listing[SavedView](items=[to_model(SavedView, each) for each in found.views])


@api.put("/views/{id}", access=Access.STAFF, idempotent=False)
async def keep_view(call: Call, params: OfView, body: KeepView) -> SavedView:
    """Keeps a view under an id of the caller's choice, new or changed. The same again changes nothing, so it needs no Idempotency-Key.

    The one a list opens with takes that place from the one before.
    """
    request = organisation.KeepViewRequest(view=organisation.View(id=params.id, **body.model_dump()))
    return to_model(SavedView, (await call.rpc("organisation", call.services.organisation.KeepView, request)).view)


@api.delete("/views/{id}", access=Access.STAFF)
async def remove_view(call: Call, params: OfView) -> None:
    """Removes one of the caller's own views; also where there is none."""
    await call.rpc("organisation", call.services.organisation.RemoveView, organisation.RemoveViewRequest(id=params.id))
