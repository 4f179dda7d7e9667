"""``anju organisation import``: the first people of a city, its administrators among them, from a file. Good once; afterwards they go on by themselves."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from anju.organisation.v1 import organisation_pb2 as pb
from anju.organisation.v1 import organisation_pb2_grpc as rpc
from anju_people.index import PERSON_KEYS, PersonIndex
from chassis import commands
from chassis.crypto import KeyRing
from chassis.deployment import Deployment
from chassis.errors import Refusal

from anju_onebox.operating import services_of

COLUMNS: Final = ("account", "name", "id_number", "duty", "unit", "from", "until")
_SECONDS: Final = 60.0

Line = Mapping[str, str]


def read(file: Path) -> list[Line]:
    """A line a duty; lines of one account are one person. Raises CannotRunError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            lines = csv.DictReader(opened)
            if tuple(lines.fieldnames or ()) != COLUMNS:
                raise commands.CannotRunError(f"{file}: 第一行应为 the first line has to be: {','.join(COLUMNS)}")
            return [{name: (line[name] or "").strip() for name in COLUMNS} for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise commands.CannotRunError(f"{file}: {error}") from error


async def import_people(deployment: Deployment, lines: Iterable[Line]) -> int:
    """How many people were added; 0 when all of them are there. Raises Refusal and CannotRunError."""
    request = pb.ImportPeopleRequest()
    people: dict[str, pb.ImportedPerson] = {}
    index = _index(deployment)
    for line in lines:
        person = people.get(line["account"])
        if person is None:
            person = request.people.add(account=line["account"], name=line["name"], person=index.of(line["id_number"]))
            people[line["account"]] = person
        person.duties.add(duty=line["duty"], unit=line["unit"], from_on=line["from"], until_on=line["until"])
    async with services_of(deployment, ["organisation"]) as clients:
        client = clients["organisation"]
        stub = rpc.OrganisationServiceStub(client.channel)
        answer: pb.ImportPeopleResponse = await client.call(stub.ImportPeople, request, timeout=_SECONDS)
        return answer.added


async def run(deployment: Deployment, lines: Iterable[Line]) -> int:
    """0: everybody of the file is there. Raises CannotRunError."""
    try:
        added = await import_people(deployment, lines)
    except Refusal as refusal:
        where = "; ".join(f"{each.pointer}: {each.zh}" for each in refusal.fields)
        raise commands.CannotRunError(f"{refusal.zh or refusal.problem.zh} {where} — {refusal.en or refusal.problem.en}") from refusal
    print(f"已导入 {added} 人 people added" if added else "都已在册，没有改动 — everybody is there, nothing changed")
    return 0


def _index(deployment: Deployment) -> PersonIndex:
    """The number of a line goes nowhere: the index of it does. Raises CannotRunError."""
    try:
        if deployment.keys_dir is None:
            raise FileNotFoundError
        return PersonIndex(KeyRing.load(deployment.keys_dir / PERSON_KEYS))
    except FileNotFoundError:
        raise commands.CannotRunError(f"缺少密钥 a key is missing: {PERSON_KEYS} in keys_dir") from None
