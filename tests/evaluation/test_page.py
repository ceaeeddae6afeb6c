from tests.evaluation.conftest import Scripted
from tests.synthetic import write_sound
from videollama.evaluation.clip_captions import CaptionedClip, ClipCaptionsTask
from videollama.evaluation.page import write_page
from videollama.evaluation.runner import run_task
from videollama.evaluation.yes_no import YesNoTask
from videollama.languages.catalogue import wording


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
    assert '<i style="width:50.0%">' in text


def test_the_page_speaks_chinese(photo_folder, tmp_path):
    task = YesNoTask(photo_folder, limit=2)
    summary = run_task(task, Scripted(lambda clip, question: "No."))
    write_page(tmp_path / "page.html", task, summary, wording("zh"))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<html lang=zh>" in text
    assert "<h1>yesno, 划分 " in text
    assert "平衡准确率</th><td>" in text
    assert "<h2>最好</h2>" in text
    assert "2 个回答，0 个无法读取的文件" in text


def test_of_few_answers_the_worse_half_is_the_worst(photo_folder, tmp_path):
    task = YesNoTask(photo_folder, limit=4)
    summary = run_task(task, Scripted(lambda clip, question: "No."))
    write_page(tmp_path / "page.html", task, summary)
    best, worst = (tmp_path / "page.html").read_text().split("<h2>Worst</h2>")
    assert best.count("<span class=score>100<") == worst.count("<span class=score>0<") == 2
    assert (best + worst).count("<article>") == 4


def test_one_answer_is_not_the_worst_too(tmp_path):
    clips = [CaptionedClip("audio", write_sound(tmp_path / "a.wav"), ("A tone",))]
    task = ClipCaptionsTask(clips, "test")
    write_page(
        tmp_path / "page.html", task, run_task(task, Scripted(lambda clip, question: "A tone."))
    )
    text = (tmp_path / "page.html").read_text()
    assert text.count("<article>") == 1
    assert "<h2>Worst" not in text


def test_few_answers_are_shown_once_and_a_vanished_file_is_told(photo_folder, tmp_path):
    task = YesNoTask(photo_folder, limit=2)
    summary = run_task(task, Scripted(lambda clip, question: "No."))
    for file in (photo_folder / "images").iterdir():
        file.unlink()
    write_page(tmp_path / "page.html", task, summary)
    text = (tmp_path / "page.html").read_text()
    assert text.count("<article>") == 2
    assert "<img" not in text


def test_missing_and_unreadable_files_are_told_and_a_sound_is_drawn(tmp_path):
    clips = [
        CaptionedClip("audio", write_sound(tmp_path / "a.wav"), ("A tone",)),
        CaptionedClip("audio", tmp_path / "gone.wav", ("Rain",)),
        CaptionedClip("audio", tmp_path / "bad.wav", ("Wind",)),
    ]
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    task = ClipCaptionsTask(clips, "test")
    summary = run_task(task, Scripted(lambda clip, question: "A tone."))
    write_page(tmp_path / "page.html", task, summary)
    text = (tmp_path / "page.html").read_text()
    assert "1 of 3 videos are missing, with 1 of 3 questions: " in text
    assert "gone.wav" in text
    assert "<li>" in text
    assert "bad.wav" in text
    assert text.count("data:image/jpeg;base64,") == 1
