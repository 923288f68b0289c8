"""Fewer neurons in the feed-forward part of each layer: those go that add least to what the layer says.

Structured pruning: whole neurons, so that the matrices are smaller and every runtime is faster (Li et al. 2017, Pruning Filters for
Efficient ConvNets, ICLR; there by the size of weights alone).
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from affekt.errors import InputError
from affekt.training.text_encoder import TextEncoder

Run = Callable[[], None]


def check_share(share: float) -> None:
    """Nothing, if such a share of neurons can go.

    Raises:
        InputError: it is no share, or is all of them.
    """
    if not 0 <= share < 1:
        raise InputError(f"{share:g} of the neurons cannot go; a share is from 0 (none) to below 1, say 0.25")


@torch.no_grad()
def importances(model: TextEncoder, run: Run) -> list[Tensor]:
    """How much each neuron adds to what its layer says: the mean of its size times the length of its column in `down`; (inner,) a layer.

    Args:
        run: puts typical texts through the model, one by one: padding would count like words.
    """
    sums = [torch.zeros(layer.down.in_features) for layer in model.layers]
    tokens = torch.zeros(len(sums))

    def watch(at: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def add(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            sums[at] += given[0].abs().sum((0, 1))
            tokens[at] += given[0].shape[0] * given[0].shape[1]

        return add

    hooks = [layer.down.register_forward_pre_hook(watch(at)) for at, layer in enumerate(model.layers)]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return [total / count * layer.down.weight.norm(dim=0) for total, count, layer in zip(sums, tokens, model.layers, strict=True)]


@torch.no_grad()
def prune(model: TextEncoder, *, share: float, run: Run) -> TextEncoder:
    """A copy in which each layer lacks the share of its neurons that are least important; at least one is left.

    Args:
        run: as of `importances`.

    Raises:
        InputError: it is no share.
    """
    check_share(share)
    found = importances(model, run)
    pruned = deepcopy(model)
    for layer, importance in zip(pruned.layers, found, strict=True):
        kept = importance.topk(max(1, round(len(importance) * (1 - share)))).indices.sort().values  # in their order
        layer.up = _linear(layer.up.weight[kept], layer.up.bias[kept])
        layer.down = _linear(layer.down.weight[:, kept], layer.down.bias)
    return pruned


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    made.weight, made.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
    return made
