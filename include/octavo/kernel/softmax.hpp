// SPDX-License-Identifier: MIT
// The online softmax: weights of one leaf of keys relative to its largest score, and the one merge of leaves.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/exp2.hpp"
#include "octavo/simd/lanes_of_16.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

inline constexpr float minus_infinity = -__builtin_inff();

/// The largest of the scores and the sum of the weights 2^(score - largest) of one row.
struct weight_sum {
  float largest;
  float sum;
};

/// Blocks of keys, from the first.
struct first_blocks {
  index count;
  template <class F>
  [[gnu::always_inline]] constexpr void runs(F const& f) const noexcept {
    f(index{0}, count);
  }
};

/// The largest score of blocks of Width keys, which are `stride` floats apart; NaN does not count. Blocks gives runs(f)
/// (attention_rows.hpp).
template <class A, index Width, class Blocks>
[[nodiscard, gnu::always_inline]] inline float largest_score(float const* scores, index stride,
                                                             Blocks const& blocks) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr int registers = static_cast<int>(Width) / L;
  simd::lanes_of_16<A, registers / simd::lanes_of_16<A>::registers> most(minus_infinity);
  blocks.runs([&](index b, index end) __attribute__((always_inline)) {
    for (; b < end; ++b) {
      float const* const from = scores + b * stride;
      detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
        most.of(r) = simd::maximum<A>(simd::load_floats<A>(from + r * L), most.of(r));  // NaN leaves what was
      });
    }
  });
  return most.reduce(simd::larger_of<A>());
}
/// The largest of a register of them, none of which is NaN.
template <class A>
[[nodiscard, gnu::always_inline]] inline float largest_lane(float const* lanes) noexcept {
  using quad [[gnu::vector_size(16)]] = float;
  quad q[static_cast<std::size_t>(simd::lanes<A> / 4)];
  std::memcpy(q, lanes, sizeof q);
  for (int n = simd::lanes<A> / 8; n > 0; n /= 2) {
    for (int i = 0; i < n; ++i) { q[i] = q[i] > q[n + i] ? q[i] : q[n + i]; }
  }
  simd::larger_of<A> const larger;
  return larger(larger(q[0][0], q[0][2]), larger(q[0][1], q[0][3]));
}

/// Calls weigh(factor score - largest, key) for all scores, and returns the sum of the weights that it gives: key j in
/// virtual lane j % 16, ascending, then halves.
template <class A, index Width, class Blocks, class Weigh>
[[nodiscard, gnu::always_inline]] inline float sum_of_weights(float const* scores, index stride, Blocks const& blocks,
                                                              float factor, float largest,
                                                              Weigh const& weigh) noexcept {
  constexpr int L = simd::lanes<A>;
  simd::floats<A> const shift(largest == minus_infinity ? 0.0f : -largest);
  simd::floats<A> const scale(factor);
  simd::lanes_of_16<A> sum(0.0f);
  blocks.runs([&](index b, index end) __attribute__((always_inline)) {
    for (; b < end; ++b) {
      float const* const from = scores + b * stride;
      detail::unroll<static_cast<int>(Width) / L>([&](int r) __attribute__((always_inline)) {
        auto const x = simd::fused<A>(simd::load_floats<A>(from + r * L), scale, shift);
        sum.of(r) = sum.of(r) + weigh(x, b * Width + r * L);
      });
    }
  });
  return sum.reduce(simd::sum_of());
}

/// Weights as floats.
template <class A>
struct float_writer {
  using weight = float;
  static constexpr int planes = 1;
  /// What a weight of 1 counts as in sums.
  static constexpr float unit = 1.0f;
  /// The weight of what is not seen.
  static constexpr weight nothing = 0.0f;

  /// Writes 2^(factor score - largest) for all scores, and returns their sum.
  template <index Width, class Blocks>
  [[nodiscard, gnu::always_inline]] static float write(float const* scores, index stride, Blocks const& blocks,
                                                       float factor, float largest, bool, float* weights) noexcept {
    return sum_of_weights<A, Width>(
        scores, stride, blocks, factor, largest, [&](simd::floats<A> x, index j) __attribute__((always_inline)) {
          auto const p = simd::exp2<5, A>(x);
          p.store_unaligned(weights + j);
          return p;
        });
  }
};

