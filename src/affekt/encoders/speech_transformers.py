"""Any speech emotion model in the Hugging Face hub's format, wav2vec2, HuBERT, WavLM, Whisper, AST and the like, by folder or by name.

What such a model says is taken as it is: nobody here has calibrated it, and it does not get to know voices.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, revision_of
from affekt.errors import InputError, MissingExtra, WeightsError
from affekt.labels import ekman7
from affekt.parts import Calibration, Card, Encoder
from affekt.preprocessing.personal import Baseline
from affekt.results import Clip
from affekt.sources.audio import RATE

Floats = NDArray[np.float32]
LABELS = ekman7.PART.labels
LEAST, MOST = RATE // 5, 30 * RATE  # samples: 0.2 s, padded to if shorter; 30 s, all that Whisper hears
NEVER = -30.0  # raw output of a label that the model lacks
HUB = "hf:"  # begins the name of a model on the hub: "hf:owner/model", or "hf:owner/model@revision"
FILES = ["config.json", "preprocessor_config.json", "processor_config.json", "model*.safetensors*"]  # what is fetched of one
SPARE = ("masked_spec_embed",)  # weights that only training uses
FORMS = {  # ours -> what models call it, letters only
    "anger": ("anger", "angry", "ang"),
    "disgust": ("disgust", "disgusted", "dis"),
    "fear": ("fear", "fearful", "fea"),
    "joy": ("joy", "joyful", "happy", "happiness", "hap"),
    "sadness": ("sadness", "sad"),
    "surprise": ("surprise", "surprised", "sur", "ps", "pleasant surprise", "pleasant surprised"),
    "neutral": ("neutral", "neu", "calm"),
}


def places_of(own: Sequence[str]) -> dict[str, list[int]]:
    """Where each label of ekman7 that a model has stands among the model's own, which may have two for one.

    >>> places_of(["ang", "Calm", "neu", "boredom"])
    {'anger': [0], 'neutral': [1, 2]}
    """
    plain = [re.sub(r"[^a-z]+", " ", name.lower()).strip() for name in own]
    found = {ours: [at for at, name in enumerate(plain) if name in forms] for ours, forms in FORMS.items()}
    return {ours: at for ours, at in found.items() if at}


@dataclass(slots=True)
class SpeechTransformers:
    """The model, loaded; it may be used from several threads at once."""

    card: Card
    places: dict[str, list[int]]
    extractor: Any
    model: Any
    population: None = None  # it has no personal baseline

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of ekman7: {"ekman7": (clips, 7)}; one clip at a time, so that none is padded to another's length.

        Raises:
            InputError: another label set is asked for.
        """
        check_speaks(self.card, labels)
        raw = [self._raw(self._logits(clip.data)) for clip in clips]
        return dict.fromkeys(labels, np.stack(raw) if raw else np.zeros((0, len(LABELS)), np.float32))

    def hear(
        self,
        samples: Floats,
        *,
        labels: Sequence[str],
        baseline: Baseline | None = None,  # noqa: ARG002 (every speech model takes it)
    ) -> tuple[Floats, dict[str, Floats]]:
        """One utterance: what the model says in labels of its own, (own labels,), and the raw outputs of each label set.

        Args:
            samples: (n,) at 16 kHz; what is after 30 s, or after the end of what the model takes, is left out.
            baseline: changes nothing.

        Raises:
            InputError: another label set is asked for than ekman7.
        """
        check_speaks(self.card, labels)
        logits = self._logits(samples)
        return logits, dict.fromkeys(labels, self._raw(logits))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in equal pieces of at most 30 s."""
        pieces = np.array_split(clip.data, -(-len(clip.data) // MOST) or 1)
        ends = np.cumsum([0, *map(len, pieces)]) / max(len(clip.data), 1) * (clip.end - clip.start) + clip.start
        return [Clip("speech", piece, a, b, who=clip.who) for piece, (a, b) in zip(pieces, pairwise(ends.tolist()), strict=True)]

    def _logits(self, samples: Floats) -> Floats:
        whole = samples[:MOST] if len(samples) >= LEAST else np.pad(samples, (0, LEAST - len(samples)))
        given = self.extractor(np.asarray(whole, np.float32), sampling_rate=RATE, return_tensors="pt")
        with _library("torch").inference_mode():
            return np.asarray(self.model(**given).logits[0].numpy(), np.float32)

    def _raw(self, logits: Floats) -> Floats:
        """Logarithms of the chances of our labels, (7,): of two own labels for one of ours they add up, those of the rest are left out."""
        raw = np.full(len(LABELS), NEVER)
        for ours, at in self.places.items():
            raw[LABELS.index(ours)] = np.logaddexp.reduce(logits[at].astype(np.float64))
        there = [LABELS.index(ours) for ours in self.places]
        raw[there] = np.maximum(raw[there] - np.logaddexp.reduce(raw[there]), NEVER)
        return raw.astype(np.float32)


def open_model(name: str | Path, *, threads: int) -> SpeechTransformers:
    """Opens a folder in the hub's format, or fetches "hf:owner/model" from the hub, once, and opens that.

    Args:
        name: of a model on the hub with "hf:" in front, of one revision of it with "@revision" behind; else a folder.
        threads: 0: as many as there are cores; torch has one number for the whole process, the last model opened sets it.

    Raises:
        MissingExtra: transformers or torch is not installed.
        InputError: the name is none, or the model's labels are not those of one emotion out of several that ekman7 has.
        WeightsError: the model cannot be fetched, is no classifier of sound in safetensors, or a file of it is absent or broken.
    """
    transformers, torch = _library("transformers"), _library("torch")
    folder = _fetched(str(name)) if str(name).startswith(HUB) else Path(name)
    weights = _weights(folder)
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"config.json in {folder} is no model's that transformers knows: {error}") from error
    own = [str(config.id2label[at]) for at in sorted(config.id2label)]
    places = _checked(places_of(own), own, kind=config.problem_type, name=str(name))
    extractor, model = _loaded(transformers, folder)
    if threads:
        torch.set_num_threads(threads)
    return SpeechTransformers(_card(str(name), folder, weights, own, places), places, extractor, model)


def load(folder: Path | None, threads: int) -> SpeechTransformers:
    """As `open_model`, of a folder.

    Raises:
        MissingExtra, InputError, WeightsError: as there; or no folder is named.
    """
    if folder is None:
        raise WeightsError('speech_transformers comes without weights; name a folder in the hub\'s format, or a model as "hf:owner/model"')
    return open_model(folder, threads=threads)


def _library(name: str) -> Any:
    """A library by its name: what runs with the shipped models needs none of these, which the import contract checks in imports."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(name, "transformers") from error


