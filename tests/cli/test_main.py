import errno
import os
import signal
import subprocess
import sys
import time

import pytest
import typer

from tests.cli.command import videollama
from videollama import __version__
from videollama.cli import main
from videollama.errors import MediaError

VERBS = list(typer.main.get_command(main.app).commands)


@pytest.fixture
def failing(monkeypatch):
    """Gives a way to let the command raise any error."""

    def fail_with(error):
        def command(arguments):
            raise error

        monkeypatch.setattr(typer.main, "get_command", lambda _: command)

    return fail_with


def test_the_version(capsys):
    assert videollama(capsys, "--version").out == f"videollama {__version__}\n"


@pytest.mark.parametrize(
    ("wish", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_threads_without_work_leave_the_cores_to_others(wish, policy):
    script = (
        "import os, sys\n"
        "from videollama.cli import main\n"
        "assert 'torch' not in sys.modules, 'its threads were told before'\n"
        "try:\n"
        "    main.run(['--version'])\n"
        "finally:\n"
        "    print(os.environ.get('OMP_WAIT_POLICY'))\n"
    )
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, env=others | wish, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == policy


def test_help_lists_every_verb(capsys):
    shown = videollama(capsys, "--help")
    assert shown.code == 0
    assert all(verb in shown.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_an_example(capsys, verb):
    shown = videollama(capsys, verb, "--help")
    assert "Examples:" in shown.out
    assert f"videollama {verb}" in shown.out


def test_an_unknown_option_is_explained_and_exits_with_2(capsys):
    shown = videollama(capsys, "ask", "--frame", "3", "a.mp4", "What?")
    assert shown.code == 2
    assert "--frame" in shown.err


def test_a_users_error_is_one_sentence_without_a_traceback(capsys, failing):
    failing(MediaError("a [b].mp4 is empty; record it again."))
    shown = videollama(capsys)
    assert (shown.code, shown.err) == (2, "a [b].mp4 is empty; record it again.\n")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")],
)
def test_a_disk_that_takes_nothing_is_one_sentence_with_the_place(capsys, failing, number, reason):
    failing(OSError(number, os.strerror(number), "/some/place"))
    shown = videollama(capsys)
    assert shown.code == 2
    assert shown.err.startswith(f"/some/place: {reason}")
    assert shown.err.count("\n") == 1


def test_ctrl_c_exits_with_130(capsys, failing):
    failing(KeyboardInterrupt())
    assert videollama(capsys).code == 130


def test_a_defect_of_ours_keeps_its_traceback(failing):
    failing(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        main.run([])


def test_another_os_error_is_ours(failing):
    failing(OSError(errno.EBADF, "bad file descriptor"))
    with pytest.raises(OSError, match="bad file descriptor"):
        main.run([])


@pytest.mark.end_to_end
def test_the_interrupted_process_ends_with_130_and_without_a_traceback():
    code = (
        "import sys, time; from videollama.cli import main\n"
        "@main.app.command()\n"
        "def sleep():\n"
        "    print('ready', flush=True); time.sleep(60)\n"
        "main.run(['sleep'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
