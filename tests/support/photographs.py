"""Photographs as phones take them, and what is none."""

from __future__ import annotations

import io

from PIL import Image

GPS_LATITUDE, GPS_BLOCK, MAKER = 2, 0x8825, 0x010F


def photograph(kind: str = "JPEG") -> bytes:
    """With where and by what it was taken, and lying on its side."""
    image = Image.new("RGB", (1200, 900), "white")
    notes = Image.Exif()
    notes[MAKER] = "SECRET-PHONE"
    notes[0x0112] = 6
    notes.get_ifd(GPS_BLOCK)[GPS_LATITUDE] = (34.0, 47.0, 12.0)
    written = io.BytesIO()
    image.save(written, kind, exif=notes, **({"comment": b"SECRET-COMMENT"} if kind == "JPEG" else {}))
    return written.getvalue()


def shows_only_pixels(photo: bytes) -> bool:
    """Upright, and with nothing beside what is seen of it."""
    with Image.open(io.BytesIO(photo)) as kept:
        return (kept.format, kept.size, dict(kept.getexif()), kept.info.get("comment")) == (
            "JPEG",
            (900, 1200),
            {},
            None,
        ) and b"SECRET" not in photo


def not_photographs() -> list[bytes]:
    """A blank, pages, a stump, a torn one, a bomb, and a sound that begins as a WebP does."""
    bomb, whole = io.BytesIO(), photograph()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    sound = b"RIFF\x24\x00\x00\x00WAVEfmt "
    return [
        b"",
        b"<html>",
        b"%PDF-1.7 %%EOF",
        b"\xff\xd8\xff\xff\xd9",
        whole[:200] + whole[-2:],
        bomb.getvalue(),
        sound,
        photograph("WEBP")[:300],
    ]
