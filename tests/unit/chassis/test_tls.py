"""TLS between processes: who is let in, whose name is expected, and certificates that change under calls."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from anju_onebox import authority, keys
from anju_onebox.authority import Step, StepError
from anju_onebox.engine.process import free_port
from chassis import grpc_client, service, tls
from chassis.commands import CannotRunError
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Verifier, load_key_set
from chassis.settings import GrpcServiceSettings
from chassis.tls import CertificateError, Certificates
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from tests.support.keys import signer

SERVICE = pb.DESCRIPTOR.services_by_name["EligibilityService"].full_name
SERVER = "eligibility"


class Servicer(rpc.EligibilityServiceServicer):
    def __init__(self) -> None:
        self.served = 0
        self.go_on = asyncio.Event()

    async def Assess(self, request: pb.AssessRequest, context: Any) -> pb.AssessResponse:
        self.served += 1
        if request.application_no == "wait":
            await self.go_on.wait()
        return pb.AssessResponse(assessment=pb.Assessment(id="as_1"))


class Place:
    """A server with certificates, and callers of it."""

    def __init__(self, folder: Path, server: GrpcServer, servicer: Servicer) -> None:
        self.folder, self.server, self.servicer = folder, server, servicer
        self.clients: list[Client] = []

    def client(self, process: str = "worker", *, speaks_to: str = SERVER, certificate: str = "", folder: Path | None = None) -> Client:
        """With the caller key of ``process``, and its certificate unless another is named."""
        shown = Certificates(keys.folder_of(folder or self.folder, certificate or process))
        made = Client(self.server.address, signer(self.folder, process), speaks_to, shown)
        self.clients.append(made)
        return made


async def ask(client: Client, what: str = "") -> str:
    stub = rpc.EligibilityServiceStub(client.channel)
    answer: pb.AssessResponse = await client.call(stub.Assess, pb.AssessRequest(application_no=what), timeout=20)
    return answer.assessment.id


async def refusal(client: Client) -> str:
    with pytest.raises(Refusal) as caught:
        await ask(client)
    return caught.value.problem.reason


async def _let_in(place: Place, credentials: grpc.ChannelCredentials | None) -> bool:
    """Whoever it is: even health is answered only to who is let in."""
    options = (("grpc.ssl_target_name_override", tls.name_of(SERVER)),)
    address = place.server.address
    async with (
        grpc.aio.insecure_channel(address) if credentials is None else grpc.aio.secure_channel(address, credentials, options) as channel
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)
        try:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=10)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
        return True


def _credentials(shown: Path, believed: Path | None = None) -> grpc.ChannelCredentials:
    """Of whoever has the files, whatever we think of them."""
    chosen = (believed or shown) / tls.AUTHORITIES, shown / tls.KEY, shown / tls.CERTIFICATE
    return grpc.ssl_channel_credentials(*(file.read_bytes() for file in chosen))


@asynccontextmanager
async def running(folder: Path, **more: Any) -> AsyncIterator[Place]:
    shown = Certificates(keys.folder_of(folder, SERVER))
    verifier = Verifier(load_key_set(folder / "callers.jwks"))
    server = GrpcServer(SERVICE, verifier, host="127.0.0.1", port=0, drain_seconds=1, certificates=shown, **more)
    servicer = Servicer()
    rpc.add_EligibilityServiceServicer_to_server(servicer, server.server)
    async with serving(server):
        place = Place(folder, server, servicer)
        try:
            yield place
        finally:
            servicer.go_on.set()
            for client in place.clients:
                await client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys.make_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest_asyncio.fixture(loop_scope="session")
async def place(folder: Path) -> AsyncIterator[Place]:
    async with running(folder) as made:
        yield made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are looked at with every call."""
    monkeypatch.setattr("chassis.files.LOOK_SECONDS", 0.0)


