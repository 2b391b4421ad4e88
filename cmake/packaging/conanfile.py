# SPDX-License-Identifier: MIT
"""Conan 2 recipe. Takes the checkout that it lies in; when submitted, source() gets the archive of a release."""
import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load


class OctavoConan(ConanFile):
    name = "octavo"
    description = "Quantized transformer inference kernels for CPUs, header-only"
    license = "MIT"
    topics = ("quantization", "inference", "matrix-multiplication", "simd")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    @property
    def _checkout(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        text = load(self, os.path.join(self._checkout, "include", "octavo", "version.hpp"))
        self.version = ".".join(re.findall(r"#define OCTAVO_VERSION_\w+ (\d+)", text))

    def export_sources(self):
        for pattern in ("LICENSE", "include/octavo/*.hpp", "cmake/multi_isa.cmake"):
            copy(self, pattern, src=self._checkout, dst=self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/[>=3.4 <6]", transitive_headers=True)
        self.requires("xsimd/[>=8.1]", transitive_headers=True)

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.compiler == "msvc":
            raise ConanInvalidConfiguration("Octavo needs g++ or clang++.")

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        for pattern in ("include/*.hpp", "cmake/*.cmake"):
            copy(self, pattern, src=self.source_folder, dst=self.package_folder)

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_build_modules", ["cmake/multi_isa.cmake"])
