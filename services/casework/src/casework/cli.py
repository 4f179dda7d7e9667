"""``anju-casework serve | migrate``."""

from __future__ import annotations

from chassis import service

from casework.app import NAME, application
from casework.settings import Settings
from casework.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
