"""HRNet backbone (Wang et al. 2020) as a loop over stages and levels of resolution."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quietmr.models.snraware.convolution import Down, Up

BlockFactory = Callable[[int, int, int], nn.Module]
"""Makes a block from channels in, channels out and level of resolution."""


def _route(width: int, source: int, target: int) -> nn.Module:
    """Way from one level to another, in steps of two; the channels double on the way down and halve on the way up."""
    if source < target:
        return nn.Sequential(*(Down(width << level, width << (level + 1)) for level in range(source, target)))
    return nn.Sequential(*(Up(width << level, width << (level - 1)) for level in range(source, target, -1)))


class _Stage(nn.Module):
    """One block for each level that has joined.

    Parameters
    ----------
    width, stage : int
        Stage j has levels 0 to j.
    block : callable
    """

    def __init__(self, width: int, stage: int, block: BlockFactory) -> None:
        super().__init__()
        levels = range(stage + 1)
        self.blocks = nn.ModuleList(block(width << level, width << level, level) for level in levels)
        ways = [(source, target) for target in levels for source in range(target)]
        self.down = nn.ModuleDict({f"{source}_{target}": _route(width, source, target) for source, target in ways})

    def forward(self, earlier: list[list[Tensor]]) -> list[Tensor]:
        """Map the results of all earlier stages to those of this one, level by level."""
        results = []
        for level, block in enumerate(self.blocks):
            own = [stage[level] for stage in earlier if level < len(stage)]
            finer = [self.down[f"{source}_{level}"](earlier[-1][source]) for source in range(level)]
            results.append(block(_sum(own + finer)))
        return results


def _sum(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


class HRNet(nn.Module):
    """Keep the full resolution throughout, beside coarser levels that join one after another.

    Level k has ``width * 2**k`` channels and works on images ``2**k`` times smaller. Stage j adds level j. A block of
    stage j takes the sum of all earlier results of its level and of what the finer levels made in the stage before.
    At the end every level receives all others and passes through a last block.

    Parameters
    ----------
    width, levels : int
    block : callable
        Makes a block from channels in, channels out and level.
    """

    def __init__(self, width: int, levels: int, block: BlockFactory) -> None:
        super().__init__()
        self.out_channels = width * (2**levels - 1)
        self.multiple = 2 ** (levels - 1)
        every = range(levels)
        self.entry = block(width, width, 0)
        self.stages = nn.ModuleList(_Stage(width, stage, block) for stage in range(1, levels))
        ways = [(source, target) for target in every for source in every if source != target]
        self.fusion = nn.ModuleDict({f"{source}_{target}": _route(width, source, target) for source, target in ways})
        self.last = nn.ModuleList(block(width << level, width << level, level) for level in every)
        self.expand = nn.ModuleList(
            nn.Sequential(*(Up(width << level, width << level) for _ in range(level))) for level in every
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, F, Y, X) to (B, out_channels, F, Y, X); Y and X are multiples of ``multiple``."""
        results = [[self.entry(x)]]
        for stage in self.stages:
            results.append(stage(results))
        latest = results[-1]
        outputs = []
        for target, (block, expand) in enumerate(zip(self.last, self.expand, strict=True)):
            others = [self.fusion[f"{a}_{target}"](y) for a, y in enumerate(latest) if a != target]
            outputs.append(expand(block(_sum([latest[target], *others]))))
        return torch.cat(outputs, 1)
