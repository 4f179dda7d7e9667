"""What a printed file says."""

from __future__ import annotations

import pypdfium2


def text_of(file: bytes) -> str:
    """Its words, page after page, without the blanks between them."""
    pages = pypdfium2.PdfDocument(file)
    return "".join(each.get_textpage().get_text_range() for each in pages).replace("\r", "").replace("\n", "").replace(" ", "")
