// SPDX-License-Identifier: MIT
// Registers of floats and 32-bit integers for every instruction set, and what kernels do with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/index.hpp"
#include "octavo/core/scalar.hpp"
#include "octavo/simd/avx2.hpp"
#include "octavo/simd/avx512.hpp"
#include "octavo/simd/lanes.hpp"
#include "octavo/simd/neon64.hpp"
#include "octavo/simd/sse42.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// The functions that differ between instruction sets.
template <class A>
using native_of = native<octavo::detail::family<A>>;

/// A register of floats, or of int32, of instruction set A. Bytes and bf16 pairs travel in `ints`.
template <class A>
using floats = typename native_of<A>::floats;
template <class A>
using ints = typename native_of<A>::ints;

/// 32-bit lanes of a register, and registers that hold the 64 rows of a panel.
template <class A>
inline constexpr int lanes = native_of<A>::lanes;
template <class A>
inline constexpr int panel_registers = 64 / lanes<A>;

template <class A>
[[gnu::always_inline]] inline ints<A> load_ints(void const* p) noexcept {
  return ints<A>::load_unaligned(static_cast<std::int32_t const*>(p));
}
/// lanes<A> unsigned bytes, widened.
template <class A>
[[gnu::always_inline]] inline ints<A> load_bytes(void const* p) noexcept {
  return native_of<A>::load_bytes(p);
}
/// Four bytes, in every lane.
template <class A>
[[gnu::always_inline]] inline ints<A> broadcast4(void const* p) noexcept {
  std::int32_t x;
  std::memcpy(&x, p, sizeof x);
  return ints<A>(x);
}
/// 0, 1, 2 ...
template <class A>
[[nodiscard, gnu::always_inline]] inline ints<A> lane_numbers() noexcept {
  static constexpr std::int32_t numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load_ints<A>(numbers);
}
template <class A>
[[gnu::always_inline]] inline floats<A> load_floats(float const* p) noexcept {
  return floats<A>::load_unaligned(p);
}

/// The value of each lane, as a float: exact below 2^24, else to nearest even.
template <class A>
[[gnu::always_inline]] inline floats<A> to_floats(ints<A> x) noexcept {
  return native_of<A>::to_floats(x);
}
/// The value rounded to an integer, ties to even; -2^31 for all that is below. NaN: not above 0. Pre: x < 2^31.
template <class A>
[[gnu::always_inline]] inline ints<A> to_ints(floats<A> x) noexcept {
  return native_of<A>::to_ints(x);
}
/// The bits of integers as floats, and back.
template <class A>
[[gnu::always_inline]] inline floats<A> as_floats(ints<A> x) noexcept {
  return __builtin_bit_cast(floats<A>, x);
}
template <class A>
[[gnu::always_inline]] inline ints<A> as_ints(floats<A> x) noexcept {
  return __builtin_bit_cast(ints<A>, x);
}

/// Bitwise and, exclusive or with a constant, shifts of each lane by a constant (to the right: zeros enter).
template <class A>
[[gnu::always_inline]] inline ints<A> bit_and(ints<A> x, std::uint32_t mask) noexcept {
  return x & ints<A>(static_cast<std::int32_t>(mask));
}
template <class A>
[[gnu::always_inline]] inline ints<A> bit_or(ints<A> x, ints<A> y) noexcept {
  return x | y;
}
template <class A>
[[gnu::always_inline]] inline ints<A> bit_xor(ints<A> x, std::uint32_t mask) noexcept {
  return x ^ ints<A>(static_cast<std::int32_t>(mask));
}
/// The bits of x where the mask has them, those of y elsewhere.
template <class A>
[[gnu::always_inline]] inline ints<A> choose_bits(std::uint32_t mask, ints<A> x, ints<A> y) noexcept {
  if constexpr (requires { native_of<A>::choose_bits(x, x, y); }) {
    return native_of<A>::choose_bits(ints<A>(static_cast<std::int32_t>(mask)), x, y);
  } else {
    return bit_or<A>(bit_and<A>(x, mask), bit_and<A>(y, ~mask));
  }
}
template <int N, class A>
[[gnu::always_inline]] inline ints<A> shift_right(ints<A> x) noexcept {
  if constexpr (N == 0) { return x; }
  return native_of<A>::template shift_right<N>(x);
}
template <class A>
[[gnu::always_inline]] inline ints<A> shift_right(ints<A> x, int n) noexcept {
  return native_of<A>::shift_right(x, n);
}
template <int N, class A>
[[gnu::always_inline]] inline ints<A> shift_left(ints<A> x) noexcept {
  if constexpr (N == 0) { return x; }
  return native_of<A>::template shift_left<N>(x);
}
/// Lane-wise product of 32-bit integers, low half.
template <class A>
[[gnu::always_inline]] inline ints<A> multiply(ints<A> x, ints<A> y) noexcept {
  return x * y;
}

