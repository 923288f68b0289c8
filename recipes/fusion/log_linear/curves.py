"""Step 2: how clear a signal has to be: the curves of `affekt.preprocessing.clarity`.

    python curves.py WORK_FOLDER        after judge.py; prints their constants

For every spoilt version, scores are tempered towards the prior by the product of a modality's curves; the curves are those under which
the labels are likeliest.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

START = {  # modality, versions that are left out -> curve: (column of the measures, on a logarithmic scale, middle, width)
    ("face", ""): {
        "SIZE": (0, True, 1.1, 0.1),
        "FINE": (1, True, -2.6, 0.3),
        "COARSE": (1, True, -0.5, -0.15),
        "SPREAD": (2, True, 0.8, 0.15),
    },
    ("text", "noise"): {"LETTERS": (0, True, 0.9, 0.3)},
    ("text", "words"): {"PIECES": (1, False, 1.5, 0.3)},
    ("speech", ""): {"RANGE": (0, False, 10.0, 4.0), "VOICED": (1, True, -0.3, 0.2)},
}


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as found:
        return {name: found[name] for name in found.files}


def prior_of(found: dict[str, np.ndarray]) -> np.ndarray:
    clear = found["version"] == "clear"
    counts = np.bincount(found["gold"][clear], minlength=found["scores"].shape[1]) + 1
    return counts / counts.sum()


def logistic(measure: np.ndarray, middle: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip((measure - middle) / width, -30, 30)))


def clarity(found: dict[str, np.ndarray], curves: dict, numbers: np.ndarray) -> np.ndarray:
    whole = np.ones(len(found["gold"]))
    for (column, logarithmic, *_), (middle, width) in zip(curves.values(), numbers.reshape(-1, 2), strict=True):
        measure = found["measures"][:, column].astype(np.float64)
        whole *= logistic(np.log10(np.maximum(measure, 1e-5)) if logarithmic else measure, middle, width)
    return whole


def cost(scores: np.ndarray, gold: np.ndarray, prior: np.ndarray, clear: np.ndarray, weight: np.ndarray) -> float:
    logs, base = np.log(np.clip(scores, 1e-4, 1)), np.log(prior)
    z = base + clear[:, None] * (logs - base)
    z -= np.logaddexp.reduce(z, axis=1, keepdims=True)
    return float(-(z[np.arange(len(gold)), gold] * weight).sum() / weight.sum())


def weights(found: dict[str, np.ndarray]) -> np.ndarray:
    """What is clear counts as much as all that is spoilt, and every way of spoiling the same."""
    versions, inverse, counts = np.unique(found["version"], return_inverse=True, return_counts=True)
    return (1 / counts)[inverse] * np.where(versions[inverse] == "clear", len(versions) - 1, 1)


def weights_by_length(found: dict[str, np.ndarray]) -> np.ndarray:
    """Among texts of like length those that are short by nature, those cut off and noise count the same.

    A text that is short by nature is as clear as a long one; only a part of a longer one is not, and nobody knows which one has.
    """
    kind = np.char.add(np.where(np.isin(found["version"], ("clear", "noise")), found["version"], "cut"), " ")
    band = np.round(2 * np.log2(np.maximum(found["measures"][:, 0], 1))).astype(int).astype(str)
    _, inverse, counts = np.unique(np.char.add(kind, band), return_inverse=True, return_counts=True)
    return (1 / np.maximum(counts, 20))[inverse]


def fit(found: dict[str, np.ndarray], curves: dict, weight: np.ndarray) -> np.ndarray:
    """Middle and width of each curve."""
    start = np.array([number for *_, middle, width in curves.values() for number in (middle, width)])
    signs = np.sign(start[1::2])

    def penalised(numbers: np.ndarray) -> float:
        if (np.sign(numbers[1::2]) != signs).any() or (np.abs(numbers[1::2]) < 0.02).any():
            return 10.0
        return cost(found["scores"], found["gold"], prior_of(found), clarity(found, curves, numbers), weight)

    return minimize(penalised, start, method="Nelder-Mead", options={"maxiter": 1500, "xatol": 1e-3, "fatol": 1e-6}).x


def main() -> None:
    work = Path(sys.argv[1])
    for (name, left_out), curves in START.items():
        found = load(work / f"{name}.npz")
        kept = np.array([not left_out or not version.endswith(left_out) for version in found["version"]])
        found = {key: value[kept] for key, value in found.items()}
        numbers = fit(found, curves, (weights_by_length if name == "text" else weights)(found))
        for curve, (middle, width) in zip(curves, numbers.reshape(-1, 2), strict=True):
            print(f"{curve} = Curve({middle:.2f}, {width:.2f}){'  # of the logarithm to base 10' if curves[curve][1] else ''}")
        clear, prior = clarity(found, curves, numbers), prior_of(found)
        for version in dict.fromkeys(found["version"].tolist()):
            rows = found["version"] == version
            parts = found["scores"][rows], found["gold"][rows], prior
            ones = np.ones(rows.sum())
            prior_, plain, tempered = (cost(*parts, share, ones) for share in (0 * ones, ones, clear[rows]))
            told = f"prior {prior_:.3f}, as it is {plain:.3f}, tempered {tempered:.3f}"
            print(f"  {version:16s} clarity {clear[rows].mean():.2f}  cross-entropy: {told}")


if __name__ == "__main__":
    main()
