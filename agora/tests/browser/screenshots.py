"""Pictures for the docs, docs/screenshots/<page>-<language>-<device>.png: only when asked for, by --screenshots."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from agora.tests.browser.visitors import Visitor

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "screenshots"
LIMIT = 150_000  # bytes
SHOWN = {("en", "desktop"), ("pt-BR", "phone")}  # of each page; the tests look at all six


def wanted(visitor: Visitor, name: str, *, is_dark: bool = False) -> bool:
    """Whether the docs show this page as this visitor sees it: two of each, and one in the dark."""
    return name == "order" if is_dark else (visitor.language, visitor.device) in SHOWN


def save(visitor: Visitor, name: str, *, folder: Path = FOLDER, is_dark: bool = False) -> Path:
    """The whole page in CSS pixels, as a PNG with a palette."""
    taken = visitor.page.screenshot(full_page=True, scale="css", animations="disabled", caret="hide")
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    words = [name, visitor.language, visitor.device, *(["dark"] if is_dark else [])]
    path = folder / f"{'-'.join(words)}.png"
    folder.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
    size = path.stat().st_size
    assert size <= LIMIT, f"{path.name} is {size} bytes, over {LIMIT}"
    return path
