// SPDX-License-Identifier: MIT
// The one failure point: throws std::invalid_argument, or aborts with the same text without exceptions.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

#if defined(__FAST_MATH__)
#error "Octavo: -ffast-math breaks rounding and NaN rules that results depend on. Compile without it."
#endif

namespace octavo {
inline namespace v0 {
namespace detail {

// The body depends on a compiler flag, so the flag is part of the name.
#if defined(__cpp_exceptions)
inline namespace throwing {
[[noreturn, gnu::always_inline]] inline void fail(char const* text) { throw std::invalid_argument(text); }
}  // namespace throwing
#else
inline namespace aborting {
[[noreturn, gnu::always_inline]] inline void fail(char const* text) {
  std::fputs(text, stderr);
  std::fputc('\n', stderr);
  std::abort();
}
}  // namespace aborting
#endif

/// `where: what A, other B. todo` with both extents in the text.
[[noreturn, gnu::always_inline]] inline void fail_extents(char const* where, char const* what, std::ptrdiff_t a,
                                                          char const* other, std::ptrdiff_t b, char const* todo) {
  char text[256];
  std::snprintf(text, sizeof text, "%s: %s %td, %s %td. %s", where, what, a, other, b, todo);
  fail(text);
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
