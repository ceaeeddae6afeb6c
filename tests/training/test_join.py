import json

import pytest
import torch
from safetensors.torch import load_file

from videollama.errors import CheckpointError
from videollama.training.join import join_stages
from videollama.training.stages import SHIPPED_PARTS, belongs_to


@pytest.fixture
def weights(tiny_model):
    return {n: t for n, t in tiny_model.state_dict().items() if belongs_to(n, SHIPPED_PARTS)}


def test_the_folder_holds_halves_of_all_that_is_ours(tmp_path, tiny_processor, weights):
    earlier = {"video_projection.bias": torch.ones_like(weights["video_projection.bias"])}
    join_stages(tiny_processor, [earlier, weights], tmp_path / "model")

    saved = load_file(tmp_path / "model" / "model.safetensors")
    assert saved.keys() == weights.keys()
    assert saved["video_projection.weight"].dtype == torch.float16
    assert saved["audio_encoder.stem.1.num_batches_tracked"].dtype == torch.int64
    assert torch.equal(saved["video_projection.bias"], weights["video_projection.bias"].half())
    assert json.loads((tmp_path / "model" / "config.json").read_text())["family"] == "tiny"
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "processor_config.json",
    ]


def test_an_older_model_is_replaced_whole(tmp_path, tiny_processor, weights):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    join_stages(tiny_processor, [weights], tmp_path / "model")
    assert not (tmp_path / "model" / "old").exists()


def test_missing_parts_are_named(tmp_path, tiny_processor, weights):
    pictures = {n: t for n, t in weights.items() if not n.startswith("audio_")}
    with pytest.raises(CheckpointError, match="audio_query_tokens, audio_qformer, audio_proj"):
        join_stages(tiny_processor, [pictures], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_what_does_not_fit_into_halves_is_refused(tmp_path, tiny_processor, weights):
    weights["video_projection.bias"] = torch.full_like(weights["video_projection.bias"], 1e6)
    with pytest.raises(CheckpointError, match=r"video_projection\.bias holds values beyond"):
        join_stages(tiny_processor, [weights], tmp_path / "model")
