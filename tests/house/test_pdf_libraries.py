"""What WeasyPrint needs of the system is named alike wherever a machine is set up."""

from pathlib import Path

import pytest

from common import pdf

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [".ci/run", "Dockerfile", "README.md"])
def test_every_set_up_names_the_libraries_of_the_pdf(name: str) -> None:
    said = (ROOT / name).read_text(encoding="utf-8")
    assert [library for library in pdf.LIBRARIES if library not in said] == []


def test_the_image_brings_a_font_with_chinese() -> None:
    last = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-1]
    assert pdf.FONT in last
    assert all(library in last for library in pdf.LIBRARIES)
