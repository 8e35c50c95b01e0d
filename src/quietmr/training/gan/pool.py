"""Made images of earlier steps, so that discriminators do not forget them."""

import torch
from torch import Tensor


class ImagePool:
    """Keeps images and hands some of them back (Shrivastava et al. 2017, as CycleGAN has it).

    Until it is full every image goes in and comes out. Then half of the images, drawn at random, are exchanged for a
    random one of the pool.

    Parameters
    ----------
    size : int
        Images kept; 0 keeps none and hands every image through.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def exchange(self, made: Tensor, rng: torch.Generator) -> Tensor:
        """Put images (N, 1, Y, X) in, get as many out, without gradients."""
        made = made.detach()
        if self.size == 0:
            return made
        chances = torch.rand((len(made), 2), generator=rng, device=rng.device).tolist()
        return torch.stack([self._one(image, *chance) for image, chance in zip(made, chances, strict=True)])

    def _one(self, image: Tensor, keep: float, which: float) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())
            return image
        if keep < 0.5:
            return image
        place = int(which * self.size)
        earlier, self.images[place] = self.images[place], image.clone()
        return earlier

    def tensors(self) -> dict[str, Tensor]:
        """Give what a checkpoint holds."""
        return {"images": torch.stack(self.images)} if self.images else {}

    def restore(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        """Take back what a checkpoint held."""
        self.images = list(tensors["images"].to(device)) if tensors else []