/// a * b + c with one rounding; with two on SSE4.2.
template <class A>
[[gnu::always_inline]] inline floats<A> fused(floats<A> a, floats<A> b, floats<A> c) noexcept {
  return native_of<A>::fused(a, b, c);
}
/// a / b, rounded once. (xsimd 8.1 divides by an estimate on Arm.)
template <class A>
[[gnu::always_inline]] inline floats<A> divide(floats<A> a, floats<A> b) noexcept {
  if constexpr (octavo::detail::is_neon<A>) {
    return native_of<A>::divide(a, b);
  } else {
    return a / b;
  }
}
/// A value that the compiler may not fuse into a following sum (g++ contracts products of intrinsics).
template <class A>
[[gnu::always_inline]] inline floats<A> opaque(floats<A> x) noexcept {
  return native_of<A>::opaque(x);
}

/// The largest integer that is not above x.
template <class A>
[[gnu::always_inline]] inline floats<A> floor(floats<A> x) noexcept {
  return native_of<A>::floor(x);
}

/// A register of any kind from memory, or the two of a weight that is kept as even and odd bytes (simd/dot.hpp). g++ 12
/// copies a class by registers of 16 bytes, through the stack, unless told the processor.
template <class V>
[[gnu::always_inline]] inline V load_register(std::byte const* p) noexcept {
  if constexpr (requires { typename V::value_type; }) {
    return V::load_unaligned(reinterpret_cast<typename V::value_type const*>(p));
  } else if constexpr (requires(V v) { v.even, v.odd; }) {
    using half = decltype(V::even);
    return {load_register<half>(p), load_register<half>(p + sizeof(half))};
  } else {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
}
/// The same register, which the compiler now keeps in one: g++ 12 otherwise loads it again at every use.
template <class V>
[[gnu::always_inline]] inline V in_register(V x) noexcept {
#if defined(__x86_64__)
  if constexpr (requires { typename V::register_type; }) {
    auto r = static_cast<typename V::register_type>(x);
    asm("" : "+v"(r));
    return V(r);
  } else if constexpr (requires { x.even, x.odd; }) {
    return {in_register(x.even), in_register(x.odd)};
  } else if constexpr (!std::is_class_v<V>) {
    asm("" : "+v"(x));
  }
#endif
  return x;
}

/// Sum of all lanes. Pre: it fits. (Integers only: the order of a float sum would matter.)
template <class A>
[[nodiscard, gnu::always_inline]] inline std::int32_t sum(ints<A> x) noexcept {
  return native_of<A>::sum(x);
}

/// The largest lane.
template <class A>
[[nodiscard, gnu::always_inline]] inline std::int32_t largest(ints<A> x) noexcept {
  return native_of<A>::largest(x);
}

/// The smaller and the larger of floats or ints; the second operand where either is NaN.
template <class A, class V>
[[gnu::always_inline]] inline V minimum(V a, V b) noexcept {
  return native_of<A>::minimum(a, b);
}
template <class A, class V>
[[gnu::always_inline]] inline V maximum(V a, V b) noexcept {
  return native_of<A>::maximum(a, b);
}

/// The bf16 numbers nearest to x, ties to even, in the low half of each lane; NaN stays NaN.
template <class A>
[[gnu::always_inline]] inline ints<A> to_bf16(floats<A> x) noexcept {
  auto const bits = as_ints<A>(x);
  auto const half = shift_right<16, A>(bits);
  auto const rounded = shift_right<16, A>(bits + ints<A>(0x7fff) + bit_and<A>(half, 1u));
  return native_of<A>::where_nan(x, bit_or<A>(half, ints<A>(0x40)), rounded);
}
/// +0 where |x| < limit, x elsewhere, NaN included.
template <class A>
[[gnu::always_inline]] inline floats<A> zero_below(floats<A> x, float limit) noexcept {
  auto const size = as_floats<A>(bit_and<A>(as_ints<A>(x), 0x7fffffffu));
  return native_of<A>::where_less(size, floats<A>(limit), floats<A>(0.0f), x);
}
/// Lanes 1 0 3 2 5 4 ...
template <class A>
[[gnu::always_inline]] inline floats<A> swap_pairs(floats<A> x) noexcept {
  return native_of<A>::swap_pairs(x);
}

/// Lane j of r[i] and lane i of r[j] change places, in lanes<A> registers.
template <class A>
[[gnu::always_inline]] inline void transpose(floats<A>* r) noexcept {
  native_of<A>::transpose(r);
}
/// a where x < y, b elsewhere, NaN included.
template <class A>
[[gnu::always_inline]] inline floats<A> where_less(floats<A> x, floats<A> y, floats<A> a, floats<A> b) noexcept {
  return native_of<A>::where_less(x, y, a, b);
}
template <class A>
[[gnu::always_inline]] inline ints<A> where_less(floats<A> x, floats<A> y, ints<A> a, ints<A> b) noexcept {
  return as_ints<A>(native_of<A>::where_less(x, y, as_floats<A>(a), as_floats<A>(b)));
}
/// i + n where x < y, i elsewhere.
template <class A>
[[gnu::always_inline]] inline ints<A> add_where_less(ints<A> i, std::int32_t n, floats<A> x, floats<A> y) noexcept {
  return native_of<A>::add_where_less(i, ints<A>(n), x, y);
}
/// a where x is NaN, b elsewhere.
template <class A>
[[gnu::always_inline]] inline ints<A> where_nan(floats<A> x, ints<A> a, ints<A> b) noexcept {
  return native_of<A>::where_nan(x, a, b);
}
/// |x|, by bits.
template <class A>
[[gnu::always_inline]] inline floats<A> absolute(floats<A> x) noexcept {
  return as_floats<A>(bit_and<A>(as_ints<A>(x), 0x7fffffffu));
}

/// The smaller of |x| and `most`; where x is a quiet NaN, `most`.
template <class A>
[[gnu::always_inline]] inline floats<A> smaller_size(floats<A> x, float most) noexcept {
  if constexpr (requires { native_of<A>::smaller_size(x, x); }) {
    return native_of<A>::smaller_size(x, floats<A>(most));
  } else {
    return minimum<A>(absolute<A>(x), floats<A>(most));
  }
}

/// Lanes 0 2 1 3, 4 6 5 7 ...
template <class A>
[[gnu::always_inline]] inline ints<A> swap_middle(ints<A> x) noexcept {
  static constexpr std::uint8_t order[16] = {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15};
  return native_of<A>::shuffle(x, native_of<A>::load_table(order));
}

/// Elements of so many bytes, a power of two, of a and b in turns: those of the low half of each 128 bits, and those of
/// the high half.
template <int Bytes, class A>
[[gnu::always_inline]] inline ints<A> interleave_low(ints<A> a, ints<A> b) noexcept {
  return native_of<A>::template interleave_low<Bytes>(a, b);
}
template <int Bytes, class A>
[[gnu::always_inline]] inline ints<A> interleave_high(ints<A> a, ints<A> b) noexcept {
  return native_of<A>::template interleave_high<Bytes>(a, b);
}

template <class T>
inline constexpr bool is_byte_integer = false;
template <int Lowest>
inline constexpr bool is_byte_integer<byte_integer<Lowest>> = true;

/// lanes<A> consecutive elements of a scale or operand type, widened to float (exact).
template <class A, class T>
[[gnu::always_inline]] inline floats<A> load_as_floats(T const* p) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return load_floats<A>(p);
  } else if constexpr (std::is_same_v<T, f16>) {
    return native_of<A>::load_f16(p);
  } else if constexpr (std::is_same_v<T, bf16>) {
    return native_of<A>::load_bf16(p);
  } else if constexpr (std::is_same_v<T, ue4m3>) {
    // Exponent and mantissa of an f32 2^120 too small; below 8 (denormals, on which CPUs are slow) a multiple of 2^-9.
    auto const c = bit_and<A>(load_bytes<A>(p), 0x7fu);
    auto const code = to_floats<A>(c);
    auto const normal = as_floats<A>(shift_left<20, A>(c) + ints<A>(120 << 23));
    auto const value = native_of<A>::where_less(code, floats<A>(8.0f), code * floats<A>(0x1p-9f), normal);
    return native_of<A>::where_less(code, floats<A>(127.0f), value, floats<A>(__builtin_nanf("")));
  } else if constexpr (is_byte_integer<T>) {
    return to_floats<A>(load_bytes<A>(p) + ints<A>(T::lowest));
  } else {
    static_assert(std::is_same_v<T, e8m0>);
    // 2^(e - 127); 0 is the denormal 2^-127, 255 is NaN.
    auto const e = load_bytes<A>(p);
    auto const power = maximum<A>(shift_left<23, A>(e), ints<A>(0x00400000));
    return as_floats<A>(bit_or<A>(power, shift_left<22, A>(shift_right<8, A>(e + ints<A>(1)))));
  }
}
/// lanes<A> unsigned integers of 16 bits, widened.
template <class A>
[[gnu::always_inline]] inline ints<A> load_shorts(void const* p) noexcept {
  return shift_right<16, A>(as_ints<A>(native_of<A>::load_bf16(static_cast<bf16 const*>(p))));
}
/// Stores lanes<A> int32, 0 to 255, as bytes.
template <class A>
[[gnu::always_inline]] inline void store_unsigned_bytes(void* p, ints<A> x) noexcept {
  native_of<A>::store_bytes(p, bit_xor<A>(x, 0x80u) - ints<A>(0x80));
}
/// Stores lanes<A> int32 as T, 8 or 16 bits. Pre: the values fit.
template <class A, class T>
[[gnu::always_inline]] inline void store_narrow(T* p, ints<A> x) noexcept {
  if constexpr (sizeof(T) == 1) {
    static_assert(std::is_signed_v<T>);
    native_of<A>::store_bytes(p, x);
  } else {
    native_of<A>::store_words(p, x);
  }
}
/// The same of four registers, one after the other.
template <class A, class T>
[[gnu::always_inline]] inline void store_narrow(T* p, ints<A> a, ints<A> b, ints<A> c, ints<A> d) noexcept {
  if constexpr (sizeof(T) == 1 && requires { native_of<A>::pack_signed(a, b, c, d); }) {
    native_of<A>::pack_signed(a, b, c, d).store_unaligned(reinterpret_cast<std::int32_t*>(p));
  } else {
    store_narrow<A>(p, a);
    store_narrow<A>(p + lanes<A>, b);
    store_narrow<A>(p + 2 * lanes<A>, c);
    store_narrow<A>(p + 3 * lanes<A>, d);
  }
}
/// Stores the upper halves of the lanes of a, then of b.
template <class A>
[[gnu::always_inline]] inline void store_high_words(std::uint16_t* p, floats<A> a, floats<A> b) noexcept {
  if constexpr (requires { native_of<A>::high_words(as_ints<A>(a), as_ints<A>(b)); }) {
    native_of<A>::high_words(as_ints<A>(a), as_ints<A>(b)).store_unaligned(reinterpret_cast<std::int32_t*>(p));
  } else {
    store_narrow<A>(p, shift_right<16, A>(as_ints<A>(a)));
    store_narrow<A>(p + lanes<A>, shift_right<16, A>(as_ints<A>(b)));
  }
}
/// Stores lanes<A> floats as T, rounded to nearest even.
template <class A, class T>
[[gnu::always_inline]] inline void store_from_floats(T* p, floats<A> x) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    x.store_unaligned(p);
  } else if constexpr (std::is_same_v<T, bf16>) {
    store_narrow<A>(&p->bits, to_bf16<A>(x));
  } else {
    static_assert(std::is_same_v<T, f16>);
    native_of<A>::store_f16(p, x);
  }
}

