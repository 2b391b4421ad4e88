// SPDX-License-Identifier: MIT
// The caches of keys and values that generate offers by name.
#pragma once

#include "layer_cache.hpp"

#include <vector>

namespace example {

struct named_caches {
  char const* name;
  char const* text;
  layer_caches make;
};

/// Compiled by itself, in caches.cpp, where a new one is a line.
std::vector<named_caches> all_caches();

}  // namespace example
