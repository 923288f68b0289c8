"""What all models in the Hugging Face hub's format share: how they are found and opened, and what their labels are among ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import CARD, read_card, revision_of
from affekt.encoders._shared import listed
from affekt.errors import InputError, MissingExtra, WeightsError
from affekt.labels import ekman7
from affekt.parts import Calibration, Card

Floats = NDArray[np.float32]
LABELS = ekman7.PART.labels
NEVER = -30.0  # raw output of a label that the model lacks
HUB = "hf:"  # begins the name of a model on the hub: "hf:owner/model", or "hf:owner/model@revision"
HUB_CARD = "config.json"  # what a folder in the hub's format holds
FILES = [HUB_CARD, "preprocessor_config.json", "processor_config.json", "tokenizer.json", "model*.safetensors*"]  # what is fetched
SPARE = ("masked_spec_embed", "num_batches_tracked")  # weights that only training uses
FORMS: Mapping[str, tuple[str, ...]] = {  # ours -> what models call it, letters only
    "anger": ("anger", "angry", "ang"),
    "disgust": ("disgust", "disgusted", "dis"),
    "fear": ("fear", "fearful", "fea"),
    "joy": ("joy", "joyful", "happy", "happiness", "hap"),
    "sadness": ("sadness", "sad"),
    "surprise": ("surprise", "surprised", "sur", "ps", "pleasant surprise", "pleasant surprised"),
    "neutral": ("neutral", "neu", "calm"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """How transformers opens the models of one modality.

    Args:
        table: its table of the configurations that it has such models for.
    """

    of: str
    reader: str
    model: str
    table: str
    options: Mapping[str, Any] = field(default_factory=dict)  # of the reader


KINDS: Mapping[Literal["speech", "face"], Kind] = {
    "speech": Kind("sound", "AutoFeatureExtractor", "AutoModelForAudioClassification", "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING"),
    "face": Kind(
        "pictures",
        "AutoImageProcessor",
        "AutoModelForImageClassification",
        "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING",
        {"backend": "pil"},  # torchvision's resizes a little differently: what a model says would depend on its being installed
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A model in the hub's format, not loaded yet.

    Args:
        name: as it was asked for.
        weights: the files that hold them.
        config: what transformers makes of config.json.
    """

    name: str
    folder: Path
    weights: list[Path]
    config: Any

    @property
    def own(self) -> list[str]:
        """The model's own labels."""
        return [str(self.config.id2label[at]) for at in sorted(self.config.id2label)]

    @property
    def modality(self) -> Literal["speech", "face"]:
        """What transformers has classifiers of in the model's architecture.

        Raises:
            InputError: neither sound nor pictures.
        """
        for modality, kind in KINDS.items():
            if type(self.config) in getattr(library("transformers"), kind.table):
                return modality
        says = f"{self.name} is a {self.config.model_type} model, which classifies neither sound nor pictures"
        raise InputError(f"{says}; choose one that is made for audio-classification or image-classification")


