# SPDX-License-Identifier: MIT
"""Spack package. Each release adds a version with the hash of its archive; a checkout is built with `spack develop`."""
from spack_repo.builtin.build_systems.cmake import CMakePackage

from spack.package import *


class Octavo(CMakePackage):
    """Quantized transformer inference kernels for CPUs, header-only."""

    license("MIT")

    version("main", branch="main")

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("eigen@3.4:")
    depends_on("xsimd@8.1:")

    conflicts("%msvc")
    conflicts("%gcc@:10", msg="Octavo needs C++20")
    conflicts("%clang@:13", msg="Octavo needs C++20")

    def cmake_args(self):
        return [self.define(f"OCTAVO_{part}", False) for part in ("TESTS", "BENCH", "EXAMPLES")]
