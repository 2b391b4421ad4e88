#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes layer.hpp beside it: what GPTQ and AWQ make of the layers of tests/calibration/layer.hpp, by NumPy.

Run by hand: pip install numpy==2.4.6. Written from the papers' algorithms column by column, with an explicit inverse and a
Cholesky factor of it, no blocks; the library does neither so.
"""
from pathlib import Path

import numpy as np

F = np.float32


def layer(rows, cols, tokens, seed, strong=False):
    def below(n):
        nonlocal seed
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        return (seed >> 33) % n

    w = np.array([[below(1001) + below(1001) - 1000 for _ in range(cols)] for _ in range(rows)], F) / F(1024)
    x = np.zeros((cols, tokens), F)
    for t in range(tokens):
        last = 0
        for f in range(cols):
            last = below(1001) - 500 + (7 * last >> 3)
            x[f, t] = F(32 * last if strong and f % 16 == 5 else last) / F(1024)
    return w, x


class Symmetric:
    """narrow: absmax maps to `top`."""

    def __init__(self, bits):
        self.top = F(2 ** (bits - 1) - 1)

    def from_range(self, low, high):
        absmax = max(-low, high)
        return F(absmax) / self.top, self.top / F(absmax)

    def encode(self, x, p):
        return np.rint(np.clip(F(x) * p[1], -self.top, self.top))

    def decode(self, q, p):
        return F(p[0]) * F(q)


class Affine:
    def __init__(self, bits):
        self.top = F(2**bits - 1)

    def from_range(self, low, high):
        low, high = min(F(low), F(0)), max(F(high), F(0))
        inverse = self.top / (high - low)
        return (high - low) / self.top, inverse, np.clip(np.rint(-(low * inverse)), 0, self.top)

    def encode(self, x, p):
        return np.clip(np.rint(F(x) * p[1]) + p[2], 0, self.top)

    def decode(self, q, p):
        return F(p[0]) * F(q - p[2])


def extremes(q, xs, _):
    return q.from_range(xs.min(), xs.max())


def omse(q, xs, _):
    low, high = np.float64(xs.min()), np.float64(xs.max())
    best = None
    for i in range(90):
        rho = 1 - i / 100
        p = q.from_range(F(rho * low), F(rho * high))
        e = ((q.decode(q.encode(xs, p), p).astype(np.float64) - xs) ** 2).sum()
        if best is None or e < best[0]:
            best = e, p
    return best[1]


def awq_clip(gram):
    def fit(q, xs, column):
        g = gram[column : column + len(xs), column : column + len(xs)]
        most = np.abs(xs).max().astype(np.float64)
        best = None
        for i in range(10):
            c = F((1 - i / 20) * most)
            p = q.from_range(max(xs.min(), -c), min(xs.max(), c))
            e = q.decode(q.encode(xs, p), p).astype(np.float64) - xs
            if best is None or e @ g @ e < best[0]:
                best = e @ g @ e, p
        return best[1]

    return fit


def gptq(w, gram, q, group, fit, damping=0.01, descending=False):
    """Codes, and decoded values."""
    rows, cols = w.shape
    group = group or cols
    h = gram.copy()
    order = np.argsort(-np.diag(h), kind="stable") if descending else np.arange(cols)
    w = w.astype(np.float64)
    dead = np.diag(h) == 0
    w[:, dead] = 0
    h[np.diag_indices(cols)] += damping * np.mean(np.diag(h))
    h[dead, dead] = 1
    h = h[np.ix_(order, order)]
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    codes, values = np.zeros((rows, cols), int), np.zeros((rows, cols))
    params = {}
    static = w.copy()
    w = w[:, order]
    for j, c in enumerate(order):
        first = c // group * group
        for r in range(rows):
            if (r, first) not in params:
                xs = (static if descending else w)[r, first : first + group]
                params[r, first] = fit(q, xs.astype(F), first)
            p = params[r, first]
            codes[r, c] = q.encode(w[r, j], p)
            values[r, c] = q.decode(codes[r, c], p)
        e = (w[:, j] - values[:, c]) / u[j, j]
        w[:, j + 1 :] -= np.outer(e, u[j, j + 1 :])
    return codes, values


def plain(w, q, group, fit):
    values = np.zeros(w.shape)
    for r in range(w.shape[0]):
        for first in range(0, w.shape[1], group):
            xs = w[r, first : first + group]
            p = fit(q, xs, first)
            values[r, first : first + group] = q.decode(q.encode(xs, p), p)
    return values


def loss(w, values, gram):
    d = w.astype(np.float64) - values
    return np.sum(d @ gram * d)


def awq(w, x, gram, q, group, fit):
    mean_abs = np.abs(x.astype(np.float64)).mean(axis=1).astype(F)
    errors, best = [], None
    for i in range(20):
        s = np.maximum(mean_abs.astype(np.float64) ** (i / 20), 1e-4)
        s = (s / np.sqrt(s.max() * s.min())).astype(F)
        values = plain(w * s, q, group, fit).astype(F) / s
        errors.append(loss(w, values, gram))
        if best is None or errors[-1] < errors[best[0]]:
            best = i, s
    return errors, best


def show(codes):
    """A digit for each code; two's complement for signed ones."""
    return ",\n    ".join('"' + "".join("%x" % (c % 16) for c in row) + '"' for row in codes)