def library(name: str) -> Any:
    """A library by its name: what runs with the shipped models needs none of these, which the import contract checks in imports.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(name, "transformers") from error


def find(name: str | Path, *, folder: Path | None = None) -> Found:
    """The model in a folder, or of the name "hf:owner/model", which is fetched from the hub, once.

    Args:
        folder: that it has been fetched to already.

    Raises:
        MissingExtra: transformers or torch is not installed.
        InputError: the name is none.
        WeightsError: the model cannot be fetched, is not in safetensors, or transformers does not know it.
    """
    transformers, _ = library("transformers"), library("torch")
    if folder is None:
        folder = fetch(str(name)) if str(name).startswith(HUB) else Path(name)
    weights = _weights(folder)
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"config.json in {folder} is no model's that transformers knows: {error}") from error
    return Found(str(name), folder, weights, config)


def find_in(folder: Path | None, part: str) -> Found:
    """As `find`, for a part that has no weights of its own.

    Raises:
        MissingExtra, InputError, WeightsError: as there; or no folder is named.
    """
    if folder is None:
        raise WeightsError(f'{part} comes without weights; name a folder in the hub\'s format, or a model as "hf:owner/model"')
    return find(folder)


def load_both(found: Found, modality: Literal["speech", "face"], *, threads: int) -> tuple[Any, Any]:
    """What makes the model's input of a signal, and the model, in fp32 and ready to run.

    Args:
        threads: 0: as many as there are cores; torch has one number for the whole process, the last model opened sets it.

    Raises:
        WeightsError: it is no classifier of that modality, or a file of it is absent or broken.
    """
    transformers, kind, folder = library("transformers"), KINDS[modality], found.folder
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        reader = getattr(transformers, kind.reader).from_pretrained(folder, **options, **kind.options)
        make = getattr(transformers, kind.model).from_pretrained
        model, told = make(folder, use_safetensors=True, output_loading_info=True, **options)
    except Exception as error:  # the library raises types of its own, and bare ones
        raise WeightsError(f"{folder} holds no classifier of {kind.of} that transformers can open: {error}") from error
    absent = sorted(key for key in told["missing_keys"] if not key.endswith(SPARE))
    if absent:  # transformers would fill them with random numbers
        raise WeightsError(f"{folder} lacks the weights {', '.join(absent[:5])}, so that it would say anything; it needs training first")
    if threads:
        library("torch").set_num_threads(threads)
    return reader, model.float().eval()


def places_of(own: Sequence[str], *, forms: Mapping[str, Sequence[str]] = FORMS) -> dict[str, list[int]]:
    """Where each label of ekman7 that a model has stands among the model's own, which may have two for one.

    >>> places_of(["ang", "Calm", "neu", "boredom"])
    {'anger': [0], 'neutral': [1, 2]}
    """
    plain = [re.sub(r"[^a-z]+", " ", name.lower()).strip() for name in own]
    found = {ours: [at for at, name in enumerate(plain) if name in known] for ours, known in forms.items()}
    return {ours: at for ours, at in found.items() if at}


def check_places(found: Found, *, forms: Mapping[str, Sequence[str]] = FORMS) -> dict[str, list[int]]:
    """As `places_of`, of the model's labels.

    Raises:
        InputError: they are not those of one emotion out of several that ekman7 has.
    """
    own, kind, name = found.own, found.config.problem_type, found.name
    places = places_of(own, forms=forms)
    if len(places) < 2:
        raise InputError(f"fewer than two of {name}'s labels are in ekman7; it has: {', '.join(own)}; ekman7 has: {', '.join(LABELS)}")
    if kind not in (None, "single_label_classification"):
        raise InputError(f"{name} is made for {kind}; only models that choose one label out of several can be opened")
    return places


def project(logits: Floats, places: Mapping[str, Sequence[int]]) -> Floats:
    """Logarithms of the chances of our labels, (…, 7), from logits of the model's own, (…, own labels).

    Of two own labels for one of ours they add up, those of the rest are left out.
    """
    raw = np.full((*logits.shape[:-1], len(LABELS)), NEVER)
    for ours, at in places.items():
        raw[..., LABELS.index(ours)] = np.logaddexp.reduce(logits[..., at].astype(np.float64), axis=-1)
    there = [LABELS.index(ours) for ours in places]
    raw[..., there] = np.maximum(raw[..., there] - np.logaddexp.reduce(raw[..., there], axis=-1, keepdims=True), NEVER)
    return raw.astype(np.float32)


def card_of(found: Found, modality: Literal["speech", "face"], *, places: Mapping[str, Sequence[int]]) -> Card:
    """What is known of such a model: little."""
    revisions = [revision_of(file) for file in found.weights]
    unknown = "unknown: see its page"
    used = {found.own[at]: ours for ours, ats in places.items() for at in ats}
    return Card(
        name=found.name.removeprefix(HUB).partition("@")[0] if found.name.startswith(HUB) else found.folder.resolve().name,
        revision=revisions[0] if len(revisions) == 1 else sha256("".join(revisions).encode()).hexdigest()[:8],
        modality=modality,
        languages=("und" if modality == "speech" else "zxx",),  # BCP 47 for undetermined, and for what has none
        licence={"code": unknown, "weights": unknown, "data": unknown},
        commercial=False,
        calibration={"ekman7": Calibration((1.0,) * len(LABELS), (0.0,) * len(LABELS))},
        facts={
            "family": f"{modality}_transformers",
            "calibration": "uncalibrated: its scores are the model's own, which are often too sure",
            "labels": used,
            "dropped": [label for label in found.own if label not in used],  # their chances are shared out among the rest
            "lacks": [label for label in LABELS if label not in places],
        },
    )


def named(name: str) -> tuple[str, str | None]:
    """Owner and model, and the revision if there is one, of a name on the hub.

    Raises:
        InputError: the name is none.

    >>> named("hf:someone/some-model@v1")
    ('someone/some-model', 'v1')
    """
    asked = re.fullmatch(rf"{HUB}([\w.-]+/[\w.-]+)(?:@(\S+))?", name)
    if asked is None:
        raise InputError(f'{name!r} names no model on the hub; write "hf:owner/model", or "hf:owner/model@revision"')
    return asked[1], asked[2]


def fetch(name: str) -> Path:
    """The folder that the hub's own cache keeps a model in; of a model of ours, all files that its card lists.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        InputError: the name is none.
        WeightsError: the model cannot be fetched.
    """
    model, revision = named(name)
    download = library("huggingface_hub").snapshot_download
    try:
        folder = Path(download(model, revision=revision, allow_patterns=[*FILES, CARD]))
        if is_ours(folder):
            resolved = folder.name if re.fullmatch(r"[0-9a-f]{40}", folder.name) else revision  # the cache calls it by its commit
            download(model, revision=resolved, allow_patterns=[CARD, *listed(read_card(folder))])
    except (OSError, ValueError) as error:
        raise WeightsError(f"{name} cannot be fetched: {error}; check its name and the network, or name a folder that holds it") from error
    return folder


def is_ours(folder: Path) -> bool:
    """Whether a folder holds a card as training writes them; other libraries may have a card.json of another kind."""
    card = folder / CARD
    return card.is_file() and b'"calibration"' in card.read_bytes()


def _weights(folder: Path) -> list[Path]:
    """The files that hold the weights; a big model's are several."""
    if not (folder / HUB_CARD).is_file():
        raise WeightsError(f"no config.json in {folder}; a folder in the hub's format has one beside its weights")
    found = [folder / "model.safetensors"] if (folder / "model.safetensors").is_file() else sorted(folder.glob("model-*.safetensors"))
    if not found:
        raise WeightsError(f"no model.safetensors in {folder}; pickled weights are not opened, for they may run code: convert them first")
    return found
