"""The step of a network that minimizes one objective."""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from quietmr.models import build_architecture, to_channels_last
from quietmr.training.averages import averaged, restore_average
from quietmr.training.checkpoint import State, optimizer_tensors, restore_optimizer
from quietmr.training.complex_start import check_channels
from quietmr.training.frozen import freeze
from quietmr.training.objectives import Objective, Supervised
from quietmr.training.optimizers import make_optimizers, set_rates
from quietmr.training.recipe import Recipe
from quietmr.training.sophia import Sophia
from quietmr.training.step import Batch
from quietmr.training.streams import noise_generator, seed_layers
from quietmr.training.tissue_units import in_tissue_units


class OrdinaryStep:
    """Gradients of an objective, averaged over batches and processes (:class:`quietmr.training.step.Step`).

    Parameters
    ----------
    recipe : Recipe
    objective : Objective
    start : nn.Module or None
        Network to begin with; None begins with random weights.
    fabric : Fabric
    """

    def __init__(self, recipe: Recipe, objective: Objective, start: nn.Module | None, fabric: Fabric) -> None:
        network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
        if start is not None:
            network.load_state_dict(start.state_dict())
        check_channels(network, "magnitude" if recipe.mr.images == "magnitude" else recipe.channels)
        freeze(network, recipe.freeze)
        self.recipe, self.objective, self.fabric = recipe, objective, fabric
        self.network: nn.Module = fabric.to_device(to_channels_last(network))
        self.average = averaged(self.network, recipe.optimizer.ema)
        # Weights live in `network`; `forward` is the same network, with gradients averaged over all processes.
        self.forward = fabric.setup_module(self.network)
        self.run = in_tissue_units(self.forward, recipe.white)
        self.optimizers = make_optimizers(self.network, recipe.optimizer)
        self.pace = 1.0
        self.terms: dict[str, float] = {}

    def take(self, number: int, streams: range, batches: list[Batch]) -> float:
        """See :class:`quietmr.training.step.Step`."""
        self._measure_curvature(number, streams, batches)
        losses = []
        for i, (stream, batch) in enumerate(zip(streams, batches, strict=True), start=1):
            rng = noise_generator(self.recipe.seed, number, stream, batch[0].device)
            seed_layers(rng)
            # Processes exchange gradients once in a step, after their last batch.
            with self.fabric.no_backward_sync(self.forward, enabled=i < len(batches)):
                loss = self.objective(self.run, batch, rng) / len(batches)
                self.fabric.backward(loss)
            losses.append(loss.detach())
        settings = self.recipe.optimizer
        if settings.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip)
        set_rates(self.optimizers, number, self.recipe.steps, settings, self.pace)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        return float(torch.stack(losses).sum())

    def _measure_curvature(self, number: int, streams: range, batches: list[Batch]) -> None:
        """Tell optimizers that ask for it the curvature of the loss, the mean over the batches of all processes."""

        def forward(x: Tensor) -> Tensor:
            # The network itself: squares must be averaged over processes, not gradients.
            with self.fabric.autocast():
                output: Tensor = in_tissue_units(self.network, self.recipe.white)(x)
            return output

        for optimizer in self.optimizers:
            if not isinstance(optimizer, Sophia) or number % self.recipe.optimizer.hessian_every:
                continue
            assert isinstance(self.objective, Supervised), "the recipe has been checked"
            found = []
            for stream, batch in zip(streams, batches, strict=True):
                rng = noise_generator(self.recipe.seed, number, stream, batch[0].device, purpose=1)
                seed_layers(rng)
                found.append(self.objective.curvature(forward, batch, optimizer.weights(), rng))
            estimates = [torch.stack(parts).mean(0) for parts in zip(*found, strict=True)]
            if self.fabric.world_size > 1:
                estimates = [self._mean_of_processes(estimate) for estimate in estimates]
            optimizer.update_hessian(estimates)

    def _mean_of_processes(self, estimate: Tensor) -> Tensor:
        reduced = self.fabric.all_reduce(estimate, reduce_op="mean")
        assert isinstance(reduced, Tensor), "a tensor went in"
        return reduced

    def tensors(self) -> State:
        """See :class:`quietmr.training.step.Step`."""
        state = {"network": self.network.state_dict(), "average": self.average.module.state_dict()}
        return state | {f"optimizer{i}": optimizer_tensors(o) for i, o in enumerate(self.optimizers)}

    def restore(self, parts: State) -> None:
        """See :class:`quietmr.training.step.Step`."""
        self.network.load_state_dict(parts["network"])
        restore_average(self.average, parts["average"])
        for i, optimizer in enumerate(self.optimizers):
            restore_optimizer(optimizer, parts[f"optimizer{i}"])
