from pathlib import Path

from tests.training.datasets.folders import WRITERS
from videollama.training.datasets.formats import FORMATS

ROOT = Path(__file__).parents[3]


def test_every_format_is_described_and_has_a_folder_in_the_tests():
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    headings = {
        name
        for line in text.splitlines()
        if line.startswith("### ")
        for name in line[4:].split(", ")
    }
    assert {form.name for form in FORMATS} == headings
    # Both hold what another format describes: test_source, test_packing.
    assert headings - set(WRITERS) == {"LLaVA-CC3M metadata", "WebDataset"}
