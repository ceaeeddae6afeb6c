from tests.evaluation.conftest import Scripted
from videollama.evaluation.page import write_page
from videollama.evaluation.runner import run_task
from videollama.evaluation.yes_no import YesNoTask


def test_the_page_shows_best_and_worst_with_their_frames(photo_folder, tmp_path):
    task = YesNoTask(photo_folder)
    summary = run_task(task, Scripted(lambda clip, question: "Yes <b>, there is."))
    page = tmp_path / "page.html"
    write_page(page, task, summary, each=3)
    text = page.read_text()
    best, worst = text.split("<h2>Worst</h2>")
    assert best.count("<article>") == worst.count("<article>") == 3
    assert best.count("<span class=score>100<") == 3
    assert worst.count("<span class=score>0<") == 3
    assert text.count("data:image/jpeg;base64,") == 6
    assert "Yes &lt;b&gt;, there is." in text
    assert "balanced accuracy</th><td>50.0" in text


def test_few_answers_are_shown_once_and_a_vanished_file_is_told(photo_folder, tmp_path):
    task = YesNoTask(photo_folder, limit=2)
    summary = run_task(task, Scripted(lambda clip, question: "No."))
    for file in (photo_folder / "images").iterdir():
        file.unlink()
    write_page(tmp_path / "page.html", task, summary)
    text = (tmp_path / "page.html").read_text()
    assert text.count("<article>") == 2
    assert "<img" not in text
