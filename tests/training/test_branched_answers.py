"""The loss over branches is that of the prompts as they are in use, media and all."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from videollama.prompts import Turn
from videollama.training.broken_samples import BrokenSamples
from videollama.training.clip_batches import PromptTree, _medium
from videollama.training.network import build_model
from videollama.training.preparation import prepare


@pytest.fixture(scope="module")
def recipe(make_recipe):
    return make_recipe("instruct", training__batch_size=6, training__validation_samples=24)


@pytest.fixture(scope="module")
def processor(recipe):
    return build_model(recipe)[1]


@pytest.fixture(scope="module")
def setup(data_folder, recipe):
    return prepare(recipe, data_folder, broken=BrokenSamples(0), report=lambda line: None)


def test_branches_have_the_loss_of_prompts_in_use(setup, processor):
    batches, model = setup.validation, setup.objective.model
    objective = setup.objective.eval()
    for number in range(len(batches)):
        inputs = batches[number]
        del inputs["ids"]
        with torch.no_grad():
            packed = objective(**inputs)["answers"]
            video = audio = None
            if "frame_features" in inputs:
                video = model.encode_video(inputs["frame_features"], inputs["pixel_mask"])
            if "segment_features" in inputs:
                audio = model.encode_audio(inputs["segment_features"], inputs["audio_mask"])
            losses, weights = [], []
            seen = heard = 0
            for clip, _ in batches._alike(number):
                own_video = video[seen : seen + 1] if clip.frames else None
                own_audio = audio[heard : heard + 1] if clip.sound is not None else None
                seen += bool(clip.frames)
                heard += clip.sound is not None
                for question in clip.questions:
                    turn = Turn("user", (_medium(clip.facts), question.text))
                    prompt = processor.encode_turns([turn])
                    for answer in question.answers:
                        end = processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
                        ids = processor.tokenizer(answer).input_ids
                        if not question.is_opening:
                            ids.append(end)
                        logits = model(
                            input_ids=torch.tensor([prompt + ids]),
                            video_embeds=own_video,
                            audio_embeds=own_audio,
                        ).logits[0, len(prompt) - 1 : -1]
                        losses.append(cross_entropy(logits, torch.tensor(ids), reduction="none"))
                        weights += [1.0] * (len(ids) - 1) + [2.0 if question.is_opening else 1.0]
        share = torch.tensor(weights) / sum(weights)
        expected = (torch.cat(losses) * share).sum()
        torch.testing.assert_close(packed, expected, atol=1e-4, rtol=1e-4)


def test_a_batch_of_silence_alone_changes_nothing_and_fails_nothing(setup):
    batch = next(b for b in map(setup.training.__getitem__, range(40)) if "audio_mask" in b)
    for name in ("ids", "frame_features", "pixel_mask", "word_shares"):
        batch.pop(name, None)
    del batch["segment_features"], batch["audio_mask"]
    media = torch.isin(batch["input_ids"], torch.tensor(placeholder_ids(setup)))
    batch["input_ids"][media] = 0
    setup.objective.zero_grad()
    setup.objective(**batch)["loss"].backward()
    assert all(p.grad is None or not p.grad.any() for p in setup.objective.parameters())


def placeholder_ids(setup):
    config = setup.objective.model.config
    return [config.video_token_id, config.audio_token_id]


def test_words_are_named_beside(setup):
    batch = next(b for b in map(setup.training.__getitem__, range(4)) if "word_shares" in b)
    assert batch["word_shares"].shape[:2] == (len(batch["frame_features"]), 2)
    del batch["ids"]
    numbers = setup.objective(**batch)
    assert numbers["loss"] > numbers["answers"]
    assert 0 <= numbers["right_of_5"] <= 1


def test_a_batch_holds_clips_of_like_length(setup):
    lengths = [len(packed.input_ids) for n in range(4) for _, packed in setup.training._alike(n)]
    assert lengths == sorted(lengths)
    shown = {clip.frames for n in range(4) for clip, _ in setup.training._alike(n)}
    assert shown == {clip.frames for clip in setup.training._mixture.take(0, 24)}


def test_batches_are_the_same_at_every_call(setup):
    first, again = setup.training[2], setup.training[2]
    assert first.keys() == again.keys()
    for name, value in first.items():
        assert (
            torch.equal(value, again[name])
            if isinstance(value, torch.Tensor)
            else value == again[name]
        )


def test_what_prompts_share_ends_where_the_clip_begins(processor):
    text = processor.tokenizer.decode(PromptTree(processor).common_ids)
    assert text.endswith("<|im_start|>user\n")
    assert "Answer questions about a clip." in text
