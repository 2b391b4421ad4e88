// SPDX-License-Identifier: MIT
// The scales and minima of a segment: as stored, or codes times a scale that groups share.
#pragma once

#include <cstddef>

#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Of `lanes` rows: entries of what groups share, at `shared`.
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_shared(std::byte const* shared, index row) noexcept {
  auto const* const entries = reinterpret_cast<typename Layout::shared_type const*>(shared);
  if constexpr (Layout::sharing_rows == 1) {
    return simd::load_as_floats<A>(entries + row);
  } else {
    return simd::floats<A>(static_cast<float>(entries[row / Layout::sharing_rows]));
  }
}
/// Of `lanes` rows: what the group stores, times what it shares with others, and the offset (rounded once).
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_stored_scales(std::byte const* own,
                                                                            std::byte const* shared,
                                                                            index row) noexcept {
  auto scale = simd::load_as_floats<A>(reinterpret_cast<typename Layout::scale_type const*>(own) + row);
  if constexpr (Layout::two_level) {
    auto const super = load_shared<A, Layout>(shared, row);
    if constexpr (Layout::offsets) {
      return simd::fused<A>(super, scale, load_shared<A, Layout>(shared + Layout::offset_at, row));
    }
    scale = super * scale;
  }
  return scale;
}
/// The minima likewise, `scales` being those of the group.
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_stored_minima(std::byte const* own,
                                                                            std::byte const* scales,
                                                                            std::byte const* shared,
                                                                            index row) noexcept {
  auto const minimum = load_stored_scales<A, Layout>(own, shared + Layout::shared_scale_bytes, row);
  if constexpr (Layout::real_zeros) {
    return simd::opaque<A>(load_stored_scales<A, Layout>(scales, shared, row) * minimum);
  }
  return minimum;
}

/// The scales of `lanes` rows from `row` in segment s, `panel_offset` bytes behind the panel of w; times what makes
/// integers values.
template <class Weights>
[[nodiscard, gnu::always_inline]] inline auto load_scales(weight_stream const& w, index s, index panel_offset,
                                                          index row) noexcept {
  using A = typename Weights::arch;
  using layout = typename Weights::layout;
  if constexpr (!layout::linear) {
    return simd::floats<A>(1.0f);  // the values have their scale
  } else {
    auto scale =
        load_stored_scales<A, layout>(w.params_of(s) + panel_offset, w.shared_of<layout>(s) + panel_offset, row);
    if constexpr (Weights::scale_factor != 1.0f) { scale = scale * simd::floats<A>(Weights::scale_factor); }
    return scale;
  }
}

/// The minima of `lanes` rows from `row` in segment s, `panel_offset` bytes behind the panel of w.
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_minima(weight_stream const& w, index s,
                                                                     index panel_offset, index row) noexcept {
  return load_stored_minima<A, Layout>(w.minima_of<Layout>(s) + panel_offset, w.params_of(s) + panel_offset,
                                       w.shared_of<Layout>(s) + panel_offset, row);
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
