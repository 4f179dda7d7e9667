"""Sealing what people wrote and are known by. The place of a value (table, column, row) is authenticated with it: moved elsewhere, it does not open."""

from __future__ import annotations

import json
from dataclasses import asdict

from anju.casework.v1 import casework_pb2 as pb
from anju_people import homes
from anju_people.index import PersonIndex
from chassis.crypto import KeyRing

from casework.domain.dossier import Dossier, Home, Member, Vehicle, blind_indexes


class Vault:
    """``ring`` seals; ``people`` tells persons apart."""

    def __init__(self, ring: KeyRing, people: PersonIndex) -> None:
        self._ring = ring
        self.people = people

    def blinds(self, dossier: Dossier) -> list[str]:
        return blind_indexes(dossier, self.people.of)

    def name_blinds(self, dossier: Dossier) -> list[str]:
        return sorted({self.people.of_name(member.name) for member in dossier.members})

    def seal_dossier(self, dossier: Dossier, no: str, round_: int) -> bytes:
        plain = json.dumps(asdict(dossier), ensure_ascii=False, separators=(",", ":")).encode()
        return self._ring.encrypt(plain, f"dossier|sealed|{no}/{round_}")

    def open_dossier(self, sealed: bytes, no: str, round_: int) -> Dossier:
        raw = json.loads(self._ring.decrypt(sealed, f"dossier|sealed|{no}/{round_}"))
        return Dossier(
            **{
                **raw,
                "members": tuple(Member(**member) for member in raw["members"]),
                "homes": tuple(Home(**home) for home in raw["homes"]),
                "vehicles": tuple(Vehicle(**vehicle) for vehicle in raw["vehicles"]),
            }
        )

    def seal_draft(self, form: str, owner: str, application_no: str) -> bytes:
        return self._ring.encrypt(form.encode(), f"draft|sealed|{owner}/{application_no}")

    def open_draft(self, sealed: bytes, owner: str, application_no: str) -> str:
        return self._ring.decrypt(sealed, f"draft|sealed|{owner}/{application_no}").decode()

    def seal_file(self, content: bytes, table: str, row: str) -> bytes:
        return self._ring.encrypt(content, f"{table}|file|{row}")

    def open_file(self, sealed: bytes, table: str, row: str) -> bytes:
        """Raises DecryptionError for a row that was changed or moved."""
        return self._ring.decrypt(sealed, f"{table}|file|{row}")

    def unnamed(self, home: Home) -> pb.DeclaredHome:
        """What may be known of a home by whoever must not know where it is."""
        address, certificate = homes.canonical_address(home.address), homes.canonical_certificate(home.certificate_no)
        return pb.DeclaredHome(
            district=home.district,
            area_centi_sqm=home.area_centi_sqm,
            share_percent=home.share_percent,
            address_index=self._ring.blind_index(address, homes.ADDRESS_INDEX) if address else "",
            certificate_index=self._ring.blind_index(certificate, homes.CERTIFICATE_INDEX) if certificate else "",
        )

    def seal_text(self, text: str, table: str, column: str, row: str) -> bytes:
        """Empty text stays empty: whether there is one is no secret."""
        return self._ring.encrypt(text.encode(), f"{table}|{column}|{row}") if text else b""

    def open_text(self, sealed: bytes, table: str, column: str, row: str) -> str:
        return self._ring.decrypt(sealed, f"{table}|{column}|{row}").decode() if sealed else ""