def _fetched(name: str) -> Path:
    """The folder that the hub's own cache keeps a model in."""
    asked = re.fullmatch(rf"{HUB}([\w.-]+/[\w.-]+)(?:@(\S+))?", name)
    if asked is None:
        raise InputError(f'{name!r} names no model on the hub; write "hf:owner/model", or "hf:owner/model@revision"')
    try:
        return Path(_library("huggingface_hub").snapshot_download(asked[1], revision=asked[2], allow_patterns=FILES))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{name} cannot be fetched: {error}; check its name and the network, or name a folder that holds it") from error


def _weights(folder: Path) -> list[Path]:
    """The files that hold the weights; a big model's are several."""
    if not (folder / "config.json").is_file():
        raise WeightsError(f"no config.json in {folder}; a folder in the hub's format has one beside its weights")
    found = [folder / "model.safetensors"] if (folder / "model.safetensors").is_file() else sorted(folder.glob("model-*.safetensors"))
    if not found:
        raise WeightsError(f"no model.safetensors in {folder}; pickled weights are not opened, for they may run code: convert them first")
    return found


def _checked(places: dict[str, list[int]], own: Sequence[str], *, kind: str | None, name: str) -> dict[str, list[int]]:
    if len(places) < 2:
        raise InputError(f"fewer than two of {name}'s labels are in ekman7; it has: {', '.join(own)}; ekman7 has: {', '.join(LABELS)}")
    if kind not in (None, "single_label_classification"):
        raise InputError(f"{name} is made for {kind}; only models that choose one label out of several can be opened")
    return places


def _loaded(transformers: Any, folder: Path) -> tuple[Any, Any]:
    """Feature extractor and model, in fp32 and ready to run."""
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(folder, **options)
        make = transformers.AutoModelForAudioClassification.from_pretrained
        model, told = make(folder, use_safetensors=True, output_loading_info=True, **options)
    except Exception as error:  # the library raises types of its own, and bare ones
        raise WeightsError(f"{folder} holds no classifier of sound that transformers can open: {error}") from error
    absent = sorted(key for key in told["missing_keys"] if not key.endswith(SPARE))
    if absent:  # transformers would fill them with random numbers
        raise WeightsError(f"{folder} lacks the weights {', '.join(absent[:5])}, so that it would say anything; it needs training first")
    if extractor.sampling_rate != RATE:
        raise WeightsError(f"{folder} is made for {extractor.sampling_rate:,} samples a second; only models for {RATE:,} can be opened")
    return extractor, model.float().eval()


def _card(name: str, folder: Path, weights: Sequence[Path], own: Sequence[str], places: dict[str, list[int]]) -> Card:
    revisions = [revision_of(file) for file in weights]
    unknown = "unknown: see its page"
    used = {own[at]: ours for ours, found in places.items() for at in found}
    return Card(
        name=name.removeprefix(HUB).partition("@")[0] if name.startswith(HUB) else folder.resolve().name,
        revision=revisions[0] if len(revisions) == 1 else sha256("".join(revisions).encode()).hexdigest()[:8],
        modality="speech",
        languages=("und",),  # BCP 47 for undetermined
        licence={"code": unknown, "weights": unknown, "data": unknown},
        commercial=False,
        calibration={"ekman7": Calibration((1.0,) * len(LABELS), (0.0,) * len(LABELS))},
        facts={
            "family": "speech_transformers",
            "calibration": "uncalibrated: its scores are the model's own, which are often too sure",
            "labels": used,
            "dropped": [label for label in own if label not in used],  # their chances are shared out among the rest
            "lacks": [label for label in LABELS if label not in places],
        },
    )


PART = Encoder(name="speech_transformers", modality="speech", load=load)
