"""The guards that serving verbs put around the model."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videollama.inference.guarding import Guards
    from videollama.policy.guards import Guard


def load_guards(ref: str | None, device: str, *, rules: bool) -> "Guards":
    """The rules, and the guard model if one is wanted.

    Args:
        ref: As given by --guard.
        device: As given by --device.
        rules: Whether the built-in rules are among them.

    Raises:
        VideoLlamaError: As `load_model_guard` does.
    """
    from videollama.inference.guarding import Guards
    from videollama.policy.model_guard import load_model_guard
    from videollama.policy.rule_guard import RuleGuard

    guards: list[Guard] = [RuleGuard()] if rules else []
    return Guards(guards if ref is None else [*guards, load_model_guard(ref, device)])
