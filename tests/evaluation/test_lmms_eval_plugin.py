"""The plugin against lmms-eval's classes where it is installed, else against stand-ins."""

import importlib.util
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from videollama.errors import InputError

MODULE = "videollama.evaluation.lmms_eval_plugin"
IS_INSTALLED = importlib.util.find_spec("lmms_eval") is not None


class Lmms(ABC):
    """As lmms_eval.api.model.lmms 0.7.3: what it sets, and what has to be written."""

    is_simple = True
    rank = 0

    def __init__(self):
        self.task_dict = {}
        self.cache_hook = SimpleNamespace(add_partial=lambda *_: None)

    @abstractmethod
    def loglikelihood(self, requests): ...

    @abstractmethod
    def generate_until(self, requests): ...

    @abstractmethod
    def generate_until_multi_round(self, requests): ...


@dataclass(frozen=True)
class Manifest:
    """As lmms_eval.models.registry_v2.ModelManifest."""

    model_id: str
    simple_class_path: str | None = None
    chat_class_path: str | None = None
    aliases: tuple[str, ...] = ()


@pytest.fixture
def plugin(monkeypatch):
    if not IS_INSTALLED:
        names = ("lmms_eval", "lmms_eval.api", "lmms_eval.models")
        for name in names:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        contents = {"api.model": {"lmms": Lmms}, "models.registry_v2": {"ModelManifest": Manifest}}
        for name, content in contents.items():
            module = ModuleType(f"lmms_eval.{name}")
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield importlib.import_module(MODULE)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def model(plugin, assistant, monkeypatch):
    monkeypatch.setattr(plugin.VideoLlama, "load", lambda ref, **_: assistant)
    model = plugin.LmmsVideoLlama(batch_size=1, device=None, num_frames="4")
    model.task_dict = {"task": {"test": {}}}
    return model


def request(model, visuals, question="What is it?", **wishes):
    documents = model.task_dict["task"]["test"]
    documents[len(documents)] = visuals
    args = (question, wishes, lambda doc: doc, len(documents) - 1, "task", "test")
    return SimpleNamespace(args=args)


def test_lmms_eval_finds_the_manifest_by_an_entry_point(plugin):
    [found] = [e for e in entry_points(group="lmms_eval.models") if e.name == "videollama"]
    assert found.value == f"{MODULE}:manifest"
    manifest = plugin.manifest()
    assert manifest.model_id == "videollama"
    module, name = manifest.simple_class_path.rsplit(".", 1)
    assert getattr(importlib.import_module(module), name).is_simple


def test_videos_pictures_and_sounds_are_answered_as_ask_does(model, assistant, clip_file):
    picture = Image.new("RGB", (40, 30), (200, 10, 10))
    sound = {"array": np.sin(np.arange(22_050) * 0.1), "sampling_rate": 22_050}
    answers = model.generate_until(
        [
            request(model, [str(clip_file)], max_new_tokens=6),
            request(model, [picture], max_new_tokens=6, num_beams=2),
            request(model, [sound], max_new_tokens=6),
        ]
    )
    expected = assistant.ask(clip_file, "What is it?", num_frames=4, max_new_tokens=6).text
    assert answers[0] == expected.strip()
    assert len(answers) == 3
    assert all(isinstance(answer, str) for answer in answers)


def test_an_answer_ends_before_what_the_task_says(model, clip_file):
    [whole] = model.generate_until([request(model, [str(clip_file)], max_new_tokens=12)])
    mark = whole[len(whole) // 2 :][:2]
    [cut] = model.generate_until(
        [request(model, [str(clip_file)], max_new_tokens=12, until=[mark])]
    )
    assert cut == whole.split(mark)[0].strip()
    assert len(cut) < len(whole)


def test_what_is_not_supported_is_said(model):
    with pytest.raises(InputError, match="choose a task whose output_type"):
        model.loglikelihood([])
    with pytest.raises(InputError, match="one question at a time"):
        model.generate_until_multi_round([])
    with pytest.raises(InputError, match="int is no video, picture or sound"):
        model.generate_until([request(model, [7])])


@pytest.mark.skipif(not IS_INSTALLED, reason="lmms-eval is not installed")
def test_the_real_registry_resolves_the_name(plugin):
    registry = importlib.import_module("lmms_eval.models.registry_v2").ModelRegistryV2()
    registry.load_entrypoint_manifests()
    assert registry.get_model_class("videollama").__name__ == "LmmsVideoLlama"
