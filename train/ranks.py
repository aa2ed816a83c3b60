"""Several processes that train one network: each takes its share of every batch, and the lead alone writes.

`torchrun --nproc-per-node N -m train ...` starts them: nccl between CUDA devices, gloo between CPUs. Gradients are
averaged by DistributedDataParallel. Batch norms are synchronised on CUDA; on the CPU, which has no synchronised batch
norm, each process normalises by its own share and the running statistics are the lead's.
"""

import datetime
import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import distributed

from core.errors import BadSettings
from core.files import locked
from core.models import pick_device

_PATIENCE = datetime.timedelta(hours=2)  # the others wait while the lead decodes films and judges


@dataclass(frozen=True)
class Ranks:
    """This process is number `rank` of `count`; number 0 leads."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self):
        return self.rank == 0

    def share(self, batch):
        """The places of a batch of `batch` films that are this process's. Raises `BadSettings`."""
        if batch % self.count:
            raise BadSettings(f"batch is {batch}, but must be divisible by the {self.count} processes that share it: "
                              f"choose {-(-batch // self.count) * self.count}.")
        each = batch // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def prepared(self, network, device):
        """`network` with batch norms that reckon over all processes, where `device` has such."""
        if self.count == 1 or device.type != "cuda":
            return network
        from timm.layers import convert_sync_batchnorm

        return convert_sync_batchnorm(network)

    def joined(self, network):
        """`network` in a wrapper that averages the gradients of what is trainable now; itself when it is alone."""
        return torch.nn.parallel.DistributedDataParallel(network) if self.count > 1 else network

    def mean(self, value):
        """The mean of `value`, a scalar tensor, over the processes, as a float."""
        if self.count > 1:
            value = value.detach().clone()
            distributed.all_reduce(value)
        return value.item() / self.count

    def wait(self):
        """Return when all processes have come here."""
        if self.count > 1:
            distributed.barrier()

    @contextmanager
    def lead_first(self):
        """The lead runs the block before the others do, so that they find what it has made."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    @contextmanager
    def alone(self, folder):
        """Keep other trainings out of `folder` for the time of the block. Raises `BadSettings` when one is there."""
        with locked(folder, BadSettings, wait=False) if self.leads else nullcontext():
            yield

    def agreed(self, value):
        """The lead's `value`, in all processes."""
        values = [value]
        if self.count > 1:
            distributed.broadcast_object_list(values)
        return values[0]


ALONE = Ranks()


def leads():
    """Whether this process is the lead, or the only one; also where no process group is at work."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def start_ranks(device):
    """The `Ranks` that torchrun started this process in, and the torch device this one uses; `ALONE` without torchrun.

    `device` is a name as `core.models.pick_device` takes it.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    device = pick_device(device)
    if count == 1:
        yield ALONE, device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), count), device
    finally:
        distributed.destroy_process_group()
