// SPDX-License-Identifier: MIT
// One token of activations, quantized on the fly or as it is, into the operand of a path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/table.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/kernel/float_weights.hpp"
#include "octavo/kernel/lane_params.hpp"
#include "octavo/kernel/path.hpp"

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
  /// Asks for what stands behind the token as far as k is behind its begin: mostly the next one. Encoding finds a token
  /// in a near cache, since its range was just sought, and memory would rest (e4m3: from 0.46 to 0.70 of its speed).
  [[gnu::always_inline]] void ask_behind(index k) const noexcept { __builtin_prefetch(x + features + k); }
  [[nodiscard]] float operator[](index k) const noexcept {
    float const v = static_cast<float>(x[k]);
    return column == nullptr ? v : v * column[k];
  }
};

/// Adds all features of a token to the range.
template <class A, class T, class Q>
[[gnu::always_inline]] inline void track_token(token_source<A, T> const& x, range_tracker<A, Q>& range) noexcept {
  constexpr index L = simd::lanes<A>;
  index k = 0;
  for (; k + L <= x.features; k += L) { range.add(x.load(k)); }
  if (k < x.features) { range.add(x.load(k, x.features - k)); }
}
/// The params of Q for a token alone.
template <class Q, class A, class T>
[[nodiscard, gnu::always_inline]] inline typename Q::params token_params(token_source<A, T> const& x) noexcept {
  range_tracker<A, Q> range;
  track_token(x, range);
  return range.params();
}

/// Integers of a format as signed bytes: byte = integer - shift.
template <number_format F>
inline constexpr int operand_shift = lattice<F>.lowest >= -128 && lattice<F>.highest <= 127
                                         ? 0
                                         : (lattice<F>.lowest + lattice<F>.highest + 1) / 2;

/// Whether the bytes of Q have a zero point: its own, or the shift of its format.
template <class Q>
inline constexpr bool has_operand_zeros = has_zero_point<Q> || operand_shift<typename Q::format> != 0;

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

/// lattice_integers, less operand_shift, as bytes.
template <number_format F>
inline constexpr simd::byte_table operand_bytes = [] {
  simd::byte_table t{};
  for (std::size_t c = 0; c < 256; ++c) {
    t[c] = static_cast<std::uint8_t>(lattice_integers<F>[c] - operand_shift<F>);
  }
  return t;
}();
/// The same of what encode_numbers gives.
template <class A, number_format F>
[[nodiscard, gnu::always_inline]] inline simd::ints<A> operand_integers(simd::ints<A> numbers) noexcept {
  if constexpr (encoding_of<F> == encoding::integers) {
    return numbers - simd::ints<A>(operand_shift<F>);
  } else if constexpr (F::bits <= 6) {
    auto const bytes = simd::byte_lookup<A, simd::lookup_size(F::bits)>(operand_bytes<F>)(numbers);
    return (simd::bit_and<A>(bytes, 0xffu) ^ simd::ints<A>(0x80)) - simd::ints<A>(0x80);
  } else {
    auto const values = simd::gather_floats<A>(float_values<F, 0>, numbers);
    return simd::to_ints<A>(values * simd::floats<A>(1.0f / lattice<F>.step)) - simd::ints<A>(operand_shift<F>);
  }
}
/// And their values.
template <class A, number_format F>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> operand_values(simd::ints<A> numbers,
                                                                        simd::ints<A> zero) noexcept {
  if constexpr (encoding_of<F> == encoding::integers) {
    auto const integers = simd::to_floats<A>(numbers - zero);
    return lattice<F>.step == 1.0f ? integers : integers * simd::floats<A>(lattice<F>.step);
  } else if constexpr (F::bits <= 4) {
    return simd::float_lookup<A>(float_values<F, 0>)(numbers);
  } else {
    return simd::gather_floats<A>(float_values<F, 0>, numbers);
  }
}

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
  constexpr bool words = sizeof(Byte) == 2;  // quads as (k0 k2)(k1 k3), see simd/dot.hpp
  auto const at = [out](index k) -> Byte& { return out[words && (k % 4 == 1 || k % 4 == 2) ? k ^ 3 : k]; };
  std::int64_t sum = 0;
  index k = 0;
  if constexpr (vector_quantizer<Q>) {
    auto const lanes = in_all_lanes<A, Q>(p);
    simd::ints<A> total(0);
    if constexpr (!words) {
      for (; k + 4 * L <= present; k += 4 * L) {
        simd::ints<A> bytes[4];
        detail::unroll<4>([&](int i) __attribute__((always_inline)) {
          x.ask_behind(first + k + i * L);
          bytes[i] = operand_integers<A, F>(encode_lanes<A, Q>(x.load(first + k + i * L), lanes));
          total = total + bytes[i];
        });
        simd::store_narrow<A>(out + k, bytes[0], bytes[1], bytes[2], bytes[3]);
      }
    }
    for (; k + L <= present; k += L) {
      auto bytes = operand_integers<A, F>(encode_lanes<A, Q>(x.load(first + k), lanes));
      total = total + bytes;
      if constexpr (words) { bytes = simd::swap_middle<A>(bytes); }
      simd::store_narrow<A>(out + k, bytes);
    }
    sum = simd::sum<A>(total);
  }
  for (; k < present; ++k) {
    int const integer = lattice_integers<F>[Q::encode(x[first + k], p)];
    at(k) = static_cast<Byte>(integer - shift);
    sum += integer - shift;
  }
  sum -= static_cast<std::int64_t>(present) * zero;
  if (column_zeros != nullptr) {
    sum = 0;
    for (index i = 0; i < present; ++i) { sum += std::int64_t{column_zeros[first + i]} * (at(i) - zero); }
  }
  for (; k < length; ++k) { at(k) = static_cast<Byte>(zero); }
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
  static constexpr bool rounded = Rounded;

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
  /// Values that need no rounding, and no sign of 0 where others lose it.
  [[gnu::always_inline]] static void put_exact(operand* out, index k, simd::floats<A> value) noexcept {
    if constexpr (pairs) {
      simd::store_narrow<A>(out + k, simd::shift_right<16, A>(simd::as_ints<A>(value)));
    } else {
      (Swap ? simd::swap_pairs<A>(value) : value).store_unaligned(out + k);
    }
  }
};

/// Whether the operands of Q are values of a minifloat that are what the scaled numbers round to: neither rounded again
/// nor so small that they count as 0.
template <class Q, bool Rounded>
inline constexpr bool rounds_to_operands = [] {
  if constexpr (detail::is_symmetric<Q> && vector_quantizer<Q> && detail::is_minifloat<typename Q::format>) {
    return !Rounded || (exact_in_bf16<typename Q::format> && Q::format::bias + Q::format::mantissa_bits < 99);
  }
  return false;
}();

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
    auto const lanes = in_all_lanes<A, Q>(p);
    for (; k + L <= present; k += L) {
      x.ask_behind(first + k);
      if constexpr (rounds_to_operands<Q, Writer::rounded>) {
        auto const bounded = bounded_lanes<A, Q>(x.load(first + k), lanes);
        Writer::put_exact(out, k, round_to_minifloat<A, typename Q::format, !Writer::rounded>(bounded));
      } else {
        auto const numbers = encode_lanes<A, Q>(x.load(first + k), lanes);
        Writer::put(out, k, operand_values<A, typename Q::format>(numbers, lanes.zero));
      }
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