/// Whether A can store past the caches, and such a store. Pre: p is aligned to the register. Others see it after
/// finish_streams().
template <class A>
inline constexpr bool has_stream = requires(float* p, floats<A> x) {
  native_of<A>::stream(p, x);
};
template <class A>
[[gnu::always_inline]] inline void stream(float* p, floats<A> x) noexcept {
  if constexpr (has_stream<A>) {
    native_of<A>::stream(p, x);
  } else {
    x.store_unaligned(p);
  }
}
template <class A>
[[gnu::always_inline]] inline void finish_streams() noexcept {
#if defined(__x86_64__)
  if constexpr (has_stream<A>) { asm volatile("sfence" : : : "memory"); }
#endif
}

/// As above for the first n lanes only; nothing else is touched.
template <class A, class T>
inline void store_first(T* p, floats<A> x, index n) noexcept {
  float values[static_cast<std::size_t>(lanes<A>)];
  x.store_unaligned(values);
  for (index i = 0; i < n; ++i) { p[i] = T(values[i]); }
}
template <class A, class T>
[[nodiscard]] inline floats<A> load_first(T const* p, index n) noexcept {
  float values[static_cast<std::size_t>(lanes<A>)] = {};
  for (index i = 0; i < n; ++i) { values[i] = static_cast<float>(p[i]); }
  return floats<A>::load_unaligned(values);
}
/// n elements as floats.
template <class A, class T>
inline void copy_as_floats(T const* from, index n, float* to) noexcept {
  index const whole = n - n % lanes<A>;
  for (index i = 0; i < whole; i += lanes<A>) { load_as_floats<A>(from + i).store_unaligned(to + i); }
  for (index i = whole; i < n; ++i) { to[i] = static_cast<float>(from[i]); }
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
