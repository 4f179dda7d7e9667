"""Every workflow of Anju: what the worker runs, the recorder records and the documentation draws."""

from __future__ import annotations

from typing import Final

from anju_workflows.application.flow import Application
from anju_workflows.complaint.flow import Complaint
from anju_workflows.lease.flow import Lease
from anju_workflows.rent_cycle.flow import RentCycle
from anju_workflows.waiting.flow import Waiting

WORKFLOWS: Final[tuple[type, ...]] = (Application, Waiting, Lease, RentCycle, Complaint)
