# SPDX-License-Identifier: MIT
"""Writes data/tiny.gguf and data/mixed.gguf, random Llamas of two layers with matrices of many types, and data/tiny.json and
data/mixed.json, their logits by plain NumPy in double precision from the values that the `gguf` package reads back.
Needs: pip install gguf numpy. Usage: python3 gguf_golden.py data"""
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGUFReader, GGUFWriter, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

HEADS, KV, D, LAYERS = 4, 2, 16, 2
EPS, THETA = 1e-5, 10000.0
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 49, 0, 17]  # modulo the vocabulary
# Types of the embedding, of the head, and of q k v o gate up down of each layer.
TINY = (T.F16, T.Q8_0, [(T.Q4_1, T.Q8_0, T.BF16, T.Q4_0, T.Q4_1, T.Q4_1, T.Q4_1),
                        (T.F32, T.Q5_0, T.Q5_1, T.F16, T.Q8_0, T.Q4_0, T.Q8_0)])
MIXED = (T.Q6_K, T.IQ4_XS, [(T.Q4_K, T.Q6_K, T.Q5_K, T.IQ4_NL, T.Q2_K, T.Q3_K, T.NVFP4),
                            (T.TQ1_0, T.Q4_K, T.Q4_K, T.Q5_1, T.NVFP4, T.TQ2_0, T.MXFP4)])
# Where the floats of a block are: the rest of it may be anything.
FLOATS = {T.Q2_K: (80, 82), T.Q3_K: (108,), T.Q4_K: (0, 2), T.Q5_K: (0, 2), T.Q6_K: (208,), T.IQ4_NL: (0,),
          T.IQ4_XS: (0,), T.TQ1_0: (52,), T.TQ2_0: (64,), T.NVFP4: (), T.MXFP4: ()}


