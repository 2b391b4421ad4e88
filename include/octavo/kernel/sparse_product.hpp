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

/// Most tokens that are lanes together.
inline constexpr index sparse_tokens = 32;
/// Bytes ahead that are asked for: entries come from memory, and gathers alone let it wait.
inline constexpr index sparse_ahead = 48 * sparse_matrix_view::entry_bytes;

/// out[t][row] = chain of fma(number, x[t][column], .) over the entries of a slice, from +0; T tokens `stride` apart,
/// outputs `out_stride`.
template <class A, int T>
[[gnu::noinline]] void sparse_rows(std::byte const* slice, index entries, float const* x, index stride, float* out,
                                   index out_stride) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr int R = static_cast<int>(sparse_matrix_view::slice_rows) / L;
  simd::floats<A> sum[static_cast<std::size_t>(T * R)];
  detail::unroll<T * R>([&](int i) __attribute__((always_inline)) { sum[i] = simd::floats<A>(0.0f); });
  for (; entries > 0; --entries, slice += sparse_matrix_view::entry_bytes) {
    __builtin_prefetch(slice + sparse_ahead);
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

/// to[column][T tokens] of `count` tokens, zeros for those beyond; columns from `begin` to `end`.
template <class A, int T, class X>
[[gnu::noinline]] void tokens_to_lanes(tokens_view<X const> const& x, index count, index begin, index end,
                                       float* to) noexcept {
  constexpr int L = simd::lanes<A>;
  for (index t = 0; t < T; t += L) {
    for (index k = begin; k < end; k += L) {
      simd::floats<A> square[static_cast<std::size_t>(L)];
      index const n = smaller(end - k, L);
      for (index i = 0; i < L; ++i) {
        square[i] = simd::floats<A>(0.0f);
        if (t + i < count) {
          X const* const from = x.token(t + i) + k;
          square[i] = n == L ? simd::load_as_floats<A>(from) : simd::load_first<A>(from, n);
        }
      }
      simd::transpose<A>(square);
      for (index i = 0; i < n; ++i) { square[i].store_unaligned(to + (k + i) * T + t); }
    }
  }
}

/// The same of T tokens, x[column][token]; outputs are 16 apart.
template <class A, int T>
[[gnu::noinline]] void sparse_token_lanes(std::byte const* slice, index entries, float const* x,
                                          float* out) noexcept {
  constexpr int L = simd::lanes<A>;
  constexpr int R = T / L;
  constexpr index slice_rows = sparse_matrix_view::slice_rows;
  constexpr int rows =  // chains that do not wait for each other
      (octavo::detail::is_avx512<A> || octavo::detail::is_neon<A> ? 16 : 8) / R;
  constexpr index block = 64;
  alignas(64) float numbers[static_cast<std::size_t>(block * slice_rows)];
  alignas(64) float sums[static_cast<std::size_t>(slice_rows * T)];
  index done = 0;
  do {
    index const n = smaller(entries - done, block);
    for (index e = 0; e < n; ++e) {
      __builtin_prefetch(slice + e * sparse_matrix_view::entry_bytes + sparse_ahead);
      auto const* const from = reinterpret_cast<f16 const*>(slice + e * sparse_matrix_view::entry_bytes) + slice_rows;
      detail::unroll<static_cast<int>(slice_rows) / L>([&](int i) __attribute__((always_inline)) {
        simd::load_as_floats<A>(from + i * L).store_unaligned(numbers + e * slice_rows + i * L);
      });
    }
    for (index first = 0; first < slice_rows; first += rows) {
      simd::floats<A> sum[static_cast<std::size_t>(rows * R)];
      detail::unroll<rows * R>([&](int i) __attribute__((always_inline)) {
        sum[i] = done == 0 ? simd::floats<A>(0.0f) : simd::load_floats<A>(sums + first * T + i * L);
      });
      for (index e = 0; e < n; ++e) {
        auto const* const columns =
            reinterpret_cast<std::uint16_t const*>(slice + e * sparse_matrix_view::entry_bytes) + first;
        detail::unroll<rows>([&](int i) __attribute__((always_inline)) {
          simd::floats<A> const number(numbers[e * slice_rows + first + i]);
          float const* const from = x + columns[i] * T;
          detail::unroll<R>([&](int r) __attribute__((always_inline)) {
            auto& to = sum[i * R + r];
            to = simd::fused<A>(number, simd::load_floats<A>(from + r * L), to);
          });
        });
      }
      detail::unroll<rows * R>([&](int i) __attribute__((always_inline)) {
        sum[i].store_unaligned(sums + first * T + i * L);
      });
    }
    done += n;
    slice += n * sparse_matrix_view::entry_bytes;
  } while (done < entries);
  for (index row = 0; row < slice_rows; row += L) {
    for (index t = 0; t < T; t += L) {
      simd::floats<A> square[static_cast<std::size_t>(L)];
      detail::unroll<L>([&](int i) __attribute__((always_inline)) {
        square[i] = simd::load_floats<A>(sums + (row + i) * T + t);
      });
      simd::transpose<A>(square);
      detail::unroll<L>([&](int i) __attribute__((always_inline)) {
        square[i].store_unaligned(out + (t + i) * slice_rows + row);
      });
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
