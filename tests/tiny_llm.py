"""A language model so small that a test makes it: it has learned by heart to answer one question about three words."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from affekt.encoders._llm_prompt import Messages, messages_of
from affekt.encoders._llm_settings import Settings
from affekt.parts import LabelSet

TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
STEPS = 150
ENOUGH = 0.02  # loss of an answer's tokens, from which greedy decoding repeats them


def make_tiny(folder: Path, labels: LabelSet, words: dict[str, str]) -> float:
    """Writes the model in the hub's format; gives the loss it ends with.

    Args:
        words: what a text says -> its label.
    """
    asked = {word: messages_of(word, labels, Settings(model="tiny"), answer="scores") for word in words}
    answers = {word: json.dumps({"scores": {name: 85 if name == label else 5 for name in labels.labels}}) for word, label in words.items()}
    tokenizer = _tokenizer([*(one["content"] for messages in asked.values() for one in messages), *answers.values()])
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a network this small waits for threads longer than it works
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=2048,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    model = LlamaForCausalLM(config)
    loss = _learn(model, [_example(tokenizer, asked[word], answers[word]) for word in words])
    torch.set_num_threads(threads)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return loss


def _tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>"]
    made.train_from_iterator(
        texts * 5, trainers.BpeTrainer(vocab_size=800, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _example(tokenizer: PreTrainedTokenizerFast, messages: Messages, answer: str) -> tuple[list[int], int]:
    """Ids of a whole exchange, and how many of them are the question."""
    asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    question = tokenizer(asked, add_special_tokens=False)["input_ids"]
    return [*question, *tokenizer(answer, add_special_tokens=False)["input_ids"], 1], len(question)


def _learn(model: LlamaForCausalLM, examples: list[tuple[list[int], int]]) -> float:
    long = max(len(ids) for ids, _ in examples)
    inputs = torch.tensor([ids + [2] * (long - len(ids)) for ids, _ in examples])
    targets = torch.tensor([[-100] * asked + ids[asked:] + [-100] * (long - len(ids)) for ids, asked in examples])
    adam = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loss = torch.tensor(1.0)
    for _ in range(STEPS):
        loss = model(input_ids=inputs, labels=targets).loss
        loss.backward()
        adam.step()
        adam.zero_grad()
        if loss.item() < ENOUGH:
            break
    return loss.item()
