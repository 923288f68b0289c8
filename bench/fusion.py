"""What is gained by fusing face, voice and words: quality, missing and noisy modalities, disagreements.

    python bench/fusion.py

Writes bench/results/fusion.json and the table in README. What stands in it was measured by recipes/fusion/log_linear/learn.py and
bench/speakers_seen.py; here it is only gathered. Moments are pairs of unrelated items with the same label.
"""

import json
from pathlib import Path
from typing import Any

from affekt.encoders._card import read_card
from affekt.fusion._learned import SHIPPED
from readme import write_readme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "fusion.json"
NAMES = {"text": "words", "speech": "voice", "face": "face"}


def gathered() -> dict[str, Any]:
    """What the recipes measured, with the revision that it is of.

    Raises:
        SystemExit: what ships is another revision than what was measured.
    """
    measured = json.loads((ROOT / "recipes" / "fusion" / "log_linear" / "result.json").read_text())
    for name, one in measured.items():
        shipped = read_card(SHIPPED.with_name(f"fusion_{name}")).revision
        if one["revision"] != shipped:
            raise SystemExit(f"{name}: {one['revision']} was measured, and {shipped} ships; run recipes/fusion/log_linear/learn.py again")
    speakers = json.loads((ROOT / "bench" / "results" / "speakers_seen.json").read_text())
    held = speakers["at 12.5, faces found every 0.2 s"]["left out, pieces"]
    return {**measured, "whose_mouth_speaks": {kind: one["right"] for kind, one in held.items()}, "command": "python bench/fusion.py"}


def table(made: dict[str, Any]) -> str:
    """README's table."""
    ours = made["log_linear"]
    alone = {name: one["macro_f1"] for name, one in ours["alone"].items()}
    best = max(alone.values())
    lines = ["| macro-F1 on ekman7, calibration error (ECE) | log_linear | mean | vote |", "|---|---|---|---|"]
    lines += [f"| {NAMES[name]} alone | {one['macro_f1']:.3f}, {one['ece']:.3f} | | |" for name, one in ours["alone"].items()]
    for names, rules in ours["fused"].items():
        lines.append(_row(" and ".join(NAMES[name] for name in names.split("+")), rules))
    lines += [_row(f"all, noise for {NAMES[name]}", rules) for name, rules in ours["noise"].items()]
    lines.append(_row("each missing at random, one time in three", ours["removed_at_random"]))
    lines.append(f"| … the best of what is left, alone | {ours['removed_at_random']['best_remaining']['macro_f1']:.3f} | | |")
    lines.append(_row("spoilt as cameras and microphones spoil", ours["spoilt"]))
    gain = ours["fused"]["text+speech+face"]["log_linear"]["macro_f1"] - best
    lines += ["", f"All three together are {100 * gain:.1f} points of macro-F1 better than the best alone.", ""]
    lines += ["| planted disagreements found, area under the ROC curve | |", "|---|---|"]
    for names, value in ours["mismatch_auc"].items():
        pair = " and ".join(NAMES.get(name, name) for name in names.split(" and "))
        lines.append(f"| {pair} | {value:.3f} |")
    return "\n".join(lines)


def _row(name: str, rules: dict[str, Any]) -> str:
    return (
        f"| {name} | "
        + " | ".join(f"{rules[rule]['macro_f1']:.3f}, {rules[rule]['ece']:.3f}" for rule in ("log_linear", "mean", "vote"))
        + " |"
    )


def main() -> None:
    made = gathered()
    RESULTS.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    write_readme({"fusion": table(made)})


if __name__ == "__main__":
    main()
