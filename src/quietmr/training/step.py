"""What a step of a run is: the contract between the loop and the ways to train."""

from typing import Protocol

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from quietmr.training.checkpoint import State

Batch = list[Tensor]


class Step(Protocol):
    """Moves weights by batches; the loop does all else (order, stopping, validation, checkpoints).

    Attributes
    ----------
    network : nn.Module
        What denoises, as its architecture builds it.
    average : AveragedModel
        Running average of it, which is scored and shipped.
    pace : float
        What the loop wants learning rates to be multiplied by, beside their schedule.
    terms : dict
        Latest parts of the loss by name, for the log; empty where there is one part only.
    """

    network: nn.Module
    average: AveragedModel
    pace: float
    terms: dict[str, float]

    def take(self, number: int, streams: range, batches: list[Batch]) -> float:
        """Take one step with this process's share of the batches; returns their mean loss.

        All that is random in it depends on the seed, the number of the step and of the stream that a batch is from.
        """
        ...

    def tensors(self) -> State:
        """Give all that a checkpoint has to hold, in parts."""
        ...

    def restore(self, parts: State) -> None:
        """Take back what a checkpoint held."""
        ...
