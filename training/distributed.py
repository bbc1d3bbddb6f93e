"""Several processes that train one network, as `torchrun` starts them."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed


@contextmanager
def processes() -> Iterator[tuple[int, torch.device]]:
    """This process's rank and its device: the process group of `torchrun`, or this process alone.

    What trains should do so in a function that is called inside, and keep no network beyond it.

    Gradients go by NCCL between GPUs and by Gloo between CPUs.
    """
    gpu = torch.cuda.is_available()
    if "WORLD_SIZE" not in os.environ:
        yield 0, torch.device("cuda" if gpu else "cpu")
        return
    distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if gpu:
            torch.cuda.set_device(local)
        yield distributed.get_rank(), torch.device("cuda", local) if gpu else torch.device("cpu")
        # All leave together, and every network is gone before the group that it speaks through: the other way round
        # Gloo now and then ends a process with "terminate called without an active exception".
        gc.collect()
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
