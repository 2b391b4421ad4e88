// SPDX-License-Identifier: MIT
// The contract of matmul, written out element by element from stored codes, scales and zero points: the oracle.
#pragma once

#include "octavo/core/views.hpp"
#include "octavo/kernel/path.hpp"
#include "octavo/storage/quantized_matrix.hpp"

#include "support/matrix.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace test {

/// One token as floats; a per_column matrix multiplies each feature with the scale of its column first.
template <class S, class X>
[[nodiscard]] std::vector<float> token_values(octavo::quantized_matrix_view<S> const& w, X const* x) {
  std::vector<float> v(static_cast<std::size_t>(w.cols()));
  for (octavo::index k = 0; k < w.cols(); ++k) {
    auto value = static_cast<float>(x[k]);
    if constexpr (std::is_same_v<typename S::granularity, octavo::per_column>) {
      float const volatile product = value * w.column_scales()[k];
      value = product;
    }
    v[static_cast<std::size_t>(k)] = value;
  }
  return v;
}

template <class Q>
[[nodiscard]] int plain_zero(typename Q::params const& p) {
  if constexpr (octavo::has_zero_point<Q>) { return Q::zero(p); }
  return 0;
}

/// Y = W X by integers: exact sums of at most 32 768 k, then one fma for each group.
template <class A, class S, class X>
[[nodiscard]] matrix<float> plain_integers(octavo::quantized_matrix_view<S> const& w, matrix<X> const& x) {
  using W_format = typename S::quantizer::format;
  using Q = typename A::quantizer;
  using A_format = typename Q::format;
  constexpr float w_step = octavo::lattice<W_format>.step;
  constexpr float a_step = octavo::lattice<A_format>.step;
  constexpr bool by_column = std::is_same_v<typename S::granularity, octavo::per_column>;
  octavo::index const rows = w.rows();
  octavo::index const cols = w.cols();
  octavo::index const group = w.layout().group();
  octavo::index const leaf = group < 32768 ? group : 32768;

  std::vector<int> weights(static_cast<std::size_t>(rows * cols));
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index k = 0; k < cols; ++k) {
      int zero = w.zero_at(r, k / group);
      if constexpr (by_column) { zero = w.column_zeros()[k]; }
      weights[static_cast<std::size_t>(r * cols + k)] =
          static_cast<int>(W_format::decode(w.code_at(r, k)) / w_step) - zero;
    }
  }
  std::vector<float> all;
  if constexpr (std::is_same_v<typename A::granularity, octavo::per_tensor>) {
    for (octavo::index t = 0; t < x.cols(); ++t) {
      auto const values = token_values(w, x.data() + t * cols);
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  matrix<float> y(rows, x.cols());
  std::vector<int> a(static_cast<std::size_t>(cols));
  for (octavo::index t = 0; t < x.cols(); ++t) {
    auto const values = token_values(w, x.data() + t * cols);
    auto const p = Q::calibrate(all.empty() ? values : all);
    for (std::size_t k = 0; k < values.size(); ++k) {
      a[k] = static_cast<int>(A_format::decode(Q::encode(values[k], p)) / a_step) - plain_zero<Q>(p);
    }
    float const token_scale = Q::scale(p) * a_step;
    for (octavo::index r = 0; r < rows; ++r) {
      float sum = 0;
      for (octavo::index first = 0; first < cols; first += leaf) {  // minima come first
        std::int64_t exact = 0;
        for (octavo::index k = first; k < first + leaf && k < cols; ++k) { exact += a[static_cast<std::size_t>(k)]; }
        sum = std::fma(static_cast<float>(exact), w.minimum_at(r, first / group), sum);
      }
      for (octavo::index first = 0; first < cols; first += leaf) {
        std::int64_t exact = 0;
        for (octavo::index k = first; k < first + leaf && k < cols; ++k) {
          exact += std::int64_t{weights[static_cast<std::size_t>(r * cols + k)]} * a[static_cast<std::size_t>(k)];
        }
        sum = std::fma(static_cast<float>(exact), w.scale_at(r, first / group) * w_step, sum);
      }
      float const volatile result = sum * token_scale;
      y(r, t) = result;
    }
  }
  return y;
}

/// bf16 by the formula: nearest, ties to even, in double precision. Pre: finite.
[[nodiscard]] inline float plain_bf16(float x) {
  if (x == 0 || std::fabs(x) < 0x1p-100f) { return 0.0f; }
  int e = 0;
  (void)std::frexp(static_cast<double>(x), &e);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(x), 8 - e)), e - 8));
}

