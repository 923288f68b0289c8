"""Several processes that train together, on CPUs, or one a GPU; torchrun starts them, accelerate joins them."""

import sys
from collections.abc import Sequence

from affekt.errors import InputError, MissingExtra


def command(arguments: Sequence[str], *, processes: int) -> list[str]:
    """What starts `affekt` with these arguments in so many processes.

    Raises:
        MissingExtra: torch is not installed.
        InputError: there are GPUs, and fewer than processes.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "train") from error
    if (cards := torch.cuda.device_count()) and cards < processes:
        raise InputError(f"{processes} processes need a GPU each, and there are {cards}; take fewer")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    return [*start, "-m", "affekt", *arguments]
