"""Step 1: measures where eyes and mouth lie in FER2013's training images, and how sharp these are.

AFFEKT_DATA=DATA python template.py           writes template.json; `affekt.preprocessing.crops` carries its numbers
"""

import json
from pathlib import Path

import numpy as np
from faces import part
from PIL import Image

from affekt.preprocessing.crops import sharpness
from affekt.preprocessing.faces import LANDMARKS, find

EVERY = 20  # images
AROUND, LARGE = 256, 512  # pixels of the image once made larger, and of the grey that it is laid on


def main() -> None:
    images = part("train")["images"][::EVERY]
    begin = (LARGE - AROUND) // 2
    found = []
    for image in images:
        whole = np.full((LARGE, LARGE, 3), int(image.mean()), np.uint8)
        larger = Image.fromarray(image).resize((AROUND, AROUND), Image.Resampling.BICUBIC)
        whole[begin : begin + AROUND, begin : begin + AROUND] = np.asarray(larger)[..., None]
        faces = find(whole, fine=False)
        found += [(max(faces, key=lambda face: face.score).landmarks - begin) / AROUND] if faces else []
    middle = np.median(np.stack(found), axis=0)
    sharp = [sharpness(image.astype(np.float32)) for image in images]
    made = {
        "command": "python template.py",
        "images": len(images),
        "with_a_face": len(found),
        "landmarks": dict(zip(LANDMARKS, middle.round(3).tolist(), strict=True)),
        "sharpness": {f"{share} %": round(float(np.percentile(sharp, share)), 4) for share in (0.2, 1, 5, 50)},
    }
    (Path(__file__).parent / "template.json").write_text(json.dumps(made, indent=1) + "\n")
    print(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
