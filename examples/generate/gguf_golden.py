# SPDX-License-Identifier: MIT
"""Writes data/tiny.gguf, a random Llama of two layers with matrices of several types, and data/tiny.json, its logits by
plain NumPy in double precision from the values that the `gguf` package reads back. Needs: pip install gguf numpy.
Usage: python3 gguf_golden.py data"""
import json
import sys

import numpy as np
from gguf import GGUFReader, GGUFWriter, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

H, F, HEADS, KV, D, V, LAYERS = 64, 96, 4, 2, 16, 50, 2
EPS, THETA = 1e-5, 10000.0
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 49, 0, 17]


def write(path):
    random = np.random.default_rng(1)
    w = GGUFWriter(path, "llama")
    w.add_block_count(LAYERS)
    w.add_context_length(64)
    w.add_embedding_length(H)
    w.add_feed_forward_length(F)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV)
    w.add_layer_norm_rms_eps(EPS)
    w.add_rope_freq_base(THETA)
    w.add_rope_dimension_count(D)

    def add(name, rows, cols, kind):
        x = (random.standard_normal((rows, cols)) / np.sqrt(cols)).astype(np.float32)
        w.add_tensor(name, quantize(x, kind), raw_dtype=kind)

    add("token_embd.weight", V, H, T.F16)
    add("output.weight", V, H, T.Q8_0)
    for name, size in [("output_norm", H)] + [(f"blk.{i}.{n}_norm", H) for i in range(LAYERS) for n in ("attn", "ffn")]:
        w.add_tensor(name + ".weight", (1 + 0.1 * random.standard_normal(size)).astype(np.float32))
    w.add_tensor("rope_freqs.weight", (1 + np.arange(D // 2) % 3).astype(np.float32))
    for i, kinds in enumerate([(T.Q4_1, T.Q8_0, T.BF16, T.Q4_0, T.Q4_1, T.Q4_1, T.Q4_1),
                               (T.F32, T.Q5_0, T.Q5_1, T.F16, T.Q8_0, T.Q4_0, T.Q8_0)]):
        shapes = {"attn_q": (HEADS * D, H), "attn_k": (KV * D, H), "attn_v": (KV * D, H), "attn_output": (H, HEADS * D),
                  "ffn_gate": (F, H), "ffn_up": (F, H), "ffn_down": (H, F)}
        for (name, (rows, cols)), kind in zip(shapes.items(), kinds):
            add(f"blk.{i}.{name}.weight", rows, cols, kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def logits(path):
    t = {x.name: dequantize(x.data, x.tensor_type).astype(np.float64) for x in GGUFReader(path).tensors}
    norm = lambda x, n: x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * t[n + ".weight"]
    positions = np.arange(len(TOKENS))[:, None]
    angle = positions * THETA ** (-2 * np.arange(D // 2) / D)[None] / t["rope_freqs.weight"]
    cos, sin = np.cos(angle), np.sin(angle)

    def rotate(x, heads):  # neighbours
        x = x.reshape(len(TOKENS), heads, D // 2, 2)
        a, b = x[..., 0], x[..., 1]
        return np.stack([a * cos[:, None] - b * sin[:, None], b * cos[:, None] + a * sin[:, None]], -1).reshape(
            len(TOKENS), heads, D)

    x = t["token_embd.weight"][TOKENS]
    for i in range(LAYERS):
        p = lambda n: t[f"blk.{i}.{n}.weight"]
        h = norm(x, f"blk.{i}.attn_norm")
        q, k = rotate(h @ p("attn_q").T, HEADS), rotate(h @ p("attn_k").T, KV)
        v = (h @ p("attn_v").T).reshape(len(TOKENS), KV, D)
        out = np.zeros((len(TOKENS), HEADS, D))
        for head in range(HEADS):
            s = q[:, head] @ k[:, head // (HEADS // KV)].T / np.sqrt(D)
            s[np.triu_indices(len(TOKENS), 1)] = -np.inf
            e = np.exp(s - s.max(-1, keepdims=True))
            out[:, head] = e / e.sum(-1, keepdims=True) @ v[:, head // (HEADS // KV)]
        x = x + out.reshape(len(TOKENS), HEADS * D) @ p("attn_output").T
        h = norm(x, f"blk.{i}.ffn_norm")
        gate = h @ p("ffn_gate").T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ p("ffn_up").T)) @ p("ffn_down").T
    return norm(x, "output_norm") @ t["output.weight"].T


folder = sys.argv[1]
write(folder + "/tiny.gguf")
json.dump({"tokens": TOKENS, "logits": [[round(float(v), 6) for v in row] for row in logits(folder + "/tiny.gguf")]},
          open(folder + "/tiny.json", "w"))
