"""``anju-eligibility serve | migrate``."""

from __future__ import annotations

from chassis import service

from eligibility.app import NAME, application
from eligibility.settings import Settings
from eligibility.tables import MIGRATIONS


def main() -> None:
    service.main(NAME, Settings, application, MIGRATIONS)


if __name__ == "__main__":
    main()
