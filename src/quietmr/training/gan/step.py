"""The step of a GAN: generators and discriminators, each with an optimizer, in turn."""

from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from quietmr.models import count_parameters
from quietmr.training.averages import averaged, restore_average
from quietmr.training.checkpoint import State, optimizer_tensors, restore_optimizer
from quietmr.training.gan.batches import unpaired_images
from quietmr.training.gan.cyclegan import CycleGan
from quietmr.training.gan.disentangled import Disentangled
from quietmr.training.gan.family import Crossing, Family
from quietmr.training.gan.pool import ImagePool
from quietmr.training.gan.recipe import PUBLISHED, term_weights
from quietmr.training.gan.terms import Likeness, blurred_edges, feature_distance, told_apart
from quietmr.training.optimizers import make_optimizers, set_rates
from quietmr.training.recipe import Recipe
from quietmr.training.step import Batch
from quietmr.training.streams import noise_generator, seed_layers
from quietmr.training.vgg import load_vgg16


def choose_likeness(recipe: Recipe) -> Likeness:
    """Choose what perceptual terms compare images by.

    Raises
    ------
    ModelError
        If it needs the weights of VGG16 and they are not there.
    """
    if recipe.gan.features == "edges":
        return blurred_edges
    settings = recipe.perceptual
    features = load_vgg16(Path(settings.weights) if settings.weights else None, settings.sha256)
    return partial(feature_distance, features=features)


def make_family(recipe: Recipe, likeness: Likeness) -> Family:
    """Build the GAN of a recipe with random weights.

    Raises
    ------
    ModelError
        If its network has no such arguments.
    """
    arguments = recipe.network.arguments
    count_parameters(recipe.network.architecture, **arguments)  # refuses what the registry would refuse
    if recipe.network.architecture == "cyclegan":
        return CycleGan(**arguments)
    return Disentangled(likeness, recipe.gan.share, recipe.gan.field_planes, **arguments)


class GanStep:
    """Discriminators move in every step, generators in every ``critic_steps``-th (:class:`quietmr.training.step.Step`).

    Both see the images that the generators made before the step.

    Parameters
    ----------
    recipe : Recipe
    likeness : callable
        What perceptual terms compare images by.
    fabric : Fabric
        Of one process, in float32.
    """

    def __init__(self, recipe: Recipe, likeness: Likeness, fabric: Fabric) -> None:
        published = PUBLISHED[recipe.network.architecture]
        self.recipe, self.fabric = recipe, fabric
        self.family = make_family(recipe, likeness)
        fabric.to_device(self.family.gan)
        self.network = self.family.network
        self.average = averaged(self.network, recipe.optimizer.ema)
        self.weights = term_weights(recipe)
        self.critic_steps = recipe.gan.critic_steps or published.critic_steps
        size = published.pool if recipe.gan.pool is None else recipe.gan.pool
        self.pools = {domain: ImagePool(size) for domain in ("noisy", "clean")}
        self.critics = nn.ModuleList([self.family.noisy_critic, self.family.clean_critic])
        judging = {id(weight) for weight in self.critics.parameters()}
        makers = nn.ParameterList(w for w in self.family.gan.parameters() if id(w) not in judging)
        self.sides = {"makers": makers, "critics": self.critics}
        self.optimizers = {side: make_optimizers(part, recipe.optimizer)[0] for side, part in self.sides.items()}
        self.pace = 1.0
        self.terms: dict[str, float] = {}

    def take(self, number: int, streams: range, batches: list[Batch]) -> float:
        """See :class:`quietmr.training.step.Step`; the loss is that of the latest step of the generators."""
        makes = number % self.critic_steps == 0
        found: list[dict[str, Tensor]] = []
        for stream, batch in zip(streams, batches, strict=True):
            rng = noise_generator(self.recipe.seed, number, stream, batch[0].device)
            seed_layers(rng)
            noisy, clean = unpaired_images(batch, self.recipe, rng)
            with torch.set_grad_enabled(makes):
                crossing = self.family.cross(noisy, clean, rng)
            terms = self._generators(crossing, len(batches)) if makes else {}
            found.append(terms | self._discriminators(noisy, clean, crossing, rng, len(batches)))
        for side in self.sides if makes else ("critics",):
            self._move(side, number)
        if makes:
            self.average.update_parameters(self.network)
        for name in found[0]:
            self.terms[name] = float(torch.stack([terms[name].double() for terms in found]).mean())
        return sum(weight * self.terms[name] for name, weight in self.weights.items())

    def _generators(self, crossing: Crossing, share: int) -> dict[str, Tensor]:
        """Add the gradients of one of ``share`` batches to the generators; returns the terms without weights."""
        terms = {name: crossing.terms[name]() for name in self.weights}
        loss = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        self.fabric.backward(loss / share, inputs=list(self.sides["makers"].parameters()))
        return {name: term.detach() for name, term in terms.items()}

    def _discriminators(
        self, noisy: Tensor, clean: Tensor, crossing: Crossing, rng: torch.Generator, share: int
    ) -> dict[str, Tensor]:
        """Add the gradients of one of ``share`` batches to the discriminators; returns their losses."""
        family, losses = self.family, {}
        for domain, real, made, critic in (
            ("noisy", noisy, crossing.made_noisy, family.noisy_critic),
            ("clean", clean, crossing.made_clean, family.clean_critic),
        ):
            shown = self.pools[domain].exchange(made, rng)
            loss = told_apart(critic(real), critic(shown), family.judge)
            self.fabric.backward(loss / share, inputs=list(critic.parameters()))
            losses[f"{domain}_critic"] = loss.detach()
        return losses

    def _move(self, side: str, number: int) -> None:
        settings, optimizer = self.recipe.optimizer, self.optimizers[side]
        if settings.clip is not None:
            nn.utils.clip_grad_norm_(self.sides[side].parameters(), settings.clip)
        set_rates([optimizer], number, self.recipe.steps, settings, self.pace)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def tensors(self) -> State:
        """See :class:`quietmr.training.step.Step`."""
        state = {"gan": self.family.gan.state_dict(), "average": self.average.module.state_dict()}
        state |= {f"optimizer-{side}": optimizer_tensors(optimizer) for side, optimizer in self.optimizers.items()}
        state |= {f"pool-{domain}": pool.tensors() for domain, pool in self.pools.items()}
        return state | {"terms": {name: torch.tensor(value, dtype=torch.float64) for name, value in self.terms.items()}}

    def restore(self, parts: State) -> None:
        """See :class:`quietmr.training.step.Step`."""
        self.family.gan.load_state_dict(parts["gan"])
        restore_average(self.average, parts["average"])
        for side, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, parts[f"optimizer-{side}"])
        for domain, pool in self.pools.items():
            pool.restore(parts.get(f"pool-{domain}", {}), self.fabric.device)
        self.terms = {name: float(value) for name, value in parts["terms"].items()}
