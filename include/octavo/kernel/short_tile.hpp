// SPDX-License-Identifier: MIT
// The register tile of short products: sums of blocks of rows as they are packed, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"
#include "octavo/simd/dot.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Registers of rows that a tile of attention takes: all 64 on AVX-512 and 16 lanes elsewhere; four of four lanes.
template <class A>
inline constexpr int short_registers = detail::is_avx512<A>  ? 4
                                       : simd::lanes<A> >= 8 ? 16 / simd::lanes<A>
                                                             : 4;

/// Exact sums of quads of bytes. Bytes of rows are unsigned and those of tokens signed, or (Swapped) the other way
/// round.
template <class A, bool Swapped>
struct byte_product {
  using arch = A;
  using dot = simd::dot<A, 255>;
  using operand = std::int8_t;
  using weight = typename dot::weight;
  using accumulator = typename dot::accumulator;
  using sum = simd::ints<A>;
  /// Operands of a token in a step.
  static constexpr index step = 4;

  [[nodiscard, gnu::always_inline]] static auto load(operand const* p) noexcept { return dot::load(p); }
  template <class Operand>
  [[nodiscard, gnu::always_inline]] static accumulator add(accumulator acc, weight const& w,
                                                           Operand const& a) noexcept {
    if constexpr (Swapped) {
      return dot::add(acc, a, w);
    } else {
      return dot::add(acc, w, a);
    }
  }
};

/// One chain of f32 fma, ascending.
template <class A>
struct float_product {
  using arch = A;
  using operand = float;
  using weight = simd::floats<A>;
  using accumulator = simd::floats<A>;
  using sum = simd::floats<A>;
  static constexpr index step = 1;

  [[nodiscard, gnu::always_inline]] static weight load(float const* p) noexcept { return weight(*p); }
  [[nodiscard, gnu::always_inline]] static accumulator add(accumulator acc, weight w, weight a) noexcept {
    return simd::fused<A>(w, a, acc);
  }
};

/// What becomes of the sums of a token: they are stored.
template <class Sum>
struct as_sums {
  template <int R>
  [[gnu::always_inline]] void put(int, Sum const (&sums)[static_cast<std::size_t>(R)],
                                  typename Sum::value_type* out) const noexcept {
    detail::unroll<R>([&](int r) __attribute__((always_inline)) {
      sums[r].store_unaligned(out + r * static_cast<int>(Sum::size));
    });
  }
  /// The same for tokens from t.
  [[nodiscard, gnu::always_inline]] as_sums from(index) const noexcept { return *this; }
};
/// Integers become floats, times the scales of the rows, and are stored.
template <class A>
struct as_products {
  float const* scales;

  template <int R>
  [[gnu::always_inline]] void put(int, simd::ints<A> const (&sums)[static_cast<std::size_t>(R)],
                                  std::int32_t* out) const noexcept {
    detail::unroll<R>([&](int r) __attribute__((always_inline)) {
      product(sums[r], r).store_unaligned(reinterpret_cast<float*>(out) + r * simd::lanes<A>);
    });
  }
  [[nodiscard, gnu::always_inline]] simd::floats<A> product(simd::ints<A> sum, int r) const noexcept {
    return simd::fused<A>(simd::to_floats<A>(sum), simd::load_floats<A>(scales + r * simd::lanes<A>),
                          simd::floats<A>(0.0f));
  }
  [[nodiscard, gnu::always_inline]] as_products from(index) const noexcept { return *this; }
};
/// The same; the largest so far of each token and lane is in largest[token][lane]. NaN does not count.
template <class A>
struct as_scores {
  as_products<A> products;
  float* largest;

