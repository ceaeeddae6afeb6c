"""What the test of the real vLLM loads into it: vLLM's own class, and nothing else.

It lies beside a model that wants torchvision, which builds of vLLM for the CPU come without.
"""

import sys
from types import ModuleType

_STAND_INS = ("torchvision", "torchvision.transforms")

for _name in _STAND_INS:
    sys.modules.setdefault(_name, ModuleType(_name))
sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]

from vllm.model_executor.models.deepseek_ocr import NGramPerReqLogitsProcessor  # noqa: E402

for _name in _STAND_INS:
    del sys.modules[_name]

__all__ = ["NGramPerReqLogitsProcessor"]
