"""Step 3: learns the rule from pairs, and measures it on other pairs.

    AFFEKT_DATA=DATA python learn.py WORK_FOLDER VARIANT OUT_FOLDER        VARIANT: log_linear, log_linear_free

Half of the speakers, texts and images are learned from, and pairs of the other half are what the numbers of result.json are of.
"""

import hashlib
import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from corpora import FREE_SPEECH, LABELS, SEED, SPEECH
from curves import load
from sklearn.metrics import roc_auc_score

from affekt.calibration.apply import project
from affekt.catalog import find
from affekt.evaluation import metrics
from affekt.fusion import _learned
from affekt.fusion.log_linear import rule
from affekt.labels import ekman7
from affekt.parts import Card, Evidence
from affekt.preprocessing import clarity
from affekt.training.fusion import STRENGTH, Items, Moments, abstaining, deviations, learn, mismatches, pair, save

HERE = Path(__file__).parent
VARIANTS = {
    "log_linear": ({"text": "text", "speech": "speech", "face": "face"}, ("goemotions", "brighter", *SPEECH), False),
    "log_linear_free": ({"text": "text", "speech": "speech_free"}, ("goemotions", "brighter", *FREE_SPEECH), True),
}
PAIRS = 40_000  # that are learned from
MEASURED = 20_000
SPOILT_SHARE = 0.2  # of what is learned from; most of what people show cameras and microphones is clear
SETS = ("ekman7", "sentiment3")
RULES = ("log_linear", "mean", "vote")


def clear(name: str, found: dict[str, np.ndarray]) -> np.ndarray:
    m = found["measures"]
    if name == "text":
        return np.array([clarity.text_clarity(int(count), size) for count, size in m])
    if name == "speech":
        return np.array([clarity.speech_clarity(span, voiced) for span, voiced in m])
    return np.array([clarity.face_clarity(size=size, fine=fine, spread=spread) for size, fine, spread, _ in m])


def items(found: dict[str, np.ndarray], name: str, *, half: int, versions: str = "all") -> Items:
    groups = sorted(set(found["group"].tolist()))  # of speakers those of one corpus follow each other
    rows = np.isin(found["group"], groups[half::2])
    if versions != "all":
        rows &= found["version"] == versions
    part = {key: value[rows] for key, value in found.items()}
    return Items(part["scores"].astype(np.float64), clear(name, part), part["gold"])


def mostly_clear(clear_: Items, everything: Items, rng: np.random.Generator) -> Items:
    """What is clear, and beside it so much of everything that SPOILT_SHARE is spoilt at most."""
    count = min(round(len(clear_.gold) * SPOILT_SHARE / (1 - SPOILT_SHARE)), len(everything.gold))
    some = rng.choice(len(everything.gold), size=count, replace=False)
    parts = ("scores", "clarity", "gold")
    return Items(*(np.concatenate([getattr(clear_, part), getattr(everything, part)[some]]) for part in parts))


def pooled(moments: Moments, name: str, folder: Path) -> np.ndarray:
    """The scores, (n, labels), as `affekt.fusion.fuse` pools them; one that is alone stays as it is."""
    fusion = rule(folder, name=name) if name == "log_linear" else find("fusion", name)
    made = []
    for at in range(len(moments.gold)):
        told = [
            Evidence(one, np.clip(scores[at], 1e-4, 1 - 1e-4), moments.clarity[one][at])
            for one, scores in moments.scores.items()
            if moments.clarity[one][at] > 0
        ]
        made.append(told[0].scores if len(told) == 1 else fusion.pool(told, ekman7.PART))
    return np.stack(made)