def random_blocks(random, rows, cols, kind):
    """Bytes of blocks that NumPy cannot quantize to, whose values have the size of 1 / sqrt(cols)."""
    elements, size = GGML_QUANT_SIZES[kind]
    raw = random.integers(0, 256, (rows * cols // elements, size), dtype=np.uint8)
    if kind == T.NVFP4:
        raw[:, :4] = random.integers(40, 64, (len(raw), 4))
    if kind == T.MXFP4:
        raw[:, 0] = random.integers(119, 123, len(raw))
    scales = random.uniform(0.5, 1, (len(raw), 2))
    for step in range(2):
        for i, at in enumerate(FLOATS[kind]):
            raw[:, at:at + 2] = scales[:, i:i + 1].astype(np.float16).view(np.uint8)
        size = np.sqrt((dequantize(raw.reshape(rows, -1), kind).astype(np.float64) ** 2).mean() * cols)
        scales /= size
    return raw.reshape(rows, -1), size


def write(path, H, F, V, types):
    random = np.random.default_rng(1)
    w = GGUFWriter(path, "llama")
    w.add_block_count(LAYERS)
    w.add_context_length(64)
    w.add_embedding_length(H)
    w.add_feed_forward_length(F)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV)
    if H // HEADS != D:
        w.add_key_length(D)
        w.add_value_length(D)
    w.add_layer_norm_rms_eps(EPS)
    w.add_rope_freq_base(THETA)
    w.add_rope_dimension_count(D)

    def add(name, rows, cols, kind):
        if kind in FLOATS:
            raw, size = random_blocks(random, rows, cols, kind)
            w.add_tensor(name, raw, raw_dtype=kind)
            if kind == T.NVFP4:
                w.add_tensor(name.replace(".weight", ".scale"), np.array([1 / size], np.float32))
            return
        x = (random.standard_normal((rows, cols)) / np.sqrt(cols)).astype(np.float32)
        w.add_tensor(name, quantize(x, kind), raw_dtype=kind)

    embedding, head, layers = types
    add("token_embd.weight", V, H, embedding)
    add("output.weight", V, H, head)
    for name, size in [("output_norm", H)] + [(f"blk.{i}.{n}_norm", H) for i in range(LAYERS) for n in ("attn", "ffn")]:
        w.add_tensor(name + ".weight", (1 + 0.1 * random.standard_normal(size)).astype(np.float32))
    w.add_tensor("rope_freqs.weight", (1 + np.arange(D // 2) % 3).astype(np.float32))
    for i, kinds in enumerate(layers):
        shapes = {"attn_q": (HEADS * D, H), "attn_k": (KV * D, H), "attn_v": (KV * D, H), "attn_output": (H, HEADS * D),
                  "ffn_gate": (F, H), "ffn_up": (F, H), "ffn_down": (H, F)}
        for (name, (rows, cols)), kind in zip(shapes.items(), kinds):
            add(f"blk.{i}.{name}.weight", rows, cols, kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def bytes_per_token(x):
    """What INT8 with a scale for each token makes of activations."""
    scale = np.abs(x).max(-1, keepdims=True) / 127
    return np.rint(x / scale) * scale


def logits(path, rounded=lambda x: x):
    t = {x.name: dequantize(x.data, x.tensor_type).astype(np.float64) for x in GGUFReader(path).tensors}
    for name in [n for n in t if n.endswith(".scale")]:
        t[name.replace(".scale", ".weight")] *= t[name][0]
    norm = lambda x, n: x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * t[n + ".weight"]
    positions = np.arange(len(TOKENS))[:, None]
    angle = positions * THETA ** (-2 * np.arange(D // 2) / D)[None] / t["rope_freqs.weight"]
    cos, sin = np.cos(angle), np.sin(angle)

    def rotate(x, heads):  # neighbours
        x = x.reshape(len(TOKENS), heads, D // 2, 2)
        a, b = x[..., 0], x[..., 1]
        return np.stack([a * cos[:, None] - b * sin[:, None], b * cos[:, None] + a * sin[:, None]], -1).reshape(
            len(TOKENS), heads, D)

    x = t["token_embd.weight"][np.array(TOKENS) % len(t["token_embd.weight"])]
    for i in range(LAYERS):
        p = lambda n: t[f"blk.{i}.{n}.weight"]
        h = rounded(norm(x, f"blk.{i}.attn_norm"))
        q, k = rotate(h @ p("attn_q").T, HEADS), rotate(h @ p("attn_k").T, KV)
        v = (h @ p("attn_v").T).reshape(len(TOKENS), KV, D)
        out = np.zeros((len(TOKENS), HEADS, D))
        for head in range(HEADS):
            s = q[:, head] @ k[:, head // (HEADS // KV)].T / np.sqrt(D)
            s[np.triu_indices(len(TOKENS), 1)] = -np.inf
            e = np.exp(s - s.max(-1, keepdims=True))
            out[:, head] = e / e.sum(-1, keepdims=True) @ v[:, head // (HEADS // KV)]
        x = x + rounded(out.reshape(len(TOKENS), HEADS * D)) @ p("attn_output").T
        h = rounded(norm(x, f"blk.{i}.ffn_norm"))
        gate = h @ p("ffn_gate").T
        x = x + rounded(gate / (1 + np.exp(-gate)) * (h @ p("ffn_up").T)) @ p("ffn_down").T
    return rounded(norm(x, "output_norm")) @ t["output.weight"].T


folder = sys.argv[1]
for name, shape in ("tiny", (64, 96, 50, TINY)), ("mixed", (256, 256, 20, MIXED)):
    path = f"{folder}/{name}.gguf"
    write(path, *shape)
    exact, int8 = ([[round(float(v), 6) for v in row] for row in logits(path, how)] for how in (np.asarray, bytes_per_token))
    json.dump({"tokens": [i % shape[2] for i in TOKENS], "logits": exact, "int8": int8}, open(f"{folder}/{name}.json", "w"))
