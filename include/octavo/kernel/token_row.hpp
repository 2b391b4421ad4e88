// SPDX-License-Identifier: MIT
// The features of one token, register by register: how they are read, and where results go, as floats or quantized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Registers of a row that have accumulators of their own: four chains of 16 virtual lanes.
inline constexpr int row_chains = 4;
template <class A>
inline constexpr int row_registers = row_chains * 16 / simd::lanes<A>;

/// f(r, k, count) for each register of n features, ascending: features k ... k + count - 1, register r of the row
/// modulo row_registers. `count` is a constant but in the last register, where it may be fewer than all lanes. So
/// feature k is in lane k % 16 of chain k / 16 % 4 on every instruction set.
template <class A, class F>
[[gnu::always_inline]] inline void for_row(index n, F&& f) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr int R = row_registers<A>;
  constexpr detail::constant<L> all{};
  index k = 0;
  for (; k + R * L <= n; k += R * L) {
    detail::unroll<R>([&](auto r) __attribute__((always_inline)) { f(r, k + r * L, all); });
  }
  detail::unroll<R>([&](auto r) __attribute__((always_inline)) {
    index const left = n - k - r * L;
    if (left >= L) {
      f(r, k + r * L, all);
    } else if (left > 0) {
      f(r, k + r * L, left);
    }
  });
}

/// f(k, count) for each register of n features, ascending, where sums do not matter: less code.
template <class A, class F>
[[gnu::always_inline]] inline void for_registers(index n, F&& f) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr detail::constant<L> all{};
  index k = 0;
  for (; k + 2 * L <= n; k += 2 * L) {
    f(k, all);
    f(k + L, all);
  }
  if (k + L <= n) {
    f(k, all);
    k += L;
  }
  if (k < n) { f(k, n - k); }
}

template <class Count>
inline constexpr bool all_lanes = !std::is_same_v<Count, index>;

/// `count` floats from p, zeros behind them.
template <class A, class T, class Count>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> load_count(T const* p, Count count) noexcept {
  if constexpr (all_lanes<Count>) {
    return simd::load_as_floats<A>(p);
  } else {
    return simd::load_first<A>(p, count);
  }
}
template <class A, class T, class Count>
[[gnu::always_inline]] inline void store_count(T* p, simd::floats<A> x, Count count) noexcept {
  if constexpr (all_lanes<Count>) {
    simd::store_from_floats<A>(p, x);
  } else {
    simd::store_first<A>(p, x, count);
  }
}
/// The first `count` lanes, zeros behind them.
template <class A, class Count>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> keep_count(simd::floats<A> x, Count count) noexcept {
  if constexpr (all_lanes<Count>) {
    return x;
  } else {
    float values[static_cast<std::size_t>(simd::lanes<A>)];
    x.store_unaligned(values);
    return simd::load_first<A>(values, count);
  }
}

/// Results as floats.
template <class A, class T>
struct float_row {
  T* y;

  template <class Count>
  [[gnu::always_inline]] void put(index k, simd::floats<A> x, Count count) noexcept {
    store_count<A>(y + k, x, count);
  }
  [[gnu::always_inline]] void finish(index) noexcept {}
};

/// Results quantized by Q: they wait as floats in `row` until their range is known.
template <class A, class Q>
struct code_row {
  float* row;
  std::int8_t* codes;
  float* scale;
  std::int32_t* zero;
  range_tracker<A, Q> range{};

  template <class Count>
  [[gnu::always_inline]] void put(index k, simd::floats<A> x, Count count) noexcept {
    range.add(keep_count<A>(x, count));
    store_count<A>(row + k, x, count);
  }
  /// Pre: `n` features were put. Codes, scale and zero point are those that prepared_tokens gives the same floats.
  void finish(index n) noexcept {
    using F = typename Q::format;
    auto const p = range.params();
    int const zero_point = zero_of<Q>(p) - operand_shift<F>;
    *scale = Q::scale(p) * lattice<F>.step;
    *zero = zero_point;
    (void)quantize_segment<A, Q>(token_source<A, float>{row, nullptr, n}, p, 0, n, n, zero_point, nullptr, codes);
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
