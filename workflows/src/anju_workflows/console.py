"""The way from a workflow back to its case, for whoever reads about it in the engine's UI.

The address is the worker's, set once before it runs anything. No command of a workflow depends on it: what operators read beside a workflow is an answer to
a question, and stands in no history.
"""

from __future__ import annotations

_address = ""


def is_at(public_url: str) -> None:
    """Where people reach the web edge; empty for nowhere."""
    global _address
    _address = public_url.rstrip("/")


def case_link(application_no: str) -> str:
    """A Markdown link to the case in the staff console; empty without an address."""
    return f"[打开申请 {application_no}]({_address}/staff/cases/{application_no})" if _address else ""


def complaint_link(no: str) -> str:
    """The same for a complaint."""
    return f"[打开投诉 {no}]({_address}/staff/complaints/{no})" if _address else ""
