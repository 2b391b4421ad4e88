// SPDX-License-Identifier: MIT
// The version, written once: CMake reads it from here.
#pragma once

#define OCTAVO_VERSION_MAJOR 0
#define OCTAVO_VERSION_MINOR 1
#define OCTAVO_VERSION_PATCH 0

// Everything lives in octavo::v0, so that two incompatible versions can be linked into one program.
namespace octavo {
inline namespace v0 {}
}  // namespace octavo
