"""Whether a graph says what the network says that it was made of: else it must not ship."""

from collections.abc import Sequence

from affekt.errors import ParityError
from affekt.export.measuring import Measured

ROUNDING = 1e-3  # between raw outputs, of the size of 1 to 10, of graph and torch: both compute in fp32, in another order; 6e-6 is usual
TOLERANCE = 0.5  # points of macro-F1, or hundredths of a correlation


def check(measured: Sequence[Measured], *, tolerance: float, rows: int, figure: str) -> None:
    """Nothing, if what ships may.

    Args:
        tolerance: points that it may lose.
        rows: by which it was judged.
        figure: what was measured, by name.

    Raises:
        ParityError: an fp32 graph says something else than its network, or what ships loses more than is allowed.
    """
    for one in measured:
        if one.rounding is not None and not one.rounding <= ROUNDING:  # NaN is no agreement
            raise ParityError(
                f"{one.variant}: raw outputs of the graph differ from those of its network in torch by {one.rounding:.2g}, and "
                f"{ROUNDING:g} is rounding; nothing was written. The folder's files do not belong together: train the model again"
            )
    first, ships = measured[0], next(one for one in measured if one.ships)
    if not ships.lost <= tolerance:
        others = ", ".join(f"{one.variant} {one.lost:.2f}" for one in measured[1:] if not one.ships and one.lost <= tolerance)
        raise ParityError(
            f"{ships.variant} loses {ships.lost:.2f} points of {figure} on {rows} rows (from {first.figure:.3f} to {ships.figure:.3f}), "
            f"and {tolerance:g} are allowed; nothing was written. "
            + (f"What loses no more: {others}. " if others else "")
            + "Ask for another --kind, prune less, give more rows if these are few, or allow more with --tolerance"
        )
