"""Who somebody is, without saying it: the keyed hash of an identity number, the same wherever the person appears.

It has a ring of its own, so that who only has to tell people apart (the web edge) holds no key that opens a dossier. The key of an index is never
rotated: everything that was written under it would be about nobody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chassis.crypto import KeyRing
from chassis.service import ring

from anju_people.text import clean_code, clean_name

PERSON_KEYS: Final = "person-keys.json"
_PURPOSE: Final = "person"
_NAME: Final = "person name"


class PersonIndex:
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @classmethod
    def of_folder(cls, keys_dir: Path) -> PersonIndex:
        """With the ring of the keys folder. Raises CannotRunError when it is not there."""
        return cls(ring(keys_dir, PERSON_KEYS))

    def of(self, id_number: str) -> str:
        """The blind index of whoever has this number, however it was typed; "" for no number."""
        number = clean_code(id_number)
        return self._ring.blind_index(number, _PURPOSE) if number else ""

    def of_name(self, name: str) -> str:
        """The blind index of a whole name, however it was typed (as ``same_name`` compares); "" for no name. Many people may have it."""
        plain = clean_name(name).replace(" ", "").casefold()
        return self._ring.blind_index(plain, _NAME) if plain else ""
