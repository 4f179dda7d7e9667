"""The keys of a box or a deployment: a whole folder, which only the commands that make keys use, and in it a folder for every process with what it needs.

Whoever reads one process's folder opens no more than that process does: the edge no dossier, eligibility no workflow.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from anju_people.index import PERSON_KEYS
from casekit.blocked import OPERATIONS
from chassis import identity, tls
from chassis.crypto import FIELD_KEYS, SESSION_KEYS, KeyRing
from chassis.files import write_private
from chassis.identity import CALLERS, Kind, generate_keys
from chassis.temporal import PAYLOAD_KEYS

from anju_onebox.authority import Authority, Step
from anju_onebox.processes import SERVICES, WEB, WORKER

ISSUERS: Final[dict[str, tuple[Kind, ...]]] = {
    # The edge speaks for the people it has authenticated, and for itself when the bank calls back.
    WEB: ("citizen", "staff", "system"),
    WORKER: ("system",),
    **dict.fromkeys(SERVICES, ("system",)),
    # The operators' own commands (anju repair, anju status).
    OPERATIONS: ("system",),
}
# Who opens and seals with which ring. Field values are sealed by the services that store them, payloads by whoever speaks to the engine.
RINGS: Final[dict[str, tuple[str, ...]]] = {
    PAYLOAD_KEYS: ("casework", "housing", "payments", "oversight", WORKER),
    FIELD_KEYS: tuple(SERVICES),
    PERSON_KEYS: ("casework", WEB),
    SESSION_KEYS: (WEB,),
}
_AUTHORITY: Final = "authority"
_PROCESSES: Final = "processes"


def folder_of(folder: Path, process: str) -> Path:
    """What is mounted into one process, of the whole folder."""
    return folder / _PROCESSES / process


def make_keys(folder: Path) -> None:
    """A caller key and a certificate for every process, and the key rings; what is there stays. Nothing else makes any."""
    generate_keys(folder, ISSUERS)
    for ring in RINGS:
        KeyRing.load_or_create(folder / ring)
    hand_out(folder)
    certify(folder, lambda ends: ends is None or ends - datetime.now(UTC) < tls.NOTICE)


def hand_out(folder: Path) -> None:
    """Gives every process its own of what the whole folder has; what it has already is not written again."""
    (folder / _PROCESSES).mkdir(exist_ok=True, mode=0o700)
    for process in ISSUERS:
        into = folder_of(folder, process)
        into.mkdir(exist_ok=True, mode=0o700)
        for name in (f"{process}.jwk", CALLERS, *(ring for ring, users in RINGS.items() if process in users)):
            text = (folder / name).read_text()
            if not (into / name).exists() or (into / name).read_text() != text:
                write_private(into / name, text)


def rotate_keys(folder: Path, after: timedelta) -> list[str]:
    """One more key in every ring and of every caller, which every process knows at once and uses ``after`` this; the old ones go on opening, and those of
    callers end with their tokens. The names of the new keys.

    Raises FileNotFoundError for a folder without keys.
    """
    made, at = [], datetime.now(UTC) + after
    for ring in RINGS:
        rotated = KeyRing.load(folder / ring).rotated(at.timestamp())
        rotated.save(folder / ring)
        made.append(f"{ring}: {rotated.newest}")
    identity.rotate_keys(folder, ISSUERS, at.timestamp())
    made.append(f"{CALLERS}: {len(ISSUERS)}")
    hand_out(folder)
    return made


def certify(folder: Path, due: Callable[[datetime | None], bool] = lambda _ends: True, step: Step | None = None) -> dict[str, datetime]:
    """New certificates for the processes whose present one is due (given its end, None for none); when each ends. With ``step`` for all, after that step of
    the authority.

    Raises StepError.
    """
    authority = Authority(folder / _AUTHORITY)
    if step is not None:
        authority.step(step)
    for process, ends in certificates(folder).items():
        if step is not None or due(ends):
            authority.certify(process, folder_of(folder, process))
    return {process: ends for process, ends in certificates(folder).items() if ends is not None}


def certificates(folder: Path) -> dict[str, datetime | None]:
    """When the certificate of each process ends; None for one that has none which can be used."""
    return {process: _ends(folder_of(folder, process)) for process in ISSUERS}


def _ends(folder: Path) -> datetime | None:
    try:
        return tls.read(folder).ends
    except tls.CertificateError:
        return None
