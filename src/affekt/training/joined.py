"""Union-find (Tarjan 1975): which of n things belong together when told pair by pair."""


def root(parents: list[int], at: int) -> int:
    """The one that stands for all that belong with this one; halves the path to it.

    Args:
        parents: `list(range(n))` at first; changed.
    """
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


def join(parents: list[int], one: int, other: int) -> bool:
    """Put two together; False where they were. The smallest of those that belong together stands for them."""
    a, b = root(parents, one), root(parents, other)
    parents[max(a, b)] = min(a, b)
    return a != b
