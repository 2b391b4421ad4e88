// SPDX-License-Identifier: MIT
// The scales and minima of a segment: as stored, or codes times a scale that groups share.
#pragma once

#include <cstddef>

#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Of `lanes` rows: what the group stores, times what it shares with others (rounded once).
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_stored_scales(std::byte const* own,
                                                                            std::byte const* shared,
                                                                            index row) noexcept {
  auto scale = simd::load_as_floats<A>(reinterpret_cast<typename Layout::scale_type const*>(own) + row);
  if constexpr (Layout::two_level) {
    scale = simd::load_as_floats<A>(reinterpret_cast<typename Layout::shared_type const*>(shared) + row) * scale;
  }
  return scale;
}

/// The scales of `lanes` rows from `row` in segment s, `panel_offset` bytes behind the panel of w; times what makes integers
/// values.
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

/// The minima of `lanes` rows from `row` in segment s.
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_minima(weight_stream const& w, index s,
                                                                     index row) noexcept {
  return load_stored_scales<A, Layout>(w.minima_of<Layout>(s), w.shared_of<Layout>(s) + Layout::shared_scale_bytes,
                                       row);
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
