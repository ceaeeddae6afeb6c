"""The original's whole model: clips to tokens, training losses and gradients, generated ids."""

import re

import pytest
import torch

from tests.reference.captions import CAPTIONS
from tests.reference.comparison import assert_close
from tests.reference.original_model import build_original
from videollama.checkpoints.original_keys import map_audio_branch_keys, map_video_branch_keys
from videollama.model.qformer import mask_or_all, read_with_queries
from videollama.prompts import LegacyLlamaTokenizer

pytestmark = pytest.mark.reference

SHORT, OTHER, LONG = CAPTIONS.values()
CAPTION_CASES = {
    "stage1_video_caption": ([SHORT, OTHER], {}),
    "stage1_video_caption_truncated32": ([f"{LONG} {LONG}", OTHER], {}),
    "stage1_image_caption": ([SHORT, OTHER], {}),
    "stage1_video_caption_end_sym_</s>_max16": (
        [LONG, OTHER],
        {"end_sym": "</s>", "max_txt_len": 16},
    ),
    "stage1_audio_branch_caption": ([SHORT, OTHER], {}),
    "stage2_caption_with_prompt": ([SHORT, OTHER], {}),
}
INSTRUCTION_CASES = [
    f"stage2_multi_{style}_flag{flag}" for style in ("vicuna", "llama_v2") for flag in (0, 1)
]
IGNORED = -100


@pytest.fixture(scope="module")
def recorded(fixture_json):
    return fixture_json("08_e2e.json")


@pytest.fixture(scope="module")
def model(recorded, fixture_tensors):
    return build_original(fixture_tensors("08_e2e_model_state_dict.safetensors").tensors, recorded)


@pytest.fixture(scope="module")
def tokenizer(fixture_path):
    return LegacyLlamaTokenizer.from_pretrained(fixture_path("tokenizer"))


@pytest.fixture(scope="module")
def outputs(fixture_tensors):
    return fixture_tensors("08_e2e_outputs.safetensors")


@pytest.fixture(scope="module")
def inputs(fixture_tensors):
    """What the original was fed; its videos are `(B, C, T, H, W)`, ours `(N, T, C, H, W)`."""
    original = fixture_tensors("08_e2e_inputs.safetensors")
    return {
        "video": original["video"].transpose(1, 2),
        "image": original["images"].unsqueeze(1),
        "audio": original["audio"],
    }


# ---------------------------------------------------------------------- clips to tokens


def test_a_video_and_a_picture_become_tokens(model, inputs, outputs):
    name = "encode_videoQformer_visual"
    with torch.no_grad():
        video = model.encode_video(model.encode_frames(inputs["video"]))
        image = model.encode_video(model.encode_frames(inputs["image"]))
    assert_close(video, outputs[f"{name}.inputs_llama"])
    assert_close(image, outputs[f"{name}.image_1frame.inputs_llama"])


def test_a_sound_and_frames_in_its_place_become_tokens(model, inputs, outputs):
    with torch.no_grad():
        sound = model.encode_audio(model.encode_segments(inputs["audio"]))
        frames = model.encode_audio(model.encode_frames_as_segments(inputs["video"]))
    assert_close(sound, outputs["encode_audioQformer.inputs_llama"])
    assert_close(frames, outputs["encode_audioQformer.VISION.inputs_llama"])


def test_the_unused_reader_of_frames_and_sound_together(model, inputs, outputs):
    """The original has it, calls it nowhere and released no weights for it; our parts give it."""
    with torch.no_grad():
        frames = model.encode_frame_tokens(model.encode_frames(inputs["video"]))
        positions = model.frame_position_embedding(mask_or_all(None, frames))
        sound = model.audio_encoder.audio.class_features(inputs["audio"].flatten(0, 1))
        sound = sound.unflatten(0, inputs["audio"].shape[:2]) + positions
        both = torch.cat(((frames + positions.unsqueeze(2)).flatten(1, 2), sound), dim=1)
        hidden = read_with_queries(model.video_qformer, model.video_query_tokens, both)
    assert_close(
        model.video_projection(hidden), outputs["encode_videoQformer_audiovideo.inputs_llama"]
    )


# ---------------------------------------------------------------------- training


def caption_batch(case, recorded, tokenizer, model):
    """Ids and labels of the caption stages: BOS, prompt and clip unsupervised, then the text."""
    texts, options = CAPTION_CASES[case]
    config = {**recorded["configs"], **options}
    sound = "audio_branch" in case
    clip = (
        [model.config.audio_token_id] * model.config.num_audio_query_tokens
        if sound
        else [model.config.video_token_id] * model.config.num_video_query_tokens
    )

    def ids_of(text):
        return tokenizer(text, add_special_tokens=False).input_ids

    if "with_prompt" in case:
        prompt = next(text for name, text in recorded.items() if name.startswith("prompt_chosen"))
        before, after = prompt.split("<ImageHere>")
        clip = [*ids_of(before), *clip, *ids_of(after)]
    head = [tokenizer.bos_token_id, *clip]
    rows = [ids_of(text + config["end_sym"])[: config["max_txt_len"]] for text in texts]
    longest = max(map(len, rows))
    padding = [longest - len(row) for row in rows]
    return {
        "input_ids": torch.tensor(
            [head + row + [0] * pad for row, pad in zip(rows, padding, strict=True)]
        ),
        "labels": torch.tensor(
            [
                [IGNORED] * len(head) + row + [IGNORED] * pad
                for row, pad in zip(rows, padding, strict=True)
            ]
        ),
        "attention_mask": torch.tensor(
            [
                [1] * (len(head) + len(row)) + [0] * pad
                for row, pad in zip(rows, padding, strict=True)
            ]
        ),
    }


