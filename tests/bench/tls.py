"""What TLS between processes costs a call: ``python -m tests.bench.tls``. Processor time of both ends together, plain and over TLS in turns; the median of the ratios."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from anju_onebox.keys import folder_of, make_keys
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Verifier, load_key_set
from chassis.tls import Certificates

from tests.support.keys import signer

ROUNDS: Final = 9
CALLS: Final = 1_500
_WARM_UP: Final = 200
_SERVICE: Final = pb.DESCRIPTOR.services_by_name["EligibilityService"].full_name


class _Servicer(rpc.EligibilityServiceServicer):
    async def Assess(self, request: pb.AssessRequest, context: Any) -> pb.AssessResponse:
        return pb.AssessResponse(assessment=pb.Assessment(id="as_1"))


async def microseconds(keys: Path, *, over_tls: bool) -> float:
    """Of one call that does nothing, identity and access checked as in every process."""

    def shown(process: str) -> Certificates | None:
        return Certificates(folder_of(keys, process)) if over_tls else None

    verifier = Verifier(load_key_set(keys / "callers.jwks"))
    server = GrpcServer(_SERVICE, verifier, host="127.0.0.1", port=0, drain_seconds=0, certificates=shown("eligibility"))
    rpc.add_EligibilityServiceServicer_to_server(_Servicer(), server.server)
    async with serving(server):
        client = Client(server.address, signer(keys, "worker"), "eligibility", shown("worker"))
        stub = rpc.EligibilityServiceStub(client.channel)

        async def calls(count: int) -> None:
            for _ in range(count):
                await client.call(stub.Assess, pb.AssessRequest(application_no="KF-2026-000001"))

        await calls(_WARM_UP)
        began = time.process_time()
        await calls(CALLS)
        spent = time.process_time() - began
        await client.close()
    return spent / CALLS * 1e6


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder)
        make_keys(keys)
        pairs = [(await microseconds(keys, over_tls=False), await microseconds(keys, over_tls=True)) for _ in range(ROUNDS)]
    plain, over = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(over / plain for plain, over in pairs)
    print(
        f"a call, both ends: {plain:.0f} µs of processor time plain, {over:.0f} µs over TLS; ratio {ratio:.2f} ({ROUNDS} rounds of {CALLS})"
    )


if __name__ == "__main__":
    asyncio.run(main())