/// Y = W X by floats: one chain of fma over k for each group, then one fma for the group.
template <class A, class S, class X>
[[nodiscard]] matrix<float> plain_floats(octavo::quantized_matrix_view<S> const& w, matrix<X> const& x) {
  using W_format = typename S::quantizer::format;
  constexpr bool pairs = octavo::path_of<S, A> == octavo::path::bf16_dot;
  constexpr bool linear = octavo::linear_quantizer<typename S::quantizer>;
  constexpr bool by_column = std::is_same_v<typename S::granularity, octavo::per_column>;
  octavo::index const rows = w.rows();
  octavo::index const cols = w.cols();
  octavo::index const group = w.layout().group();

  std::vector<float> weights(static_cast<std::size_t>(rows * cols));
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index k = 0; k < cols; ++k) {
      float value = 0;
      if constexpr (linear) {
        value = W_format::decode(w.code_at(r, k));
        if constexpr (!by_column) { value -= static_cast<float>(w.zero_at(r, k / group)); }
      } else {
        value = w(r, k);
      }
      weights[static_cast<std::size_t>(r * cols + k)] = value;
    }
  }
  matrix<float> y(rows, x.cols());
  for (octavo::index t = 0; t < x.cols(); ++t) {
    auto a = token_values(w, x.data() + t * cols);
    float token_scale = 1;
    if constexpr (!octavo::element<A>) {
      using Q = typename A::quantizer;
      auto const p = Q::calibrate(a);
      for (float& v : a) { v = Q::format::decode(Q::encode(v, p)) - static_cast<float>(plain_zero<Q>(p)); }
      token_scale = Q::scale(p);
    }
    if constexpr (pairs) {
      for (float& v : a) { v = std::isfinite(v) ? plain_bf16(v) : v; }
    }
    for (octavo::index r = 0; r < rows; ++r) {
      float const* const row = weights.data() + r * cols;
      float sum = 0;
      for (octavo::index first = 0; octavo::panel_layout<S>::minima && first < cols; first += group) {
        float lanes[16] = {};
        for (octavo::index k = first; k < first + group && k < cols; ++k) {
          lanes[(k - first) % 16] += a[static_cast<std::size_t>(k)];
        }
        for (int half = 8; half > 0; half /= 2) {
          for (int i = 0; i < half; ++i) { lanes[i] += lanes[i + half]; }
        }
        sum = std::fma(lanes[0], w.minimum_at(r, first / group), sum);
      }
      for (octavo::index first = 0; first < cols; first += group) {
        octavo::index const end = first + group < cols ? first + group : cols;
        float chain = 0;
        for (octavo::index k = first; by_column && k < end; ++k) {  // zero points of columns come first
          chain = std::fma(static_cast<float>(-w.column_zeros()[k]), a[static_cast<std::size_t>(k)], chain);
        }
        for (octavo::index k = first; k < end; k += pairs ? 2 : 1) {
          if (pairs && k + 1 < end) { chain = std::fma(row[k + 1], a[static_cast<std::size_t>(k + 1)], chain); }
          chain = std::fma(row[k], a[static_cast<std::size_t>(k)], chain);
        }
        float scale = 1;
        if constexpr (linear) { scale = w.scale_at(r, first / group); }
        sum = std::fma(chain, scale, sum);
      }
      float const volatile result = sum * token_scale;
      y(r, t) = result;
    }
  }
  return y;
}

/// What matmul<A>(w, x, y) must write, to the bit. A: a scheme, or the element type of x for activations as they are.
template <class A, class S, class X>
[[nodiscard]] matrix<float> plain_matmul(octavo::quantized_matrix_view<S> const& w, matrix<X> const& x) {
  if constexpr (octavo::path_of<S, A> == octavo::path::int8_dot) {
    return plain_integers<A>(w, x);
  } else {
    return plain_floats<A>(w, x);
  }
}

}  // namespace test