async def test_a_process_with_its_certificate_is_served(place: Place) -> None:
    client = place.client()
    assert await ask(client) == "as_1"
    # As the edge asks for the health of the services.
    health: Any = health_pb2_grpc.HealthStub(client.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_nobody_is_let_in_without_a_certificate_of_the_authority(
    place: Place, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keys.make_keys(tmp_path / "elsewhere")
    foreign = keys.folder_of(tmp_path / "elsewhere", "worker")
    own = keys.folder_of(folder, "worker")
    assert await _let_in(place, _credentials(own))
    strangers = {
        # In the clear, without a certificate, with one of another authority; and what gRPC itself writes about it.
        "WRONG_VERSION_NUMBER": None,
        "PEER_DID_NOT_RETURN_A_CERTIFICATE": grpc.ssl_channel_credentials((own / tls.AUTHORITIES).read_bytes()),
        "CERTIFICATE_VERIFY_FAILED": _credentials(foreign, believed=own),
    }
    for said, credentials in strangers.items():
        capfd.readouterr()
        assert not await _let_in(place, credentials), said
        line = capfd.readouterr().err
        assert "Handshake failed" in line
        assert said in line
    assert place.servicer.served == 0


async def test_a_certificate_that_has_ended_lets_nobody_in(place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = place.client()
    monkeypatch.setattr(authority, "CERTIFICATE_LIVES", timedelta(seconds=-1))
    keys.certify(folder, lambda _: True)
    into = keys.folder_of(folder, "worker")
    with pytest.raises(CertificateError, match="anju keys certify"):
        Certificates(into)
    # Who takes it all the same is told by the server.
    assert not await _let_in(place, _credentials(into))
    # And who had a good one keeps it.
    assert await ask(late) == "as_1"


async def test_a_server_that_is_somebody_else_is_not_spoken_to(place: Place) -> None:
    with capture_logs() as lines:
        assert await refusal(place.client(speaks_to="housing")) == "UNAVAILABLE"
    assert place.servicer.served == 0
    assert [(line["process"], line["log_level"]) for line in lines if line["event"] == "certificate_refused"] == [("housing", "warning")]


@pytest.mark.parametrize("of", ["casework", "web-gateway", "operations"])
async def test_a_key_with_the_certificate_of_another_process_is_refused(place: Place, of: str) -> None:
    """Whoever has stolen the worker's caller key from a backup is not the worker."""
    with capture_logs() as lines:
        assert await refusal(place.client("worker", certificate=of)) == "UNAUTHENTICATED"
    assert place.servicer.served == 0
    told = [line for line in lines if line["event"] == "certificate_of_another"]
    assert [(line["signer"], line["certificate"]) for line in told] == [(tls.name_of("worker"), [tls.name_of(of)])]


async def test_a_probe_without_a_certificate_asks_at_a_port_of_its_own(folder: Path) -> None:
    port = free_port()
    async with running(folder, health_port=port) as place, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await place.server.set_serving(False)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        # Health alone is served there.
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await rpc.EligibilityServiceStub(channel).Assess(pb.AssessRequest(), timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_certificates_and_the_authority_change_under_calls_and_none_is_dropped(place: Place, folder: Path, at_once: None) -> None:
    """Three times new certificates, then another authority: of the calls that come without a pause none fails, nor one which lasts all the while."""
    client, stop, done = place.client(), asyncio.Event(), [0]
    lasting = asyncio.create_task(ask(client, "wait"))
    first = client.channel._channel

    async def without_pause() -> None:
        while not stop.is_set():
            assert await ask(client) == "as_1"
            done[0] += 1

    callers = [asyncio.create_task(without_pause()) for _ in range(4)]
    shown = set()
    for step in (None, None, None, *Step):
        await asyncio.to_thread(keys.certify, folder, step=step)
        before = done[0]
        while done[0] < before + 50:
            for task in callers:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)
        shown.add(client.channel._shown.chain)
        # A replica that starts now has only the new ones.
        assert await ask(place.client()) == "as_1"
    stop.set()
    await asyncio.gather(*callers)
    assert len(shown) == 6, "every new certificate was used"
    assert client.channel._channel is not first
    place.servicer.go_on.set()
    assert await lasting == "as_1"
    assert done[0] > 300


async def test_after_its_last_step_the_old_authority_opens_nothing(place: Place, folder: Path, tmp_path: Path, at_once: None) -> None:
    stolen = tmp_path / "stolen"
    shutil.copytree(folder, stolen)
    for step in Step:
        assert await ask(place.client(folder=stolen)) == "as_1", "believed until the last step"
        keys.certify(folder, step=step)
        # The thief believes whom we believe.
        shutil.copy(keys.folder_of(folder, "worker") / tls.AUTHORITIES, keys.folder_of(stolen, "worker") / tls.AUTHORITIES)
        if step is Step.DROP:
            with pytest.raises(CertificateError):
                place.client(folder=stolen)
    assert not await _let_in(place, _credentials(keys.folder_of(stolen, "worker")))


async def test_an_old_connection_is_closed_when_the_longest_call_is_over(
    place: Place, folder: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_client, "_LONGEST_CALL_SECONDS", 3.0)
    client = place.client()
    assert await ask(client) == "as_1"
    old = client.channel._channel
    keys.certify(folder)
    assert await ask(client) == "as_1"
    assert old.get_state() is not grpc.ChannelConnectivity.SHUTDOWN
    await asyncio.gather(*client.channel._leaving)
    assert old.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    assert await ask(client) == "as_1"


def test_the_steps_of_an_authority_have_an_order(folder: Path) -> None:
    for wrong in (Step.USE, Step.DROP):
        with pytest.raises(StepError):
            keys.certify(folder, step=wrong)
    keys.certify(folder, step=Step.ADD)
    with pytest.raises(StepError):
        keys.certify(folder, step=Step.ADD)
    keys.certify(folder, step=Step.USE)
    with pytest.raises(StepError):
        keys.certify(folder, step=Step.ADD)
    keys.certify(folder, step=Step.DROP)
    assert len(x509.load_pem_x509_certificates((keys.folder_of(folder, "worker") / tls.AUTHORITIES).read_bytes())) == 1


def test_a_half_replaced_folder_changes_nothing_and_is_said_once(folder: Path, at_once: None) -> None:
    into = keys.folder_of(folder, "worker")
    followed = Certificates(into)
    before, old_key = followed.now(), (into / tls.KEY).read_bytes()
    keys.certify(folder)
    new_key = (into / tls.KEY).read_bytes()
    for broken in (old_key, b"", None):
        if broken is None:
            (into / tls.KEY).unlink()
        else:
            (into / tls.KEY).write_bytes(broken)
        with capture_logs() as lines:
            assert followed.now() is before
            assert followed.now() is before
        assert [line["event"] for line in lines] == ["files_not_taken"]
        assert "PRIVATE" not in str(lines)
    (into / tls.KEY).write_bytes(new_key)
    assert followed.now().chain == (into / tls.CERTIFICATE).read_bytes() != before.chain


def test_a_folder_mounted_by_a_link_is_followed(folder: Path, tmp_path: Path, at_once: None) -> None:
    """As Kubernetes changes what it has mounted: whole, by turning a link."""
    shutil.copytree(keys.folder_of(folder, "worker"), tmp_path / "one")
    keys.certify(folder)
    shutil.copytree(keys.folder_of(folder, "worker"), tmp_path / "two")
    (tmp_path / "now").symlink_to(tmp_path / "one")
    followed = Certificates(tmp_path / "now")
    before = followed.now()
    (tmp_path / "next").symlink_to(tmp_path / "two")
    (tmp_path / "next").replace(tmp_path / "now")
    assert followed.now() != before


@pytest.mark.parametrize("broken", [tls.CERTIFICATE, tls.KEY, tls.AUTHORITIES])
def test_what_cannot_be_used_is_named_and_its_process_does_not_start(folder: Path, tmp_path: Path, broken: str) -> None:
    keys.make_keys(tmp_path / "elsewhere")
    into = keys.folder_of(folder, "worker")
    other = (keys.folder_of(tmp_path / "elsewhere", "worker") / broken).read_bytes()
    for content in (None, b"", b"x", other):
        (into / broken).unlink(missing_ok=True)
        if content is not None:
            (into / broken).write_bytes(content)
        with pytest.raises(CannotRunError, match="ANJU_TLS_DIR") as caught:
            service.certificates(GrpcServiceSettings(tls_dir=into))
        assert broken in str(caught.value)
        assert "PRIVATE" not in str(caught.value)


def test_in_production_no_process_speaks_without_tls_unless_somebody_says_who_encrypts(folder: Path) -> None:
    with pytest.raises(CannotRunError, match="ANJU_TLS_ELSEWHERE"):
        service.certificates(GrpcServiceSettings(production=True))
    assert service.certificates(GrpcServiceSettings(production=True, tls_elsewhere=True)) is None
    assert service.certificates(GrpcServiceSettings(production=True, tls_dir=keys.folder_of(folder, "casework"))) is not None


def test_over_tls_a_client_has_to_say_whom_it_speaks_to(folder: Path) -> None:
    with pytest.raises(ValueError, match="whom"):
        Client("127.0.0.1:9", signer(folder, "worker"), "", Certificates(keys.folder_of(folder, "worker")))


@pytest.mark.parametrize(("days", "told"), [(29, True), (31, False)])
async def test_a_certificate_is_spoken_of_a_month_before_it_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch, days: int, told: bool
) -> None:
    monkeypatch.setattr(authority, "CERTIFICATE_LIVES", timedelta(days=days))
    keys.certify(folder)
    shown = Certificates(keys.folder_of(folder, "worker"))
    with capture_logs() as lines:
        await shown.notice()
    assert [line["days"] for line in lines if line["event"] == "certificate_ends"] == [days - 1] * told
    # A box makes a new one by then, when it starts.
    before = shown.now().chain
    keys.make_keys(folder)
    assert (Certificates(keys.folder_of(folder, "worker")).now().chain != before) is told


def test_each_process_is_given_what_it_needs_and_the_authoritys_key_to_nobody(folder: Path) -> None:
    everybody = {"callers.jwks", tls.CERTIFICATE, tls.KEY, tls.AUTHORITIES}
    rings = {
        "casework": {"payload-keys.json", "field-keys.json", "person-keys.json"},
        "eligibility": {"field-keys.json"},
        "registry-gateway": {"field-keys.json"},
        "housing": {"payload-keys.json", "field-keys.json"},
        "payments": {"payload-keys.json", "field-keys.json"},
        "notifications": {"field-keys.json"},
        "organisation": {"field-keys.json"},
        "oversight": {"payload-keys.json", "field-keys.json"},
        "worker": {"payload-keys.json"},
        "web-gateway": {"person-keys.json", "session-keys.json"},
        "operations": set(),
    }
    assert {each.name for each in (folder / "processes").iterdir()} == set(rings)
    secret = (folder / "authority" / "ca.key").read_bytes()
    for process, own in rings.items():
        found = {file.name: file for file in keys.folder_of(folder, process).iterdir()}
        assert set(found) == everybody | own | {f"{process}.jwk"}
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in found.values())
        assert all(secret not in file.read_bytes() for file in found.values())
        shown = Certificates(keys.folder_of(folder, process)).now()
        assert shown.names == (tls.name_of(process),)
        assert timedelta(days=360) < shown.ends - datetime.now(UTC) < timedelta(days=366)


def test_a_strict_verifier_finds_nothing_to_object_to(folder: Path) -> None:
    """As RFC 5280 has it, which other TLS libraries insist on (Python's from 3.13 on)."""
    into = keys.folder_of(folder, "casework")
    (leaf,) = x509.load_pem_x509_certificates((into / tls.CERTIFICATE).read_bytes())
    store = Store(x509.load_pem_x509_certificates((into / tls.AUTHORITIES).read_bytes()))
    PolicyBuilder().store(store).build_server_verifier(x509.DNSName(tls.name_of("casework"))).verify(leaf, [])
    PolicyBuilder().store(store).build_client_verifier().verify(leaf, [])
    with pytest.raises(VerificationError):
        PolicyBuilder().store(store).build_server_verifier(x509.DNSName(tls.name_of("housing"))).verify(leaf, [])
