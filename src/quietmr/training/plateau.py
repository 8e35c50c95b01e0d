"""Lower learning rates where validations stop getting better (as torch's ReduceLROnPlateau)."""

from dataclasses import dataclass


@dataclass
class Plateau:
    """Counts validations; part of what a checkpoint holds.

    Attributes
    ----------
    factor : float
        What each reduction multiplies the rates by.
    patience : int
        Validations without a better one that pass; the next one reduces.
    waited : int
        Validations since the last better one, or the last reduction.
    reductions : int
    """

    factor: float
    patience: int
    waited: int = 0
    reductions: int = 0

    @property
    def pace(self) -> float:
        """What rates are multiplied by now."""
        return self.factor**self.reductions

    def note(self, *, better: bool) -> None:
        """Take note of a validation."""
        self.waited = 0 if better else self.waited + 1
        if self.waited > self.patience:
            self.waited, self.reductions = 0, self.reductions + 1
