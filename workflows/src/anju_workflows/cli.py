"""``anju-worker serve``: a worker process; ANJU_WORKER_ROLES chooses its task queues."""

from __future__ import annotations

from chassis import service

from anju_workflows.settings import Settings
from anju_workflows.worker import NAME, worker


def main() -> None:
    service.main(NAME, Settings, worker)


if __name__ == "__main__":
    main()
