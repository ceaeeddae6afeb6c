"""How close our numbers must come to the original's, and shorthands of the tests beside it."""

import torch
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel

ATOL = 1e-5
"""In fp32; what is compared has a standard deviation around 1."""


def assert_close(ours: Tensor, original: Tensor, atol: float = ATOL) -> None:
    """Fails with the largest difference where ours is not within `atol` of the original's."""
    torch.testing.assert_close(ours.detach(), original, atol=atol, rtol=0.0)


def load_exactly(module: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    """The module with these weights, every one of them and no other, ready to be run."""
    module.load_state_dict(state, strict=True)
    return module.eval()


def without_prefix(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names start with `prefix`, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def qformer_of(state: dict[str, Tensor], num_attention_heads: int) -> Blip2QFormerModel:
    """A Q-Former as large as its weights say, filled with them."""
    layers = {int(name.split(".")[2]) for name in state if name.startswith("encoder.layer.")}
    crossing = sorted(
        int(name.split(".")[2])
        for name in state
        if name.endswith("crossattention.attention.key.weight")
    )
    key = state[f"encoder.layer.{crossing[0]}.crossattention.attention.key.weight"]
    config = Blip2QFormerConfig(
        hidden_size=key.shape[0],
        encoder_hidden_size=key.shape[1],
        num_hidden_layers=len(layers),
        num_attention_heads=num_attention_heads,
        intermediate_size=state["encoder.layer.0.intermediate_query.dense.weight"].shape[0],
        cross_attention_frequency=crossing[1] - crossing[0] if len(crossing) > 1 else len(layers),
    )
    return load_exactly(Blip2QFormerModel(config), state)


class Recorder:
    """What passes through modules, kept by name."""

    def __init__(self) -> None:
        self.outputs: dict[str, Tensor] = {}

    def listen(self, name: str, module: nn.Module) -> None:
        """Keep the module's last output under `name`."""

        def keep(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            self.outputs[name] = (output[0] if isinstance(output, tuple) else output).detach()

        module.register_forward_hook(keep)
