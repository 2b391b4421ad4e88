#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains small vocabularies on data/heldout.txt of examples/generate and writes data/golden.json: the vocabularies, nasty
texts, and what the packages tokenizers and sentencepiece make of them.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 && python golden.py
"""
import io
import json
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
TEXT = (HERE.parent / "generate/data/heldout.txt").read_text(encoding="utf-8")[:20000]
TEXT += " naïve café, 日本語 and 한국어; 12 345 678 99 100 200 1999 2024!! ... \n\n\n  x = y\t\t1\r\n" * 8 + " 1234567" * 40
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
CONTROL = ["<|begin|>", "<|end|>", "<|end|>>"]
USER = "<think>"

CASES = [
    "", " ", "  ", "\n", "\n\n x", "\n \n  y", "a" * 100, "the" * 40, " " * 33 + "x", "x" + " " * 33,
    "It is a truth universally acknowledged, that a single man in possession of a good fortune",
    "don't DON'T it's we'LL 'sss ''s I'VE 'rE 'Re", "x'ſ 'ſ 'ß", "1234567 3.14  5 ½ ² ٣ Ⅷ 𝟘𝟙𝟚𝟛 12 a1b22c333d4444",
    "naïve café e\u0301 日本語 한국어 🙂👨‍👩‍👧 \u200b\ufeff", "\u0085\u00a0\u2003\u3000 x \u00a0y\u2028\u2029z \u202f\u180e",
    "\r\n\r\n\t x\t\t1\v\f2 \r y", "\x00\x01\x04\x1c\x1d\x1e\x1f\x7f\x80", "\U0010ffff\U000e0001\ufffe\ufdd0\ue000",
    "मानक हिन्दी ไทย العربية עִבְרִית", "_under_score  __init__(self):\n    return  x!!!\n\n\n\n\tz;;\r\n\r\n  end ",
    "<|begin|>hello<|end|>\n", "<|begin|><|begin|", "x<|end|>>  5<|end|> <|end|>>>", "a<think> b</think><think>",
    "▁ ▁▁x ▁", "<0x41><unk><s></s>", "\U0001f642\U0001f680\u0378\u05c8",
]


def bpe(split, whole_words):
    tokenizer = Tokenizer(models.BPE(ignore_merges=whole_words))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split != "llama3")
    before = {"gpt2": [], "smollm": [pre_tokenizers.Digits(individual_digits=True)],
              "llama3": [pre_tokenizers.Split(Regex(LLAMA3), "isolated")]}[split]
    # Trained on longer words than it then sees, so that some merges would cross the ends of those.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    trainer = trainers.BpeTrainer(vocab_size=480, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*before, level])
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [t for t, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    merges = [" ".join(m) for m in model["merges"]]
    if whole_words:  # words that no merge reaches
        tokens += [w for w in ("Ġacknowledged", "Ġuniversally") if w not in tokens]
        tokenizer.model = models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges],
                                     ignore_merges=True)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    tokenizer.add_tokens([AddedToken(USER, special=False, normalized=False)])
    cases = []
    for text in CASES:
        tokenizer.encode_special_tokens = True  # that is: as plain text
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        cases.append({"text": text, "plain": plain, "special": tokenizer.encode(text, add_special_tokens=False).ids})
    kinds = [1] * len(tokens) + [3] * len(CONTROL) + [4]
    return {"rule": split, "whole_words": whole_words, "tokens": tokens + CONTROL + [USER], "kinds": kinds,
            "merges": merges, "cases": cases}


def pieces(space_prefix):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.split("\n")), model_writer=model, vocab_size=560, model_type="bpe",
        byte_fallback=True, character_coverage=0.999, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=space_prefix, split_digits=True,
        allow_whitespace_only_pieces=True, user_defined_symbols=[USER], minloglevel=2)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(sp.get_piece_size())
    kinds = [2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else
             4 if sp.id_to_piece(i) == USER else 1 for i in ids]
    # NUL ends no text of ours, but some of sentencepiece's; what it calls normalized is ours unchanged.
    return {"space_prefix": space_prefix, "tokens": [sp.id_to_piece(i) for i in ids],
            "scores": [sp.get_score(i) for i in ids], "kinds": kinds,
            "cases": [{"text": t, "plain": sp.encode(t)} for t in CASES]}


golden = {"byte_bpe": [bpe("gpt2", False), bpe("smollm", False), bpe("llama3", True)],
          "sentencepiece": [pieces(True), pieces(False)]}
text = json.dumps(golden, ensure_ascii=True, separators=(",", ":")).replace('},{"text"', '},\n{"text"')
(HERE / "data/golden.json").write_text(text + "\n", encoding="ascii")
