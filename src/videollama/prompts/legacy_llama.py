"""The tokenizer the released checkpoints were trained with: LLaMA's sentencepiece model, legacy.

Today's default LLaMA tokenizer treats blanks beside special tokens, and the blank that
sentencepiece puts before every text ("dummy prefix"), differently. Prompts are tokenised in several
segments, so one id per segment would change. This class keeps the behaviour of transformers 4.28.
"""

from collections.abc import Sequence
from typing import Any

from transformers import AddedToken
from transformers.tokenization_utils_sentencepiece import SentencePieceBackend

IMAGE_PATCH_TOKEN = "<ImageHere>"
AUDIO_PATCH_TOKEN = "<AudioHere>"


class LegacyLlamaTokenizer(SentencePieceBackend):
    """Slow LLaMA tokenizer: every text gets the dummy prefix, BOS comes first, no EOS.

    Loaded from a folder that holds `tokenizer.model`.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs["legacy"] = True
        kwargs["special_tokens_pattern"] = "bos"
        kwargs.setdefault("unk_token", "<unk>")
        kwargs.setdefault("bos_token", "<s>")
        kwargs.setdefault("eos_token", "</s>")
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    def add_patch_tokens(self) -> tuple[int, int]:
        """Add `<ImageHere>` and `<AudioHere>` behind the vocabulary, as training does.

        Blanks beside them are swallowed, the default of transformers 4.28 for tokens added by name.

        Returns:
            Their ids. The decoder's embeddings have no rows for them.
        """
        names = (IMAGE_PATCH_TOKEN, AUDIO_PATCH_TOKEN)
        tokens = [AddedToken(n, lstrip=True, rstrip=True, special=True) for n in names]
        self.add_tokens(tokens, special_tokens=True)
        vocabulary = self.get_added_vocab()
        return vocabulary[IMAGE_PATCH_TOKEN], vocabulary[AUDIO_PATCH_TOKEN]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Join tokens to text the way 4.28 did: a blank before each special token but the first."""
        special = set(self.all_special_tokens)
        text, run, after_special = "", [], False
        for position, token in enumerate(tokens):
            if token not in special:
                run.append(token)
                after_special = False
                continue
            if position > 0 and not after_special:
                text += " "
            text += self.sp_model.decode(run) + token
            run, after_special = [], True
        return text + self.sp_model.decode(run)

    def _decode(
        self,
        token_ids: int | list[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
        **kwargs: Any,
    ) -> str:
        """Decode ids; tokens added behind the vocabulary stand alone between blanks."""
        ids = [token_ids] if isinstance(token_ids, int) else token_ids
        tokens = self.convert_ids_to_tokens(ids, skip_special_tokens=skip_special_tokens)
        parts: list[str] = []
        run: list[str] = []
        for token in tokens:
            if self._added_tokens_encoder.get(token, -1) < self.vocab_size:
                run.append(token)
                continue
            if run:
                parts.append(self.convert_tokens_to_string(run))
                run = []
            parts.append(token)
        if run:
            parts.append(self.convert_tokens_to_string(run))
        return " ".join(parts)
