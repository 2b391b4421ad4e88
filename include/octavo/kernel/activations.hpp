// SPDX-License-Identifier: MIT
// One token of activations, quantized on the fly or as it is, into the operand of a path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/table.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/kernel/float_weights.hpp"
#include "octavo/kernel/path.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/symmetric.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Features of one token as floats; times the column scales of a per_column matrix if there are any.
template <class A, class T>
struct token_source {
  T const* x;
  float const* column;
  index features;

  [[nodiscard, gnu::always_inline]] simd::floats<A> load(index k) const noexcept {
    auto const v = simd::load_as_floats<A>(x + k);
    return column == nullptr ? v : v * simd::load_floats<A>(column + k);
  }
  /// The first n features from k, zeros behind them.
  [[nodiscard]] simd::floats<A> load(index k, index n) const noexcept {
    auto const v = simd::load_first<A>(x + k, n);
    return column == nullptr ? v : v * simd::load_first<A>(column + k, n);
  }
  [[nodiscard]] float operator[](index k) const noexcept {
    float const v = static_cast<float>(x[k]);
    return column == nullptr ? v : v * column[k];
  }
};

/// Integers of a format as signed bytes: byte = integer - shift.
template <number_format F>
inline constexpr int operand_shift = lattice<F>.lowest >= -128 && lattice<F>.highest <= 127
                                         ? 0
                                         : (lattice<F>.lowest + lattice<F>.highest + 1) / 2;

/// Whether the bytes of Q have a zero point: its own, or the shift of its format.
template <class Q>
inline constexpr bool has_operand_zeros = has_zero_point<Q> || operand_shift<typename Q::format> != 0;

/// Whether Q quantizes by vector code: the built-in laws over integers. The results are those of Q::encode.
template <class Q>
inline constexpr bool vector_quantizer =
    (detail::is_symmetric<Q> || detail::is_affine<Q>)&&!has_quantized_scales<Q> && lattice<typename Q::format>.exact
    && lattice<typename Q::format>.step == 1.0f && consecutive_flip<typename Q::format> >= 0;

/// What calibrate() of a vector quantizer needs of values seen so far: the largest bits, which also find NaN and
/// infinity; extremes if the law has a zero point.
template <class A, class Q>
class range_tracker {
  static constexpr bool extremes = !detail::is_symmetric<Q>;
  static constexpr auto n = static_cast<std::size_t>(simd::lanes<A>);

 public:
  [[gnu::always_inline]] void add(simd::floats<A> x) noexcept {
    bits_ = simd::maximum<A>(bits_, simd::bit_and<A>(simd::as_ints<A>(x), 0x7fffffffu));
    if constexpr (extremes) {
      low_ = simd::minimum<A>(x, low_);  // x first: NaN leaves the second operand
      high_ = simd::maximum<A>(x, high_);
    }
  }
  /// Lane by lane.
  void params(typename Q::params* out) const noexcept {
    float lows[n] = {};
    float highs[n] = {};
    std::int32_t largest[n];
    store(lows, highs, largest);
    for (std::size_t i = 0; i < n; ++i) { out[i] = fit(lows[i], highs[i], largest[i]); }
  }
  /// All lanes together.
  [[nodiscard]] typename Q::params params() const noexcept {
    if constexpr (!extremes) { return fit(0, 0, simd::largest<A>(bits_)); }
    float lows[n] = {};
    float highs[n] = {};
    std::int32_t largest[n];
    store(lows, highs, largest);
    for (std::size_t i = 1; i < n; ++i) {
      lows[0] = lows[i] < lows[0] ? lows[i] : lows[0];
      highs[0] = highs[i] > highs[0] ? highs[i] : highs[0];
      largest[0] = largest[i] > largest[0] ? largest[i] : largest[0];
    }
    return fit(lows[0], highs[0], largest[0]);
  }

 private:
  struct nothing {};
  using extreme = std::conditional_t<extremes, simd::floats<A>, nothing>;