def instruction_batch(case, outputs, model):
    """Ids and labels as the original's data set gave them; it marks sounds as pictures too."""
    ids = outputs[f"{case}.in.input_ids"]
    if case.endswith("flag1"):
        ids = torch.where(ids == model.config.video_token_id, model.config.audio_token_id, ids)
    return {
        "input_ids": ids,
        "labels": outputs[f"{case}.in.labels"],
        "attention_mask": outputs[f"{case}.in.attention_mask"],
    }


def recorded_name(case, recorded):
    """Some cases carry a remark in brackets, such as the seed of the prompt's choice."""
    pattern = re.compile(rf"({re.escape(case)}(\(.*\))?)\.trainable")
    return next(match[1] for name in recorded if (match := pattern.fullmatch(name)))


def encode_for_training(case, model, inputs):
    if "audio_branch" in case or case.endswith("flag1"):
        features = model.encode_frames_as_segments(inputs["video"])
        return {"audio_embeds": model.encode_audio(features)}
    clip = inputs["image" if "image" in case or "with_prompt" in case else "video"]
    return {"video_embeds": model.encode_video(model.encode_frames(clip))}


@pytest.mark.parametrize("case", [*CAPTION_CASES, *INSTRUCTION_CASES])
def test_training_step(case, model, tokenizer, inputs, outputs, recorded):
    if case in CAPTION_CASES:
        batch = caption_batch(case, recorded, tokenizer, model)
    else:
        batch = instruction_batch(case, outputs, model)
    case = recorded_name(case, recorded)
    llama = outputs.under(f"{case}.llama.")
    assert batch["labels"].tolist() == llama["labels"].tolist()
    assert batch["attention_mask"].long().tolist() == llama["attention_mask"].long().tolist()

    model.zero_grad(set_to_none=True)
    media = encode_for_training(case, model, inputs)
    with torch.no_grad():
        assert_close(model.embed_prompt(batch["input_ids"], **media), llama["inputs_embeds"])
    result = model(**batch, **media)
    result.loss.backward()

    seen = batch["attention_mask"].bool()
    assert_close(result.logits[seen], llama["logits"][seen])
    assert_close(result.loss, outputs[f"{case}.loss"])
    assert_gradients_agree(model, outputs.under(f"{case}.grad."), recorded, case)


def assert_gradients_agree(model, gradients, recorded, case):
    """Some gradients in full, and the length of every one that the original trained."""
    ours = {name: parameter.grad for name, parameter in model.named_parameters()}
    for name, original in {
        **map_video_branch_keys(gradients),
        **map_audio_branch_keys(gradients),
    }.items():
        assert_close(ours[name], original)
    norms = {name: torch.tensor(norm) for name, norm in recorded[f"{case}.grad_l2_norms"].items()}
    lengths = {**map_video_branch_keys(norms), **map_audio_branch_keys(norms)}
    assert len(lengths) == len(norms) == len(recorded[f"{case}.trainable"])
    for name, length in lengths.items():
        assert_close(ours[name].norm(), length)


# ---------------------------------------------------------------------- generation


@pytest.mark.parametrize(
    ("run", "options"),
    [
        ("greedy12", {}),
        ("beam3_12", {"num_beams": 3}),
        ("greedy12_reppen1.3", {"repetition_penalty": 1.3}),
    ],
)
def test_generated_ids(run, options, model, outputs):
    """The original's ids start with BOS; ours hold the new tokens alone."""
    original = outputs[f"generate.{run}_ids_as_returned"][:, 1:]
    embeds = outputs["generate.inputs_embeds"]
    generated = model.generate(
        inputs_embeds=embeds,
        attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long),
        max_new_tokens=original.shape[1],
        do_sample=False,
        **options,
    )
    assert generated.tolist() == original.tolist()


def test_logits_of_every_generated_token(model, outputs):
    original = outputs["generate.greedy12_step_logits"]
    generated = model.generate(
        inputs_embeds=outputs["generate.inputs_embeds"],
        max_new_tokens=len(original),
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert_close(torch.cat(generated.logits), original)


def test_answers_to_recorded_conversations(model, outputs, recorded):
    """From the embeddings of the original's chats to its answers."""
    assert recorded["chat"]
    for chat in recorded["chat"]:
        for number, turn in enumerate(chat["turns"]):
            name = f"chat.{chat['style']}.{chat['media']}.turn{number}.context_emb"
            original = turn["output_token"]
            generated = model.generate(
                inputs_embeds=outputs[name], max_new_tokens=len(original), do_sample=False
            )
            assert generated[0].tolist() == original
