// SPDX-License-Identifier: MIT
// LayerNorm of one token of codes by power_of_two_factors, in integers, to codes (FQ-ViT, Lin 2022).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/kernel/power_of_two_factors.hpp"
#include "octavo/storage/integer_norm.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// h of each channel: (code - zero point) * 2^shift.
template <class A, class Byte>
struct shifted_codes {
  Byte const* codes;
  std::uint8_t const* factors;  ///< and zeros up to a whole register
  simd::ints<A> zero;

  template <class Count>
  [[nodiscard, gnu::always_inline]] simd::ints<A> at(index k, Count count) const noexcept {
    return simd::multiply<A>(load_codes<A>(codes + k, count) - zero, simd::load_bytes<A>(factors + k));
  }
};

/// The sum of h and that of h^2.
struct integer_sums {
  std::int64_t sum;
  std::int64_t squares;
};
template <class A, class Byte>
[[nodiscard, gnu::always_inline]] inline integer_sums sums_of(shifted_codes<A, Byte> const& h, index n,
                                                              int largest) noexcept {
  constexpr index L = simd::lanes<A>;
  index const run = INT32_MAX / (index{largest} * largest) * L;  // a lane has room for so many squares
  simd::ints<A> sum(0);
  std::int64_t total = 0;
  for (index k = 0; k < n;) {
    simd::ints<A> squares(0);
    auto const add = [&](index i, auto count) __attribute__((always_inline)) {
      auto const v = h.at(i, count);
      sum = sum + v;
      squares = squares + simd::multiply<A>(v, v);
    };
    index const end = smaller(n, k + run);
    for (; k + L <= end; k += L) { add(k, detail::constant<simd::lanes<A>>()); }
    if (k < end) {
      add(k, end - k);
      k = end;
    }
    std::int32_t lanes[static_cast<std::size_t>(L)];
    squares.store_unaligned(lanes);
    for (std::int32_t const v : lanes) { total += v; }
  }
  return {simd::sum<A>(sum), total};
}

/// What a token multiplies weights by: features / root, and sum / root for its mean, where root^2 = features * sum of
/// h^2 - (sum of h)^2 + added. 0 where the root is.
struct integer_moments {
  float factor;
  float mean;
};
[[nodiscard, gnu::always_inline]] inline integer_moments moments_of(integer_sums const& s, index n,
                                                                    double added) noexcept {
  double const root = __builtin_sqrt(static_cast<double>(n * s.squares - s.sum * s.sum) + added);
  if (root == 0) { return {0.0f, 0.0f}; }
  return {static_cast<float>(static_cast<double>(n) / root), static_cast<float>(static_cast<double>(s.sum) / root)};
}

/// Where codes go: bytes from `low` to `high`, a zero point added.
template <class Byte>
struct integer_row {
  Byte* y;
  int low;
  int high;
  int zero;
};

/// rne((+-M h + B) / 2^N) + zero point, in [low, high]; M, N and B of each channel: ops/integer_norm.hpp. Numbers here are
/// times 2^23, so that those of 2^-N are integers. Every step is exact once A and b are there: M h and B are below 2^23
/// steps of 2^-N. `Ordinary`: for each channel 2^-16 <= |A| < 256 or A = 0, and |b| < 2^22.
template <class A, bool Ordinary>
struct integer_scaling {
  using floats = simd::floats<A>;
  using ints = simd::ints<A>;
  static constexpr float unit = 0x1p23f;
  static constexpr float magic = 0x1.8p23f * unit;  ///< numbers that are added to it are rounded to multiples of unit
  static constexpr auto magic_bits = __builtin_bit_cast(std::int32_t, magic);
  static constexpr auto least_bits = __builtin_bit_cast(std::int32_t, 0x1p-16f * unit);  ///< N is 23
  static constexpr auto most_bits = __builtin_bit_cast(std::int32_t, 0x1p7f * unit);     ///< N is 0

  floats factor;
  floats mean;
  ints low;
  ints high;
  ints zero;

  template <class Byte>
  [[gnu::always_inline]] integer_scaling(integer_moments const& m, integer_row<Byte> const& out) noexcept
      : factor(m.factor * unit), mean(m.mean * -unit), low(out.low), high(out.high), zero(out.zero - magic_bits) {}

  [[nodiscard, gnu::always_inline]] ints operator()(ints h, floats weight, floats bias) const noexcept {
    auto const a = weight * factor;
    auto exponent = simd::maximum<A>(simd::bit_and<A>(simd::as_ints<A>(a), 0x7f800000u), ints(least_bits));
    if constexpr (!Ordinary) { exponent = simd::minimum<A>(exponent, ints(most_bits)); }
    auto const moved = mantissa(a) * simd::to_floats<A>(h);

    auto b = simd::fused<A>(bias, floats(unit), simd::opaque<A>(mean * weight));  // the product is exact
    if constexpr (!Ordinary) { b = clamp<A>(b, -0x1p22f * unit, 0x1p22f * unit); }
    auto const nearest = b + floats(magic);
    auto const rest = b - (nearest - floats(magic));
    auto const steps = simd::as_floats<A>(exponent + ints(magic_bits - most_bits));  // magic * 2^-N
    auto const part = (rest + steps) - steps;
    auto const y = simd::as_ints<A>(nearest + (moved + part));
    return simd::minimum<A>(simd::maximum<A>(y + zero, low), high);
  }

 private:
  /// +-M 2^-N: the first eight bits of A, but none below 2^-23.
  [[nodiscard, gnu::always_inline]] static floats mantissa(floats a) noexcept {
    auto const first_bits = [](floats x) __attribute__((always_inline)) {
      return simd::as_floats<A>(simd::bit_and<A>(simd::as_ints<A>(x), 0xffff0000u));
    };
    if constexpr (Ordinary) {
      return first_bits(a);
    } else {
      auto const size = simd::floor<A>(first_bits(simd::smaller_size<A>(a, 255.0f * unit)));
      return simd::as_floats<A>(simd::choose_bits<A>(0x7fffffffu, simd::as_ints<A>(size), simd::as_ints<A>(a)));
    }
  }
};

/// One token: its sums, then its codes.
template <class A, class In, class Out>
void integer_layer_norm(integer_norm<In> const& norm, In const* codes, integer_row<Out> const& out) noexcept {
  index const n = norm.features();
  shifted_codes<A, In> const h{codes, norm.factors(), simd::ints<A>(norm.zero_point())};
  auto const sums = sums_of(h, n, norm.largest());
  auto const moments = moments_of(sums, n, norm.added());
  float const* const weights = norm.weights();
  float const* const biases = norm.biases();
  auto const run = [&](auto ordinary) __attribute__((always_inline)) {
    integer_scaling<A, ordinary()> const scale(moments, out);
    for_registers<A>(
        n, [&](index k, auto count) __attribute__((always_inline)) {
          auto const y = scale(h.at(k, count), simd::load_floats<A>(weights + k), simd::load_floats<A>(biases + k));
          store_codes<A>(out.y + k, y, count);
        });
  };
  if (norm.is_ordinary(moments.factor, moments.mean)) {
    run(std::true_type());
  } else {
    run(std::false_type());
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