  void store(float* lows, float* highs, std::int32_t* largest) const noexcept {
    bits_.store_unaligned(largest);
    if constexpr (extremes) {
      low_.store_unaligned(lows);
      high_.store_unaligned(highs);
    }
  }
  static typename Q::params fit(float low, float high, std::int32_t largest) noexcept {
    if constexpr (extremes) {
      constexpr float inf = __builtin_inff();
      return largest >= 0x7f800000 ? Q::from_range(-inf, inf) : Q::from_range(low, high);
    } else {
      return Q::from_absmax(__builtin_bit_cast(float, largest));
    }
  }
  static extreme zero() noexcept {
    if constexpr (extremes) {
      return simd::floats<A>(0.0f);
    } else {
      return {};
    }
  }

  simd::ints<A> bits_ = simd::ints<A>(0);
  [[no_unique_address]] extreme low_ = zero();
  [[no_unique_address]] extreme high_ = zero();
};

/// The integers of Q::encode, for a vector quantizer. `inverse` and `zero` may differ from lane to lane.
template <class A, class Q>
[[gnu::always_inline]] inline simd::ints<A> encode_integers(simd::floats<A> x, simd::floats<A> inverse,
                                                            simd::ints<A> zero) noexcept {
  using F = typename Q::format;
  constexpr float lowest = lowest_value<F>;
  constexpr float highest = largest_value<F>;
  if constexpr (detail::is_symmetric<Q>) {
    auto const scaled = [&] {
      if constexpr (Q::divides) { return simd::divide<A>(x, inverse); }
      return x * inverse;
    }();
    constexpr float low = -Q::limit > lowest ? -Q::limit : lowest;
    constexpr float high = Q::limit < highest ? Q::limit : highest;
    auto const bounded = simd::minimum<A>(simd::maximum<A>(scaled, simd::floats<A>(low)), simd::floats<A>(high));
    return simd::to_ints<A>(bounded);
  } else {
    auto const scaled = x * inverse;
    auto const bounded =
        simd::minimum<A>(simd::maximum<A>(scaled, simd::floats<A>(-1024.0f)), simd::floats<A>(1024.0f));
    auto const q = simd::to_ints<A>(bounded) + zero;
    return simd::minimum<A>(simd::maximum<A>(q, simd::ints<A>(static_cast<int>(lowest))),
                            simd::ints<A>(static_cast<int>(highest)));
  }
}

template <class Q>
[[nodiscard, gnu::always_inline]] inline int zero_of(typename Q::params const& p) noexcept {
  if constexpr (has_zero_point<Q>) { return Q::zero(p); }
  return 0;
}

/// The integer of a code, for any format on a lattice.
template <number_format F>
inline constexpr detail::table<std::int16_t, 256> lattice_integers = [] {
  detail::table<std::int16_t, 256> t{};
  for (std::size_t c = 0; c < 256; ++c) {
    float const v = value_table<F>[c & static_cast<std::size_t>(code_count<F> - 1)];
    t[c] = static_cast<std::int16_t>(v / lattice<F>.step);
  }
  return t;
}();

/// Operands of 16 bits come in quads (k0 k2)(k1 k3), see simd/dot.hpp.
template <class A, class Byte>
[[gnu::always_inline]] inline void order_quads(Byte* out, index length) noexcept {
  if constexpr (sizeof(Byte) == 2) {
    for (index i = 0; i + 4 <= length; i += 4) {
      Byte const k1 = out[i + 1];
      out[i + 1] = out[i + 2];
      out[i + 2] = k1;
    }
  }
}

