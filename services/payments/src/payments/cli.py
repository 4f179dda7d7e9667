"""``anju-payments serve | migrate``."""

from __future__ import annotations

from chassis import service

from payments.app import NAME, application
from payments.settings import Settings
from payments.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
