// SPDX-License-Identifier: MIT
// The scalar instruction set: registers of 16 emulated lanes with the operators of an xsimd batch.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/round.hpp"
#include "octavo/core/scalar.hpp"
#include "octavo/simd/native.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Sixteen values of T; every operation is a loop over the lanes. A puts the instruction set into all names.
template <class T, class A = scalar>
struct lanes16 {
  using value_type = T;
  static constexpr int size = 16;
  T v[16];

  lanes16() = default;
  explicit lanes16(T x) noexcept {
    for (T& e : v) { e = x; }
  }
  template <class F>
  static lanes16 generate(F&& f) noexcept {
    lanes16 r;
    for (int i = 0; i < 16; ++i) { r.v[i] = f(i); }
    return r;
  }
  /// Integers wrap as they do in vector registers; floats are themselves.
  static constexpr auto wrapping(T x) noexcept {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<std::make_unsigned_t<T>>(x);
    } else {
      return x;
    }
  }
  // Whatever type the memory has, as the instructions do.
  static lanes16 load_unaligned(T const* p) noexcept {
    lanes16 r;
    std::memcpy(r.v, p, sizeof r.v);
    return r;
  }
  void store_unaligned(T* p) const noexcept { std::memcpy(p, v, sizeof v); }
  friend lanes16 operator+(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return static_cast<T>(wrapping(a.v[i]) + wrapping(b.v[i])); });
  }
  friend lanes16 operator-(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return static_cast<T>(wrapping(a.v[i]) - wrapping(b.v[i])); });
  }
  friend lanes16 operator*(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return static_cast<T>(wrapping(a.v[i]) * wrapping(b.v[i])); });
  }
  friend lanes16 operator/(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return a.v[i] / b.v[i]; });
  }
  friend lanes16 operator&(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return static_cast<T>(a.v[i] & b.v[i]); });
  }
  friend lanes16 operator|(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return static_cast<T>(a.v[i] | b.v[i]); });
  }
  friend lanes16 operator^(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return static_cast<T>(a.v[i] ^ b.v[i]); });
  }
  friend lanes16 max(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend lanes16 min(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend lanes16 fma(lanes16 const& a, lanes16 const& b, lanes16 const& c) noexcept {
    return generate([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
  }
};

}  // namespace detail

namespace simd {

template <>
struct native<scalar> {
  using ints = octavo::detail::lanes16<std::int32_t>;
  using floats = octavo::detail::lanes16<float>;
  static constexpr int lanes = 16;

  static ints load_bytes(void const* p) noexcept {
    return ints::generate([&](int i) { return std::int32_t{static_cast<std::uint8_t const*>(p)[i]}; });
  }
  static floats to_floats(ints const& x) noexcept {
    return floats::generate([&](int i) { return static_cast<float>(x.v[i]); });
  }
  static ints to_ints(floats const& x) noexcept {
    return ints::generate([&](int i) {
      return x.v[i] > -0x1p31f ? static_cast<std::int32_t>(octavo::detail::round_even(x.v[i])) : INT32_MIN;
    });
  }
  template <int N>
  static ints shift_right(ints const& x) noexcept {
    return ints::generate([&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x.v[i]) >> N); });
  }
  static ints shift_right(ints const& x, int n) noexcept {
    return ints::generate([&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x.v[i]) >> n); });
  }
  template <int N>
  static ints shift_left(ints const& x) noexcept {
    return ints::generate([&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x.v[i]) << N); });
  }
  static floats fused(floats const& a, floats const& b, floats const& c) noexcept { return fma(a, b, c); }
  static floats opaque(floats const& x) noexcept {
    return floats::generate([&](int i) { return octavo::detail::opaque(x.v[i]); });
  }
  static floats floor(floats const& x) noexcept {
    return floats::generate([&](int i) { return __builtin_floorf(x.v[i]); });
  }
  static std::int32_t sum(ints const& x) noexcept {
    std::int32_t total = 0;
    for (std::int32_t const v : x.v) { total += v; }
    return total;
  }
  static std::int32_t largest(ints const& x) noexcept {
    std::int32_t most = x.v[0];
    for (std::int32_t const v : x.v) { most = v > most ? v : most; }
    return most;
  }
  static floats swap_pairs(floats const& x) noexcept {
    return floats::generate([&](int i) { return x.v[i ^ 1]; });
  }
  template <class V>
  static V minimum(V const& a, V const& b) noexcept {
    return min(a, b);
  }
  template <class V>
  static V maximum(V const& a, V const& b) noexcept {
    return max(a, b);
  }
  static floats load_f16(f16 const* p) noexcept { return load(p); }
  static floats load_bf16(bf16 const* p) noexcept { return load(p); }
  static void store_f16(f16* p, floats const& x) noexcept {
    for (int i = 0; i < lanes; ++i) { p[i] = f16(x.v[i]); }
  }
  static void store_bytes(void* p, ints const& x) noexcept { store<std::uint8_t>(p, x); }
  template <class T>
  static void store_words(T* p, ints const& x) noexcept {
    store<T>(p, x);
  }
  static ints where_nan(floats const& x, ints const& a, ints const& b) noexcept {
    return ints::generate([&](int i) { return x.v[i] != x.v[i] ? a.v[i] : b.v[i]; });
  }
  static floats where_less(floats const& x, floats const& y, floats const& a, floats const& b) noexcept {
    return floats::generate([&](int i) { return x.v[i] < y.v[i] ? a.v[i] : b.v[i]; });
  }
  static ints add_where_less(ints const& i, ints const& n, floats const& x, floats const& y) noexcept {
    return ints::generate([&](int j) { return x.v[j] < y.v[j] ? i.v[j] + n.v[j] : i.v[j]; });
  }
  static void transpose(floats* r) noexcept {
    for (int i = 0; i < lanes; ++i) {
      for (int j = 0; j < i; ++j) {
        float const x = r[i].v[j];
        r[i].v[j] = r[j].v[i];
        r[j].v[i] = x;
      }
    }
  }
  static ints load_table(std::uint8_t const* p) noexcept {
    return ints::generate([&](int i) {
      std::int32_t word;
      std::memcpy(&word, p + i % 4 * 4, sizeof word);
      return word;
    });
  }
  static ints shuffle(ints const& table, ints const& codes) noexcept {
    ints result;
    auto const* const from = reinterpret_cast<std::uint8_t const*>(table.v);
    auto const* const code = reinterpret_cast<std::uint8_t const*>(codes.v);
    auto* const to = reinterpret_cast<std::uint8_t*>(result.v);
    for (int i = 0; i < 64; ++i) { to[i] = from[i / 16 * 16 + (code[i] & 15)]; }
    return result;
  }
  template <int Bytes>
  static ints interleave_low(ints const& a, ints const& b) noexcept {
    return interleave<Bytes>(a, b, 0);
  }
  template <int Bytes>
  static ints interleave_high(ints const& a, ints const& b) noexcept {
    return interleave<Bytes>(a, b, 8);
  }

 private:
  template <class T>
  static floats load(T const* p) noexcept {
    return floats::generate([&](int i) { return static_cast<float>(p[i]); });
  }
  template <int Bytes>
  static ints interleave(ints const& a, ints const& b, int first) noexcept {
    ints result;
    auto* const to = reinterpret_cast<std::uint8_t*>(result.v);
    for (int i = 0; i < 64; ++i) {
      auto const* const from = reinterpret_cast<std::uint8_t const*>(i / Bytes % 2 == 0 ? a.v : b.v);
      to[i] = from[i / 16 * 16 + first + i % 16 / (2 * Bytes) * Bytes + i % Bytes];
    }
    return result;
  }
  template <class T>
  static void store(void* p, ints const& x) noexcept {
    for (int i = 0; i < lanes; ++i) { static_cast<T*>(p)[i] = static_cast<T>(x.v[i]); }
  }
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo
