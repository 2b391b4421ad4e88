// SPDX-License-Identifier: MIT
// The register tile of every path: tokens x rows, one accumulator each per segment, then scaled into sums.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// How a tile begins and ends when the single segment of a row is read in several runs.
enum class carry : int { none = 0, in = 1, out = 2, both = 3 };

/// The scales of `lanes` rows from `row`.
template <class Weights>
[[nodiscard, gnu::always_inline]] inline auto load_scales(std::byte const* params, index row) noexcept {
  using A = typename Weights::arch;
  using scale_type = typename Weights::layout::scale_type;
  if constexpr (!Weights::layout::linear) { return simd::floats<A>(1.0f); }  // the values have their scale
  auto scale = simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + row);
  if constexpr (Weights::scale_factor != 1.0f) { scale = scale * simd::floats<A>(Weights::scale_factor); }
  return scale;
}

/// sums[t][row] = fma(acc, scale, sums[t][row]) over segments, ascending, where acc is the chain over k of the path:
/// exact integers, or one float fma after the other.
///
/// T tokens x R registers of rows from `first_row`; sums have `sums_stride` floats per token and stay in the first
/// level cache, so registers hold accumulators only and tiles can be large. With carry::out accumulators are stored
/// in place of sums, with carry::in they are loaded from there (float paths, single segment).
template <class Weights, int T, int R>
[[gnu::noinline]] void tile(weight_stream const& w, token_block<Weights> const& x, index first_row, float* sums,
                            index sums_stride, carry mode = carry::none) noexcept {
  using A = typename Weights::arch;
  using accumulator = typename Weights::accumulator;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int U = Weights::units;
  constexpr bool bursts = Weights::burst != 0;

  Weights const unpack;
  for (index s = 0; s < w.segments; ++s) {
    index const steps = s + 1 < w.segments ? w.steps : w.last_steps;
    std::byte const* codes = w.codes + s * w.segment_bytes + first_row * 4;
    std::byte const* const params = w.params_of(s);
    auto const* a = x.data + s * x.segment_stride;

    // `wide` is where bursts of a narrower accumulator end; without bursts it is the accumulator itself.
    using wide_type = decltype(Weights::initial(x, 0, 0, params, 0));
    accumulator acc[T * R];
    wide_type wide[bursts ? T * R : 1];
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      unroll<R>([&](auto r) __attribute__((always_inline)) {
        auto const begin = Weights::initial(x, t(), s, params, first_row + r() * L);
        if constexpr (bursts) {
          wide[t * R + r] = begin;
          acc[t * R + r] = accumulator{};
        } else {
          acc[t * R + r] = begin;
        }
      });
    });
    if constexpr (Weights::carries) {
      if ((static_cast<int>(mode) & 1) != 0) {
        unroll<T>([&](auto t) __attribute__((always_inline)) {
          unroll<R>([&](auto r) __attribute__((always_inline)) {
            acc[t * R + r] = simd::load_floats<A>(sums + t() * sums_stride + r() * L);
          });
        });
      }
    }
    typename Weights::group groups[R];
    unroll<R>([&](auto r)
                  __attribute__((always_inline)) { groups[r] = Weights::load_group(params, first_row + r() * L); });

    index until_flush = Weights::burst;
    for (index i = 0; i < steps; ++i) {
      simd::ints<A> packed[R];
      unroll<R>([&](auto r) __attribute__((always_inline)) { packed[r] = simd::load_ints<A>(codes + r() * L * 4); });
      if constexpr (T <= Weights::prefetch_tokens) {
        unroll<(R * L + 15) / 16>([&](auto l) __attribute__((always_inline)) {
          __builtin_prefetch(codes + Weights::prefetch_bytes + l() * 64);
        });
      }
      unroll<U>([&](auto u) __attribute__((always_inline)) {
        typename Weights::weight weights[R];
        unroll<R>([&](auto r) __attribute__((always_inline)) {
          weights[r] = unpack.template get<u()>(packed[r], groups[r]);
        });
        unroll<T>([&](auto t) __attribute__((always_inline)) {
          auto const operand = Weights::load(a + t() * x.token_stride + Weights::unit_operands * u());
          unroll<R>([&](auto r) __attribute__((always_inline)) {
            acc[t * R + r] = Weights::add(acc[t * R + r], weights[r], operand);
          });
        });
      });
      a += U * Weights::unit_operands;
      codes += 256;
      if constexpr (bursts) {
        if (--until_flush == 0) {
          until_flush = Weights::burst;
          unroll<T * R>([&](auto j) __attribute__((always_inline)) {
            wide[j] = Weights::flush(wide[j], acc[j]);
            acc[j] = accumulator{};
          });
        }
      }
    }

    unroll<R>([&](auto r) __attribute__((always_inline)) {
      auto const scale = load_scales<Weights>(params, first_row + r() * L);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        constexpr int i = t * R + r;
        float* const sum = sums + t() * sums_stride + r() * L;
        if constexpr (Weights::carries) {
          if ((static_cast<int>(mode) & 2) != 0) {
            acc[i].store_unaligned(sum);
          } else {
            simd::floats<A> before(0.0f);
            if ((static_cast<int>(mode) & 1) == 0) { before = simd::load_floats<A>(sum); }
            simd::fused<A>(acc[i], scale, before).store_unaligned(sum);
          }
        } else {
          auto const total = Weights::finish(Weights::flush(wide[bursts ? i : 0], acc[i]));
          simd::fused<A>(total, scale, simd::load_floats<A>(sum)).store_unaligned(sum);
        }
      });
    });
  }
}

/// The same sums for short groups and many tokens: the weights of one segment stay in registers, unpacked once,
/// and the tokens pass by. The scaling of one token then overlaps the products of the next, where a tile would
/// scale all its accumulators at the same time. Q units of every segment, R registers of rows, T tokens at a time.
template <class Weights, int Q, int R, int T>
[[gnu::noinline]] void stationary_tile(weight_stream const& w, token_block<Weights> const& x, index tokens,
                                       index first_row, float* sums, index sums_stride) noexcept {
  using A = typename Weights::arch;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int U = Weights::units;
  static_assert(Q % U == 0 && Weights::burst == 0);

  Weights const unpack;
  for (index s = 0; s < w.segments; ++s) {
    std::byte const* const codes = w.codes + s * w.segment_bytes + first_row * 4;
    std::byte const* const params = w.params_of(s);
    typename Weights::weight weights[Q * R];
    simd::floats<A> scales[R];
    unroll<R>([&](auto r) __attribute__((always_inline)) {
      unroll<Q / U>([&](auto i) __attribute__((always_inline)) {
        auto const packed = simd::load_ints<A>(codes + i() * 256 + r() * L * 4);
        __builtin_prefetch(codes + w.segment_bytes + i() * 256 + r() * L * 4);
        unroll<U>([&](auto u) __attribute__((always_inline)) {
          weights[(i * U + u) * R + r] = unpack.template get<u()>(packed, {});
        });
      });
      scales[r] = load_scales<Weights>(params, first_row + r() * L);
    });
    auto const* a = x.data + s * x.segment_stride;
    float* sum = sums;
    index t = 0;
    auto const pass = [&](auto count) __attribute__((always_inline)) {
      constexpr int N = count();
      typename Weights::accumulator acc[N * R];
      unroll<N>([&](auto j) __attribute__((always_inline)) {
        unroll<R>([&](auto r) __attribute__((always_inline)) {
          acc[j * R + r] = Weights::initial(x, t + j(), s, params, first_row + r() * L);
        });
      });
      unroll<Q>([&](auto q) __attribute__((always_inline)) {
        unroll<N>([&](auto j) __attribute__((always_inline)) {
          auto const operand = Weights::load(a + j() * x.token_stride + Weights::unit_operands * q());
          unroll<R>([&](auto r) __attribute__((always_inline)) {
            acc[j * R + r] = Weights::add(acc[j * R + r], weights[q * R + r], operand);
          });
        });
      });
      unroll<N>([&](auto j) __attribute__((always_inline)) {
        unroll<R>([&](auto r) __attribute__((always_inline)) {
          float* const p = sum + j() * sums_stride + r() * L;
          auto const total = Weights::finish(Weights::flush({}, acc[j * R + r]));
          simd::fused<A>(total, scales[r], simd::load_floats<A>(p)).store_unaligned(p);
        });
      });
      a += N * x.token_stride;
      sum += N * sums_stride;
      t += N;
    };
    while (t + T <= tokens) { pass(std::integral_constant<int, T>{}); }
    while (t < tokens) { pass(std::integral_constant<int, 1>{}); }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
