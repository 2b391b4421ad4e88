#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes minifloat.hpp beside it. Run by hand: pip install numpy==2.4.6 ml_dtypes==0.6.0

What a format does is its values, and for each code the least positive float that encodes to it: the oracle is bisected
over the bits of floats. This script also checks that these numbers say all: that codes ascend with the bits, and that the
negative half is the mirror, both over 16 million floats; that infinity and the largest float have one code.

ml_dtypes does not saturate where a format has infinity or NaN. So the tables of e4m3 and e5m2 hold one more code, the one
of NaN or infinity; a saturating encoder stops one before. It saturates e2m3, e3m2 and e2m1, and encodes NaN there as
it likes (OCP leaves it open; here it is 0, and is not compared).
"""
from pathlib import Path

import ml_dtypes
import numpy as np

FORMATS = {  # name: type, codes that are not negative and that encode gives
    "e4m3": (ml_dtypes.float8_e4m3fn, 0x80, 128),
    "e5m2": (ml_dtypes.float8_e5m2, 0x80, 125),
    "e2m3": (ml_dtypes.float6_e2m3fn, 0x20, 32),
    "e3m2": (ml_dtypes.float6_e3m2fn, 0x20, 32),
    "e2m1": (ml_dtypes.float4_e2m1fn, 0x8, 8),
}
INFINITY = 0x7F800000


def encode(kind, bits):
    return np.asarray(bits, np.uint32).view(np.float32).astype(kind).view(np.uint8).astype(np.int64)


def values(kind, sign):
    codes = np.arange(2 * sign, dtype=np.uint8)
    bits = codes.view(kind).astype(np.float32).view(np.uint32)
    bits[np.isnan(bits.view(np.float32))] = 0x7FC00000
    positive, negative = bits[:sign], bits[sign:]
    number = positive != 0x7FC00000
    assert (negative == np.where(number, positive ^ 0x80000000, positive)).all()
    return positive


def first_floats(kind, count):
    first = [0]
    for c in range(1, count):
        low, high = first[-1], INFINITY  # code(low) < c <= code(high)
        assert encode(kind, [high])[0] >= c
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if encode(kind, [middle])[0] >= c else (middle, high)
        assert encode(kind, [high])[0] == c
        first.append(high)
    return np.array(first, np.uint32)


def check(kind, sign, first):
    bits = np.arange(0, INFINITY + 1, 128, dtype=np.uint32)
    expected = np.searchsorted(first, bits, "right") - 1
    assert (encode(kind, bits) == expected).all()
    assert (encode(kind, bits | np.uint32(0x80000000)) == expected + sign).all()
    assert encode(kind, [INFINITY])[0] == encode(kind, [INFINITY - 1])[0] == len(first) - 1


def array(name, numbers):
    words = [f"0x{int(n):08x}" for n in numbers]
    lines = [", ".join(words[i:i + 9]) for i in range(0, len(words), 9)]
    return f"inline constexpr std::array<std::uint32_t, {len(words)}> {name} = {{\n    " + ",\n    ".join(lines) + "};\n"


text = """// SPDX-License-Identifier: MIT
// Minifloats by ml_dtypes 0.6.0: values of codes, and the floats at which codes begin. Written by make_minifloat.py.
#pragma once

#include <array>
#include <cstdint>

namespace golden {

// NAME_values[c]: bits of the f32 value of code c that is not negative; NaN is 7fc00000.
// NAME_first[c]: bits of the least float of at least 0 that encodes to code c. The last code of e4m3 is NaN, of e5m2
// infinity: a saturating encoder stops one before.

"""
for name, (kind, sign, count) in FORMATS.items():
    first = first_floats(kind, count)
    check(kind, sign, first)
    text += array(f"{name}_values", values(kind, sign)) + array(f"{name}_first", first) + "\n"
(Path(__file__).resolve().parent / "minifloat.hpp").write_text(text + "}  // namespace golden\n")

# The scale e8m0: what the library takes for granted.
scale = np.arange(255, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu).astype(np.float64)
assert (scale == 2.0 ** np.arange(-127, 128)).all()
