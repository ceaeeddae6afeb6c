import json

from videollama.training.run_log import RunLog


def entries(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_step_has_a_line_and_people_see_some(tmp_path, lines):
    log = RunLog(tmp_path / "log.jsonl", lines, every=10, total=20)
    for step in range(1, 21):
        log.step(step, {"loss": float(step)}, {"learning_rate": 0.1})
    assert [entry["loss"] for entry in entries(tmp_path / "log.jsonl")] == list(range(1, 21))
    shown = [line.split(":")[0] for line in lines]
    assert shown == [f"step {step} of 20" for step in (1, 5, 10, 20)]
    assert "loss 15.5000" in lines[-1]  # the mean of the last ten


def test_steps_that_will_be_repeated_are_forgotten(tmp_path, lines):
    file = tmp_path / "log.jsonl"
    log = RunLog(file, lines, every=10, total=9)
    for step in (1, 2, 3):
        log.step(step, {"loss": 1.0}, {"learning_rate": 0.1})
    with file.open("a") as stream:
        stream.write('{"kind": "train", "st')  # a kill in the middle of a line
    log.forget_after(2)
    log.step(3, {"loss": 2.0}, {"learning_rate": 0.1})
    assert [(entry["step"], entry["loss"]) for entry in entries(file)] == [(1, 1), (2, 1), (3, 2)]
