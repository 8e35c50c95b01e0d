"""The networks of SNRAware (Xue et al. 2025): backbones, cells and attention kinds, freely combined."""

from quietmr.models.snraware.cell import CellPlan
from quietmr.models.snraware.designs import RELEASED, SNRAWARE, TABLE_2, Design, build_snraware
from quietmr.models.snraware.network import Snraware

__all__ = ["RELEASED", "SNRAWARE", "TABLE_2", "CellPlan", "Design", "Snraware", "build_snraware"]
