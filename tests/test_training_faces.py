"""The face encoder learns, and what is done to make it ready changes nothing that it says."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; it comes with the train extra")

import torch
from torch import nn

from affekt.training import face_encoder
from affekt.training.face_encoder import FIRST, MEANS, PLAN, FaceEncoder, folded, from_faceres, settle
from affekt.training.face_finetune import Faces, Optimiser, fit, raw_of, seen, upright

OPTIMISER = Optimiser(
    passes=40,
    batch=16,
    rate=3e-3,
    head_rate=3e-2,
    decay=0.0,
    dropout=0.1,
    averaging=0.8,
    turn=10,
    shift=0.05,
    scale=0.1,
    mix=0.2,
)
STILL = replace(OPTIMISER, turn=0, shift=0.0, scale=0.0)


def two_classes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey images, (count, 48, 48), bright above or bright below, and which each is."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    slope = np.linspace(-60, 60, 48)[None, :, None] * np.where(labels, 1, -1)[:, None, None]
    return np.clip(128 + slope + rng.normal(0, 20, (count, 48, 48)), 0, 255).astype(np.uint8), labels


def test_settling_changes_nothing_that_is_said() -> None:
    torch.manual_seed(0)
    model = FaceEncoder({"a": 3}).eval()
    pixels = upright(two_classes(16)[0], 64)
    before = [layer.norm.weight.clone() for layer in model.body]
    for layer in model.body:  # as a network has it whose norms are inside its convolutions
        layer.norm.running_mean.zero_()
        layer.norm.running_var.fill_(1 - layer.norm.eps)
    with torch.no_grad():
        said = model.features(pixels)
        settle(model, pixels)
        again = model.features(pixels)
        assert said.abs().max() > 0 and torch.allclose(said, again, rtol=1e-3, atol=1e-4 * float(said.abs().max()))
        assert any(not torch.equal(layer.norm.weight, old) for layer, old in zip(model.body, before, strict=True))
        x = model.body[0].conv(nn.functional.pad(pixels, model.body[0].borders))
        assert torch.allclose(model.body[0].norm.running_mean, x.mean((0, 2, 3)), rtol=1e-4)


def test_folded_says_what_unfolded_says() -> None:
    torch.manual_seed(0)
    model = FaceEncoder({"a": 3}).eval()
    pixels = upright(two_classes(4)[0], 32)
    settle(model, pixels)
    with torch.no_grad():
        for layer in model.body:
            layer.norm.weight.mul_(torch.empty_like(layer.norm.weight).uniform_(0.8, 1.2))
            layer.norm.bias.add_(0.1)
        x = pixels
        for (weight, bias), layer in zip(folded(model), model.body, strict=True):
            conv = layer.conv
            x = nn.functional.pad(x, layer.borders)
            x = nn.functional.conv2d(x, torch.from_numpy(weight), torch.from_numpy(bias), conv.stride, groups=conv.groups).clamp(0, 6)
        expected = model.features(pixels)
    assert expected.std() > 0 and torch.allclose(x.mean((2, 3)), expected, rtol=1e-3, atol=1e-4)


def test_a_grey_face_is_seen_as_the_coloured_network_sees_it() -> None:
    rng = np.random.default_rng(0)
    tensors = {"conv1/convolution/merged_input": rng.normal(size=(3, 3, 3, FIRST)), "conv1_bn/batchnorm_1/sub": rng.normal(size=FIRST)}
    width = FIRST
    for at, (outward, _) in enumerate(PLAN, 1):
        tensors[f"conv_dw_{at}/depthwise_kernel"] = rng.normal(size=(3, 3, width, 1)) / 3
        tensors[f"conv_dw_{at}_bn/batchnorm_1/mul"] = rng.uniform(0.5, 1.5, width)
        tensors[f"conv_dw_{at}_bn/batchnorm_1/sub"] = rng.normal(size=width)
        tensors[f"conv_pw_{at}/convolution/merged_input"] = rng.normal(size=(1, 1, width, outward)) / np.sqrt(width)
        tensors[f"conv_pw_{at}_bn/batchnorm_1/sub"] = rng.normal(size=outward)
        width = outward
    tensors = {name: value.astype(np.float32) for name, value in tensors.items()}
    model = from_faceres(tensors, {"a": 2}).eval()
    grey = torch.from_numpy(rng.integers(0, 256, (2, 1, 32, 32)).astype(np.float32))
    coloured = grey.repeat(1, 3, 1, 1) - torch.tensor(MEANS).view(1, 3, 1, 1)
    kernel = torch.from_numpy(tensors["conv1/convolution/merged_input"].transpose(3, 2, 0, 1).copy())
    inner = nn.functional.conv2d(coloured, kernel, torch.from_numpy(tensors["conv1_bn/batchnorm_1/sub"]), 2)
    with torch.no_grad():
        ours = model.body[0].conv(grey)
        assert torch.allclose(ours, inner, rtol=1e-3, atol=0.05)
        assert model.features(grey).shape == (2, 1024)


@pytest.mark.parametrize("size", [32, 48, 96])
def test_a_face_seen_otherwise_is_still_a_face(size: int) -> None:
    pixels = torch.from_numpy(two_classes(40)[0])[:, None].float()
    made = seen(pixels, size, OPTIMISER, torch.Generator().manual_seed(0))
    assert made.shape == (40, 1, size, size) and made.dtype == torch.float32
    assert float(made.min()) >= 0 and float(made.max()) <= 255 and made.isfinite().all()
    assert torch.equal(made, seen(pixels, size, OPTIMISER, torch.Generator().manual_seed(0)))
    assert not torch.equal(made, seen(pixels, size, OPTIMISER, torch.Generator().manual_seed(1)))
    assert float((made - upright(two_classes(40)[0], size)).abs().mean()) > 3


def test_a_face_is_mirrored_and_else_stays_where_it_is() -> None:
    face = torch.zeros(1, 1, 48, 48)
    face[:, :, 8:16, 8:16] = 255  # above, on the left
    made = seen(face.repeat(64, 1, 1, 1), 48, STILL, torch.Generator().manual_seed(0))
    corners = [made[:, 0, high, wide].mean((1, 2)) for high in (slice(8, 16), slice(32, 40)) for wide in (slice(8, 16), slice(32, 40))]
    place = torch.stack(corners, 1).argmax(1)
    counts = torch.bincount(place, minlength=4)
    assert counts[0] > 15 and counts[1] > 15 and counts[2] + counts[3] <= 6  # hardly ever below, where it is covered


def test_upright_only_changes_the_size() -> None:
    pixels = two_classes(4)[0]
    assert torch.equal(upright(pixels, 48), torch.from_numpy(pixels)[:, None].float()) and upright(pixels, 96).shape == (4, 1, 96, 96)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], tuple[FaceEncoder, list[str]]]:
    """Trains a network of few layers for so many passes: what it became, and what it told of itself."""
    monkeypatch.setattr(face_encoder, "PLAN", ((32, 2), (64, 2)))
    pixels, labels = two_classes(64)
    targets = {"a": np.eye(2, dtype=np.float32)[labels], "b": np.zeros((64, 3), np.float32)}  # b is taught nothing

    def train(passes: int) -> tuple[FaceEncoder, list[str]]:
        torch.manual_seed(0)
        model, told = FaceEncoder({"a": 2, "b": 3}, dropout=OPTIMISER.dropout), list[str]()
        model.body[0].conv.weight.data /= 64  # of 0 … 255, less than 6 comes out
        optimiser = replace(OPTIMISER, passes=passes)
        return fit(model, Faces(pixels, targets), size=32, optimiser=optimiser, seed=1, report=lambda line, _: told.append(line)), told

    return train


def test_it_learns_two_classes(tiny: Callable[[int], tuple[FaceEncoder, list[str]]]) -> None:
    pixels, labels = two_classes(64)
    kept, told = tiny(OPTIMISER.passes)
    assert len(told) == OPTIMISER.passes and told[0].startswith(f"pass 1/{OPTIMISER.passes}, loss ")
    raw, mirrored = (raw_of(kept, pixels, size=32, mirrored=way) for way in (False, True))
    assert raw["a"].shape == (64, 2) and raw["b"].shape == (64, 3) and raw["a"].dtype == np.float32
    assert (raw["a"].argmax(1) == labels).mean() > 0.9 and (mirrored["a"].argmax(1) == labels).mean() > 0.9
    assert not np.array_equal(raw["a"], mirrored["a"])
    assert np.abs(raw_of(kept, pixels, size=32, batch=7)["a"] - raw["a"]).max() < 0.1  # in bf16


def test_training_is_repeatable(tiny: Callable[[int], tuple[FaceEncoder, list[str]]]) -> None:
    pixels = two_classes(64)[0]
    one, other = (raw_of(tiny(3)[0], pixels, size=32) for _ in range(2))
    assert np.array_equal(one["a"], other["a"])
