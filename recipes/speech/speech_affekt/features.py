"""Step 2: what the encoder says of every recording, once: mean and spread over time of each of its layers.

    AFFEKT_DATA=DATA python features.py WORK_FOLDER

Writes WORK_FOLDER/features/CORPUS.npz: `features` (n, layers * 2 * width) in fp16, and label, speaker, split of each.
"""

import os
import sys
from pathlib import Path

import numpy as np

from affekt.catalog import find
from affekt.sources.audio import RATE, open_audio
from affekt.training.speech_encoder import from_whisper
from affekt.training.speech_finetune import features_of

CORPORA = ("emodb", "ravdess", "nemo", "casia")
LONGEST = 12 * RATE  # samples; what is longer is cut
SILENCE = 10 ** (-50 / 20)  # of the loudest 20 ms; quieter ends are cut off, as a segmenter would


def samples_of(path: Path) -> np.ndarray:
    """One recording, (n,), its silent ends cut off."""
    samples = np.concatenate(list(open_audio(path).blocks()), axis=1).mean(0)
    size = 320
    level = np.sqrt((samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(1))
    loud = np.flatnonzero(level > SILENCE * level.max())
    begin, end = max(int(loud[0]) - 4, 0) * size, (int(loud[-1]) + 5) * size
    return samples[begin:end][:LONGEST].astype(np.float32)


def main() -> None:
    work, data = Path(sys.argv[1]), Path(os.environ["AFFEKT_DATA"]) / "speech"
    model = from_whisper(work / "whisper").eval()
    (work / "features").mkdir(exist_ok=True)
    for name in CORPORA:
        part = find("datasets", name)
        found = [(split, one) for split in part.splits for one in part.recordings(data, split)]
        clips = [samples_of(one.path) for _, one in found]
        print(f"{name}: {len(clips)} clips, {sum(map(len, clips)) / RATE / 60:.0f} min", flush=True)
        np.savez(
            work / "features" / f"{name}.npz",
            features=features_of(model, clips, range(1 + len(model.layers))).astype(np.float16),
            label=[one.label for _, one in found],
            speaker=[one.speaker for _, one in found],
            split=[split for split, _ in found],
        )


if __name__ == "__main__":
    main()
