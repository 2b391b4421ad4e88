// SPDX-License-Identifier: MIT
// key_layout and value_layout of first_in_float<S, N>: pages of S, and the floats of the first N tokens beside them.
#pragma once

#include <cstddef>

#include "octavo/core/buffer.hpp"
#include "octavo/quant/first_in_float.hpp"
#include "octavo/storage/cache_layout.hpp"
#include "octavo/storage/outlier_layout.hpp"

namespace octavo {
inline namespace v0 {

/// Pages are those of S; in the first of a head the codes of N tokens mean nothing.
template <class S, int N>
struct key_layout<first_in_float<S, N>> : key_layout<S> {};
template <class S, int N>
struct value_layout<first_in_float<S, N>> : value_layout<S> {};

namespace detail {

/// The first tokens of a side of a cache, [head][token][channel]. Nothing where there are none.
template <class S>
class first_floats {
 public:
  [[gnu::always_inline]] first_floats(index, index) noexcept {}
  [[nodiscard, gnu::always_inline]] float const* data() const noexcept { return nullptr; }
};
template <class S>
  requires(first_of<S> > 0)
class first_floats<S> {
 public:
  [[gnu::always_inline]] first_floats(index heads, index head_dim)
      : floats_(product(heads, first_of<S>, head_dim, sizeof(float))), head_dim_(head_dim) {}
  [[gnu::always_inline]] first_floats(first_floats const&) = default;
  [[gnu::always_inline]] first_floats(first_floats&&) noexcept = default;
  [[gnu::always_inline]] first_floats& operator=(first_floats const&) = default;
  [[gnu::always_inline]] first_floats& operator=(first_floats&&) noexcept = default;
  [[gnu::always_inline]] ~first_floats() = default;

  [[nodiscard, gnu::always_inline]] float const* data() const noexcept {
    return reinterpret_cast<float const*>(floats_.data());
  }
  [[nodiscard, gnu::always_inline]] float* at(index head, index token) noexcept {
    return reinterpret_cast<float*>(floats_.data()) + (head * first_of<S> + token) * head_dim_;
  }

 private:
  aligned_buffer floats_;
  index head_dim_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
