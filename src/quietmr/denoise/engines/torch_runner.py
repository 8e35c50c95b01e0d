"""Networks in torch: the default engine, on CPUs and GPUs."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from quietmr.denoise.device import BFLOAT16_SNR, runs_bfloat16, select_device
from quietmr.models import to_channels_last

# Below this many elements oneDNN is not used for a batch of one, and the fallback is ten times slower.
_ONEDNN_MINIMUM = 20480


@dataclass(frozen=True)
class TorchRunner:
    """A network on a torch device; see :class:`quietmr.denoise.engines.contract.Runner`."""

    network: nn.Module
    place: torch.device
    reduced: bool

    @classmethod
    def start(cls, network: nn.Module, device: str, snr: float) -> "TorchRunner":
        """Move the network to the device; bfloat16 where the hardware has it and the SNR allows it."""
        place = select_device(device)
        reduced = runs_bfloat16(place) and snr < BFLOAT16_SNR
        return cls(to_channels_last(network).to(place).eval(), place, reduced)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.place)

    @property
    def precision(self) -> str:
        """What the convolutions compute in."""
        return "bfloat16" if self.reduced else "float32"

    def __call__(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Denoise one tile."""
        x = torch.from_numpy(channels)[None].to(self.place)
        small = self.place.type == "cpu" and not self.reduced and x[0, 0, :, :, 0].numel() < _ONEDNN_MINIMUM // 8
        with torch.inference_mode(), torch.autocast(self.place.type, torch.bfloat16, enabled=self.reduced):
            # A twin in the batch makes oneDNN take small pictures too.
            output = self.network(x.expand(2, *x.shape[1:]) if small else x)[0]
        return np.asarray(output.float().cpu().numpy(), dtype=np.float32)
