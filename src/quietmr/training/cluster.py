"""Who starts the processes of a run: quietmr itself on one machine, or torchrun or SLURM on many."""

import os
from dataclasses import dataclass

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from quietmr.data import InputError


@dataclass(frozen=True)
class Team:
    """The processes of a run.

    Attributes
    ----------
    per_node, nodes : int
        Processes on each node, and nodes.
    environment : ClusterEnvironment
        Tells a process its number and where the first one is.
    """

    per_node: int
    nodes: int
    environment: ClusterEnvironment

    @property
    def size(self) -> int:
        """Processes of all nodes."""
        return self.per_node * self.nodes


def find_team(processes: int | None) -> Team:
    """Read from the environment who started this process, and how many there are.

    Parameters
    ----------
    processes : int, optional
        What the user asks for on each node. torchrun and SLURM have started theirs already.

    Raises
    ------
    InputError
        If the user asks for another number than was started, or nodes differ.
    """
    if TorchElasticEnvironment.detect():
        per_node = int(os.environ["LOCAL_WORLD_SIZE"])
        _check_started("torchrun", per_node, int(os.environ["WORLD_SIZE"]), processes)
        return Team(per_node, int(os.environ["WORLD_SIZE"]) // per_node, TorchElasticEnvironment())
    if _is_one_of_many_slurm_tasks():
        tasks, per_node = int(os.environ["SLURM_NTASKS"]), int(os.environ.get("SLURM_NTASKS_PER_NODE", 0))
        if not per_node:
            raise InputError(f"SLURM started {tasks} tasks without --ntasks-per-node: give that to sbatch or srun.")
        _check_started("SLURM", per_node, tasks, processes)
        nodes = tasks // per_node
        if nodes != int(os.environ.get("SLURM_NNODES", nodes)):
            raise InputError(
                f"SLURM started tasks on {nodes} of the {os.environ['SLURM_NNODES']} nodes of the job: use all of them."
            )
        return Team(per_node, nodes, SLURMEnvironment())
    if processes is not None and processes < 1:
        raise InputError(f"--processes is {processes}: use 1 or more.")
    return Team(processes or 1, 1, LightningEnvironment())


def _is_one_of_many_slurm_tasks() -> bool:
    """Whether srun started several of this process; a lone one (a batch script, a shell) starts its own."""
    is_task = "SLURM_STEP_ID" in os.environ and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive")
    return is_task and int(os.environ.get("SLURM_NTASKS", 1)) > 1


def _check_started(starter: str, per_node: int, total: int, processes: int | None) -> None:
    if total % per_node:
        raise InputError(
            f"{starter} started {total} processes, {per_node} on this node: start the same number on all nodes."
        )
    if processes not in (None, per_node):
        raise InputError(
            f"{starter} started {per_node} processes on each node, and --processes is {processes}: leave it out."
        )
