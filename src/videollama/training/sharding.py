"""FSDP: the weights of one model, their gradients and their optimizer spread over processes.

Each layer of the decoder is one unit, gathered while it computes; all else is another, gathered for
the whole step. The frozen encoders stay whole: every process runs them on its own files.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map_only

from videollama.training.stages import Objective

_WHOLE = ("vision_encoder", "audio_encoder")


def shard(objective: Objective, device: torch.device) -> None:
    """Spread an objective over all processes, in place.

    Args:
        objective: Whose model has a decoder.
        device: That this process computes on.
    """
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    model = objective.model
    encoders = [child for name, child in model.named_children() if name in _WHOLE]
    whole = {parameter for child in encoders for parameter in child.parameters()}
    for layer in model.language_model.get_decoder().layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(objective, mesh=mesh, ignored_params=whole)


def gathered(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors on the CPU, whole where they were spread; all processes take part."""
    return {
        name: _whole(tensor).detach().to("cpu", copy=True).contiguous()
        for name, tensor in tensors.items()
    }


@torch.no_grad()
def put(tensors: Mapping[str, Tensor], places: Mapping[str, Tensor]) -> None:
    """Put whole tensors into places of the same names, spread where those are."""
    for name, place in places.items():
        place.copy_(_spread_like(tensors[name], place))


def whole_state(optimizer: Any) -> dict[str, Any]:
    """An optimizer's state as one process alone would save it; all processes take part."""
    return tree_map_only(DTensor, lambda tensor: tensor.full_tensor().cpu(), optimizer.state_dict())


def put_state(optimizer: Any, state: dict[str, Any]) -> None:
    """Restore what `whole_state` gave."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    spread = {
        number: {
            name: _spread_like(value, parameters[number]) if name != "step" else value
            for name, value in entries.items()
        }
        for number, entries in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": spread})


@torch.no_grad()
def forget_untouched(module: nn.Module) -> None:
    """Leave out gradients that are zero in all processes: their weights were not used in this step.

    Without FSDP such weights have none, and the optimizer passes them over.
    """
    learned = [p for p in module.parameters() if isinstance(p.grad, DTensor)]
    touched = torch.stack([p.grad.to_local().count_nonzero() for p in learned])  # type: ignore[union-attr]
    dist.all_reduce(touched, op=dist.ReduceOp.MAX)
    for parameter, count in zip(learned, touched.tolist(), strict=True):
        if count == 0:
            parameter.grad = None


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _spread_like(tensor: Tensor, place: Tensor) -> Tensor:
    if not isinstance(place, DTensor) or isinstance(tensor, DTensor):
        return tensor
    whole = tensor.to(place.device)
    return distribute_tensor(whole, place.device_mesh, place.placements, src_data_rank=None)
