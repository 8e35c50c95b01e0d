"""Which engine runs a network. An engine that cannot do the work says so; none stands in for another."""

from torch import nn

from quietmr.data import InputError
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.engines.contract import Runner
from quietmr.denoise.engines.torch_runner import TorchRunner

DEFAULT_ENGINE = "torch"
ENGINES = (DEFAULT_ENGINE, "openvino", "openvino-int8")


def check_engine(engine: str, device: str = "auto") -> None:
    """Refuse an engine that is unknown, not installed, or cannot use the device.

    Raises
    ------
    InputError
        If there is no such engine, or it does not run on the device.
    MissingExtraError
        If its library is not installed.
    """
    if engine not in ENGINES:
        raise InputError(f"There is no engine '{engine}': choose one of {', '.join(ENGINES)}.")
    if engine == DEFAULT_ENGINE:
        return
    if device not in ("auto", "cpu"):
        raise InputError(f"The engine '{engine}' runs on the CPU only, not on '{device}': use --engine torch there.")
    optional_library("openvino", "openvino")


def start_engine(engine: str, network: nn.Module, device: str, snr: float) -> Runner:
    """Make a network ready to run.

    Parameters
    ----------
    engine : str
        One of ``ENGINES``.
    network : nn.Module
        On the CPU, in float32.
    device : str
        "auto", "cpu", "cuda" ...
    snr : float
        Brightest signal over noise level; it decides how many bits are enough.

    Raises
    ------
    InputError, MissingExtraError
        See :func:`check_engine`; also if the engine does not know this kind of network, or the SNR is too high for it.
    """
    check_engine(engine, device)
    if engine == DEFAULT_ENGINE:
        return TorchRunner.start(network, device, snr)
    # Imported here: the library is an extra.
    from quietmr.denoise.engines.openvino_runner import OpenVinoRunner

    return OpenVinoRunner.start(network, snr, integers=engine == "openvino-int8")
