"""What a user may choose in a reconstruction."""

from dataclasses import dataclass, field
from typing import Literal

from quietmr.data import InputError
from quietmr.recon.grappa import Kernel
from quietmr.signal.kspace_filters import filter_by_name

CoilMaps = Literal["inati", "walsh"]
PartialFourier = Literal["zero-fill", "pocs"]
Method = Literal["auto", "grappa", "sense"]


@dataclass(frozen=True)
class Settings:
    """Choices of a reconstruction.

    Parameters
    ----------
    kernel : Kernel
        Size of the GRAPPA kernel.
    regularization : float
        Lambda of the GRAPPA calibration (of SENSE, too), relative to the mean eigenvalue.
    coils : int, optional
        Compress to this many virtual coils; all coils if left out.
    coil_maps : {"inati", "walsh"}
    method : {"auto", "grappa", "sense"}
        "auto" takes GRAPPA for regular sampling and iterative SENSE for irregular one.
    matrix : (z, y, x), optional
        Pixels of the image over the protocol's field of view; that of the protocol if left out.
    filters : (z, y, x)
        k-space filters, "none" or one of ``kspace_filters.FILTERS``; the noise SD stays 1.
    partial_fourier : {"zero-fill", "pocs"}
        Zero-filled with a taper (linear, noise known), or projection onto convex sets (sharper; its noise is not that
        of the g-map any more).
    bandwidth : float, optional
        Relative receiver bandwidth, if you know better than the header.
    noise_from_edges : bool
        Without a noise scan, take the edges of k-space for noise: then the image is marked as uncalibrated.
    slices : tuple of int, optional
        Slice counters to reconstruct; all if left out.
    device : str
        "cpu" or "cuda".
    threads : int, optional
        Processor threads; all if left out.
    """

    kernel: Kernel = field(default_factory=Kernel)
    regularization: float = 5e-4
    coils: int | None = None
    coil_maps: CoilMaps = "inati"
    method: Method = "auto"
    matrix: tuple[int, int, int] | None = None
    filters: tuple[str, str, str] = ("none", "none", "none")
    partial_fourier: PartialFourier = "zero-fill"
    bandwidth: float | None = None
    noise_from_edges: bool = False
    slices: tuple[int, ...] | None = None
    device: str = "cpu"
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in self.filters:
            filter_by_name(name)
        for name, value, allowed in (
            ("coil maps", self.coil_maps, ("inati", "walsh")),
            ("method", self.method, ("auto", "grappa", "sense")),
            ("partial Fourier", self.partial_fourier, ("zero-fill", "pocs")),
        ):
            if value not in allowed:
                raise InputError(f"The choice for {name} is {', '.join(allowed)}, got {value!r}.")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"The number of threads must be 1 or more, got {self.threads}.")
