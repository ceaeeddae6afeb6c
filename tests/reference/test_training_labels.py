"""Which tokens the original learned from, sample by sample."""

import re

import pytest
import torch

from tests.reference.captions import CAPTIONS
from videollama.prompts import LegacyLlamaTokenizer, PlaceholderTokens
from videollama.prompts.turns import Piece
from videollama.training.labels import (
    IGNORED,
    LabelRules,
    caption_labels,
    image_question,
    llama_2_labels,
    pad_batch,
    vicuna_labels,
    video_question,
)

pytestmark = pytest.mark.reference

LABELS = {"vicuna": vicuna_labels, "llama_v2": llama_2_labels}
FILES = {
    "tokenizer": "07_training_samples.json",
    "tokenizer_drift": "07_training_samples_drift_tokenizer.json",
}


def messages_of(sample):
    """The recorded questions and answers as messages, the media in their places."""
    if sample["dataset"] == "llava_instruct":
        return [image_question(turn["value"]) for turn in sample["conversations"]]
    times = [float(seconds) for seconds in re.findall(r"\d+\.\d", sample["msg"])]
    messages = []
    for number, turn in enumerate(sample["QA"]):
        question = [Piece("text", turn["q"])]
        messages.append(video_question(turn["q"], times) if number == 0 else question)
        messages.append([Piece("text", turn["a"])])
    return messages


@pytest.fixture(scope="module", params=list(FILES))
def recorded(request, fixture_path, fixture_json):
    tokenizer = LegacyLlamaTokenizer.from_pretrained(fixture_path(request.param))
    return tokenizer, fixture_json(FILES[request.param])


def rules_for(tokenizer, recorded, sample, **options):
    token_id = recorded["image_patch_token_id"]
    count = sample["num_video_query_token"]
    return LabelRules(tokenizer, PlaceholderTokens(token_id, token_id, count, count), **options)


def test_every_sample_has_the_original_ids_and_labels(recorded):
    tokenizer, data = recorded
    assert data["samples"]
    for sample in data["samples"]:
        rules = rules_for(tokenizer, data, sample)
        labelled = LABELS[sample["style"]](messages_of(sample), rules)
        case = (sample["dataset"], sample.get("conv"), sample["style"])
        assert labelled.input_ids == sample["input_ids"], case
        assert labelled.labels == sample["labels"], case


def test_fixed_masks_learn_answers_and_their_ends_only(recorded):
    tokenizer, data = recorded
    for sample in data["samples"]:
        rules = rules_for(tokenizer, data, sample, original_masks=False)
        labelled = LABELS[sample["style"]](messages_of(sample), rules)
        assert labelled.input_ids == sample["input_ids"]
        learned = [token for token in labelled.labels if token != IGNORED]
        end = "###" if sample["style"] == "vicuna" else "</s>"
        texts = [text.strip() for text in tokenizer.decode(learned).split(end)]
        if sample["dataset"] == "llava_instruct":
            expected = [turn["value"] for turn in sample["conversations"][1::2]]
        else:
            expected = [turn["a"].strip() for turn in sample["QA"] if turn["a"]]
        complete = [text for text in texts if text]
        assert complete, "a sample without anything to learn gives a loss of NaN"
        for text, answer in zip(complete, expected, strict=False):
            assert answer.startswith(text)  # the last one may be cut at 512 tokens
        if len(sample["input_ids"]) < 512:
            assert complete == expected


def test_the_batch_is_padded_as_in_the_original(recorded):
    tokenizer, data = recorded
    samples = [data["samples"][number] for number in (0, 4)]
    labelled = [
        LABELS[sample["style"]](messages_of(sample), rules_for(tokenizer, data, sample))
        for sample in samples
    ]
    batch = pad_batch(labelled, data["pad_token_id"])
    for name in ("input_ids", "labels", "attention_mask"):
        assert batch[name].tolist() == data["collater_of_samples_0_and_4"][name], name


@pytest.mark.parametrize(
    ("case", "captions", "options"),
    [
        ("stage1_video_caption", ["A", "B"], {}),
        ("stage1_video_caption_truncated32", ["C C", "B"], {}),
        ("stage1_image_caption", ["A", "B"], {}),
        ("stage1_audio_branch_caption", ["A", "B"], {"medium": "audio"}),
        ("stage1_video_caption_end_sym_</s>_max16", ["C", "B"], {"end": "</s>", "max": 16}),
        ("stage2_caption_with_prompt", ["A", "B"], {"prompt": True}),
    ],
)
def test_captions_reach_the_decoder_as_in_the_original(
    case, captions, options, fixture_path, fixture_json, fixture_tensors
):
    facts = fixture_json("08_e2e.json")
    sizes = facts["configs"]
    prompt = next(value for key, value in facts.items() if key.startswith("prompt_chosen"))
    outputs = fixture_tensors("08_e2e_outputs.safetensors")
    weights = fixture_tensors("08_e2e_model_state_dict.safetensors")
    tokenizer = LegacyLlamaTokenizer.from_pretrained(fixture_path("tokenizer"))
    video_id, audio_id = facts["IMAGE_PATCH_TOKEN_ID"], facts["AUDIO_PATCH_TOKEN_ID"]
    counts = sizes["num_video_query_token"], sizes["num_audio_query_token"]
    rules = LabelRules(tokenizer, PlaceholderTokens(video_id, audio_id, *counts))
    labelled = [
        caption_labels(
            " ".join(CAPTIONS[letter] for letter in letters.split()),
            rules,
            end=options.get("end", sizes["end_sym"]),
            prompt=prompt if options.get("prompt") else None,
            medium=options.get("medium", "video"),
            max_caption_tokens=options.get("max", sizes["max_txt_len"]),
        )
        for letters in captions
    ]
    batch = pad_batch(labelled, facts["pad_token_id"])
    # Some cases carry a remark in brackets, such as the seed of the prompt's choice.
    pattern = re.compile(re.escape(case) + r"(\(.*\))?\.llama\.(\w+)")
    reached = {
        match[2]: value
        for name, value in outputs.tensors.items()
        if (match := pattern.fullmatch(name))
    }
    assert batch["labels"].tolist() == reached["labels"].tolist()
    mask = batch["attention_mask"]
    assert mask.tolist() == reached["attention_mask"].bool().tolist()
    is_text = (batch["input_ids"] != video_id) & (batch["input_ids"] != audio_id) & mask
    table = weights["llama_model.model.embed_tokens.weight"]
    embeds = reached["inputs_embeds"]
    assert torch.equal(embeds[is_text], table[batch["input_ids"][is_text]])


def test_a_cut_caption_can_keep_its_end(fixture_path):
    tokenizer = LegacyLlamaTokenizer.from_pretrained(fixture_path("tokenizer"))
    placeholders = PlaceholderTokens(800, 801, 2, 2)
    for end in ("###", "</s>"):
        original, fixed = (
            caption_labels(
                CAPTIONS["C"],
                LabelRules(tokenizer, placeholders, original_masks=masks),
                end=end,
                max_caption_tokens=16,
            )
            for masks in (True, False)
        )
        assert len(fixed.input_ids) == len(original.input_ids)
        assert not tokenizer.decode(original.input_ids[3:]).endswith(end)
        assert tokenizer.decode(fixed.input_ids[3:]).endswith(end)
