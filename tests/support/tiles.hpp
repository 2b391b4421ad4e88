// SPDX-License-Identifier: MIT
// What register tiles of the path int8_dot read, and the sums that they should find.
#pragma once

#include "octavo/kernel/segments.hpp"
#include "octavo/ops/quantize.hpp"

#include "support/matrix.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

namespace test {

using namespace octavo;

inline matrix<float> ones_or_random(octavo::index rows, octavo::index cols, bool extreme) {
  matrix<float> w(rows, cols, 81);
  for (octavo::index i = 0; extreme && i < rows * cols; ++i) { w.data()[i] = 1.0f; }
  return w;
}

/// Activations and starts of a matrix of integers in groups, as matmul would prepare them, but random; or all bytes as
/// far from 0 as they can be.
template <class S>
struct prepared {
  static constexpr octavo::index tokens = 7;
  using format = typename S::quantizer::format;
  using layout_type = panel_layout<S>;
  quantized_matrix<S> q;
  kernel::segmentation<layout_type> segments;
  std::vector<std::int8_t> a;
  std::vector<std::int32_t> start;

  explicit prepared(octavo::index cols, octavo::index rows = 64, bool extreme = false)
      : q(quantize<S>(ones_or_random(rows, cols, extreme), on<scalar>())), segments(q.view().layout(), longest_leaf) {
    random next(82);
    a.resize(static_cast<std::size_t>(segments.count * tokens * segments.length));
    start.resize(static_cast<std::size_t>(segments.count * tokens));
    for (auto& v : a) { v = static_cast<std::int8_t>(extreme ? -128 : next.below(256) - 128); }
    for (auto& v : start) { v = static_cast<std::int32_t>(next.below(20001) - 10000); }
  }
  template <class W>
  [[nodiscard]] kernel::token_block<W> block() const {
    kernel::token_block<W> b{};
    b.data = a.data();
    b.token_stride = segments.length;
    b.segment_stride = tokens * segments.length;
    b.start = start.data();
    b.start_stride = tokens;
    return b;
  }
  [[nodiscard]] kernel::weight_stream stream() const {
    return kernel::packed_stream(q.view().layout(), segments, q.view().panel(0));
  }
  /// fma by fma, from codes.
  [[nodiscard]] float plain(octavo::index t, octavo::index row, float before) const {
    auto const view = q.view();
    float sum = before;
    for (octavo::index s = 0; s < segments.count; ++s) {
      octavo::index const first = segments.first(view.layout(), s);
      octavo::index const padded = segments.steps(view.layout(), s) * layout_type::step;
      int acc = start[static_cast<std::size_t>(s * tokens + t)];
      for (octavo::index k = 0; k < padded; ++k) {
        bool const present = k < segments.present(view.layout(), s);
        int const byte = static_cast<int>((present ? format::decode(view.code_at(row, first + k)) : 0.0f) -
                                          static_cast<float>(lattice<format>.lowest));
        acc += byte * a[static_cast<std::size_t>((s * tokens + t) * segments.length + k)];
      }
      sum = std::fma(static_cast<float>(acc), view.scale_at(row, s), sum);
    }
    return sum;
  }
};

}  // namespace test
