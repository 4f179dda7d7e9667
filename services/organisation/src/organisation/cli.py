"""``anju-organisation serve | migrate``."""

from __future__ import annotations

from chassis import service

from organisation.app import NAME, application
from organisation.settings import Settings
from organisation.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
