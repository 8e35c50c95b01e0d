"""A bank of things that are costly to make, renewed slowly while it is used."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

Item = TypeVar("Item")


class RollingBank(Generic[Item]):
    """Grows by one item in every ``growth`` draws until full, then replaces one of them after each ``reuse`` draws.

    Parameters
    ----------
    make : callable
        Makes an item; draws from ``rng`` too.
    size, reuse : int
    rng : numpy Generator
    growth : int
        With 1 the first draws take longest; with more the first items are used more often.
    """

    def __init__(
        self, make: Callable[[], Item], size: int, reuse: int, rng: np.random.Generator, *, growth: int = 1
    ) -> None:
        self.make, self.size, self.reuse, self.rng, self.growth = make, size, reuse, rng, growth
        self.items: list[Item] = []
        self.drawn = 0

    def draw(self) -> Item:
        """Take an item of the bank."""
        self.drawn += 1
        if len(self.items) < self.size:
            if self.items and self.drawn % self.growth:
                return self._any()
            self.items.append(self.make())
        elif self.drawn >= self.reuse:
            self.drawn = 0
            self.items[int(self.rng.integers(len(self.items)))] = self.make()
        return self._any()

    def _any(self) -> Item:
        return self.items[int(self.rng.integers(len(self.items)))]
