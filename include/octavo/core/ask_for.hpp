// SPDX-License-Identifier: MIT
// ask_for: memory is asked for what will be read or written soon.
#pragma once

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Asks for the lines of n elements; nothing happens where there are none. Inlined, since g++ takes a function that only
/// asks for one without effects, and drops its calls.
template <bool Writes = false, int Locality = 3, class T>
[[gnu::always_inline]] inline void ask_for(T const* p, index n) noexcept {
  constexpr index line = 64 / static_cast<index>(sizeof(T));
  for (index i = 0; i < n; i += line) { __builtin_prefetch(p + i, Writes ? 1 : 0, Locality); }
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
