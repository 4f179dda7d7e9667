"""Sample policies, so that the shelf of a box is not empty: files of the city's profile, written by one person and published by another, as its editors do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import yaml
from anju.common.v1 import common_pb2 as common
from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.identity import Caller, Signer, load_key

from anju_onebox.layout import WEB, Layout

FOLDER: Final = "policies"
_SECONDS: Final = 20.0


def read(file: Path) -> pb.Content:
    """One policy; whatever the file says, it is a sample. Raises ValueError for a field nobody knows."""
    said: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    title, summary, articles = (said.pop(name) for name in ("title", "summary", "articles"))
    effective_on = said.pop("effective_on").isoformat()
    return pb.Content(
        title=common.Text(**title),
        summary=common.Text(**summary),
        articles=[pb.Article(**each) for each in articles],
        effective_on=effective_on,
        sample=True,
        **said,
    )


async def seed(layout: Layout) -> int:
    """Puts the files of the profile on an empty shelf; returns how many policies were added. Safe to repeat and to interrupt: what is published already
    stays as its editors have made it."""
    files = sorted((layout.profile_dir / FOLDER).glob("*.yaml"))
    address, key = layout.address("oversight"), load_key(layout.keys_dir / f"{WEB}.jwk")
    client = Client(address, Signer(key, WEB), "oversight", layout.certificates(WEB))
    stub = rpc.OversightServiceStub(client.channel)
    writer, publisher = (
        Caller(sub=f"seed-{name}", kind="staff", roles=("city_reviewer",)) for name in ("policy-writer", "policy-publisher")
    )

    async def put(file: Path) -> bool:
        try:
            await client.call(stub.GetPolicy, pb.GetPolicyRequest(id=file.stem), caller=writer, timeout=_SECONDS)
            return False
        except Refusal as refusal:
            if refusal.problem.reason != "NOT_FOUND":
                raise
        saving = pb.SavePolicyDraftRequest(policy_id=file.stem, content=read(file))
        draft = (await client.call(stub.SavePolicyDraft, saving, caller=writer, timeout=_SECONDS)).draft
        publishing = pb.PublishPolicyRequest(policy_id=file.stem, digest=draft.digest)
        await client.call(stub.PublishPolicy, publishing, caller=publisher, timeout=_SECONDS)
        return True

    try:
        return sum(await asyncio.gather(*(put(file) for file in files)))
    finally:
        await client.close()