  template <int R>
  [[gnu::always_inline]] void put(int t, simd::ints<A> const (&sums)[static_cast<std::size_t>(R)],
                                  std::int32_t* out) const noexcept {
    put_each<R>(
        t, [&](int r) __attribute__((always_inline)) { return products.product(sums[r], r); }, out);
  }
  template <int R, class Score>
  [[gnu::always_inline]] void put_each(int t, Score const& score, std::int32_t* out) const noexcept {
    auto most = simd::load_floats<A>(largest + t * simd::lanes<A>);
    detail::unroll<R>([&](int r) __attribute__((always_inline)) {
      auto const x = score(r);
      x.store_unaligned(reinterpret_cast<float*>(out) + r * simd::lanes<A>);
      most = simd::maximum<A>(x, most);
    });
    most.store_unaligned(largest + t * simd::lanes<A>);
  }
  [[nodiscard, gnu::always_inline]] as_scores from(index t) const noexcept {
    return {products, largest + t * simd::lanes<A>};
  }
};

/// The same, to which units[token] * bias[heads[token]][row] is added first.
template <class A>
struct as_biased_scores {
  as_scores<A> scores;
  float const* bias;
  index stride;  ///< of heads
  std::int32_t const* heads;
  float const* units;

  template <int R>
  [[gnu::always_inline]] void put(int t, simd::ints<A> const (&sums)[static_cast<std::size_t>(R)],
                                  std::int32_t* out) const noexcept {
    float const* const of_head = bias + heads[t] * stride;
    simd::floats<A> const unit(units[t]);
    scores.template put_each<R>(
        t,
        [&](int r) __attribute__((always_inline)) {
          return simd::fused<A>(simd::load_floats<A>(of_head + r * simd::lanes<A>), unit,
                                scores.products.product(sums[r], r));
        },
        out);
  }
  [[nodiscard, gnu::always_inline]] as_biased_scores from(index t) const noexcept {
    return {scores.from(t), bias, stride, heads + t, units + t};
  }
};

/// Rows as they are packed: R registers for each step, one behind the other. Steps are even.
template <class Product, int R>
struct packed_rows {
  using weight = typename Product::weight;
  static constexpr bool whole_pairs = true;
  static constexpr int bytes = static_cast<int>(sizeof(weight));
  std::byte const* at;

  [[nodiscard, gnu::always_inline]] weight get(int step, int r) const noexcept {
    return simd::load_register<weight>(at + (step * R + r) * bytes);
  }
  [[gnu::always_inline]] void next() noexcept { at += 2 * R * bytes; }
};
/// Rows that are elements where they are: R registers beside each other, `step` elements from those of the step before.
/// Each step asks for its lines `ahead` bytes further on, an address: there may be nothing.
template <class A, class E, int R>
struct element_rows {
  static constexpr bool whole_pairs = false;
  E const* at;
  index step;
  std::uintptr_t ahead;

  [[nodiscard, gnu::always_inline]] simd::floats<A> get(int s, int r) const noexcept {
    return simd::load_as_floats<A>(at + s * step + r * simd::lanes<A>);
  }
  [[gnu::always_inline]] void next() noexcept {
    constexpr int lines = (R * simd::lanes<A> * static_cast<int>(sizeof(E)) + 63) / 64;
    auto const later = reinterpret_cast<std::uintptr_t>(at) + ahead;
    auto const bytes = static_cast<std::uintptr_t>(step) * sizeof(E);
    detail::unroll<lines>([&](int i) __attribute__((always_inline)) {
      __builtin_prefetch(reinterpret_cast<void const*>(later + 64 * static_cast<std::uintptr_t>(i)));
      __builtin_prefetch(reinterpret_cast<void const*>(later + bytes + 64 * static_cast<std::uintptr_t>(i)));
    });
    at += 2 * step;
  }
};

