#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes octavo/octavo.hpp as one header, with every header of Octavo that it includes. Eigen and xsimd stay outside.

usage: amalgamate.py [output]

Without an output file, prints it.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'\s*#\s*include\s*["<](octavo/[^">]+)[">]')
CONDITION = re.compile(r"\s*#\s*(if|endif)")  # #ifdef and #ifndef, too
DROPPED = re.compile(r"// SPDX-License-Identifier: |\s*#\s*pragma\s+once\b")

done = set()  # headers that were written outside of any #if: never again
guarded = set()  # headers that were written under a condition, and may be needed where that is false


def inlined(name, depth):
    """The lines of a header, to stand inside of `depth` open #if."""
    if name in done:
        return []
    (guarded if depth else done).add(name)
    lines = [f"// --- {name}"]
    guard = re.sub(r"\W", "_", name).upper() + "_INLINED"
    if name in guarded:
        lines += [f"#if !defined({guard})", f"#define {guard}"]
    for line in (ROOT / "include" / name).read_text(encoding="utf-8").splitlines():
        if found := INCLUDE.match(line):
            lines += inlined(found[1], depth)
            continue
        if found := CONDITION.match(line):
            depth += 1 if found[1] == "if" else -1
        if not DROPPED.match(line):
            lines.append(line)
    if name in guarded:
        lines.append("#endif")
    return [*lines, ""]


def main():
    if len(sys.argv) > 2 or sys.argv[1:] and sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    head = ["// SPDX-License-Identifier: MIT", "// Octavo in one header, made by cmake/amalgamate.py. Change its sources.",
            "//"]
    head += [f"// {line}".rstrip() for line in (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()]
    text = "\n".join([*head, "#pragma once", "", *inlined("octavo/octavo.hpp", 0)])
    text = re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
    if len(sys.argv) == 1:
        sys.stdout.write(text)
        return
    output = Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
