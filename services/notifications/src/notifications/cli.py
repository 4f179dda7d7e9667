"""``anju-notifications serve | migrate``."""

from __future__ import annotations

from chassis import service

from notifications.app import NAME, application
from notifications.settings import Settings
from notifications.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
