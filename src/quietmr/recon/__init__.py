"""From raw k-space to an image in SNR units (noise SD = 1 per real channel, times a g-factor that is told)."""

from quietmr.recon.chain import reconstruct
from quietmr.recon.gmaps import gfactor_maps
from quietmr.recon.grappa import Kernel
from quietmr.recon.settings import Settings

__all__ = ["Kernel", "Settings", "gfactor_maps", "reconstruct"]
