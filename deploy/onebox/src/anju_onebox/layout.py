"""Where everything of one box is: folders, ports, addresses, and the settings every process of it gets.

One description serves both ways of running: in one process the settings objects are built from it, as child processes the environment is.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

import anju_profile
from anju_sandbox.credentials import CONTROL_FILE
from anju_sandbox.servers import places
from casekit.blocked import OPERATIONS
from chassis.deployment import Deployment, SecretFile, Temporal
from chassis.settings import ProcessSettings
from chassis.tls import Certificates

from anju_onebox.keys import folder_of, make_keys
from anju_onebox.processes import PROCESSES as PROCESSES
from anju_onebox.processes import SANDBOX as SANDBOX
from anju_onebox.processes import SERVICES as SERVICES
from anju_onebox.processes import WEB as WEB
from anju_onebox.processes import WORKER as WORKER

S = TypeVar("S", bound=ProcessSettings)

STATE_FILE: Final = "box.json"
DEFAULT_DATA_DIR: Final = Path(".anju")
# The highest port of a box without an offset is 8233, of the Temporal UI.
HIGHEST_OFFSET: Final = 57_000
_REPLICA_STEP: Final = 10
_FILE: Final = "_FILE"


def database_name(service: str) -> str:
    return service.replace("-", "_")


def _number(variable: str, highest: int) -> int:
    """A number of the environment, 0 when it is not there. Raises ValueError."""
    given = os.environ.get(variable) or "0"
    if not given.isdecimal() or int(given) > highest:
        raise ValueError(f"{variable}={given}: 须为 0 到 {highest} 的整数 a whole number from 0 to {highest}")
    return int(given)


def find_profile() -> Path:
    """The city profile: ``ANJU_PROFILE_DIR``, else profiles/kaifeng of this folder or of the source tree."""
    given = os.environ.get("ANJU_PROFILE_DIR")
    if given:
        return Path(given).resolve()
    here = Path("profiles/kaifeng")
    return (here if here.exists() else Path(__file__).resolve().parents[4] / "profiles" / "kaifeng").resolve()


# Who starts workflows or runs them: on one box time can be moved.
_WITH_WORKFLOWS: Final = ("casework", "housing", "payments", "oversight", WORKER)


@dataclass(frozen=True)
class Layout:
    """``ports_offset`` moves every port at once, so that a second box fits beside the first."""

    data_dir: Path = DEFAULT_DATA_DIR
    ports_offset: int = 0
    web_port: int = 8080
    replicas: Mapping[str, int] = field(default_factory=dict)
    split: bool = False

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, ports_offset: int | None = None, **changes: object) -> Layout:
        """``ANJU_DATA_DIR``, ``ANJU_PORTS_OFFSET`` and ``ANJU_PORT`` (of the web edge), where not given otherwise.

        Raises ValueError with a sentence that names the variable.
        """
        offset = _number("ANJU_PORTS_OFFSET", HIGHEST_OFFSET) if ports_offset is None else ports_offset
        folder = (data_dir or Path(os.environ.get("ANJU_DATA_DIR", DEFAULT_DATA_DIR))).resolve()
        web_port = _number("ANJU_PORT", 65_535) or 8080 + offset
        return cls(folder, offset, web_port, **changes)  # type: ignore[arg-type]  # checked by the dataclass's callers

    @classmethod
    def of_running(cls, data_dir: Path | None = None) -> Layout:
        """The layout the box in ``data_dir`` was started with. Raises FileNotFoundError when none was."""
        folder = (data_dir or Path(os.environ.get("ANJU_DATA_DIR", DEFAULT_DATA_DIR))).resolve()
        state = json.loads((folder / STATE_FILE).read_text())
        return cls(folder, state["ports_offset"], state["web_port"], state["replicas"], state["split"])

    # --- folders and files ---------------------------------------------------------------------------------------------------------------

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def sandbox_dir(self) -> Path:
        return self.data_dir / SANDBOX

    @property
    def state_file(self) -> Path:
        return self.data_dir / STATE_FILE

    @property
    def processes_file(self) -> Path:
        """Process ids of a split box by title, rewritten whenever one was started."""
        return self.data_dir / "processes.json"

    @cached_property
    def profile_dir(self) -> Path:
        return find_profile()

    def make_folders(self) -> None:
        # 0711: the database's unprivileged user may pass to its own folder, nobody may look around.
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        for folder in (self.keys_dir, self.secrets_dir, self.logs_dir, self.sandbox_dir):
            folder.mkdir(exist_ok=True, mode=0o700)

    def prepare(self) -> None:
        """Folders, caller keys, key rings and certificates; what is there stays, except a certificate that ends soon."""
        self.make_folders()
        make_keys(self.keys_dir)
        (self.data_dir / "temporal.toml").touch()

    @property
    def lock_file(self) -> Path:
        """Locked by the box for as long as it lives: the kernel lets go of it even after kill -9."""
        return self.data_dir / "box.lock"

    def is_owned(self) -> bool:
        """Whether a living box holds the data directory."""
        try:
            with self.lock_file.open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def save(self) -> None:
        aside = self.state_file.with_suffix(".tmp")
        aside.write_text(
            json.dumps(
                {
                    "pid": os.getpid(),
                    "ports_offset": self.ports_offset,
                    "web_port": self.web_port,
                    "replicas": dict(self.replicas),
                    "split": self.split,
                }
            )
        )
        aside.replace(self.state_file)

    def write_secret(self, name: str, value: str) -> Path:
        """A 0600 file which a setting's ``…_FILE`` variable names."""
        path = self.secrets_dir / name
        path.touch(mode=0o600)
        path.write_text(value)
        return path

    # --- ports and addresses ---------------------------------------------------------------------------------------------------------------

    def service_port(self, service: str, replica: int = 0) -> int:
        return SERVICES[service] + self.ports_offset + _REPLICA_STEP * replica

    def edge_port(self, replica: int = 0) -> int:
        """Of a replica of the web edge; which of them people are sent to is a balancer's matter, which a box has none of."""
        return self.web_port + _REPLICA_STEP * replica

    def address(self, service: str) -> str:
        """gRPC target of all replicas of a service; the clients take turns."""
        places = [f"127.0.0.1:{self.service_port(service, number)}" for number in range(self.replicas.get(service, 1))]
        return places[0] if len(places) == 1 else f"ipv4:///{','.join(places)}"

    @property
    def postgres_port(self) -> int:
        # Beyond the ninth replica of the last service.
        return 7490 + self.ports_offset

    @property
    def temporal_port(self) -> int:
        return 7233 + self.ports_offset

    @property
    def temporal_address(self) -> str:
        return f"127.0.0.1:{self.temporal_port}"

    @property
    def temporal_ui_port(self) -> int:
        return 8233 + self.ports_offset

    @property
    def temporal_ui_url(self) -> str:
        return f"http://127.0.0.1:{self.temporal_ui_port}"

    @property
    def codec_port(self) -> int:
        return 8081 + self.ports_offset

    @property
    def sandbox_port(self) -> int:
        return 7500 + self.ports_offset

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def ports(self) -> dict[str, int]:
        """Every port the box listens on, by the name of its part."""
        named = {"PostgreSQL": self.postgres_port, "Temporal": self.temporal_port, "Temporal UI": self.temporal_ui_port}
        named |= {"codec": self.codec_port, WEB: self.web_port}
        named |= {f"{SANDBOX} {name}": self.sandbox_port + place for name, place in places().items()}
        for service in SERVICES:
            for number in range(self.replicas.get(service, 1)):
                named[f"{service}{f' #{number + 1}' if number else ''}"] = self.service_port(service, number)
        named |= {f"{WEB} #{number + 1}": self.edge_port(number) for number in range(1, self.replicas.get(WEB, 1))}
        return named

    # --- settings --------------------------------------------------------------------------------------------------------------------------

    def temporal_environment(self) -> dict[str, str]:
        """What the Temporal SDK reads. The empty file keeps an operator's own profile (another cluster!) out of the box."""
        return {
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": str(self.data_dir / "temporal.toml"),
        }

    def environment(self, process: str, *, replica: int = 0, port: int | None = None) -> dict[str, str]:
        """The ``ANJU_…`` variables of one process; secrets are files. Raises KeyError for an unknown process."""
        values = {
            "ANJU_KEYS_DIR": str(folder_of(self.keys_dir, process)),
            "ANJU_PROFILE_DIR": str(self.profile_dir),
            **{f"ANJU_{database_name(name).upper()}_ADDRESS": self.address(name) for name in SERVICES},
        }
        if self.split:
            values["ANJU_TLS_DIR"] = str(folder_of(self.keys_dir, process))
        if process in SERVICES:
            values["ANJU_PORT"] = str(port or self.service_port(process, replica))
            values["ANJU_DATABASE_URL_FILE"] = str(self.secrets_dir / f"{process}.database-url")
        if process in _WITH_WORKFLOWS:
            values["ANJU_SIMULATED_CLOCK"] = "true"
        return values | self._own_settings(process, port, replica)

    def _own_settings(self, process: str, port: int | None, replica: int) -> dict[str, str]:
        match process:
            case "casework" | "housing":
                return {"ANJU_PUBLIC_URL": self.web_url}
            case "registry-gateway":
                return {"ANJU_DEPARTMENTS_FILE": str(self.secrets_dir / "departments.json")}
            case "payments":
                return {"ANJU_CCB_FILE": str(self.secrets_dir / "ccb.json"), "ANJU_PUBLIC_URL": self.web_url}
            case "notifications":
                return {
                    "ANJU_SMS_URL": f"http://127.0.0.1:{self.sandbox_port + 5}",
                    "ANJU_SMS_KEY_FILE": str(self.secrets_dir / "sms-key"),
                    # Months pass in minutes here, and it is night for half of those who look.
                    "ANJU_QUIET_HOURS": "false",
                }
            case "web-gateway":
                return {
                    "ANJU_PORT": str(port or self.edge_port(replica)),
                    "ANJU_PUBLIC_URL": self.web_url,
                    "ANJU_TEMPORAL_UI_URL": f"{self.temporal_ui_url}/namespaces/default",
                    "ANJU_OIDC_ISSUER": f"http://127.0.0.1:{self.sandbox_port + 6}",
                    "ANJU_OIDC_CLIENT_ID": "anju",
                    # Everybody on one box comes from one address, and a replay is a whole city at once.
                    "ANJU_REQUESTS_PER_MINUTE": "6000",
                    "ANJU_REQUESTS_PER_MINUTE_PER_ADDRESS": "60000",
                    "ANJU_OIDC_CLIENT_SECRET_FILE": str(self.secrets_dir / "oidc-client-secret"),
                }
            case "worker":
                # One queue: a queue apart costs a quarter of the throughput here, because eager execution is lost.
                return {"ANJU_WORKER_ROLES": "anju", "ANJU_PUBLIC_URL": self.web_url}
            case _:
                SERVICES[process]
                return {}

    def certificates(self, process: str = OPERATIONS) -> Certificates | None:
        """With which a command of this machine speaks to the services as ``process``; None where they are one process, and no call leaves it."""
        return Certificates(folder_of(self.keys_dir, process)) if self.split else None

    def deployment(self) -> Deployment:
        """This box as the tools that look at it from outside see it."""
        return Deployment(
            temporal=Temporal(address=self.temporal_address, ui_url=self.temporal_ui_url),
            databases={name: SecretFile(file=self.secrets_dir / f"{name}.database-url") for name in SERVICES},
            web_url=self.web_url,
            outside_url=f"http://127.0.0.1:{self.sandbox_port}",
            outside_token=SecretFile(file=self.sandbox_dir / CONTROL_FILE),
            keys_dir=self.keys_dir,
            tls_dir=folder_of(self.keys_dir, OPERATIONS) if self.split else None,
            profile_dir=self.profile_dir,
            files_dir=self.data_dir,
            services={name: self.address(name) for name in SERVICES},
        )

    def settings(self, settings_class: type[S], process: str) -> S:
        """The settings object of a process run inside the box; what the box does not say comes from the environment, as everywhere."""
        values: dict[str, str] = {}
        for variable, value in self.environment(process).items():
            name = variable.removeprefix("ANJU_")
            if name.endswith(_FILE) and name.removesuffix(_FILE).lower() in settings_class.model_fields:
                name, value = name.removesuffix(_FILE), Path(value).read_text(encoding="utf-8").strip()
            values[name.lower()] = value
        return settings_class(**values)  # type: ignore[arg-type]  # pydantic turns the texts into the fields' types

    def sandbox_environment(self) -> dict[str, str]:
        return {
            "ANJU_SANDBOX_DATA_DIR": str(self.sandbox_dir),
            "ANJU_SANDBOX_DIVISIONS_CSV": str(anju_profile.published(self.profile_dir).folder() / "divisions.csv"),
            "ANJU_SANDBOX_FIRST_PORT": str(self.sandbox_port),
            "ANJU_SANDBOX_BANK_NOTIFY_URL": f"{self.web_url}/callbacks/ccb",
            "ANJU_SANDBOX_SMS_RECEIPTS_URL": f"{self.web_url}/callbacks/sms",
            "ANJU_SANDBOX_REDIRECT_URIS": json.dumps(
                [f"http://{host}:{self.web_port}/auth/callback" for host in ("127.0.0.1", "localhost")]
            ),
            "ANJU_SANDBOX_WEB_BASE_URL": self.web_url,
        }
