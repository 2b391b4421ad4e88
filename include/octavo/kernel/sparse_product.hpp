// SPDX-License-Identifier: MIT
// Products of a slice of a sparse matrix: with few tokens its rows are lanes, with many the tokens are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/views.hpp"
#include "octavo/simd/batch.hpp"
#include "octavo/simd/lookup.hpp"
#include "octavo/storage/sparse_matrix.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Tokens that are lanes together.
inline constexpr index sparse_tokens = 16;

/// out[t][row] = chain of fma(number, x[t][column], .) over the entries of a slice, from +0; T tokens `stride` apart, outputs
/// `out_stride`.
template <class A, int T>
[[gnu::noinline]] void sparse_rows(std::byte const* slice, index entries, float const* x, index stride, float* out,
                                   index out_stride) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr int R = static_cast<int>(sparse_matrix_view::slice_rows) / L;
  simd::floats<A> sum[static_cast<std::size_t>(T * R)];
  detail::unroll<T * R>([&](int i) __attribute__((always_inline)) { sum[i] = simd::floats<A>(0.0f); });
  for (; entries > 0; --entries, slice += sparse_matrix_view::entry_bytes) {
    detail::unroll<R>([&](int r) __attribute__((always_inline)) {
      auto const columns = simd::load_shorts<A>(slice + 2 * r * L);
      auto const numbers =
          simd::load_as_floats<A>(reinterpret_cast<f16 const*>(slice + 2 * sparse_matrix_view::slice_rows) + r * L);
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        auto& to = sum[t * R + r];
        to = simd::fused<A>(numbers, simd::gather<A>(x + t * stride, columns), to);
      });
    });
  }
  detail::unroll<T * R>([&](int i) __attribute__((always_inline)) {
    sum[i].store_unaligned(out + i / R * out_stride + i % R * L);
  });
}

/// to[column][16 tokens] of `count` tokens from `first`, zeros for those beyond.
template <class A, class X>
[[gnu::noinline]] void tokens_to_lanes(tokens_view<X const> const& x, index first, index count, float* to) noexcept {
  constexpr int L = simd::lanes<A>;
  index const cols = x.features();
  for (index t = 0; t < sparse_tokens; t += L) {
    for (index k = 0; k < cols; k += L) {
      simd::floats<A> square[static_cast<std::size_t>(L)];
      index const n = smaller(cols - k, L);
      for (index i = 0; i < L; ++i) {
        square[i] = simd::floats<A>(0.0f);
        if (t + i < count) {
          X const* const from = x.token(first + t + i) + k;
          square[i] = n == L ? simd::load_as_floats<A>(from) : simd::load_first<A>(from, n);
        }
      }
      simd::transpose<A>(square);
      for (index i = 0; i < n; ++i) { square[i].store_unaligned(to + (k + i) * sparse_tokens + t); }
    }
  }
}

/// The same of 16 tokens, x[column][token].
template <class A>
[[gnu::noinline]] void sparse_token_lanes(std::byte const* slice, index entries, float const* x, float* out,
                                          index out_stride) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr int R = static_cast<int>(sparse_tokens) / L;
  constexpr int rows = 4;  // chains that do not wait for each other
  alignas(64) float sums[static_cast<std::size_t>(sparse_matrix_view::slice_rows * sparse_tokens)];
  for (index first = 0; first < sparse_matrix_view::slice_rows; first += rows) {
    simd::floats<A> sum[static_cast<std::size_t>(rows * R)];
    detail::unroll<rows * R>([&](int i) __attribute__((always_inline)) { sum[i] = simd::floats<A>(0.0f); });
    for (index e = 0; e < entries; ++e) {
      std::byte const* const at = slice + e * sparse_matrix_view::entry_bytes;
      auto const* const columns = reinterpret_cast<std::uint16_t const*>(at) + first;
      auto const* const numbers = reinterpret_cast<f16 const*>(at + 2 * sparse_matrix_view::slice_rows) + first;
      detail::unroll<rows>([&](int i) __attribute__((always_inline)) {
        simd::floats<A> const number(static_cast<float>(numbers[i]));
        float const* const from = x + columns[i] * sparse_tokens;
        detail::unroll<R>([&](int r) __attribute__((always_inline)) {
          auto& to = sum[i * R + r];
          to = simd::fused<A>(number, simd::load_floats<A>(from + r * L), to);
        });
      });
    }
    detail::unroll<rows * R>([&](int i) __attribute__((always_inline)) {
      sum[i].store_unaligned(sums + (first + i / R) * sparse_tokens + i % R * L);
    });
  }
  for (index row = 0; row < sparse_matrix_view::slice_rows; row += L) {
    for (index t = 0; t < sparse_tokens; t += L) {
      simd::floats<A> square[static_cast<std::size_t>(L)];
      detail::unroll<L>([&](int i) __attribute__((always_inline)) {
        square[i] = simd::load_floats<A>(sums + (row + i) * sparse_tokens + t);
      });
      simd::transpose<A>(square);
      detail::unroll<L>([&](int i) __attribute__((always_inline)) {
        square[i].store_unaligned(out + (t + i) * out_stride + row);
      });
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
