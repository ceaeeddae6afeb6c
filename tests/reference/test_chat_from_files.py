"""The whole way, as users go it: the original's files and an mp4 in, the original's answers out.

The wav file of the cases with sound is a rebuilt one, see conftest.py; the mp4 is the original's.
"""

from dataclasses import replace

import pytest
import torch

from tests.reference.comparison import assert_close
from tests.reference.conversations import turns_before_each_answer
from videollama import VideoLlama, read_clip

pytestmark = pytest.mark.reference

VIDEO, SOUND = "synth_96x64_37f_10fps.mp4", "mono_16k_5s.wav"
VICUNA = {"video": "finetune-vicuna7b-v2.pth", "decoder": "vicuna-7b"}
FILES = {  # as the original's two demos were given them, without and with the audio branch
    ("llama_2", "video"): {"audio": None},
    ("llama_2", "audio+video"): {},
    ("vicuna", "video"): {**VICUNA, "audio": None},
    ("vicuna", "audio+video"): {**VICUNA, "audio": "finetune_vicuna7b_audiobranch.pth"},
}


@pytest.fixture(params=list(FILES), ids="-".join)
def case(request):
    return request.param


@pytest.fixture
def assistant(case, write_released, tmp_path):
    folder = write_released(tmp_path / "model", **FILES[case])
    return VideoLlama.load(folder, device="cpu", dtype="float32", cache_media=False)


@pytest.fixture
def media(case, assistant, fixture_path):
    """The mp4 has no sound track; where one was wanted, the original was given a wav file's."""
    if case[1] == "video":
        return fixture_path(VIDEO)
    picture = read_clip(fixture_path(VIDEO), frame_size=assistant.processor.frame_size)
    sound = read_clip(fixture_path(SOUND))
    return replace(picture, waveform=sound.waveform, audio_status=sound.audio_status)


def test_what_the_decoder_reads_and_answers(case, media, assistant, fixture_json, fixture_tensors):
    chats = {(chat["style"], chat["media"]): chat for chat in fixture_json("08_e2e.json")["chat"]}
    read = fixture_tensors("08_e2e_outputs.safetensors").under(f"chat.{'.'.join(case)}.")
    answers = [turn["answer"] for turn in chats[case]["turns"]]
    lengths = [len(turn["output_token"]) for turn in chats[case]["turns"]]
    chat = assistant.chat(media, max_new_tokens=max(lengths))
    for number, turns in enumerate(turns_before_each_answer(chats[case])):
        assert chat.ask(turns[-1].text).text == answers[number]
        inputs = assistant.processor(chat.messages[:-1], clips=chat.clips)
        del inputs["attention_mask"]
        with torch.no_grad():
            context = assistant.model.embed_prompt(**inputs)
        assert_close(context, read[f"turn{number}.context_emb"])