def figures(scores: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    said = scores.argmax(1)
    labels = sorted(set(gold.tolist()))
    f1 = [2 * ((said == at) & (gold == at)).sum() / max((said == at).sum() + (gold == at).sum(), 1) for at in labels]
    return {
        "macro_f1": round(float(np.mean(f1)), 4),
        "accuracy": round(float((said == gold).mean()), 4),
        "ece": round(float(metrics.ece(scores.max(1).astype(np.float64), said == gold)), 4),
    }


def swapped(moments: Moments, name: str, noise: Items, rng: np.random.Generator) -> Moments:
    """With what one modality says of noise in the place of what it said."""
    rows = rng.integers(len(noise.gold), size=len(moments.gold))
    scores, clear_ = {**moments.scores, name: noise.scores[rows]}, {**moments.clarity, name: noise.clarity[rows]}
    return Moments(scores, clear_, moments.gold)


def mismatch_auc(moments: Moments, folder: Path, rng: np.random.Generator) -> dict[str, float]:
    """How well planted mismatches are told from matches, by pair; half and half."""
    known, made, everything = _learned.read(folder), {}, ([], [])
    for a, b in combinations(moments.scores, 2):
        other = rng.permutation(len(moments.gold))
        planted = (np.arange(len(other)) % 2 == 0) & (moments.gold != moments.gold[other])
        kept = planted | (np.arange(len(other)) % 2 == 1)
        told = [
            known.mismatch(
                Evidence(a, np.clip(moments.scores[a][at], 1e-4, 1), moments.clarity[a][at]),
                Evidence(
                    b,
                    np.clip(moments.scores[b][other[at] if planted[at] else at], 1e-4, 1),
                    moments.clarity[b][other[at] if planted[at] else at],
                ),
                ekman7.PART,
            )
            for at in np.flatnonzero(kept)
        ]
        made[f"{a} and {b}"] = round(float(roc_auc_score(planted[kept], told)), 4)
        everything[0].extend(planted[kept])
        everything[1].extend(told)
    return {**made, "all": round(float(roc_auc_score(*everything)), 4)}


def measure(work: Path, sources: dict[str, str], folder: Path) -> dict:
    rng = np.random.default_rng(SEED + 1)
    found = {name: load(work / f"{file}.npz") for name, file in sources.items()}
    held = {name: items(one, name, half=1, versions="clear") for name, one in found.items()}
    moments = pair(held, count=MEASURED, rng=rng)
    noise = {name: items(one, name, half=1, versions="noise") for name, one in found.items()}
    result: dict = {
        "moments": MEASURED,
        "items": {name: len(one.gold) for name, one in held.items()},
        "alone": {},
        "fused": {},
        "noise": {},
    }
    for name in held:
        result["alone"][name] = figures(moments.scores[name], moments.gold)
    for size in range(2, len(held) + 1):
        for names in combinations(held, size):
            some = moments.only(names)
            result["fused"]["+".join(names)] = {one: figures(pooled(some, one, folder), moments.gold) for one in RULES}
    for name in held:
        result["noise"][name] = {one: figures(pooled(swapped(moments, name, noise[name], rng), one, folder), moments.gold) for one in RULES}
    gone = {name: np.where(rng.random(MEASURED) < 1 / 3, 0.0, one) for name, one in moments.clarity.items()}
    some = Moments(moments.scores, gone, moments.gold)
    seen = np.stack(list(gone.values())).max(0) > 0
    some = Moments({k: v[seen] for k, v in some.scores.items()}, {k: v[seen] for k, v in gone.items()}, moments.gold[seen])
    result["removed_at_random"] = {one: figures(pooled(some, one, folder), some.gold) for one in RULES}
    result["removed_at_random"]["best_remaining"] = figures(best_remaining(some, result["alone"]), some.gold)
    spoilt = pair({name: items(one, name, half=1) for name, one in found.items()}, count=MEASURED, rng=rng)
    result["spoilt"] = {one: figures(pooled(spoilt, one, folder), spoilt.gold) for one in RULES}
    result["spoilt"]["alone"] = {name: figures(spoilt.scores[name], spoilt.gold) for name in held}
    result["mismatch_auc"] = mismatch_auc(moments, folder, rng)
    return result


def best_remaining(moments: Moments, alone: dict) -> np.ndarray:
    """What the modality says that is best by itself, of those that are there."""
    order = sorted(moments.scores, key=lambda name: alone[name]["macro_f1"])
    scores = np.zeros_like(next(iter(moments.scores.values())))
    for name in order:
        scores = np.where(moments.clarity[name][:, None] > 0, moments.scores[name], scores)
    return scores


def main() -> None:
    work, variant, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    sources, corpora, commercial = VARIANTS[variant]
    rng = np.random.default_rng(SEED)
    found = {name: load(work / f"{file}.npz") for name, file in sources.items()}
    fitted = {name: mostly_clear(items(one, name, half=0, versions="clear"), items(one, name, half=0), rng) for name, one in found.items()}
    moments = pair(fitted, count=PAIRS, rng=rng)
    pools = {}
    for name in SETS:
        labels = find("labels", name)
        coarser = ekman7.PART.projections.get(name)
        onto = [labels.labels.index(coarser[label]) if coarser else at for at, label in enumerate(LABELS)]
        scores = {key: one if not coarser else project(one, ekman7.PART, labels).astype(np.float64) for key, one in moments.scores.items()}
        strength = STRENGTH * (10 if commercial else 1)  # five speakers are few to learn from
        pools[name] = learn(Moments(scores, moments.clarity, np.array(onto)[moments.gold]), labels, rng=rng, strength=strength)
    prior = np.array(pools["ekman7"]["prior"])
    slope, shift = mismatches(moments, prior, rng=rng)
    clear_items = {name: items(one, name, half=0, versions="clear") for name, one in found.items()}
    learned = {"pools": pools, "deviations": deviations(clear_items, ekman7.PART), "slope": slope, "shift": shift}
    models = {"text": "text_affekt", "speech": "speech_affekt_free's encoder, heads of five folds of speakers", "face": "face_affekt"}
    about = Card(
        name=folder.name,
        revision="",
        modality="fused",
        languages=("mul",),
        licence={
            "code": "Apache-2.0",
            "weights": "CC0-1.0" if commercial else "research only: learned from corpora for research",
            "data": "; ".join(f"{name} {find('datasets', name).licence}" for name in corpora)
            + ("" if commercial else "; FER2013 none stated"),
        },
        commercial=commercial,
        calibration={},
        facts={
            "training": f"recipes/fusion/log_linear: judge.py, learn.py {variant}",
            "learned_from": {name: models[name] for name in sources},
            "pairing": f"moments are made of one item of {', '.join(sources)} each that share nothing but the label "
            "(label-conditional pairing)",
            "limits": [
                "Learned from pairs of unrelated items: modalities of one real person depend on each other, so fused readings of real "
                "people gain less than the figures on pairs say, and are probably surer than they should be.",
                "How often modalities really disagree nobody has counted; one moment in five is assumed.",
            ],
        },
    )
    save(learned, about, folder)
    few = pair(fitted, count=MEASURED, rng=rng)
    calibration = {"ekman7": abstaining(pooled(few, "log_linear", folder), few.gold)}
    _learned.read.cache_clear()
    facts = {**about.facts, "sha256": {_learned.POOL: hashlib.sha256((folder / _learned.POOL).read_bytes()).hexdigest()}}
    from dataclasses import replace

    save(learned, replace(about, calibration=calibration, facts=facts), folder)
    result = {"command": f"python learn.py WORK {variant} OUT", "seed": SEED, **measure(work, sources, folder)}
    path = HERE / "result.json"
    everything = json.loads(path.read_text()) if path.is_file() else {}
    everything[variant] = {"revision": _learned.read(folder).revision, **result}
    path.write_text(json.dumps(everything, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
