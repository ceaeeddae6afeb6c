"""Graphs for ONNX Runtime, which computes faster than PyTorch on a CPU.

A graph holds what is computed; its tensors lie beside it in memory, as large as they may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

MICROSOFT = "com.microsoft"
"""Domain of the operators that only ONNX Runtime has."""

Shape = Sequence[str | int | None]
_OPSET, _MICROSOFT_OPSET, _IR_VERSION = 21, 1, 10


@dataclass
class GraphWriter:
    """Writes a graph node by node; values go by names.

    Attributes:
        nodes: In the order in which they are computed.
        weights: Tensors by name.
    """

    nodes: "list[onnx.NodeProto]" = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        """Writes a node; gives the name of its first output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0]

    def keep(self, name: str, values: np.ndarray) -> str:
        """Keeps a tensor beside the graph."""
        self.weights[name] = values
        return name

    def numbers(self, name: str, values: list[int]) -> str:
        """Writes whole numbers into the graph itself, where shapes follow from them."""
        return self.node("Constant", [], [name], value_ints=values)

    def open(
        self, inputs: dict[str, tuple[type, Shape]], outputs: dict[str, tuple[type, Shape]]
    ) -> "InferenceSession":
        """A session that computes the graph, with as many threads as torch uses.

        Args:
            inputs: numpy type and shape of each; letters stand for sizes that change.
            outputs: The same.
        """
        import onnxruntime as ort

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        # The threads of one session would keep the cores from those of the next, and from torch's.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        settings.log_severity_level = 3
        names = list(self.weights)
        values = [ort.OrtValue.ortvalue_from_numpy(self.weights[name]) for name in names]
        settings.add_external_initializers(names, values)
        model = self._model(inputs, outputs)
        return ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])

    def _model(
        self, inputs: dict[str, tuple[type, Shape]], outputs: dict[str, tuple[type, Shape]]
    ) -> bytes:
        from onnx import TensorProto, helper

        places = []
        for name, values in self.weights.items():
            kind = helper.np_dtype_to_tensor_dtype(values.dtype)
            place = TensorProto(name=name, data_type=kind, dims=values.shape)
            place.data_location = TensorProto.EXTERNAL
            place.external_data.add(key="location", value="beside the graph")
            places.append(place)
        inside, outside = (
            [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape
                )
                for name, (kind, shape) in values.items()
            ]
            for values in (inputs, outputs)
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, _MICROSOFT_OPSET)]
        graph = helper.make_graph(self.nodes, "graph", inside, outside, places)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return model.SerializeToString()


def compute(
    session: "InferenceSession", inputs: dict[str, Tensor], outputs: dict[str, Tensor]
) -> None:
    """Computes a graph; tensors are read and written where they lie.

    Args:
        session: What `GraphWriter.open` gave.
        inputs: By name, on the CPU.
        outputs: Filled; their shapes must be right.
    """
    binding = session.io_binding()
    inputs = {name: tensor.contiguous() for name, tensor in inputs.items()}
    for bind, tensors in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
        for name, tensor in tensors.items():
            kind = tensor.numpy().dtype
            bind(name, "cpu", 0, kind, tuple(tensor.shape), tensor.data_ptr())
    session.run_with_iobinding(binding)
