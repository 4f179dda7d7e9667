"""An rpc that does not say who may call it is not served."""

from __future__ import annotations

from pathlib import Path

import pytest
from anju.casework.v1 import casework_pb2 as casework
from chassis.access import NoAccessLineError, access, asked_with, table
from chassis.grpc_server import GrpcServer
from chassis.identity import Verifier, generate_keys, load_key_set
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2

CASEWORK = casework.DESCRIPTOR.services_by_name["CaseworkService"]


def test_a_server_with_an_rpc_that_says_nothing_does_not_start_and_says_what_to_write(tmp_path: Path) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="forgotten.proto", package="forgotten.v1", dependency=[empty_pb2.DESCRIPTOR.name])
    service = file.service.add(name="ForgottenService")
    service.method.add(name="Forget", input_type=".google.protobuf.Empty", output_type=".google.protobuf.Empty")
    descriptor_pool.Default().Add(file)
    generate_keys(tmp_path, {"worker": ("system",)})
    with pytest.raises(NoAccessLineError) as caught:
        GrpcServer("forgotten.v1.ForgottenService", Verifier(load_key_set(tmp_path / "callers.jwks")), host="127.0.0.1", port=0)
    for part in ("forgotten.v1.ForgottenService.Forget", "option (anju.common.v1.access)", "make protos docs", "CONTRIBUTING.md"):
        assert part in str(caught.value)


def test_the_lines_of_a_service_are_found_by_path_and_by_request() -> None:
    lines = table(CASEWORK)
    assert len(lines) == len(CASEWORK.methods)
    assert lines[f"/{CASEWORK.full_name}/GetContact"].processes == ("notifications",)
    assert access(asked_with(casework.GetContactRequest.DESCRIPTOR)) is lines[f"/{CASEWORK.full_name}/GetContact"]
    with pytest.raises(KeyError):
        asked_with(casework.Member.DESCRIPTOR)
