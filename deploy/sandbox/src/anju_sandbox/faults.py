"""Fault switches: what the outside world does wrong on purpose, how often, and to whom."""

import itertools
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MAX_FAULTS = 500


class Kind(StrEnum):
    """What goes wrong."""

    DOWN = "down"  # the connection is reset without an answer
    STATUS = "status"  # an HTTP error status, optionally with Retry-After
    TIMEOUT = "timeout"  # silence for `seconds`, then the connection is reset
    LATENCY = "latency"  # the right answer, `seconds` late
    DRIP = "drip"  # the right answer, one byte every `seconds`
    GARBAGE = "garbage"  # a broken body, see Garbage
    INNER_FAILURE = "inner_failure"  # HTTP 200 with the protocol's own failure code
    NULL_DATA = "null_data"  # HTTP 200, success code, data: null
    QUOTA = "quota"  # HTTP 200 with the protocol's "quota exceeded" code
    WRONG_PERSON = "wrong_person"  # a correctly signed answer about somebody else
    REPLAY = "replay"  # an earlier answer of the same operation, signature and all
    BAD_SIGNATURE = "bad_signature"  # the right answer with a signature that does not verify


class Garbage(StrEnum):
    """Ways a body can be broken."""

    TRUNCATED = "truncated"
    GBK = "gbk"  # GB18030 bytes announced as UTF-8
    HTML = "html"  # a login page with status 200
    HUGE = "huge"  # 50 MB
    DEEP = "deep"  # absurd nesting
    NAN = "nan"
    BOM = "bom"
    GZIP_BOMB = "gzip_bomb"
    EMPTY = "empty"


# Kinds only the departments' signed answers can have; elsewhere they would silently do nothing.
REPLY_KINDS = frozenset({Kind.INNER_FAILURE, Kind.NULL_DATA, Kind.QUOTA, Kind.WRONG_PERSON, Kind.REPLAY, Kind.BAD_SIGNATURE})


class FaultSpec(BaseModel):
    """One switch. Without limits it hits every request of its server until it is cleared."""

    model_config = ConfigDict(extra="forbid")

    server: str = Field(description="server name, a department's code for all its offices, or '*' for all")
    kind: Kind
    operation: str = Field("", description="path of the operation, empty for all")
    subject: str = Field("", description="ID number: only requests about this person")
    count: int | None = Field(None, ge=1, description="switch itself off after so many hits")
    skip: int = Field(0, ge=0, description="let so many matching requests pass first")
    probability: float = Field(1.0, gt=0, le=1)
    random_seed: int = Field(1, description="the dice of `probability` are reproducible")
    status: int = Field(503, ge=400, le=599)
    retry_after_seconds: int | None = Field(None, ge=0)
    seconds: float = Field(30.0, ge=0, le=600)
    variant: Garbage = Garbage.TRUNCATED
    after: bool = Field(False, description="do the work first, then fail: the effect is there, the answer is not")

    @model_validator(mode="after")
    def _known_server(self) -> "FaultSpec":
        # The departments import this module: what a switch may name is asked for when one is made.
        from anju_sandbox.departments import discover
        from anju_sandbox.servers import CONTROL, department_of, places

        known = {*places(), *discover(), "*"} - {CONTROL}
        if self.server not in known:
            raise ValueError(f"unknown server; known: {', '.join(sorted(known))}")
        if self.kind in REPLY_KINDS and self.server != "*" and self.server not in discover() and not department_of(self.server):
            raise ValueError(f"{self.kind} applies to the departments' answers only")
        return self


@dataclass(slots=True)
class Fault:
    """A switch that is on. The person is kept as a keyed hash only."""

    fault_id: int
    spec: FaultSpec
    subject_hash: str
    dice: random.Random
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        """Whether its count is used up."""
        return self.spec.count is not None and self.hits >= self.spec.count

    def shown(self) -> dict[str, object]:
        """For the control API."""
        spec = self.spec.model_dump(mode="json", exclude={"subject"})
        return {"id": self.fault_id, "hits": self.hits, "spent": self.spent, "subject_hash": self.subject_hash} | spec


class Faults:
    """All switches, in memory only: a restart heals the world."""

    def __init__(self, hash_subject: Callable[[str], str]) -> None:
        self._hash = hash_subject
        self._ids = itertools.count(1)
        self._faults: dict[int, Fault] = {}

    def add(self, spec: FaultSpec) -> Fault:
        """Switches a fault on. Raises ValueError when too many are on already."""
        if len(self._faults) >= _MAX_FAULTS:
            raise ValueError(f"at most {_MAX_FAULTS} faults at a time; clear some")
        dice = random.Random(spec.random_seed)  # noqa: S311
        fault = Fault(next(self._ids), spec, self._hash(spec.subject), dice)
        # The ID number has done its work; keep only its hash.
        fault.spec = spec.model_copy(update={"subject": ""})
        self._faults[fault.fault_id] = fault
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """Switches one fault (or all) off; returns how many were on."""
        if fault_id is None:
            count = len(self._faults)
            self._faults.clear()
            return count
        return int(self._faults.pop(fault_id, None) is not None)

    def list(self) -> list[dict[str, object]]:
        """All switches, spent ones included, oldest first."""
        return [fault.shown() for fault in self._faults.values()]

    def pick(self, server: str, operation: str, subject: str | None) -> Fault | None:
        """The fault which hits this request, if any.

        Called with subject None when the request arrives (only faults for anybody match) and again once its subject is
        known (only faults for that person match), so that no fault is rolled twice for one request.
        """
        wanted = self._hash(subject) if subject is not None else ""
        for fault in self._faults.values():
            spec = fault.spec
            if fault.spent or fault.subject_hash != wanted:
                continue
            if spec.server not in ("*", server) and not server.startswith(f"{spec.server}_"):
                continue
            if spec.operation and spec.operation != operation:
                continue
            fault.seen += 1
            if fault.seen <= spec.skip or fault.dice.random() >= spec.probability:
                continue
            fault.hits += 1
            return fault
        return None


LOGIN_PAGE = (
    "<!DOCTYPE html><html lang='zh-CN'><head><title>统一认证</title></head><body><form><label>用户名 <input></label></form></body></html>"
)
_BOMB_BYTES = 50_000_000


@lru_cache(maxsize=1)
def gzip_bomb() -> bytes:
    """50 MB of spaces as some 50 kB of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = b" " * 1_000_000
    parts = [packer.compress(chunk) for _ in range(_BOMB_BYTES // len(chunk))]
    return b"".join([*parts, packer.flush()])


def broken_body(variant: Garbage, body: bytes) -> tuple[bytes, dict[str, str]]:
    """A broken version of a body, and the headers which go with it. HUGE is produced as one 50 MB run of spaces."""
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    match variant:
        case Garbage.TRUNCATED:
            return body[: max(len(body) // 2, 1)], json_type
        case Garbage.GBK:
            return body.decode("utf-8", "replace").encode("gb18030"), json_type
        case Garbage.HTML:
            return LOGIN_PAGE.encode(), {"Content-Type": "text/html; charset=utf-8"}
        case Garbage.HUGE:
            return b" " * _BOMB_BYTES, json_type
        case Garbage.DEEP:
            return b"[" * 500_000, json_type
        case Garbage.NAN:
            return b'{"code":"200","data":{"data":{"total":NaN,"list":[Infinity]}}}', json_type
        case Garbage.BOM:
            return b"\xef\xbb\xbf" + body, json_type
        case Garbage.GZIP_BOMB:
            return gzip_bomb(), json_type | {"Content-Encoding": "gzip"}
        case Garbage.EMPTY:
            return b"", json_type
