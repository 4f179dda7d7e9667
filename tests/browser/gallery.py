"""``python -m tests.browser.gallery``: docs/pages.md and the pictures of README, from what tests/browser/test_every_page.py has seen (``make pictures`` does both)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from PIL import Image

from tests.browser.pages import PICTURES

DOCS: Final = Path(__file__).parents[2] / "docs"
FOLDER: Final = DOCS / "pages"
# Beside one another on a page of GitHub; what is longer goes on where it is read, in the browser.
WIDTH: Final = {"phone": 200, "large": 200, "english": 200, "desk": 420}
LONGEST: Final = 900
# The case as the household and its reviewer see it.
README: Final = {"phone-b_cases_0": ("citizen-case", 812), "desk-street_clerk_staff_cases_0": ("staff-case", 860)}
CITIZENS: Final = {"phone": "phone", "large": "large", "english": "english", "desk": "desk-citizen"}
PERSONS: Final = {"": "anybody", "-a": "a tenant", "-b": "an applicant", "-c": "refused"}


def small(picture: Path, kind: str) -> str:
    """Writes it for the gallery, and gives its name there."""
    image = Image.open(picture).convert("RGB")
    scale = WIDTH[kind] / image.width
    image = image.resize((WIDTH[kind], max(1, round(image.height * scale))), Image.Resampling.LANCZOS).crop(
        (0, 0, WIDTH[kind], min(LONGEST, round(image.height * scale)))
    )
    image.save(FOLDER / f"{picture.stem}.webp", quality=60, method=6)
    return f"{picture.stem}.webp"


def shown(picture: Path, kind: str, what: str) -> str:
    return f'<img src="pages/{small(picture, kind)}" width="{WIDTH[kind]}" alt="{what}">' if picture.exists() else ""


def citizens() -> list[str]:
    lines = ["| Page | Phone | Large type | English | 1,280 px |", "|---|---|---|---|---|"]
    for picture in sorted(PICTURES.glob("phone*.png")):
        found = re.fullmatch(r"phone(?P<person>-[abc])?(?P<path>_.*)", picture.stem)
        if found is None:
            continue
        person, path = found["person"] or "", found["path"]
        address = path.replace("_", "/")
        cells = [shown(PICTURES / f"{name}{person}{path}.png", kind, f"{address}, {kind}") for kind, name in CITIZENS.items()]
        lines.append(f"| `{address}`<br>{PERSONS[person]} | {' | '.join(cells)} |")
    return lines


def console() -> list[str]:
    lines = ["| Page | Duty | 1,280 px |", "|---|---|---|"]
    for picture in sorted(PICTURES.glob("desk-*_staff*.png")):
        found = re.fullmatch(r"desk-(?P<duty>(?!narrow|citizen)[a-z_]+?)(?P<path>_staff.*)", picture.stem)
        if found:
            address, duty = found["path"].replace("_", "/"), found["duty"].replace("_", " ")
            lines.append(f"| `{address}` | {duty} | {shown(picture, 'desk', f'{address}, {duty}')} |")
    return lines


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    text = [
        "# Every page",
        "",
        "Written by `make pictures` from the run that looks for barriers on every page (`tests/browser/test_every_page.py`); invented people. A long page is cut off.",
        "",
        "## Citizens",
        "",
        *citizens(),
        "",
    ]
    desk = console()
    if len(desk) > 2:
        text += ["## Console", "", *desk, ""]
    (DOCS / "pages.md").write_text("\n".join(text), encoding="utf-8")
    for name, (picture, height) in README.items():
        if not (PICTURES / f"{name}.png").exists():
            continue
        image = Image.open(PICTURES / f"{name}.png")
        image.crop((0, 0, image.width, min(height, image.height))).save(DOCS / "images" / f"{picture}.png", optimize=True)


if __name__ == "__main__":
    main()
