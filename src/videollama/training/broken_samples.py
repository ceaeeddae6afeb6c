"""Samples that cannot be used: counted, named and skipped, up to a limit; never replaced."""

from dataclasses import dataclass, field

from videollama.errors import DataError

_SHOWN = 3


@dataclass
class BrokenSamples:
    """The unusable samples of a run.

    Attributes:
        limit: So many are skipped; one more stops the run.
        limit_name: What the limit is called where it can be raised.
        reasons: What is wrong, by the sample's name, which the reason does not repeat.
    """

    limit: int
    limit_name: str = "data.max_broken"
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Count a sample; one that is known already counts once.

        Raises:
            DataError: There are more than the limit.
        """
        self.reasons[name] = reason.removeprefix(name).lstrip(" :")
        if len(self.reasons) > self.limit:
            first = "; ".join(f"{n}: {why}" for n, why in list(self.reasons.items())[:_SHOWN])
            raise DataError(
                f"{len(self.reasons)} training samples are broken, more than {self.limit_name}="
                f"{self.limit}; the first: {first}. Mend or remove them, or raise the limit."
            )