/// Of sums start[t] + sum over k of rows[step][row] * x[t][k], for T tokens `stride` operands apart and R registers of
/// rows, what End makes, at out[t][row]; start null: from 0; `more`: from what out holds.
///
/// kernel::tile computes the same, and scales, and carries; for so little work as a query and 64 keys of 128 channels
/// are, its entry and exit took a quarter of the time.
template <class Product, int T, int R, class Rows, class End>
[[gnu::always_inline]] inline void short_sums(Rows rows, index steps, typename Product::operand const* x,
                                              index stride, typename Product::sum::value_type const* start,
                                              typename Product::sum::value_type* out, bool more,
                                              End const& end) noexcept {
  using detail::unroll;
  using weight = typename Product::weight;
  using sum = typename Product::sum;
  constexpr int L = simd::lanes<typename Product::arch>;
  typename Product::accumulator acc[static_cast<std::size_t>(T * R)];
  if (more) {
    unroll<T * R>([&](int i) __attribute__((always_inline)) { acc[i] = sum::load_unaligned(out + i * L); });
  } else {
    unroll<T>([&](int t) __attribute__((always_inline)) {
      sum const begin(start == nullptr ? 0 : start[t]);
      unroll<R>([&](int r) __attribute__((always_inline)) { acc[t * R + r] = begin; });
    });
  }
  // Three tokens share a pointer: so many fit the addressing modes.
  constexpr int pointers = (T + 2) / 3;
  typename Product::operand const* tokens[static_cast<std::size_t>(pointers)];
  unroll<pointers>([&](int i) __attribute__((always_inline)) { tokens[i] = x + 3 * i * stride; });
  auto const step = [&](int s) __attribute__((always_inline)) {
    weight w[static_cast<std::size_t>(R)];
    unroll<R>([&](int r) __attribute__((always_inline)) { w[r] = simd::in_register(rows.get(s, r)); });
    unroll<T>([&](int t) __attribute__((always_inline)) {
      auto const a = Product::load(tokens[t / 3] + t % 3 * stride + Product::step * s);
      unroll<R>([&](int r)
                    __attribute__((always_inline)) { acc[t * R + r] = Product::add(acc[t * R + r], w[r], a); });
    });
  };
  for (; steps > (Rows::whole_pairs ? 0 : 1); steps -= 2) {
    unroll<2>(step);
    rows.next();
    unroll<pointers>([&](int i) __attribute__((always_inline)) { tokens[i] += 2 * Product::step; });
  }
  if constexpr (!Rows::whole_pairs) {
    if (steps == 1) { step(0); }
  }
  unroll<T>([&](int t) __attribute__((always_inline)) {
    sum sums[static_cast<std::size_t>(R)];
    unroll<R>([&](int r) __attribute__((always_inline)) { sums[r] = sum(acc[t * R + r]); });
    end.template put<R>(t, sums, out + t * R * L);
  });
}
/// Of a block as it is packed. Pre: steps is even.
template <class Product, int T, int R, class End = as_sums<typename Product::sum>>
[[gnu::noinline]] void short_tile(std::byte const* block, index steps, typename Product::operand const* x,
                                  index stride, typename Product::sum::value_type const* start,
                                  typename Product::sum::value_type* out, bool more = false, End end = {}) noexcept {
  short_sums<Product, T, R>(packed_rows<Product, R>{block}, steps, x, stride, start, out, more, end);
}
/// Of elements where they are, any number of steps. `next`: where the like of them will be wanted; null: 8 steps on.
template <class A, int T, int R, class E>
[[gnu::noinline]] void element_tile(E const* from, index step, index steps, float const* x, index stride, float* out,
                                    bool more, E const* next = nullptr) noexcept {
  std::uintptr_t const ahead = next == nullptr
                                   ? static_cast<std::uintptr_t>(8 * step) * sizeof(E)
                                   : reinterpret_cast<std::uintptr_t>(next) - reinterpret_cast<std::uintptr_t>(from);
  short_sums<float_product<A>, T, R>(element_rows<A, E, R>{from, step, ahead}, steps, x, stride, nullptr, out, more,
                                     as_sums<simd::floats<A>>{});
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
