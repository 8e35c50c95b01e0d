"""The part of a recipe that concerns the optimizer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class OptimizerRecipe(BaseModel):
    """What moves the weights, and how fast."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kind: Literal["muon", "adam", "adamw", "sophia", "sign-momentum"] = "muon"
    """Muon for the inner convolutions with AdamW for the first and last one, or one of the others for all weights."""
    lr_muon: float = Field(0.01, gt=0)
    """Learning rate of Muon, per step, relative to matrices of unit spectral norm."""
    lr_adam: float = Field(1.5e-3, gt=0)
    """Learning rate of AdamW and Adam."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Decay of the averaged gradient of adam and adamw; published GANs take 0.5."""
    lr_sign: float = Field(3e-4, gt=0)
    """Learning rate of sophia and sign-momentum: the farthest that one step moves a weight."""
    weight_decay: float = Field(0.0, ge=0)
    """Decay of the weights: times the learning rate (adamw, sophia), or added to the gradient (adam)."""
    hessian_every: int = Field(10, ge=1)
    """Steps between two estimates of the curvature by sophia."""
    hessian_scale: float = Field(0.05, gt=0)
    """Gamma of sophia: a smaller one moves more weights by the full learning rate."""
    schedule: Literal["flat", "one-cycle", "plateau"] = "flat"
    """Flat and then linear to 0; one cycle of cosines (Smith, Topin 2019) as the reference of SNRAware has it; or flat,
    and lower whenever validations stop getting better."""
    warmup: int = Field(200, ge=0)
    """Steps of linear warm-up of flat and plateau; one-cycle takes 30 % of the run."""
    flat: float = Field(0.7, ge=0, le=1)
    """Part of the run at full rate, before the linear decay to 0; with flat only."""
    plateau_factor: float = Field(0.5, gt=0, lt=1)
    """What plateau multiplies all rates by."""
    plateau_patience: int = Field(5, ge=0)
    """Validations without a better one that plateau lets pass; the next one lowers the rates."""
    clip: float | None = Field(None, gt=0)
    """Largest norm of the gradient of all weights together; longer ones are shortened."""
    ema: float = Field(0.998, ge=0, lt=1)
    """Decay per step of the running average of the weights, which is what is shipped."""
