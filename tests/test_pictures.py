"""The pictures of the documents: those that are shown are there, and are what their script draws."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def test_pictures_that_are_shown_are_there() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in DOCS.rglob("*.md")
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text())
    }
    assert {picture.resolve() for picture in PICTURES} <= shown
    for picture in shown:
        assert picture.is_file(), picture
        assert picture.stat().st_size < 100_000, picture


@pytest.mark.slow
def test_they_are_what_the_script_draws(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DOCS / "pictures" / "draw.py", tmp_path], check=True, capture_output=True)
    assert PICTURES
    for picture in PICTURES:
        kept, drawn = picture.read_text(), (tmp_path / picture.name).read_text()
        assert NUMBER.sub("", kept) == NUMBER.sub("", drawn), picture.name
        for a, b in zip(NUMBER.findall(kept), NUMBER.findall(drawn), strict=True):
            assert abs(float(a) - float(b)) < 0.5, picture.name  # points on the page
