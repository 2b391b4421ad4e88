#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the golden files beside it. Run by hand: pip install gguf==0.19.0 safetensors==0.8.0 numpy==2.4.6 ml_dtypes

    types.gguf        types of small blocks that import_ggml reads, one that it does not, and what the package gguf decodes
    blocks.gguf       the same of blocks of 256, of IQ4_NL and NVFP4
    compressed.safetensors   W8A8 and W4A16 as compressed-tensors stores them, and their values by numpy
    fp8.safetensors   FP8 as compressed-tensors, DeepSeek and Qwen store it, and the values by ml_dtypes and numpy
    weights.octavo    packed matrices, by the words of storage/panel.hpp, from the same codes
    products.f32      what they give for two tokens of integers, by exact sums and one rounding for each group
    storages.octavo   matrices with outliers, of words and of additive codebooks, and what they give for such tokens
"""
import json
import struct
from fractions import Fraction
from pathlib import Path

import gguf
import ml_dtypes
import numpy as np
from gguf.quants import dequantize
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
rng = np.random.default_rng(1)
Q = gguf.GGMLQuantizationType


def blocks(kind, rows, cols):
    """Random blocks: every code, scales of both signs, f16 subnormals among them."""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    n = rows * cols // elements
    raw = rng.integers(0, 256, (n, size), dtype=np.uint8)
    scale = np.concatenate([rng.normal(0, 0.1, n - 2), [6e-8, -2e-6]]).astype(np.float16)
    if kind == Q.MXFP4:
        raw[:, 0] = np.concatenate([rng.integers(100, 150, n - 3), [0, 1, 254]])
    else:
        raw[:, :2] = scale.view(np.uint8).reshape(n, 2)
    if kind in (Q.Q4_1, Q.Q5_1):
        raw[:, 2:4] = rng.normal(0, 1, n).astype(np.float16).view(np.uint8).reshape(n, 2)
    return raw.reshape(rows, -1)


def write_gguf():
    out = gguf.GGUFWriter(HERE / "types.gguf", "golden")
    out.add_uint8("u8", 200)
    out.add_int8("i8", -100)
    out.add_uint16("u16", 60000)
    out.add_int16("i16", -30000)
    out.add_uint32("u32", 4000000000)
    out.add_int32("i32", -2000000000)
    out.add_uint64("u64", 2**63 + 1)
    out.add_int64("i64", -2**62)
    out.add_float32("f32", 0.1)
    out.add_float64("f64", 0.1)
    out.add_bool("yes", True)
    out.add_string("text", "Grüße, 你好 🙂")
    out.add_array("texts", ["a", "", "ß"])
    out.add_array("numbers", [1, -2, 3])
    out.add_array("floats", [0.5, -1.5])
    out.add_array("bools", [True, False])
    rows, cols = 3, 64
    x = rng.normal(0, 1, (rows, cols)).astype(np.float32)
    out.add_tensor("f32", x)
    out.add_tensor("f16", x.astype(np.float16))
    out.add_tensor("f16.expected", x.astype(np.float16).astype(np.float32))
    b = x.astype(ml_dtypes.bfloat16)
    out.add_tensor("bf16", b.view(np.uint8), raw_dtype=Q.BF16)
    out.add_tensor("bf16.expected", b.astype(np.float32))
    for kind in (Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.MXFP4):
        raw = blocks(kind, rows, cols)
        out.add_tensor(kind.name.lower(), raw, raw_dtype=kind)
        with np.errstate(over="ignore"):
            out.add_tensor(kind.name.lower() + ".expected", dequantize(raw, kind).reshape(rows, cols))
    out.add_tensor("iq2_xxs", rng.integers(0, 256, (1, 144), dtype=np.uint8)[:, :66].copy(), raw_dtype=Q.IQ2_XXS)
    write(out)


def write_blocks():
    """Random bytes, but for the floats of a block: where they are, and how many bytes."""
    floats = {Q.Q2_K: (80, 82), Q.Q3_K: (108,), Q.Q4_K: (0, 2), Q.Q5_K: (0, 2), Q.Q6_K: (208,), Q.IQ4_NL: (0,),
              Q.IQ4_XS: (0,), Q.TQ1_0: (52,), Q.TQ2_0: (64,), Q.NVFP4: ()}
    random = np.random.default_rng(2)
    out = gguf.GGUFWriter(HERE / "blocks.gguf", "golden")
    rows, cols = 3, 256
    for kind, places in floats.items():
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        raw = random.integers(0, 256, (rows * cols // elements, size), dtype=np.uint8)
        for at in places:
            raw[:, at:at + 2] = random.normal(0, 0.1, len(raw)).astype(np.float16).view(np.uint8).reshape(-1, 2)
        if kind == Q.NVFP4:
            raw[:, :4] &= 127
        raw = raw.reshape(rows, -1)
        out.add_tensor(kind.name.lower(), raw, raw_dtype=kind)
        out.add_tensor(kind.name.lower() + ".expected", dequantize(raw, kind).reshape(rows, cols))
    write(out)


def write(out):
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def pack_words(u, bits):
    """Unsigned codes (n, k) -> int32 (n, ceil(k / per)), the first in the low bits."""
    per = 32 // bits
    n, k = u.shape
    padded = np.zeros((n, -(-k // per) * per), np.uint64)
    padded[:, :k] = u
    shifts = (np.arange(per, dtype=np.uint64) * np.uint64(bits))
    words = (padded.reshape(n, -1, per) << shifts).sum(2)
    return words.astype(np.uint32).view(np.int32)


def write_compressed():
    t = {}
    rows, cols = 5, 40
    bf16 = ml_dtypes.bfloat16

    q = rng.integers(-128, 128, (rows, cols), dtype=np.int8)
    s = np.abs(rng.normal(0, 0.1, (rows, 1))).astype(bf16)
    t["w8.weight"], t["w8.weight_scale"] = q, s
    t["w8.expected"] = s.astype(np.float32) * q.astype(np.float32)
    t["w8_tensor.weight"], t["w8_tensor.weight_scale"] = q, np.array([0.25], np.float32)
    t["w8_tensor.expected"] = np.float32(0.25) * q.astype(np.float32)

    rows, cols, group = 10, 64, 32
    u = rng.integers(0, 16, (rows, cols), dtype=np.uint8)
    shape = np.array([rows, cols], np.int64)
    s = rng.normal(0, 0.1, (rows, cols // group)).astype(np.float16)
    wide = np.repeat(s.astype(np.float32), group, 1)
    t["w4.weight_packed"], t["w4.weight_scale"], t["w4.weight_shape"] = pack_words(u, 4), s, shape
    t["w4.expected"] = wide * (u.astype(np.float32) - 8)
    z = rng.integers(0, 16, s.shape, dtype=np.uint8)
    s = s.astype(np.float32).astype(bf16)
    wide = np.repeat(s.astype(np.float32), group, 1)
    t["w4z.weight_packed"], t["w4z.weight_scale"], t["w4z.weight_shape"] = pack_words(u, 4), s, shape
    t["w4z.weight_zero_point"] = np.ascontiguousarray(pack_words(z.T, 4).T)
    t["w4z.expected"] = wide * (u.astype(np.float32) - np.repeat(z, group, 1).astype(np.float32))
    save_file(t, HERE / "compressed.safetensors")
    return t, u, z


def write_fp8():
    """Every code of e4m3, NaN among them, by scales of the tensor, of rows and of blocks."""
    random = np.random.default_rng(4)
    e4m3, bf16 = ml_dtypes.float8_e4m3fn, ml_dtypes.bfloat16
    t = {}

    def add(name, codes, scale, wide, suffix=".weight_scale"):
        t[name + ".weight"], t[name + suffix] = codes.view(e4m3), scale
        t[name + ".expected"] = np.broadcast_to(wide, codes.shape) * codes.view(e4m3).astype(np.float32)

    every = np.arange(256, dtype=np.uint8).reshape(8, 32)
    s = np.abs(random.normal(0, 0.1, (8, 1))).astype(np.float32)
    add("rows", every, s, s)
    s = s.astype(bf16)
    add("rows_bf16", every, s, s.astype(np.float32))
    add("tensor", every, np.array([0.375], np.float32), np.float32(0.375))
    s = np.array(0.0123, bf16)
    add("tensor_bf16", every, s, s.astype(np.float32))
    codes = random.integers(0, 127, (130, 3), dtype=np.uint8) | random.integers(0, 2, (130, 3), dtype=np.uint8) << 7
    s = np.abs(random.normal(0, 0.1, (2, 1))).astype(np.float32)
    add("block", codes, s, np.repeat(s, 128, 0)[:130], ".weight_scale_inv")
    codes = random.integers(0, 127, (10, 70), dtype=np.uint8)
    s = np.abs(random.normal(0, 0.1, (3, 3))).astype(np.float32)
    add("block_4x32", codes, s, np.repeat(np.repeat(s, 4, 0), 32, 1)[:10, :70])
    # safetensors.numpy does not know float8: by its specification.
    names = {"float8_e4m3fn": "F8_E4M3", "bfloat16": "BF16", "float32": "F32"}
    header, data = {}, b""
    for name, a in sorted(t.items(), key=lambda item: (-item[1].itemsize, item[0])):
        header[name] = {"dtype": names[a.dtype.name], "shape": list(a.shape), "data_offsets": [len(data), len(data) + a.nbytes]}
        data += a.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (HERE / "fp8.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def panels(codes, bits, group, params):
    """panel64_v1 by the words of storage/panel.hpp. codes: unsigned (rows, cols); params(row, g) -> (scale, zero) bytes."""
    rows, cols = codes.shape
    quads = 8 // bits
    step = 4 * quads
    out = bytearray()
    zero_code = 8 if bits == 4 and params(0, 0)[1] == b"" else 128 if bits == 8 else 0
    for panel in range(-(-rows // 64)):
        for g in range(-(-cols // group)):
            length = min(group, cols - g * group)
            for s in range(-(-length // step)):
                block = bytearray(256)
                for r in range(64):
                    for i in range(step):
                        k = s * step + i
                        there = panel * 64 + r < rows and k < length
                        c = int(codes[panel * 64 + r, g * group + k]) if there else zero_code
                        block[r // 16 * 64 + r % 16 * 4 + i % 4] |= c << (i // 4 * bits)
                out += block
            every = [params(panel * 64 + r, g) if panel * 64 + r < rows else None for r in range(64)]
            width, zero_width = len(params(0, 0)[0]), len(params(0, 0)[1])
            for which, n in ((0, width), (1, zero_width)):
                out += b"".join(p[which] if p else bytes(n) for p in every)
    return bytes(out)


def write_packed(t, u, z):
    w8 = (t["w8.weight"].astype(np.int16) + 128).astype(np.uint8)
    w8_scale = t["w8.weight_scale"].astype(np.float32)
    matrices = [
        ("w8", "int8 x f32, per_row", w8.shape, panels(w8, 8, w8.shape[1], lambda r, g: (w8_scale[r, 0].tobytes(), b""))),
        ("w4", "int4 x f16, per_group<32>", u.shape,
         panels(u, 4, 32, lambda r, g: (t["w4.weight_scale"][r, g].tobytes(), b""))),
        ("w4z", "(uint4 - zero) x bf16, per_group<32>", u.shape,
         panels(u, 4, 32, lambda r, g: (t["w4z.weight_scale"][r, g].tobytes(), bytes([z[r, g]])))),
    ]
    write_octavo("weights.octavo", matrices)


def write_octavo(file, matrices):
    """Matrices are (name, scheme, shape, bytes)."""
    head = 40 + sum(40 + len(name) + len(scheme) for name, scheme, _, _ in matrices)
    table, data, at = b"", b"", head
    for name, scheme, shape, raw in matrices:
        pad = -at % 64
        table += struct.pack("<qqQQII", *shape, at + pad, len(raw), len(name), len(scheme)) + name.encode() + scheme.encode()
        data += bytes(pad) + raw
        at += pad + len(raw)
    header = struct.pack("<8sIIIIQQ", b"octavo\n\1", 0x01020304, 1, 64, len(matrices), len(table), at)
    (HERE / file).write_bytes(header + table + data)


def token(n, cols):
    """Element k is (37 k + 11 n) % 255 - 127, element 0 is 127: so INT8 per token has the scale 1."""
    return [127] + [(37 * k + 11 * n) % 255 - 127 for k in range(1, cols)]


def rounded(y):
    return Fraction(float(np.float32(float(y))))


def products(codes, group, scale):
    rows, cols = codes.shape
    for n in range(2):
        x = token(n, cols)
        for r in range(rows):
            y = Fraction(0)
            for first in range(0, cols, group):
                acc = sum(int(codes[r, k]) * x[k] for k in range(first, min(first + group, cols)))
                exact = np.float32(acc)  # below 2^24
                y = rounded(y + Fraction(float(exact)) * Fraction(float(scale[r, first // group])))
            yield float(y)


def write_products(t, u):
    y = [*products(t["w8.weight"], t["w8.weight"].shape[1], t["w8.weight_scale"]),
         *products(u.astype(int) - 8, 32, t["w4.weight_scale"])]
    (HERE / "products.f32").write_bytes(np.array(y, "<f4").tobytes())


def write_storages(t, u):
    """Outliers beside w4 of weights.octavo; words of 12 bits; AQLM of 2 codebooks of 16 vectors, by the words of storage/."""
    random = np.random.default_rng(3)
    joined = lambda parts: b"".join(part + bytes(-len(part) % 64) for part in parts[:-1]) + parts[-1]
    matrices = []

    def add(name, scheme, shape, parts, y):
        matrices.append((name, scheme, shape, joined(parts)))
        matrices.append((name + ".products", "f32", (shape[0], 2), np.array(y, "<f4").tobytes()))

    rows, cols = 20, 64
    codes, scale = np.concatenate([u, u]), np.concatenate([t["w4.weight_scale"]] * 2)
    sparse = [sorted(random.choice(cols, r % 5, replace=False)) for r in range(rows)]
    numbers = [random.normal(0, 1, len(columns)).astype(np.float16) for columns in sparse]
    starts, slices = [0], b""
    for first in range(0, rows, 16):
        longest = max(len(columns) for columns in sparse[first:first + 16])
        starts.append(starts[-1] + longest)
        for e in range(longest):
            both = np.zeros((2, 16), np.uint16)
            for r in range(first, min(first + 16, rows)):
                if e < len(sparse[r]):
                    both[:, r - first] = sparse[r][e], numbers[r][e].view(np.uint16)
            slices += both.tobytes()
    y = list(products(codes.astype(int) - 8, 32, scale))
    for n in range(2):
        x = token(n, cols)
        for r in range(rows):
            chain = Fraction(0)
            for k, number in zip(sparse[r], numbers[r]):
                chain = rounded(chain + Fraction(float(number)) * x[k])
            y[n * rows + r] = float(rounded(Fraction(y[n * rows + r]) + chain))
    dense = panels(codes, 4, 32, lambda r, g: (scale[r, g].tobytes(), b""))
    add("outliers", "int4 x f16, per_group<32> + f16 outliers", (rows, cols),
        [dense, np.array(starts, "<i8").tobytes(), slices], y)

    rows, cols = 5, 7
    words = random.integers(-2048, 2048, (rows, cols))
    panel = np.zeros((4, 64, 2), "<i2")
    for r in range(rows):
        for k in range(cols):
            panel[k // 2, r, k % 2] = words[r, k]
    y = [sum(int(words[r, k]) * token(n, cols)[k] for k in range(cols)) / 1024 for n in range(2) for r in range(rows)]
    add("fixed", "fixed_point<12, 10>", (rows, cols), [panel.tobytes()], y)

    rows, cols = 3, 24
    codes = random.integers(0, 16, (rows, cols // 8, 2), dtype=np.uint8)
    books = (random.integers(-16, 17, (2, 16, 8)) / 8).astype(np.float16)
    scales = random.normal(0, 1, rows).astype(np.float32)
    sums = [np.concatenate([books[0, a].astype(float) + books[1, b] for a, b in codes[r]]) for r in range(rows)]
    y = [np.float32(sums[r] @ token(n, cols)) * scales[r] for n in range(2) for r in range(rows)]  # exact but for the last
    add("additive", "additive 2x4, groups of 8, f16", (rows, cols), [codes.tobytes(), books.tobytes(), scales.tobytes()], y)
    write_octavo("storages.octavo", matrices)


write_gguf()
write_blocks()
weights, codes, zeros = write_compressed()
write_packed(weights, codes, zeros)
write_products(weights, codes)
write_storages(weights, codes)
write_fp8()
