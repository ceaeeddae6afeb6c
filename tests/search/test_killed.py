import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.synthetic import write_picture
from videollama.search.media_library import MediaLibrary
from videollama.search.segment_store import SegmentStore

pytestmark = pytest.mark.end_to_end
COMMAND = Path(sys.executable).with_name("videollama")


def test_a_killed_index_goes_on_and_neither_loses_nor_doubles_anything(assistant, tmp_path):
    model, media, db = tmp_path / "model", tmp_path / "media", tmp_path / "library"
    assistant.model.save_pretrained(model)
    assistant.processor.save_pretrained(model)
    media.mkdir()
    for number in range(6):
        write_picture(media / f"{number}.png", size=(32, 32 + 2 * number))
    words = [COMMAND, "index", media, "--db", db, "--model", model, "--no-cache"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        for line in running.stderr:
            if line.startswith("4 of 6"):
                running.send_signal(signal.SIGKILL)
                break
    assert running.returncode == -signal.SIGKILL
    done = len(SegmentStore(db).contents())
    assert 3 <= done < 6
    assert len(MediaLibrary(assistant, db).search("a dog")) >= 3
    report = MediaLibrary(assistant, db).index(media)
    assert report.added + report.unchanged == report.segments == 6
    rows = SegmentStore(db).all_segments(["id"], 100)
    assert len({row["id"] for row in rows}) == len(rows) == 6
