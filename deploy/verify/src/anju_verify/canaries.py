"""Finding personal data where none may be: byte patterns of what people are known by, in every form in which it could have been written down."""

from __future__ import annotations

import json
import mmap
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

_MIN_CHARS: Final = 2
# Sealed columns are random bytes, tens of megabytes of them: a name of two characters in UTF-16 (four bytes) turns up there by chance.
_MIN_UTF16_BYTES: Final = 6
# Nesting of the pattern; two characters of an address as it stands in a URL are 18 bytes.
_BEGINNING_BYTES: Final = 18
# Beyond this many values the search takes longer than anybody waits; which ones are taken depends on the values alone.
MAX_CANARIES: Final = 4000


@dataclass(frozen=True)
class Canary:
    """``kind`` is what a report may say of the value, ``about`` whose it is without naming the person."""

    value: str
    kind: str
    about: str


def forms(value: str) -> set[tuple[bytes, bytes]]:
    """UTF-8, UTF-16 in both orders (unless too short to mean anything), as JSON writes it in ASCII, and as an address does: each as (what stands before, what is searched for).

    In little-endian UTF-16 the low byte comes first, and the low bytes of names are any byte at all: searching for the rest and looking back is ten
    times as fast.
    """
    little, escaped, address = value.encode("utf-16-le"), json.dumps(value)[1:-1], quote(value)
    plain = {value.encode(), escaped.encode(), escaped.upper().replace("\\U", "\\u").encode(), address.encode(), address.lower().encode()}
    found = {(b"", form) for form in plain}
    if len(little) >= _MIN_UTF16_BYTES:
        found |= {(b"", value.encode("utf-16-be")), (little[:1], little[1:])}
    return found


class Scanner:
    """Searches bytes for many values at once.

    The pattern knows the beginnings of all forms only: its nesting has a bound whatever somebody's address is. What follows is compared as it is.
    """

    def __init__(self, canaries: Iterable[Canary]) -> None:
        # By beginning: what must stand before it, what must follow it, and what was found then.
        self._found: defaultdict[bytes, dict[tuple[bytes, bytes], Canary]] = defaultdict(dict)
        for canary in canaries:
            if len(canary.value) < _MIN_CHARS:
                continue
            for before, form in forms(canary.value):
                self._found[form[:_BEGINNING_BYTES]].setdefault((before, form[_BEGINNING_BYTES:]), canary)
        self._pattern = re.compile(_trie(self._found)) if self._found else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def search(self, data: bytes | mmap.mmap) -> Iterator[Canary]:
        """Every canary in ``data``, each once."""
        if self._pattern is None:
            return
        seen = set()
        start = 0
        # Values may overlap, and a beginning may not go on as one: the search goes on a byte further, not behind the beginning.
        while match := self._pattern.search(data, start):
            start, longest = match.start(), match.group()
            for length in range(1, len(longest) + 1):
                for (before, after), canary in self._found.get(longest[:length], {}).items():
                    end = start + length
                    whole = data[end : end + len(after)] == after and data[max(0, start - len(before)) : start] == before
                    if whole and canary not in seen:
                        seen.add(canary)
                        yield canary
            start += 1

    def search_file(self, path: Path) -> list[Canary]:
        """Raises OSError."""
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                return []
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return list(self.search(data))


def _trie(words: Iterable[bytes]) -> bytes:
    """One pattern for all words that looks at each byte of a text a few times only, however many words there are. Where one begins another, the longer is found."""
    root: dict[int, dict[int, object]] = {}
    for word in words:
        node: dict[int, object] = root  # type: ignore[assignment]
        for byte in word:
            node = node.setdefault(byte, {})  # type: ignore[assignment]
        node[-1] = {}
    return _branch(root)


def _branch(node: Mapping[int, object]) -> bytes:
    branches = [re.escape(bytes([byte])) + _branch(child) for byte, child in sorted(node.items()) if byte >= 0]  # type: ignore[arg-type]
    if not branches:
        return b""
    # The longer word is tried first, as everywhere in a pattern; the end of a shorter one makes the rest optional.
    return (b"(?:" + b"|".join(branches) + b")") + (b"?" if -1 in node else b"")
