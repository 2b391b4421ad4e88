#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times what users wait for: compiles each unit of tests/compile_time three times and writes a table of the best.

usage: compile_time.py OUTPUT COMPILER [FLAG ...]

A unit's budget is the `Budget: <seconds> s.` in its second line. The exit code is 0 even when one is missed: machines
differ; the table says it.
"""
import re
import subprocess
import sys
import time
from pathlib import Path

UNITS = Path(__file__).resolve().parent.parent / "tests" / "compile_time"


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main(output, *compiler):
    lines = [f"`{' '.join(compiler)}`", "", "| unit | best of three, s | budget, s | |", "| --- | --: | --: | --- |"]
    for unit in sorted(UNITS.glob("*.cpp")):
        print(f"{unit.stem} ...", flush=True)
        about = unit.read_text().splitlines()[1]
        budget = float(re.search(r"Budget: ([\d.]+) s\.", about).group(1))
        best = min(seconds([*compiler, "-c", str(unit), "-o", "/dev/null"]) for _ in range(3))
        lines.append(f"| {unit.stem} | {best:.2f} | {budget} | {'' if best <= budget else 'missed'} |")
    text = "\n".join(lines) + "\n"
    Path(output).write_text(text)
    print(text, end="")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
