"""Photographs people send, drawn anew: what is kept are pixels, and nothing of what the camera or a stranger has written beside them.

Where a photograph was taken, on which phone and when stands in its metadata; what stands behind its last pixel may be anything. Neither survives here, and
what cannot be drawn is refused: no way out keeps the original.
"""

from __future__ import annotations

import asyncio
import io
import warnings
from typing import Final

from chassis.errors import FieldViolation
from PIL import Image, ImageOps, UnidentifiedImageError

from web_gateway.api.files import JPEG, PNG, WEBP, File, FileTypes
from web_gateway.api.problems import problem

PHOTOGRAPH: Final = FileTypes(JPEG, PNG, WEBP, max_bytes=12 << 20)
# Of the longer side: a sheet of paper is read well at it.
MAX_EDGE_PIXELS: Final = 2200
# What a phone's camera makes; above it a picture is a bomb, or no photograph.
MAX_PIXELS: Final = 64_000_000
# A call between processes carries at most a mebibyte.
MAX_BYTES: Final = 800 << 10
_QUALITIES: Final = (85, 75, 65, 50, 35)
# Each holds the pixels of a whole photograph.
_AT_ONCE: Final = 2
_drawing = asyncio.Semaphore(_AT_ONCE)


async def drawn_anew(file: File, field: str) -> bytes:
    """The photograph as JPEG, upright, at most ``MAX_EDGE_PIXELS`` and ``MAX_BYTES`` large. Raises the problem INVALID_FIELDS for what is none."""
    content = b"".join([chunk async for chunk in file.chunks()])
    async with _drawing:
        try:
            return await asyncio.to_thread(_draw, content)
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, ArithmeticError):
            raise problem("INVALID_FIELDS", fields=[_unreadable(field)]) from None


def _draw(content: bytes) -> bytes:
    with warnings.catch_warnings():
        # What the library thinks too large is measured below by our own measure.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ValueError("too many pixels")
            # A JPEG is read at the size it is wanted in.
            image.draft("RGB", (MAX_EDGE_PIXELS, MAX_EDGE_PIXELS))
            upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((MAX_EDGE_PIXELS, MAX_EDGE_PIXELS))
    # Only its pixels: whatever the library keeps beside them stays behind.
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    for quality in _QUALITIES:
        drawn = io.BytesIO()
        plain.save(drawn, "JPEG", quality=quality)
        if drawn.tell() <= MAX_BYTES:
            return drawn.getvalue()
    raise ValueError("nothing but noise")


def _unreadable(field: str) -> FieldViolation:
    zh = "这张照片打不开，请重新拍摄后上传（JPG、PNG 或 WebP）。"
    return FieldViolation(f"/{field}", "unreadable", zh, "This photograph cannot be read; take another and send it (JPG, PNG or WebP).")
