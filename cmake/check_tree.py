#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the source tree: who includes whom, lengths, first lines, macros, a test for each header, what the
README quotes, what the table of complaints names.

usage: check_tree.py [root of the checkout]

Prints one line per fault, `file:line: what is wrong. What to do.`, and exits with 1 when there is any.
"""
import re
import sys
from pathlib import Path

# The arrows: folder -> folders that it may include, besides itself.
#
#   ops --> kernel --> simd --> core
#    |         |                  ^
#    +--> storage --> quant --> format
#   reference --> storage
#   io --> storage
#   calibration --> storage
ARROWS = {
    "core": set(),
    "format": {"core"},
    "simd": {"core"},
    "quant": {"format", "core"},
    "storage": {"quant", "format", "core"},
    "kernel": {"simd", "storage", "quant", "format", "core"},
    "ops": {"kernel", "simd", "storage", "quant", "format", "core"},
    "reference": {"storage", "quant", "format", "core"},
    "io": {"storage", "quant", "format", "core"},
    "calibration": {"storage", "quant", "format", "core"},
}
# Nothing includes io/, a target of its own, octavo::io, nor calibration/, which needs Eigen and runs offline.
LIBRARY = set(ARROWS) - {"io", "calibration"}
# Headers at the top level: which of them a header may include, and what they may include themselves.
TOP = {
    "version.hpp": set(),
    "fwd.hpp": {"version.hpp", "core", "format"},
    "eigen.hpp": {"version.hpp", "fwd.hpp", *LIBRARY},
    "octavo.hpp": {"version.hpp", "fwd.hpp", "eigen.hpp", *LIBRARY},
}
FOR_ALL = {"version.hpp", "fwd.hpp"}  # any header may include these

# Foreign headers and the places that may name them.
FOREIGN = [
    (re.compile(r"Eigen/|unsupported/Eigen/"), "Eigen", re.compile(r"eigen\.hpp$|calibration/"),
     "Only eigen.hpp and calibration/ include Eigen."),
    (re.compile(r"xsimd/"), "xsimd", re.compile(r"simd/"), "Only simd/ includes xsimd."),
    (re.compile(r".*intrin\.h$|arm_\w+\.h$"), "intrinsics", re.compile(r"simd/"), "Only simd/ includes intrinsics."),
    (re.compile(r"nlohmann/"), "nlohmann-json", re.compile(r"io/safetensors\.hpp$"), "Only io/safetensors.hpp reads JSON."),
    (re.compile(r"sys/|unistd\.h$|fcntl\.h$"), "POSIX", re.compile(r"(io/(mapped|page|whole)_file|simd/arch)\.hpp$"),
     "Only files in io/ and simd/arch.hpp ask the operating system."),
]
VERSION_MACROS = {"OCTAVO_VERSION_MAJOR", "OCTAVO_VERSION_MINOR", "OCTAVO_VERSION_PATCH"}
MAX_LINES = 500
MAX_EXAMPLE_LINES = 80
LICENSE_LINE = "// SPDX-License-Identifier: MIT"

INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')
DEFINE = re.compile(r"\s*#\s*define\s+(\w+)")
QUOTE = re.compile(r"<!-- quotes (\S+) -->\n```cpp\n(.*?)```", re.DOTALL)

faults = []


def fault(path, line, text):
    faults.append(f"{path}:{line}: {text}")


def folder_of(name):
    """core/views.hpp -> core; version.hpp -> version.hpp."""
    return name.split("/")[0]


def allowed_from(name):
    folder = folder_of(name)
    if name in TOP:
        return TOP[name]
    if folder in ARROWS:
        return ARROWS[folder] | {folder} | FOR_ALL
    return None


def check_include(root, shown, number, name, mark, target):
    """One #include line of the header `name`. Returns the Octavo header that it names, or None."""
    if not target.startswith("octavo/"):
        for pattern, what, places, rule in FOREIGN:
            if pattern.match(target) and not places.match(name):
                fault(shown, number, f"includes {what} ({target}). {rule}")
        if mark == '"':
            fault(shown, number, f'includes "{target}". Write the whole path, "octavo/...", or <...> for others.')
        return None
    included = target[len("octavo/"):]
    if not (root / "include" / target).is_file():
        fault(shown, number, f"includes {target}, which does not exist.")
        return None
    allowed = allowed_from(name)
    if allowed is not None and folder_of(included) not in allowed:
        may = ", ".join(sorted(allowed)) or "nothing"
        fault(shown, number, f"includes {target}, but {folder_of(name)} may include only {may}.")
    return included


