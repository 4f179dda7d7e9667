"""``anju-housing serve | migrate``."""

from __future__ import annotations

from chassis import service

from housing.app import NAME, application
from housing.settings import Settings
from housing.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
