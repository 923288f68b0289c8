"""A small GPT (Radford et al. 2018, 2019) of one's own: a byte-level vocabulary, and a network that learned to go on with texts.

Saved in the hub's format, so that fine-tuning opens it as it opens any other.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from affekt.encoders._tokens import TOKENIZER
from affekt.preprocessing.text import normalise
from affekt.training.loop import Watch
from affekt.training.networks import library
from affekt.training.text_hub import save_body

END = "<|endoftext|>"  # GPT-2's name for it
BATCH = 16  # blocks of a step: of so few texts, many small steps teach more than few large ones
WARM_UP, CLIP, WEIGHT_DECAY = 0.1, 1.0, 0.01  # share of the steps; length of a gradient; AdamW's


@dataclass(frozen=True, slots=True)
class Shape:
    """What such a model is made like, and how it learns.

    Args:
        width: of a token's vector, a multiple of `heads`.
        vocabulary: tokens, at most; 257 are the bytes and the end.
        tokens: of a block, and positions that there are.
        epochs: times that every token is seen.
        rate: AdamW's, at its height.
    """

    layers: int
    width: int
    heads: int
    vocabulary: int
    tokens: int
    epochs: int
    rate: float


def pretrain(texts: Sequence[str], work: Path, *, shape: Shape, seed: int, watch: Watch) -> Path:
    """The folder of a model that has learned these texts; one that `work` holds already is not trained again."""
    told = sha256(json.dumps([repr(shape), seed, list(texts)]).encode()).hexdigest()
    folder = work / f"pretrained-{told[:12]}"
    if folder.is_dir():
        watch.tell("the pretrained model is there already")
        return folder
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    clean = [normalise(text) for text in texts]
    tokenizer = spell(clean, vocabulary=shape.vocabulary)
    tokenizer.save(str(part / TOKENIZER))
    torch.manual_seed(seed)
    model = build(tokenizer, shape)
    stream = torch.tensor([token for one in tokenizer.encode_batch(clean) for token in one.ids])
    continue_texts(model, stream, shape=shape, seed=seed, watch=watch)
    save_body(model.transformer, part)
    part.rename(folder)
    return folder


def spell(texts: Sequence[str], *, vocabulary: int) -> Tokenizer:
    """Byte pairs (Sennrich et al. 2016) over the bytes of the texts; the end mark stands behind every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)  # so that a word is spelt alike wherever it stands
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))])
    return tokenizer


def build(tokenizer: Tokenizer, shape: Shape) -> Any:
    """The network, untrained."""
    transformers, end = library("transformers"), tokenizer.token_to_id(END)
    config = transformers.GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=shape.tokens,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own, in one operation
        resid_pdrop=0.0,  # each text is seen once or twice, so that there is nothing to learn by heart
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    return transformers.GPT2LMHeadModel(config)


def continue_texts(model: Any, stream: Tensor, *, shape: Shape, seed: int, watch: Watch) -> None:
    """Teaches the network, in place, to say each token after those before it.

    Args:
        stream: the tokens of all texts, one text behind the other, (tokens,).
    """
    device = library("accelerate").PartialState().device
    long = min(shape.tokens, len(stream))
    blocks = stream[: len(stream) // long * long].view(-1, long)  # (blocks, tokens)
    steps = shape.epochs * -(-len(blocks) // BATCH)
    warm = max(int(WARM_UP * steps), 1)
    model.to(device).train()
    adam = torch.optim.AdamW(model.parameters(), lr=shape.rate, weight_decay=WEIGHT_DECAY)
    schedule = LambdaLR(adam, lambda step: min((step + 1) / warm, (steps - step) / max(steps - warm, 1)))
    chance, done, running = torch.Generator().manual_seed(seed), 0, float("nan")
    for epoch in range(shape.epochs):
        for chosen in torch.randperm(len(blocks), generator=chance).split(BATCH):
            some = blocks[chosen].to(device)
            raw = model(input_ids=some, attention_mask=torch.ones_like(some), use_cache=False).logits[:, :-1]
            cost = nn.functional.cross_entropy(raw.flatten(0, 1), some[:, 1:].flatten())
            cost.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            adam.step()
            adam.zero_grad()
            schedule.step()
            done += 1
            running = cost.item() if done == 1 else 0.98 * running + 0.02 * cost.item()
            watch.step(done, steps, running)
        watch.tell(f"pretraining, epoch {epoch + 1}/{shape.epochs}: loss {running:.4f}")
