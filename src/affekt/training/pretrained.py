"""Weights of a pretrained model, by its own names, into our modules."""

from collections.abc import Mapping

from torch import Tensor, nn


def copy(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Gives a module the weight and bias that stand under a name.

    Raises:
        KeyError: the state has none of that name.
    """
    for kind in ("weight", "bias"):
        getattr(module, kind).data = state[f"{name}.{kind}"].clone()
