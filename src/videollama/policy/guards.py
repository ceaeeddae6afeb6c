"""What a guard is: it reads texts and decides; it knows nothing of models, files or servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from videollama.prompts.turns import Role


class Said(NamedTuple):
    """The words of one message."""

    role: Role
    text: str


@dataclass(frozen=True)
class Decision:
    """What happens to a question or an answer, and why.

    Attributes:
        guard: Who decided.
        action: "refuse": a refusal is given in place of the answer. "describe": what is seen is
            described, and the question itself is not put to the model.
        reason: In a word, for programs: "identity", "self_harm", "S1,S10".
    """

    guard: str
    action: Literal["refuse", "describe"]
    reason: str


class Guard(Protocol):
    """Looks at questions and answers; may be asked from several threads at once."""

    @property
    def reads_answers(self) -> bool:
        """Whether `check_answer` is of any use; if so, an answer is shown once it has ended."""

    def check_question(self, said: Sequence[Said]) -> Decision | None:
        """Decides on a conversation whose last message is the question; None lets it pass."""

    def check_answer(self, said: Sequence[Said], answer: str) -> Decision | None:
        """Decides on the answer to it; None lets it pass."""
