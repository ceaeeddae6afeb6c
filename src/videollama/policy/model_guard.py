"""A guard model of the Llama Guard kind: it answers "safe", or "unsafe" and the categories."""

import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from videollama.errors import CheckpointError, InputError, ModelNotFoundError
from videollama.policy.guards import Decision, Said
from videollama.prompts import PlaceholderTokens, Turn, tokenize_pieces
from videollama.prompts.chat_template import render_chat_template

if TYPE_CHECKING:
    from videollama.prompts.turns import Role

_MOST_NEW_TOKENS = 32  # "unsafe" and some categories
_VERDICT = re.compile(r"\s*(safe|unsafe)\b\s*([\w, ]*)", re.IGNORECASE)
_PROBE = (Said("user", "What do you see?"),)
_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model"]
_NO_MEDIA = PlaceholderTokens(-1, -1, 0, 0)


class ModelGuard:
    """Lets a language model judge the words of questions and answers; it sees no media.

    Args:
        model: Any causal language model of transformers, on its device.
        tokenizer: Its own, with Llama Guard's chat template.
        name: Stands in decisions.

    Raises:
        CheckpointError: It does not say "safe" or "unsafe" to a harmless question.
    """

    reads_answers = True

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self._model, self._tokenizer, self._name = model.eval(), tokenizer, name
        self._one_at_a_time = Lock()
        try:
            said = self._ask(_turns(_PROBE))
        except InputError as error:
            raise CheckpointError(f"{name} is no guard: {error}") from error
        if _VERDICT.match(said) is None:
            raise CheckpointError(
                f'{name} says neither "safe" nor "unsafe" of a harmless question, so it is no '
                "guard; name a model such as meta-llama/Llama-Guard-3-8B."
            )

    def check_question(self, said: Sequence[Said]) -> Decision | None:
        """Refuses what the model calls unsafe, and what it does not judge."""
        return self._judge(_turns(said))

    def check_answer(self, said: Sequence[Said], answer: str) -> Decision | None:
        """The same for the answer, together with what it answers."""
        return self._judge(_turns([*said, Said("assistant", answer)]))

    def _judge(self, turns: Sequence[Turn]) -> Decision | None:
        verdict = _VERDICT.match(self._ask(turns))
        if verdict is not None and verdict[1].lower() == "safe":
            return None
        categories = "" if verdict is None else ",".join(re.findall(r"\w+", verdict[2]))
        return Decision(self._name, "refuse", categories or "unsafe")

    def _ask(self, turns: Sequence[Turn]) -> str:
        import torch

        pieces = render_chat_template(turns, self._tokenizer)
        ids = tokenize_pieces(pieces, self._tokenizer, _NO_MEDIA).input_ids
        prompt = torch.tensor([ids], device=self._model.device)
        with self._one_at_a_time, torch.inference_mode():
            written = self._model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=_MOST_NEW_TOKENS,
                do_sample=False,
            )
        answer: str = self._tokenizer.decode(written[0, len(ids) :], skip_special_tokens=True)
        return answer


def load_model_guard(ref: str, device: str = "auto") -> ModelGuard:
    """Loads a guard model; only safetensors are read.

    Args:
        ref: A folder, or a name on the hub.
        device: As for `VideoLlama.load`.

    Raises:
        ModelNotFoundError: `ref` leads nowhere.
        CheckpointError: It is no causal language model, or no guard.
        DownloadError: It could not be fetched.
    """
    from transformers import AutoModelForCausalLM

    from videollama.checkpoints.devices import choose_device
    from videollama.checkpoints.hub import download_snapshot
    from videollama.checkpoints.reasons import reason_in
    from videollama.checkpoints.tokenizers import load_tokenizer

    path = Path(ref).expanduser()
    try:
        folder = path if path.is_dir() else download_snapshot(ref, _FILES)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"There is no guard model {ref!r}, neither as a folder nor on the hub; check --guard."
        ) from error
    tokenizer = load_tokenizer(folder, family="tiny")
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype="auto"
        )
    except Exception as error:  # transformers raises what it likes for a broken folder
        raise CheckpointError(
            f"The guard {ref} cannot be loaded ({reason_in(error)}); name a causal language model "
            "with Llama Guard's chat template."
        ) from error
    placed: Any = model  # transformers' annotation of `to` takes no device
    return ModelGuard(placed.to(choose_device(device)), tokenizer, path.name)


def _turns(said: Sequence[Said]) -> list[Turn]:
    """The conversation as guard templates want it: user and assistant in turn, the user first.

    What instructs the model is judged as the user's words.
    """
    turns: list[Turn] = []
    for role, text in said:
        asked: Role = "assistant" if role == "assistant" else "user"
        if turns and turns[-1].role == asked:
            turns[-1] = Turn(asked, (f"{turns[-1].text}\n{text}",))
        elif turns or asked == "user":
            turns.append(Turn(asked, (text,)))
    return turns