def main():
    out = [
        "// SPDX-License-Identifier: MIT",
        "// Written by make_golden.py: codes, a hexadecimal digit each, and errors of outputs.",
        "#pragma once",
        "",
        "namespace test::golden {",
        "",
    ]

    def emit(name, what, codes, error):
        out.append(f"// {what}")
        out.append(f"inline constexpr char const* {name}_codes[] = {{\n    {show(codes)}}};")
        out.append(f"inline constexpr double {name}_error = {error!r};\n".replace("np.float64(", "").replace(")", ""))

    w, x = layer(6, 160, 300, 1)
    gram = x.astype(np.float64) @ x.T.astype(np.float64) / x.shape[1]
    runs = {
        "group": ("symmetric int4, groups of 32, absmax", Symmetric(4), 32, extremes, False),
        "search": ("affine uint4, groups of 48, which no block of 128 divides, least squares", Affine(4), 48, omse, False),
        "row": ("symmetric int4, per row, largest diagonal first", Symmetric(4), 0, extremes, True),
        "clip": ("affine uint4, groups of 32, clipped by AWQ's rule", Affine(4), 32, awq_clip(gram), False),
    }
    for name, (what, q, group, fit, descending) in runs.items():
        codes, values = gptq(w, gram, q, group, fit, descending=descending)
        emit(name, what, codes, loss(w, values, gram))
    x[7] = 0
    gram = x.astype(np.float64) @ x.T.astype(np.float64) / x.shape[1]
    codes, values = gptq(w, gram, Symmetric(4), 32, extremes)
    emit("dead", "as the first, with a feature 7 that is always 0", codes, loss(w, values, gram))

    w, x = layer(6, 96, 200, 2, strong=True)
    gram = x.astype(np.float64) @ x.T.astype(np.float64) / x.shape[1]
    errors, (best, s) = awq(w, x, gram, Symmetric(4), 32, extremes)
    out.append("// AWQ: symmetric int4, groups of 32: errors of all ratios, the best of them, the first factors.")
    out.append("inline constexpr double awq_errors[] = {" + ", ".join(repr(float(e)) for e in errors) + "};")
    out.append(f"inline constexpr int awq_best = {best};")
    out.append("inline constexpr double awq_factors[] = {" + ", ".join(repr(float(e)) for e in s[:8]) + "};\n")
    out.append("}  // namespace test::golden")
    Path(__file__).with_name("layer.hpp").write_text("\n".join(out) + "\n")
    print("\n".join(o for o in out if "error" in o or "best" in o))
    w, x = layer(6, 160, 300, 1)
    gram = x.astype(np.float64) @ x.T.astype(np.float64) / x.shape[1]
    print("plain", loss(w, plain(w, Symmetric(4), 32, extremes), gram))


main()
