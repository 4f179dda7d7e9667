"""Settings of payments."""

from __future__ import annotations

from pathlib import Path

from casekit.settings import CaseServiceSettings, PrintingSettings
from pydantic import Field


class Settings(PrintingSettings, CaseServiceSettings):
    port: int = Field(default=7405, ge=0, le=65535, description="Port of the gRPC server; 0 picks a free one.")
    ccb_file: Path = Field(
        default=Path(".anju/ccb.json"),
        description="JSON file of the merchant at China Construction Bank: base_url, merchant_id, pos_id, branch_id, public_key, query_password.",
    )
    bank_timeout_seconds: float = Field(default=5.0, gt=0, le=8, description="How long one try at the bank may take.")
    payment_minutes: int = Field(default=30, ge=5, le=1440, description="How long the bank takes money for an order.")
