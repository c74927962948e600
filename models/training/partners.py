"""Several processes that train one network on the cores of one machine.

Each process draws batches of its own; gradients are averaged before every optimiser step, so that all take the
same step. What is not averaged (the running statistics of the norms) counts as process 0 has it.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

# The exit code of a run that was stopped by Ctrl-C.
STOPPED = 130


class Partners:
    """This process among those that train together; alone it does nothing."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @property
    def leads(self) -> bool:
        """Whether this process prints, validates and saves."""
        return self.rank == 0

    def share(self, tensors: list[Tensor]) -> None:
        """Overwrites `tensors` with those of process 0."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agree(self, value: float) -> float:
        """The value that process 0 gives."""
        told = torch.tensor(value, dtype=torch.float64)
        self.share([told])
        return float(told)

    def average_gradients(self, net: nn.Module) -> None:
        """Replaces each gradient of `net` by its mean over the processes."""
        if self.count == 1:
            return
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        for gradient, mean in zip(gradients, (flat / self.count).split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))


def member(rank: int, count: int, meeting: str, work: Callable[[Partners], None]) -> None:
    """The life of one process: meet the others, work, part."""
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    try:
        work(Partners(rank, count))
    finally:
        dist.destroy_process_group()


def run_together(count: int, work: Callable[[Partners], None]) -> None:
    """Runs `work` in `count` processes that share what is loaded already; in this one if `count` is 1."""
    if count == 1:
        work(Partners())
        return
    # No interface but loopback is of use to processes of one machine.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        try:
            mp.start_processes(member, (count, meeting, work), nprocs=count, start_method="fork")
        except mp.ProcessExitedException as ended:
            if ended.exit_code != STOPPED:
                raise
            # It has saved and said so.
            raise SystemExit(STOPPED) from None
