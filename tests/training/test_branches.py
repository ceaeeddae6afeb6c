import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from videollama.training.branches import Branch, pack_clip, pad_clips

PREFIX = [5, 6, 7, 8]
BRANCHES = [
    Branch([11, 12], [[21, 22, 2], [23, 2]]),
    Branch([13, 14, 15], [[24, 25, 26, 2]]),
]


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config).eval()


def packed_logits(decoder, batch):
    bias = torch.zeros(batch.visible.shape).masked_fill(
        ~batch.visible, torch.finfo(torch.float32).min
    )
    hidden = decoder.model(
        input_ids=batch.input_ids,
        attention_mask=bias.unsqueeze(1),
        position_ids=batch.position_ids,
        use_cache=False,
    ).last_hidden_state
    return decoder.lm_head(hidden).flatten(0, 1)[batch.sources]


def test_packed_answers_have_the_losses_of_separate_prompts(decoder):
    batch = pad_clips([pack_clip(PREFIX, BRANCHES), pack_clip([9], BRANCHES[:1])], 0)
    packed = cross_entropy(packed_logits(decoder, batch), batch.targets, reduction="none")

    separate = []
    for prefix, branches in ((PREFIX, BRANCHES), ([9], BRANCHES[:1])):
        for branch in branches:
            for answer in branch.answers:
                prompt = prefix + branch.question_ids
                logits = decoder(torch.tensor([prompt + answer])).logits[0]
                separate.append(
                    cross_entropy(
                        logits[len(prompt) - 1 : -1], torch.tensor(answer), reduction="none"
                    )
                )
    torch.testing.assert_close(packed, torch.cat(separate), atol=1e-5, rtol=1e-5)


def test_a_shared_question_is_laid_out_once():
    packed = pack_clip(PREFIX, BRANCHES)

    assert packed.input_ids == [*PREFIX, 11, 12, 21, 22, 23, 13, 14, 15, 24, 25, 26]
    assert packed.position_ids == [0, 1, 2, 3, 4, 5, 6, 7, 6, 4, 5, 6, 7, 8, 9]
    assert packed.targets == [21, 22, 2, 23, 2, 24, 25, 26, 2]
