"""``anju-registry-gateway serve | migrate``."""

from __future__ import annotations

from chassis import service

from registry_gateway.app import NAME, application
from registry_gateway.settings import Settings
from registry_gateway.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
