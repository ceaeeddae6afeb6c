"""What the decoder remembers of a conversation, so that a later question costs its own tokens only.

The prompt of a later question repeats all that was said. As far as its ids are those that the
decoder has read or written already, their keys and values are taken from its cache. Where a
template writes an answer back in other tokens than the model wrote it in, or old turns had to go,
the cache is cut back to the tokens that are still the same.
"""

from typing import TYPE_CHECKING

from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

from videollama.prompts.tokenization import common_length

if TYPE_CHECKING:
    from videollama.inference.generation import EncodedMedia


class ConversationMemory:
    """The decoder's cache of one conversation, with the ids of the tokens in it.

    Placeholder ids stand for media, so all questions must be about the same media in the same
    order.

    Attributes:
        encoded: What the encoders made of the media; `None` before the first question.
    """

    def __init__(self) -> None:
        self.encoded: EncodedMedia | None = None
        self._ids: list[int] = []
        self._cache: DynamicCache | None = None

    def forget(self) -> None:
        """Lets go of everything; what is lent out at the moment comes back as usual."""
        self._cache = self.encoded = None

    def recall(self, input_ids: Tensor, config: PreTrainedConfig | None) -> DynamicCache:
        """Hands the cache over, with what a prompt shares with it and nothing else.

        Until `remember` takes it back there is nothing to recall, so an error on the way leaves no
        cache that does not fit its ids. A decoder that forgets what is far back reads all anew.

        Args:
            input_ids: The whole prompt, `(1, L)`.
            config: The model's, which says what a new cache is like; `None` for one that keeps all.
        """
        cache, self._cache = self._cache, None
        if cache is None or any(type(layer) is not DynamicLayer for layer in cache.layers):
            return DynamicCache(config=config)
        prompt = input_ids[0].tolist()
        # The last token is always read anew: what follows it is what is asked for.
        shared = common_length(self._ids, prompt[:-1])
        cache.crop(shared - len(self._ids))
        return cache

    def remember(self, cache: DynamicCache, input_ids: Tensor, new_ids: Tensor) -> None:
        """Keeps what was read and written.

        Args:
            cache: What `recall` gave and the decoder has filled.
            input_ids: The whole prompt, `(1, L)`.
            new_ids: What was written, `(1, any)`; the decoder has not read the last of it.
        """
        ids = input_ids[0].tolist() + new_ids[0].tolist()
        self._cache, self._ids = cache, ids[: cache.get_seq_length()]
