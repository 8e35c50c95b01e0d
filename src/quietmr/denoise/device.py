"""Where a network runs."""

import torch

from quietmr.data import InputError

# bfloat16 keeps 8 bits: up to this SNR its rounding stays well below the noise.
BFLOAT16_SNR = 40.0


def select_device(name: str = "auto") -> torch.device:
    """Turn a name into a device that is there.

    Raises
    ------
    InputError
        If the device is unknown or absent.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(
            f"The device '{name}' is not available here: use auto, cpu, or cuda where there is a GPU."
        ) from None
    return device


def runs_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 convolutions run in hardware; elsewhere they are slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
