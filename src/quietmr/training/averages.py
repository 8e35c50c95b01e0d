"""The running average of a network's weights."""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """Begin a running average; its first update takes the weights as they are."""
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]


def restore_average(average: AveragedModel, tensors: dict[str, Tensor]) -> None:
    """Take an average back that had been begun."""
    average.module.load_state_dict(tensors)
    average.n_averaged.fill_(1)
