"""What a department gives to those who may ask it: an address and keys, as the departments file holds them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Access(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(pattern=r"^https?://[^\s?#]+$")

    def url(self, path: str) -> str:
        return self.base_url.rstrip("/") + path
