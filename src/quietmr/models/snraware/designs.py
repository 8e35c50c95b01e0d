"""The networks of the paper's Table 2 and those that its authors released, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from quietmr.data import ModelError
from quietmr.models.snraware.cell import CellPlan
from quietmr.models.snraware.network import Snraware

FORMS = ("corrected", "faithful")


@dataclass(frozen=True)
class Design:
    """What a name stands for.

    Attributes
    ----------
    backbone : str
        "hrnet" or "unet".
    cells : tuple of str
        Layers (``kinds.KINDS``) of the cells of a block.
    repeats : int
        How often a block goes through these cells.
    heads : int
    mixers, position_bias : bool
    """

    backbone: str
    cells: tuple[str, ...]
    repeats: int = 3
    heads: int = 64
    mixers: bool = False
    position_bias: bool = False


def _table_2(backbone: str) -> dict[str, Design]:
    return {
        f"snraware-{backbone}-cnnt-large": Design(backbone, ("T1",), 6, mixers=True),
        f"snraware-{backbone}-cnnt": Design(backbone, ("T1",), mixers=True),
        f"snraware-{backbone}-swin3d": Design(backbone, ("S3", "Sh"), heads=8),
        f"snraware-{backbone}-vit3d": Design(backbone, ("V3",), heads=8),
        f"snraware-{backbone}-vit2d": Design(backbone, ("V2",), heads=8),
        f"snraware-{backbone}-conv3d": Design(backbone, ("C3",)),
        f"snraware-{backbone}-conv2d": Design(backbone, ("C2",)),
    }


TABLE_2: Mapping[str, Design] = {**_table_2("hrnet"), **_table_2("unet")}

RELEASED: Mapping[str, Design] = {
    f"snraware-hrnet-t1l1g1-{size}": Design("hrnet", ("T1", "L1", "G1"), n, mixers=True, position_bias=True)
    for size, n in (("small", 1), ("medium", 2), ("large", 4))
}


def build_snraware(  # noqa: PLR0913 - every argument is an entry of a recipe and of a card
    design: Design,
    in_channels: int = 3,
    out_channels: int = 2,
    *,
    form: str = "corrected",
    width: int = 64,
    levels: int = 2,
    repeats: int | None = None,
    heads: int | None = None,
    mixers: bool | None = None,
    position_bias: bool | None = None,
    size: tuple[int, int, int] = (16, 64, 64),
    drop_path: float = 0.1,
    residual: bool = False,
) -> Snraware:
    """Build a network of a design, or a variant of it, with fresh random weights.

    Parameters
    ----------
    design : Design
    in_channels, out_channels : int
        Image channels plus one for the noise map; image channels.
    form : str
        "corrected", or "faithful" to the reference code, faults included.
    width : int
        Channels at full resolution.
    levels : int
        Levels of resolution.
    repeats : int, optional
        How often a block goes through the cells of the design, other than in the design.
    heads : int, optional
        Of the attention. The faithful window kinds have 8 whatever is said here, as in the reference code.
    mixers, position_bias : bool, optional
        Other than in the design.
    size : tuple of int
        Training patch (F, Y, X). A faithful network takes images of this Y and X only; otherwise it is what the
        tables of a position bias are made for.
    drop_path : float
        Chance, in training, that a cell skips a branch for a sample.
    residual : bool
        Add the noisy image to the output, which the reference does not.

    Raises
    ------
    ModelError
        If the form is unknown, or the choices do not fit together.
    """
    if form not in FORMS:
        raise ModelError(f"There is no form '{form}' of a network; known ones: {', '.join(FORMS)}.")
    if not 0 <= drop_path < 1:
        raise ModelError(f"'drop_path' is a chance of at least 0 and below 1, got {drop_path}.")
    _check_counts({"width": width, "levels": levels, "repeats": repeats, "heads": heads})
    _check_counts(dict(zip(("frames", "rows", "columns"), size, strict=False)))
    if len(size) != 3:
        raise ModelError(f"'size' is a training patch (F, Y, X), got {size}.")
    frames, rows, columns = size
    plan = CellPlan(
        codes=design.cells * (design.repeats if repeats is None else repeats),
        heads=design.heads if heads is None else heads,
        mixers=design.mixers if mixers is None else mixers,
        position_bias=design.position_bias if position_bias is None else position_bias,
        faithful=form == "faithful",
        size=(frames, rows, columns),
        drop_path=drop_path,
    )
    return Snraware(design.backbone, plan, in_channels, out_channels, width, levels, residual=residual)


def _check_counts(counts: Mapping[str, int | None]) -> None:
    wrong = [f"{name} = {count}" for name, count in counts.items() if count is not None and count < 1]
    if wrong:
        raise ModelError(f"A network needs counts of at least 1, got {', '.join(wrong)}.")


SNRAWARE: Mapping[str, "partial[Snraware]"] = {
    name: partial(build_snraware, design) for name, design in {**TABLE_2, **RELEASED}.items()
}
