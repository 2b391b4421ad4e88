// SPDX-License-Identifier: MIT
// Groups of integers on AVX2: a few quads of weights stay in registers, and tokens pass by.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/scales.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Quads that stay in registers, half of those of AVX2.
inline constexpr int burst_quads = 8;
/// Tokens that pass by at most: the sums of a panel and the activations of a group stay in the first level cache.
inline constexpr index burst_tokens = 96;

/// Whether `burst_tile` is for these weights: sums in 16 bits, groups of whole registers of weights.
template <class Weights>
inline constexpr bool takes_bursts = [] {
  using layout = typename Weights::layout;
  if constexpr (detail::is_avx2<typename Weights::arch> && layout::grouped && Weights::burst != 0) {
    return layout{0, 0}.padded_group() % (4 * burst_quads) == 0 && burst_quads % Weights::units == 0;
  } else {
    return false;
  }
}();

/// N products in 16 bits, summed as a tree: a chain would fill the scheduler with sums that wait.
template <class Weights, int N>
[[nodiscard, gnu::always_inline]] inline typename Weights::accumulator burst_of(
    typename Weights::weight const* w, typename Weights::operand const* a) noexcept {
  if constexpr (N == 1) {
    return Weights::add(typename Weights::accumulator{}, *w, Weights::load(a));
  } else {
    auto const low = burst_of<Weights, N / 2>(w, a);
    auto const high = burst_of<Weights, N / 2>(w + N / 2, a + N / 2 * Weights::unit_operands);
    return Weights::dot::sum_of(low, high);
  }
}

/// The sums of `tile`, of `rows` rows of a panel and many tokens: sums[row / lanes][burst_tokens][lanes].
///
/// A group of 32 of one register of rows and one token is 8 vpmaddubsw, 7 vpaddw, vpmaddwd, vpaddd, vcvtdq2ps and an
/// fma: 19 instructions for three ports, of which 18 are those of the sequence it is measured against. So 0.947 of that
/// is the most; longer groups, whose parts add up in memory, reach all of it.
template <class Weights>
[[gnu::noinline]] void burst_tile(weight_stream const& stream, token_block<Weights> const& block, index tokens,
                                  index rows, float* sums) noexcept {
  using A = typename Weights::arch;
  using layout = typename Weights::layout;
  using detail::unroll;
  static_assert(takes_bursts<Weights>);
  constexpr int L = simd::lanes<A>;
  constexpr int Q = burst_quads;
  constexpr int U = Weights::units;
  constexpr index parts = layout{0, 0}.padded_group() / (4 * Q);
  // Products of a burst: a power of two.
  constexpr int burst = [] {
    int n = 1;
    while (n < Q && 2 * n <= Weights::burst * U) { n *= 2; }
    return n;
  }();

  // Copies, whose fields no store of a register may change.
  weight_stream const w = stream.copy();
  token_block<Weights> const x = block.copy();
  Weights const unpack;
  alignas(64) std::int32_t totals[static_cast<std::size_t>(parts > 1 ? burst_tokens * L : 1)];

  // Part `part` of segment s of `lanes` rows from `row`; what it writes for each token is at `out`.
  auto const pass = [&](index s, index part, index row, auto* out, auto const& begin, auto const& end)
      __attribute__((always_inline)) {
    std::byte const* const codes = w.codes + s * w.segment_bytes + row * 4 + part * (Q / U) * Weights::step_bytes;
    typename Weights::weight weights[static_cast<std::size_t>(Q)];
    unroll<Q / U>([&](int i) __attribute__((always_inline)) {
      std::byte const* const here = codes + i * Weights::step_bytes;
      typename Weights::packed const packed(here, row);
      __builtin_prefetch(here + w.segment_bytes);
      unroll<U>([&](auto u) __attribute__((always_inline)) {
        weights[i * U + u] = simd::in_register(unpack.template get<u()>(packed, {}));
      });
    });
    auto const* a = x.data + s * x.segment_stride + part * Q * Weights::unit_operands;
    // A load whose address ends in the same 12 bits as that of a store shortly before waits for it. Tokens pass in the
    // order in which such loads come first (groups of 32: 0.92 of the peak either way, 0.6 to 0.7 otherwise).
    bool const down = (reinterpret_cast<std::uintptr_t>(a) - reinterpret_cast<std::uintptr_t>(out)) % 4096 >= 2048;
    index const by = down ? -1 : 1;
    index t = down ? tokens - 1 : 0;
    a += t * x.token_stride;
    out += t * L;
    for (index left = tokens; left > 0; --left) {
      simd::ints<A> total = begin(t, out);
      unroll<Q / burst>([&](int i) __attribute__((always_inline)) {
        total = Weights::flush(total,
                               burst_of<Weights, burst>(weights + i * burst, a + i * burst * Weights::unit_operands));
      });
      end(total, out);
      a += by * x.token_stride;
      out += by * L;
      t += by;
    }
  };

  for (index s = 0; s < w.segments; ++s) {
    std::byte const* const params = w.params_of(s);
    for (index row = 0; row < rows; row += L) {
      auto const initial = [&](index t, auto const*) __attribute__((always_inline)) {
        return Weights::initial(x, t, s, params, row);
      };
      auto const scales = load_scales<Weights>(w, s, 0, row);
      auto const scale = [&](simd::ints<A> total, float* sum) __attribute__((always_inline)) {
        simd::fused<A>(Weights::finish(total), scales, simd::load_floats<A>(sum)).store_unaligned(sum);
      };
      float* const sums_of = sums + row * burst_tokens;
      if constexpr (parts == 1) {
        pass(s, 0, row, sums_of, initial, scale);
      } else {
        for (index t = 0; t < tokens; ++t) { initial(t, totals).store_unaligned(totals + t * L); }
        for (index part = 0; part < parts - 1; ++part) {
          pass(
              s, part, row, totals,
              [](index, std::int32_t const* p) __attribute__((always_inline)) { return simd::load_ints<A>(p); },
              [](simd::ints<A> total, std::int32_t * p) __attribute__((always_inline)) { total.store_unaligned(p); });
        }
        pass(
            s, parts - 1, row, sums_of,
            [&](index t, float const*) __attribute__((always_inline)) { return simd::load_ints<A>(totals + t * L); },
            scale);
      }
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