/// What weights are relative to: factor score - largest, in units of log2.
struct score_scale {
  float factor;
  float largest;

  /// Of scores times `factor`, `most` the largest of them.
  [[nodiscard, gnu::always_inline]] static score_scale of(float factor, float most) noexcept {
    bool const blind = most == minus_infinity;  // what a query sees that sees nothing is not its own NaN
    float largest = blind ? most : detail::opaque(most * factor);
    if (largest != largest) { largest = minus_infinity; }  // NaN is in the factor, so it will be in the sum
    return {blind ? 1.0f : factor, largest};
  }
};

/// Turns scores of blocks of Width keys, `stride` floats apart, into weights 2^(factor (score - largest)), Width apart;
/// `most` is the largest score, `watch` says that there may be NaN. Scores of -infinity weigh +0. All of them: largest
/// -infinity, sum
/// 0. NaN: sum NaN. A factor that is 1 is exact: largest is that of the scores, whose weight is 1.
template <class A, class Writer, index Width, class Blocks>
[[gnu::always_inline]] inline weight_sum softmax(float const* scores, index stride, Blocks const& blocks,
                                                 float factor, float most, bool watch,
                                                 typename Writer::weight* weights,
                                                 Writer const& writer = {}) noexcept {
  auto const s = score_scale::of(factor, most);
  return {s.largest, writer.template write<Width>(scores, stride, blocks, s.factor, s.largest, watch, weights)};
}

/// Rows of (m, l): the largest score in units of log2, the sum of weights relative to it. Accumulators belong to them.
struct softmax_rows {
  float* largest;
  float* sum;

  /// And of as many more as are merged together.
  [[gnu::always_inline]] void clear(index rows) const noexcept {
    for (index i = 0; i < round_up(rows, 16); ++i) {
      largest[i] = minus_infinity;
      sum[i] = 0.0f;
    }
  }
};

/// Row by row (m, l) becomes (m, l) + (m', l'), the merge of what two sets of keys gave: M = max(m, m'), f = 2^(m - M),
/// f' = 2^(m' - M), l = fma(l', f', l f). `keep` and `take` are the f and f' that accumulators are merged with.
/// (-infinity, 0) is neutral. `rows` is a multiple of 16, or room is left for one.
template <class A>
void merge_rows(softmax_rows const& into, softmax_rows const& from, index rows, float* keep, float* take) noexcept {
  constexpr int L = simd::lanes<A>;
  for (index i = 0; i < rows; i += L) {
    auto const m = simd::load_floats<A>(into.largest + i);
    auto const n = simd::load_floats<A>(from.largest + i);
    auto const most = simd::maximum<A>(m, n);
    most.store_unaligned(into.largest + i);
    auto const shift = simd::maximum<A>(most, simd::floats<A>(-0x1.fffffep127f));
    auto const f = simd::exp2<5, A>(m - shift);
    auto const g = simd::exp2<5, A>(n - shift);
    f.store_unaligned(keep + i);
    g.store_unaligned(take + i);
    auto const kept = simd::opaque<A>(simd::load_floats<A>(into.sum + i) * f);
    simd::fused<A>(simd::load_floats<A>(from.sum + i), g, kept).store_unaligned(into.sum + i);
  }
}

/// The same for n accumulators of one row.
template <class A>
[[gnu::always_inline]] inline void merge_accumulators(float* into, float const* from, index n, float keep,
                                                      float take) noexcept {
  simd::floats<A> const f(keep);
  simd::floats<A> const g(take);
  for (index i = 0; i < n; i += simd::lanes<A>) {
    auto const kept = simd::opaque<A>(simd::load_floats<A>(into + i) * f);
    simd::fused<A>(simd::load_floats<A>(from + i), g, kept).store_unaligned(into + i);
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
