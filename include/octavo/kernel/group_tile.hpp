// SPDX-License-Identifier: MIT
// The register tile of weights in groups whose sums stay in registers beside the accumulators of a group.
#pragma once

#include <cstddef>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/scales.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Whether a shift and a mask unpack the weights on AVX-512: codes of 2 or 4 bits that are integers as they stand.
template <class Weights>
inline constexpr bool unpacks_by_shifts = [] {
  if constexpr (requires { Weights::raises; }) {
    return Weights::raises && detail::is_avx512<typename Weights::arch>;
  }
  return false;
}();

/// Weights whose tile is group_tile on a CPU that does so beside multiplying: groups have scales of their own, no minima.
template <class Weights>
inline constexpr bool takes_group_tile = [] {
  using layout = typename Weights::layout;
  return unpacks_by_shifts<Weights> && layout::grouped && layout::linear && !layout::two_level && !layout::minima;
}();

/// Tokens of a group_tile of packed weights at most: with 4 registers of rows, accumulators and sums take 24 of 32
/// registers.
inline constexpr int group_tile_tokens = 3;

/// The sums of `tile`, with its bits: T tokens x R registers of rows from `first_row`, sums [token][row].
///
/// A store of 512 bits takes nine tenths of a cycle of both multipliers of Zen 5, and `tile` stores every sum in every
/// group; here they are loaded and stored once. Few accumulators meet a weight then, which is why packed weights should
/// be small, and expanded ones in the first level cache. Pre: all segments have all their steps.
template <class Weights, int T, int R>
[[gnu::noinline]] void group_tile(weight_stream const& stream, token_block<Weights> const& block, index first_row,
                                  float* sums) noexcept {
  using A = typename Weights::arch;
  using layout = typename Weights::layout;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int U = Weights::units;
  constexpr bool expands = Weights::is_expanded;
  constexpr auto size = static_cast<std::size_t>(T * R);
  constexpr auto registers = static_cast<std::size_t>(R);
  constexpr index steps = layout{0, 0}.padded_group() / (U * Weights::unit_operands);
  // Steps that are counted together: groups of 32 as a whole.
  constexpr index together = steps * U <= 8 ? steps : expands && steps % 8 == 0 ? 8 : steps % 2 == 0 ? 2 : 1;
  // An expanded tile asks for a line in units_together steps.
  constexpr int lines = expands ? 1 : static_cast<int>(Weights::step_bytes / 64);

  weight_stream const w = stream.copy();
  token_block<Weights> const x = block.copy();
  [[maybe_unused]] Weights const unpack;
  simd::floats<A> total[size];
  unroll<T * R>([&](int i) __attribute__((always_inline)) { total[i] = simd::load_floats<A>(sums + i * L); });

  std::byte const* ahead = w.ahead;
  std::byte const* codes = w.codes + (expands ? 0 : first_row * 4);
  auto const* a = x.data;
  for (index s = 0; s < w.segments; ++s) {
    std::byte const* const params = w.params_of(s);
    if constexpr (!expands) { ask_for_params<layout>(params); }
    typename Weights::accumulator acc[size];
    typename Weights::group groups[registers];
    unroll<R>([&](int r) __attribute__((always_inline)) {
      groups[r] = Weights::load_group(params, first_row + r * L);
      unroll<T>([&](int t) __attribute__((always_inline)) {
        acc[t * R + r] = typename Weights::accumulator(Weights::initial(x, t, s, params, first_row + r * L));
      });
    });
    std::byte const* here = codes;
    auto const* token = a;
    for (index step = 0; step < steps; step += together) {
      unroll<static_cast<int>(together)>([&](auto j) __attribute__((always_inline)) {
        [[maybe_unused]] typename Weights::packed packed[registers];
        std::byte const* const at = here + j() * Weights::step_bytes;
        if constexpr (!expands) {
          unroll<R>([&](int r) __attribute__((always_inline)) {
            packed[r] = typename Weights::packed(at + r * L * 4, first_row + r * L);
          });
        }
        if constexpr (!expands || j() % units_together == 0) {
          unroll<lines>([&](int l) __attribute__((always_inline)) {
            __builtin_prefetch(ahead + l * w.ahead_stride, 0, expands ? 2 : 3);
          });
          ahead += w.ahead_step;
        }
        unroll<U>([&](auto u) __attribute__((always_inline)) {
          typename Weights::weight weights[registers];
          unroll<R>([&](int r) __attribute__((always_inline)) {
            if constexpr (expands) {
              weights[r] = Weights::load_weight(at, r);
            } else {
              weights[r] = unpack.template get<u()>(packed[r], groups[r]);
            }
          });
          unroll<T>([&](int t) __attribute__((always_inline)) {
            auto const operand = Weights::load(token + t * x.token_stride + Weights::unit_operands * (j() * U + u()));
            unroll<R>([&](int r) __attribute__((always_inline)) {
              acc[t * R + r] = Weights::add(acc[t * R + r], weights[r], operand);
            });
          });
        });
      });
      here += together * Weights::step_bytes;
      token += together * U * Weights::unit_operands;
    }
    unroll<R>([&](int r) __attribute__((always_inline)) {
      auto const scale = load_scales<Weights>(w, s, 0, first_row + r * L);
      unroll<T>([&](int t) __attribute__((always_inline)) {
        int const i = t * R + r;
        total[i] = simd::fused<A>(Weights::finish(Weights::flush({}, acc[i])), scale, total[i]);
      });
    });
    codes += w.segment_bytes;
    ahead += w.ahead_group;
    a += x.segment_stride;
  }
  unroll<T * R>([&](int i) __attribute__((always_inline)) { total[i].store_unaligned(sums + i * L); });
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
