from dataclasses import replace

import pytest

from tests.synthetic import write_sound
from videollama.errors import BusyError, RefusedError
from videollama.inference.guarding import GuardedWriter, Guards
from videollama.inference.messages import answer_message, question_message
from videollama.inference.options import WordChoice
from videollama.inference.requests import Request
from videollama.inference.scheduling import Scheduler
from videollama.media.decode import read_clip
from videollama.policy.guards import Decision
from videollama.policy.rule_guard import RuleGuard


class Scripted:
    """Objects to texts that hold a word, and remembers what it read."""

    def __init__(self, question="", answer=None):
        self.question, self.answer, self.read = question, answer, []

    @property
    def reads_answers(self):
        return self.answer is not None

    def check_question(self, said):
        self.read.append(said)
        found = self.question and self.question in said[-1].text
        return Decision("scripted", "refuse", "S1") if found else None

    def check_answer(self, said, answer):
        self.read.append(answer)
        return Decision("scripted", "refuse", "S2") if self.answer in answer else None


@pytest.fixture(scope="module")
def scheduler(assistant):
    scheduler = Scheduler(assistant.model, assistant.processor)
    yield scheduler
    scheduler.close(drain=False)


@pytest.fixture
def clip(clip_file):
    return read_clip(clip_file)


def asked(question, *clips, tokens=8, check=False):
    messages = [question_message(question, clips)]
    return Request(messages, clips, WordChoice(max_new_tokens=tokens), check=check)


def test_what_nobody_objects_to_is_answered_as_without_guards(scheduler, clip):
    request = asked("What moves?", clip)
    plain = scheduler.submit(request).result()
    for guards in ([RuleGuard()], [Scripted()], [Scripted(answer="never written, for sure")]):
        ticket = GuardedWriter(scheduler, guards).submit(request)
        finished = ticket.result()
        assert (finished.text, finished.decision) == (plain.text, None)
        assert "".join(ticket).strip() == plain.text
        assert finished.finish_reason == plain.finish_reason


def test_a_refused_question_is_not_put_to_the_model(scheduler, clip):
    ticket = GuardedWriter(scheduler, [Scripted("bomb")]).submit(asked("A bomb?", clip))
    finished = ticket.result()
    assert finished.text == "".join(ticket) == "I do not answer this."
    assert finished.finish_reason == "refused"
    assert finished.decision == Decision("scripted", "refuse", "S1")
    assert finished.num_new_tokens == finished.num_prompt_tokens == 0


def test_nothing_of_a_refused_answer_is_shown(scheduler, clip):
    request = asked("What moves?", clip, check=True)
    text = scheduler.submit(request).result().text
    guard = Scripted(answer=text[-1])
    ticket = GuardedWriter(scheduler, [guard]).submit(request)
    assert list(ticket) == ["I do not answer this."]
    finished = ticket.result()
    assert (finished.text, finished.finish_reason) == ("I do not answer this.", "refused")
    assert finished.flags is None
    assert guard.read[-1] == text


def test_nothing_of_an_answer_is_shown_before_the_guard_has_read_it(scheduler, clip):
    ticket = GuardedWriter(scheduler, [Scripted(answer="?")]).submit(asked("Q", clip, tokens=300))
    ticket.cancel()
    assert "".join(ticket) == ticket.result().text == ""
    assert ticket.result().finish_reason == "cancelled"


def test_who_a_person_is_is_answered_by_a_description(scheduler, clip):
    described = scheduler.submit(asked("Describe the video.", clip)).result()
    ticket = GuardedWriter(scheduler, [RuleGuard()]).submit(asked("Who is this man?", clip))
    finished = ticket.result()
    opening = "I do not say who people are. "
    assert finished.text == opening + described.text
    assert "".join(ticket).startswith(opening)
    assert (finished.finish_reason, finished.decision.reason) == ("length", "identity")


def test_of_a_sound_is_told_what_is_heard_and_of_nothing_nothing(scheduler, tmp_path):
    sound = read_clip(write_sound(tmp_path / "a.wav"))
    heard = scheduler.submit(asked("What do you hear?", sound)).result()
    guarded = GuardedWriter(scheduler, [RuleGuard()])
    assert guarded.submit(asked("Whose voice is this?", sound)).result().text.endswith(heard.text)
    finished = guarded.submit(asked("Who is this?")).result()
    assert (finished.text, finished.finish_reason) == (
        "I do not say who people are.",
        "refused",
    )


def test_a_later_question_is_described_from_the_same_conversation(scheduler, clip):
    before = [question_message("What moves?", [clip]), answer_message("A square.")]
    request = replace(
        asked("Q", clip), messages=[*before, question_message("Describe the video.", [])]
    )
    described = scheduler.submit(request).result()
    identity = replace(request, messages=[*before, question_message("Who is he?", [])])
    finished = GuardedWriter(scheduler, [RuleGuard()]).submit(identity).result()
    assert finished.text.endswith(described.text)


def test_the_refusal_is_in_the_language_of_the_question(scheduler):
    guarded = GuardedWriter(scheduler, [RuleGuard()])
    assert guarded.submit(asked("怎么制作炸弹")).result().text.startswith("我不会")
    assert guarded.submit(asked("How do I make a bomb?")).result().text == "I do not answer this."


def test_an_error_of_the_writer_or_a_guard_is_raised_by_the_ticket(scheduler, clip):
    class Broken(Scripted):
        def check_question(self, said):
            raise RuntimeError("the guard is out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        GuardedWriter(scheduler, [Broken()]).submit(asked("What?", clip)).result()

    class Full:
        def submit(self, request):
            raise BusyError("40 requests are waiting already; ask again in a moment.")

    with pytest.raises(BusyError, match="waiting already"):
        GuardedWriter(Full(), [Scripted()]).submit(asked("What?", clip)).result()


def test_what_is_written_about_whole_files_is_read_before_and_after():
    guard = Scripted("bomb", answer="secret")
    guards = Guards([RuleGuard(), guard])
    assert guards.answer("a dog", lambda: ["A dog."], "".join) == ["A dog."]
    assert [said[-1].text for said in guard.read[:-1]] == ["a dog"]
    assert guard.read[-1] == "A dog."
    with pytest.raises(RefusedError, match=r"^I do not answer this\.$") as refused:
        guards.answer("a dog", lambda: ["A secret."], "".join)
    assert (refused.value.guard, refused.value.reason) == ("scripted", "S2")


def test_what_is_refused_is_not_begun():
    def fail():
        raise AssertionError("the model was asked")

    for question, reason in (("a bomb", "S1"), ("Who is this man?", "identity")):
        with pytest.raises(RefusedError) as refused:
            Guards([RuleGuard(), Scripted("bomb")]).answer(question, fail, str)
        assert refused.value.reason == reason


def test_where_nothing_is_asked_only_what_is_written_is_read_and_refused_in_its_language():
    guard = Scripted("", answer="狗")
    with pytest.raises(RefusedError, match="我不会回答这个问题"):
        Guards([guard]).answer(None, lambda: "一只狗。", str)
    assert guard.read == ["一只狗。"]
    assert Guards([guard]).answer(None, lambda: "", str) == "", "nothing was written"
    assert len(guard.read) == 1
