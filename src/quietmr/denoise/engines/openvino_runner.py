"""Networks in OpenVINO, on CPUs: convolutions fused with what surrounds them, in float32, bfloat16 or int8."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from torch import nn

from quietmr.data import InputError
from quietmr.denoise.device import BFLOAT16_SNR
from quietmr.denoise.engines.openvino_graph import build_graph
from quietmr.denoise.engines.quantization import HIGHEST_SNR, brightness_class, measure_ranges
from quietmr.models import to_channels_last
from quietmr.models.unet3d import UNet3d

Shape = tuple[int, int, int, int]


class _Weights:
    """A network that equals another one if their weights do: the key of what was compiled for it."""

    def __init__(self, network: UNet3d) -> None:
        self.network = network
        digest = sha256(repr(network).encode())
        for weight in network.state_dict().values():
            digest.update(weight.contiguous().numpy().tobytes())
        self.digest = digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Weights) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class OpenVinoRunner:
    """A network in OpenVINO; see :class:`quietmr.denoise.engines.contract.Runner`.

    It is compiled once per process for each shape of a tile; nothing is kept on disk.
    """

    weights: _Weights
    hint: str
    brightness: float | None

    @classmethod
    def start(cls, network: nn.Module, snr: float, *, integers: bool) -> "OpenVinoRunner":
        """Choose the precision.

        Raises
        ------
        InputError
            If the network is of a kind that this engine does not know, or int8 is too coarse for it or for the SNR.
        """
        if not isinstance(network, UNet3d):
            raise InputError(
                f"The OpenVINO engines run networks of the kind UNet3d, not {type(network).__name__}: "
                "use the engine torch for this model."
            )
        if network.windows:
            raise InputError(
                "The OpenVINO engines do not know networks that compare frames (windows), and this one does: use the "
                "engine torch for this model."
            )
        if integers and network.out_channels != 1:
            raise InputError(
                "The engine openvino-int8 runs networks for magnitudes, and this one is for complex images: use the "
                "engine openvino or torch."
            )
        if integers and snr > HIGHEST_SNR:
            raise InputError(
                f"The engine openvino-int8 is too coarse for this image: its brightest signal is {snr:.0f} times the "
                f"noise, allowed are {HIGHEST_SNR:.0f}; use the engine openvino or torch."
            )
        reduced = snr < BFLOAT16_SNR and "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return cls(_Weights(network), "bf16" if reduced else "f32", brightness_class(snr) if integers else None)

    @property
    def device(self) -> str:
        """Where it runs."""
        return "cpu"

    @property
    def precision(self) -> str:
        """What the convolutions compute in."""
        floats = "bfloat16" if self.hint == "bf16" else "float32"
        return floats if self.brightness is None else f"int8 and {floats}"

    def __call__(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Denoise one tile."""
        c, f, y, x = channels.shape
        compiled = _compile(self.weights, (c, f, y, x), torch.get_num_threads(), self.hint, self.brightness)
        # The request holds the memory of all layers: it lives for one tile.
        output = compiled.create_infer_request().infer([channels[None]])[0]
        return np.array(output[0], dtype=np.float32)


@lru_cache(maxsize=4)
def _compile(
    weights: _Weights,
    shape: Shape,
    threads: int,
    hint: str,
    brightness: float | None,
) -> ov.CompiledModel:
    ranges = None if brightness is None else _ranges(weights, brightness)
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    return ov.Core().compile_model(build_graph(weights.network, shape, ranges), "CPU", settings)


@lru_cache(maxsize=8)
def _ranges(weights: _Weights, brightness: float) -> Mapping[str, tuple[float, float]]:
    return measure_ranges(to_channels_last(weights.network), brightness)