/// Writes the bytes of one segment of one token and returns the sum of (byte - zero): k beyond `present` hold `zero`.
/// `column_zeros` of a per_column matrix weigh that sum.
template <class A, class Q, class T, class Byte>
std::int64_t quantize_segment(token_source<A, T> const& x, typename Q::params const& p, index first, index present,
                              index length, int zero, std::int32_t const* column_zeros, Byte* out) noexcept {
  using F = typename Q::format;
  constexpr int shift = operand_shift<F>;
  constexpr index L = simd::lanes<A>;
  std::int64_t sum = 0;
  index k = 0;
  if constexpr (vector_quantizer<Q>) {
    simd::floats<A> const inverse(p.inverse);
    simd::ints<A> const zero_point(zero_of<Q>(p));
    simd::ints<A> total(0);
    for (; k + 4 * L <= present; k += 4 * L) {
      simd::ints<A> bytes[4];
      detail::unroll<4>([&](int i) __attribute__((always_inline)) {
        bytes[i] = encode_integers<A, Q>(x.load(first + k + i * L), inverse, zero_point) - simd::ints<A>(shift);
        total = total + bytes[i];
      });
      simd::store_narrow<A>(out + k, bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    for (; k + L <= present; k += L) {
      auto const bytes = encode_integers<A, Q>(x.load(first + k), inverse, zero_point) - simd::ints<A>(shift);
      total = total + bytes;
      simd::store_narrow<A>(out + k, bytes);
    }
    sum = simd::sum<A>(total);
  }
  for (; k < present; ++k) {
    int const integer = lattice_integers<F>[Q::encode(x[first + k], p)];
    out[k] = static_cast<Byte>(integer - shift);
    sum += integer - shift;
  }
  sum -= static_cast<std::int64_t>(present) * zero;
  if (column_zeros != nullptr) {
    sum = 0;
    for (index i = 0; i < present; ++i) { sum += std::int64_t{column_zeros[first + i]} * (out[i] - zero); }
  }
  for (; k < length; ++k) { out[k] = static_cast<Byte>(zero); }
  order_quads<A>(out, length);
  return sum;
}

/// Smaller numbers count as 0 in bf16_dot, so that no product or sum is denormal.
inline constexpr float smallest_dot_operand = 0x1p-100f;

/// bf16 as dot products take it: rounded to nearest even, and 0 below 2^-100.
[[nodiscard, gnu::always_inline]] inline std::uint16_t dot_operand_bits(float x) noexcept {
  if (x > -smallest_dot_operand && x < smallest_dot_operand) { return 0; }
  return detail::to_bf16_bits(x);
}

/// Writes values at k of a segment in the order of W's operand: one, or `lanes` of them from k.
template <class W, bool Rounded, bool Swap>
struct operand_writer {
  using operand = typename W::operand;
  using A = typename W::arch;
  static constexpr bool pairs = std::is_same_v<operand, std::uint16_t>;

  static void put(operand* out, index k, float value) noexcept {
    if constexpr (pairs) {
      out[k] = dot_operand_bits(value);
    } else {
      out[Swap ? k ^ 1 : k] = Rounded ? detail::from_bf16_bits(dot_operand_bits(value)) : value;
    }
  }
  [[gnu::always_inline]] static void put(operand* out, index k, simd::floats<A> value) noexcept {
    if constexpr (Rounded) {
      auto const bits = simd::to_bf16<A>(simd::zero_below<A>(value, smallest_dot_operand));
      if constexpr (pairs) {
        simd::store_narrow<A>(out + k, bits);
        return;
      } else {
        value = simd::as_floats<A>(simd::shift_left<16, A>(bits));
      }
    }
    if constexpr (!pairs) { (Swap ? simd::swap_pairs<A>(value) : value).store_unaligned(out + k); }
  }
};

/// Writes one segment of one token for a float path; k beyond `present` are 0.
template <class Writer, class A, class T>
void copy_segment(token_source<A, T> const& x, index first, index present, index length,
                  typename Writer::operand* out) noexcept {
  constexpr index L = simd::lanes<A>;
  index k = 0;
  for (; k + L <= present; k += L) { Writer::put(out, k, x.load(first + k)); }
  for (; k < present; ++k) { Writer::put(out, k, x[first + k]); }
  for (; k < length; ++k) { Writer::put(out, k, 0.0f); }
}

/// The same with each value quantized by Q: what stands there is its integer or value, less the zero point.
template <class Writer, class Q, class A, class T>
void quantize_segment(token_source<A, T> const& x, typename Q::params const& p, index first, index present,
                      index length, typename Writer::operand* out) noexcept {
  constexpr index L = simd::lanes<A>;
  int const zero = zero_of<Q>(p);
  index k = 0;
  if constexpr (vector_quantizer<Q>) {
    simd::floats<A> const inverse(p.inverse);
    simd::ints<A> const zero_point(zero);
    for (; k + L <= present; k += L) {
      auto const integers = encode_integers<A, Q>(x.load(first + k), inverse, zero_point);
      Writer::put(out, k, simd::to_floats<A>(integers - zero_point));
    }
  }
  for (; k < present; ++k) {
    Writer::put(out, k, Q::format::decode(Q::encode(x[first + k], p)) - static_cast<float>(zero));
  }
  for (; k < length; ++k) { Writer::put(out, k, 0.0f); }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