def check_header(root, path):
    name = path.relative_to(root / "include" / "octavo").as_posix()
    shown = path.relative_to(root).as_posix()
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if allowed_from(name) is None:
        fault(shown, 1, f"is in no known place. Folders: {' '.join(ARROWS)}; at the top level: {' '.join(TOP)}.")
    if len(lines) > MAX_LINES:
        fault(shown, len(lines), f"has {len(lines)} lines, more than {MAX_LINES}. A concept is missing: split it.")
    if not lines or lines[0] != LICENSE_LINE:
        fault(shown, 1, f"the first line must be `{LICENSE_LINE}`.")
    if len(lines) < 2 or not re.fullmatch(r"//+ \S.*\.", lines[1]):
        fault(shown, 2, "the second line must be a comment: one sentence that says what the header is, with a full stop.")
    if not any(line.strip() == "#pragma once" for line in lines):
        fault(shown, 1, "has no `#pragma once`.")
    includes = {}
    for number, line in enumerate(lines, 1):
        if found := DEFINE.match(line):
            if name != "version.hpp":
                fault(shown, number, f"defines the macro {found[1]}. Only version.hpp defines macros.")
            elif found[1] not in VERSION_MACROS:
                fault(shown, number, f"defines the macro {found[1]}. The version numbers are the only macros.")
        if found := INCLUDE.match(line):
            included = check_include(root, shown, number, name, found[1], found[2])
            if included is not None:
                includes.setdefault(included, number)
    if "/" in name:
        test = f"tests/{name.removesuffix('.hpp')}.cpp"
        if not (root / test).is_file():
            fault(shown, 1, f"has no test. Write {test}.")
    return name, includes


def check_cycles(graph):
    state = {}

    def visit(name, trail):
        state[name] = "open"
        for included, number in graph[name].items():
            if state.get(included) == "open":
                cycle = [*trail[trail.index(included):], included]
                fault(f"include/octavo/{name}", number, f"closes a cycle of includes: {' -> '.join(cycle)}.")
            elif included not in state and included in graph:
                visit(included, [*trail, included])
        state[name] = "done"

    for name in graph:
        if name not in state:
            visit(name, [name])


def check_quotes(root):
    """README.md: code after `<!-- quotes FILE -->` stands in FILE, but for white space; a line `// ...` is a gap."""
    text = (root / "README.md").read_text(encoding="utf-8")
    if len(QUOTE.findall(text)) != text.count("<!-- quotes "):
        fault("README.md", 1, "has `<!-- quotes FILE -->` without ```cpp in the next line.")
    for found in QUOTE.finditer(text):
        number = text.count("\n", 0, found.start()) + 1
        source = root / found[1]
        if not source.is_file():
            fault("README.md", number, f"quotes {found[1]}, which does not exist.")
            continue
        code = source.read_text(encoding="utf-8")
        if code.count("\n") > MAX_EXAMPLE_LINES:
            fault(found[1], code.count("\n"), f"has more than {MAX_EXAMPLE_LINES} lines, and the README quotes it.")
        for part in found[2].split("// ...\n"):
            if " ".join(part.split()) not in " ".join(code.split()):
                fault("README.md", number, f"quotes what is not in {found[1]}: {part.splitlines()[0]}")
    for name in sorted((root / "examples").glob("*.cpp")):
        if f"examples/{name.name}" not in text:
            fault("README.md", 1, f"does not name examples/{name.name}.")


def check_complaints(root):
    """cmake/packaging/README.md: each row of the table of complaints names files and test cases that exist."""
    page = root / "cmake" / "packaging" / "README.md"
    tests = "".join(path.read_text(encoding="utf-8") for path in sorted((root / "tests").rglob("*.cpp")))
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if not re.match(r"\| +\d+ \|", line):
            continue
        for name in re.findall(r"`((?:tests|examples|cmake)/[\w/.]+)`", line):
            if not (root / name).exists():
                fault("cmake/packaging/README.md", number, f"names {name}, which does not exist.")
        for name in re.findall(r'"([^"]+)"', line):
            if f'TEST_CASE("{name}"' not in tests:
                fault("cmake/packaging/README.md", number, f"names the test case \"{name}\", which does not exist.")


def check_test_names(root):
    """Names of test cases are in one program: no two alike. Brackets and semicolons break the lists of CMake
    that hold them."""
    seen = {}
    for path in sorted((root / "tests").rglob("*.cpp")):
        if "compile_fail" in path.parts:
            continue
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r'^TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', text, re.MULTILINE):
            number = text.count("\n", 0, match.start(1)) + 1
            case = match.group(1)
            if re.search(r"[\[\];]", case):
                fault(name, number, "has a test case with a bracket or semicolon in its name, which ctest cannot list.")
            if case in seen:
                fault(name, number, f"has a test case \"{case}\", as {seen[case]} does.")
            seen[case] = name


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    headers = sorted((root / "include" / "octavo").rglob("*.hpp"))
    if not headers:
        sys.exit(f"check_tree: no headers under {root}/include/octavo.")
    graph = dict(check_header(root, path) for path in headers)
    check_cycles(graph)
    named = [path for path in headers if re.search(r"#\s*include\s*[<\"]xsimd/", path.read_text(encoding="utf-8"))]
    for path in named[1:]:
        fault(path.relative_to(root).as_posix(), 1, f"includes xsimd, as {named[0].name} does. One file names xsimd.")
    check_quotes(root)
    check_complaints(root)
    check_test_names(root)
    for line in faults:
        print(line)
    print(f"check_tree: {len(headers)} headers, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
