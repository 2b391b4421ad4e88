// SPDX-License-Identifier: MIT
// RMSNorm and LayerNorm of one row, and the sum of two rows before it.
#pragma once

#include "octavo/kernel/softmax.hpp"
#include "octavo/kernel/token_row.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// A factor or term for each feature.
template <class T>
struct channel_values {
  T const* data;
  float offset = 0;  ///< is added to each

  template <class A, class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> at(index k, Count count) const noexcept {
    auto const v = load_count<A>(data + k, count);
    return offset == 0 ? v : v + simd::floats<A>(offset);
  }
};
/// None: factors are 1, terms 0.
template <>
struct channel_values<void> {};

/// A row as it is. A pass calls `first` for each register, those that follow `again`, the last one `last`, which asks
/// memory for the row that comes next, at `next`.
template <class A, class X>
struct plain_row {
  X const* x;
  X const* next;

  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> first(index k, Count count) const noexcept {
    return load_count<A>(x + k, count);
  }
  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> again(index k, Count count) const noexcept {
    return load_count<A>(x + k, count);
  }
  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> last(index k, Count count) const noexcept {
    __builtin_prefetch(next + k, 0, 2);
    return load_count<A>(x + k, count);
  }
};
/// The sum of two rows, which replaces the first; what counts is the sum as it is stored.
template <class A, class R, class X>
struct summed_row {
  plain_row<A, X> x;
  R* residual;
  R const* next;

  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> first(index k, Count count) const noexcept {
    store_count<A>(residual + k, load_count<A>(residual + k, count) + x.first(k, count), count);
    return again(k, count);
  }
  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> again(index k, Count count) const noexcept {
    return load_count<A>(residual + k, count);
  }
  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::floats<A> last(index k, Count count) const noexcept {
    __builtin_prefetch(x.next + k, 0, 2);
    __builtin_prefetch(next + k, 0, 2);
    return again(k, count);
  }
};

/// 1 / sqrt(mean + epsilon), 0 where that is infinite; NaN of infinity, so that no feature of such a row is a number.
[[nodiscard, gnu::always_inline]] inline float inverse_root(float mean, float epsilon) noexcept {
  float const square = mean + epsilon;
  if (!(square < __builtin_inff())) { return __builtin_nanf(""); }
  return square == 0 ? 0.0f : 1.0f / __builtin_sqrtf(square);
}

/// x times a factor, plus a term, each may be none.
template <class A, class W, class B, class Count>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> scaled(simd::floats<A> x, channel_values<W> const& weight,
                                                                channel_values<B> const& bias, index k,
                                                                Count count) noexcept {
  if constexpr (std::is_void_v<B>) {
    if constexpr (std::is_void_v<W>) {
      return x;
    } else {
      return x * weight.template at<A>(k, count);
    }
  } else {
    auto const term = bias.template at<A>(k, count);
    if constexpr (std::is_void_v<W>) {
      return simd::opaque<A>(x) + term;
    } else {
      return simd::fused<A>(x, weight.template at<A>(k, count), term);
    }
  }
}

/// out = x * (1 / sqrt(mean(x^2) + epsilon)) * weight.
template <class A, class Source, class W, class Out>
void rms_norm(Source const& x, index n, channel_values<W> const& weight, float epsilon, Out out) noexcept {
  simd::lanes_of_16<A, row_chains> squares(0.0f);
  for_row<A>(
      n, [&](auto r, index k, auto count) __attribute__((always_inline)) {
        auto const v = x.first(k, count);
        squares.of(r) = simd::fused<A>(v, v, squares.of(r));
      });
  simd::floats<A> const root(inverse_root(squares.reduce(simd::sum_of()) / static_cast<float>(n), epsilon));
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        out.put(k, scaled<A>(x.last(k, count) * root, weight, channel_values<void>{}, k, count), count);
      });
  out.finish(n);
}

/// out = (x - mean) * (1 / sqrt(mean((x - mean)^2) + epsilon)) * weight + bias.
template <class A, class Source, class W, class B, class Out>
void layer_norm(Source const& x, index n, channel_values<W> const& weight, channel_values<B> const& bias,
                float epsilon, Out out) noexcept {
  simd::lanes_of_16<A, row_chains> sum(0.0f);
  for_row<A>(
      n, [&](auto r, index k, auto count)
             __attribute__((always_inline)) { sum.of(r) = sum.of(r) + x.first(k, count); });
  simd::floats<A> const mean(sum.reduce(simd::sum_of()) / static_cast<float>(n));
  simd::lanes_of_16<A, row_chains> squares(0.0f);
  for_row<A>(
      n, [&](auto r, index k, auto count) __attribute__((always_inline)) {
        auto const v = keep_count<A>(x.again(k, count) - mean, count);
        squares.of(r) = simd::fused<A>(v, v, squares.of(r));
      });
  simd::floats<A> const root(inverse_root(squares.reduce(simd::sum_of()) / static_cast<float>(n), epsilon));
  for_registers<A>(
      n, [&](index k, auto count) __attribute__((always_inline)) {
        out.put(k, scaled<A>((x.last(k, count) - mean) * root, weight, bias, k, count), count);
      });
  out.finish(n);
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
