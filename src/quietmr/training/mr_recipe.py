"""The part of a recipe that concerns complex images with the noise of MR reconstructions."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from quietmr.noise.mr_law import MrNoiseLaw, mr_noise_law


class MrRecipe(BaseModel):
    """Complex images in SNR units (SNRAware, arXiv 2503.18162); counts where ``channels`` is complex."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    law: Literal["ours", "paper", "reference"] = "ours"
    """Preset of the noise (``quietmr.noise.mr_law``)."""
    only_white: bool = False
    """Leave the k-space filters of the law out; g-maps stay."""
    white: float = Field(0.3, ge=0, le=1)
    """Share of the samples whose noise went through no filter at all: the laws of SNRAware hardly ever draw that, and
    it is what a reconstruction without filters gives."""
    snr: tuple[float, float] = (1.0, 60.0)
    """Bounds of the log-uniform SNR of the brightest tissue, per real channel, where g has its median."""
    through: float = Field(0.5, ge=0, le=1)
    """Share of the samples whose signal passes the in-plane filters of their noise too, as it does in a scanner."""
    uniform: float = Field(0.25, ge=0, le=1)
    """Share of the samples with g = 1: not accelerated."""
    jitter: float = Field(0.05, ge=0, le=0.5)
    """Log-normal SD of the error of the noise level that the network is told, in half of the samples."""
    images: Literal["complex", "magnitude"] = "complex"
    """What the network sees and makes: complex images, or the magnitudes of the same (one channel instead of two)."""
    told: Literal["map", "one"] = "map"
    """What the network is told of the noise: the map, or 1 everywhere, which is nothing. The loss weighs by the map."""
    gmap_scans: int = Field(8, ge=1)
    """Simulated scans whose g-maps (R = 2 to 8) each worker keeps at a time; about 3 s of work each."""
    gmap_matrix: int = Field(64, ge=32, multiple_of=2)
    """Their matrix."""
    gmap_reuse: int = Field(200, ge=1)
    """g-maps taken for each new scan."""

    @field_validator("snr")
    @classmethod
    def _snr_in_order(cls, snr: tuple[float, float]) -> tuple[float, float]:
        if not 0 < snr[0] <= snr[1] < float("inf"):
            raise ValueError(f"the SNR lies between two numbers above 0, in order; got {snr[0]} and {snr[1]}")
        return snr

    @property
    def noise_law(self) -> MrNoiseLaw:
        """The law that is meant."""
        law = mr_noise_law(self.law)
        return law.only_white() if self.only_white else law
