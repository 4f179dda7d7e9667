"""``anju-web-gateway serve``."""

from __future__ import annotations

from chassis import service

from web_gateway.app import NAME, application
from web_gateway.settings import Settings


def main() -> None:
    service.main(NAME, Settings, application)


if __name__ == "__main__":
    main()
