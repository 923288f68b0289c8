"""Step 2: fine-tunes the encoder, and writes what it then says of every recording.

    AFFEKT_DATA=DATA python train.py WORK_FOLDER RUN...

Runs: `whole` hears all corpora; `fold0` to `fold4` leave out speakers of each (see
`corpora.held_out`); `untouched` is Whisper as it is. Each writes
WORK_FOLDER/RUN/encoder.safetensors and one .npz a corpus.
"""

import sys
from pathlib import Path

import numpy as np
from corpora import CONFIG, FOLDS, LABELS, NAMES, Corpus, held_out, joined, recordings
from safetensors.torch import save_file

from affekt.training.speech_encoder import from_whisper
from affekt.training.speech_finetune import Optimiser, features_of, fit

RUNS = ("whole", "untouched", *(f"fold{at}" for at in range(FOLDS)))


def taught(run: str, corpora: dict[str, Corpus]) -> Corpus:
    """What the encoder of a run is trained on."""
    if run.startswith("fold"):
        return joined([one.only(~held_out(one, int(run.removeprefix("fold")))) for one in corpora.values()])
    return joined(list(corpora.values()))


def main() -> None:
    work, runs = Path(sys.argv[1]), sys.argv[2:]
    if not runs or set(runs) - set(RUNS):
        sys.exit(f"name runs: {', '.join(RUNS)}")
    corpora = {name: recordings(name) for name in NAMES}
    for run in runs:
        model = from_whisper(work / "whisper", layers=CONFIG["layers"])
        if run != "untouched":
            optimiser = Optimiser(**CONFIG["finetune"])
            clips = taught(run, corpora).clips()
            print(f"{run}: {len(clips.samples)} recordings", flush=True)
            fit(
                model,
                clips,
                classes=len(LABELS),
                optimiser=optimiser,
                seed=CONFIG["seed"],
                report=lambda line: print(line, flush=True),
            )
        folder = work / run
        folder.mkdir(exist_ok=True)
        for name, one in corpora.items():
            features = features_of(model, one.data).astype(np.float16)
            np.savez(folder / f"{name}.npz", features=features, label=one.label, speaker=one.speaker, split=one.split)
        save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, folder / "encoder.safetensors")
        print(f"{run}: done", flush=True)


if __name__ == "__main__":
    main()
