"""Step 2: what the encoder says of every recording, once: mean and spread over time of each of its layers.

    AFFEKT_DATA=DATA python features.py WORK_FOLDER

Writes WORK_FOLDER/features/CORPUS.npz: `features` (n, layers * 2 * width) in fp16, and label, speaker, split of each.
"""

import os
import sys
from pathlib import Path

import numpy as np
import torch

from affekt.catalog import find
from affekt.sources.audio import open_audio
from affekt.training.speech_encoder import SpeechEncoder, from_whisper, statistics

CORPORA = ("emodb", "ravdess", "nemo", "casia")
BATCH = 16
LONGEST = 12 * 16_000  # samples; what is longer is cut
SILENCE = 10 ** (-50 / 20)  # of the loudest 20 ms; quieter ends are cut off, as a segmenter would


def samples_of(path: Path) -> np.ndarray:
    """One recording, (n,), its silent ends cut off."""
    samples = np.concatenate(list(open_audio(path).blocks()), axis=1).mean(0)
    size = 320
    level = np.sqrt((samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(1))
    loud = np.flatnonzero(level > SILENCE * level.max())
    begin, end = max(int(loud[0]) - 4, 0) * size, (int(loud[-1]) + 5) * size
    return samples[begin:end][:LONGEST].astype(np.float32)


@torch.no_grad()
def features(model: SpeechEncoder, clips: list[np.ndarray]) -> np.ndarray:
    """(n, layers * 2 * width), in the order of the clips."""
    out: list[np.ndarray] = [np.zeros(0)] * len(clips)
    order = sorted(range(len(clips)), key=lambda at: len(clips[at]))
    for begin in range(0, len(order), BATCH):
        chosen = order[begin : begin + BATCH]
        mels = [model.mel(torch.from_numpy(clips[at])[None])[0] for at in chosen]
        frames = torch.tensor([mel.shape[1] // 2 for mel in mels])
        padded = torch.stack(
            [torch.nn.functional.pad(mel[:, : 2 * int(n)], (0, 2 * int(frames.max() - n))) for mel, n in zip(mels, frames, strict=True)]
        )
        with torch.autocast("cpu", torch.bfloat16):
            said = [hidden.float() for hidden in model(padded, frames)]
        for at, row in zip(chosen, statistics(said, frames).numpy(), strict=True):
            out[at] = row
        if begin // BATCH % 20 == 0:
            print(f"{begin} of {len(clips)}", flush=True)
    return np.stack(out)


def main() -> None:
    work, data = Path(sys.argv[1]), Path(os.environ["AFFEKT_DATA"]) / "speech"
    model = from_whisper(work / "whisper").eval()
    (work / "features").mkdir(exist_ok=True)
    for name in CORPORA:
        part = find("datasets", name)
        found = [(split, one) for split in part.splits for one in part.recordings(data, split)]
        clips = [samples_of(one.path) for _, one in found]
        print(f"{name}: {len(clips)} clips, {sum(map(len, clips)) / 16_000 / 60:.0f} min", flush=True)
        np.savez(
            work / "features" / f"{name}.npz",
            features=features(model, clips).astype(np.float16),
            label=[one.label for _, one in found],
            speaker=[one.speaker for _, one in found],
            split=[split for split, _ in found],
        )


if __name__ == "__main__":
    main()
