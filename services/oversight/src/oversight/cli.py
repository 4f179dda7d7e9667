"""``anju-oversight serve | migrate``."""

from __future__ import annotations

from chassis import service

from oversight.app import NAME, application
from oversight.settings import Settings
from oversight.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
