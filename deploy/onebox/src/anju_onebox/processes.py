"""The processes of Anju, by name."""

from __future__ import annotations

from typing import Final

# With their ports. Order of starting; nobody needs another one to start, but the log reads better from the bottom up.
SERVICES: Final[dict[str, int]] = {
    "eligibility": 7402,
    "registry-gateway": 7403,
    "notifications": 7406,
    "organisation": 7407,
    "oversight": 7408,
    "housing": 7404,
    "payments": 7405,
    "casework": 7401,
}
WORKER: Final = "worker"
WEB: Final = "web-gateway"
SANDBOX: Final = "sandbox"
PROCESSES: Final = (*SERVICES, WORKER, WEB)
