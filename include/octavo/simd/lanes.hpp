// SPDX-License-Identifier: MIT
// The register of the scalar instruction set: 16 emulated lanes with the operators of an xsimd batch.
#pragma once

#include <cmath>
#include <type_traits>

namespace octavo {
inline namespace v0 {
namespace detail {

/// Sixteen values of T; every operation is a loop over the lanes.
template <class T>
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
  static lanes16 load_unaligned(T const* p) noexcept {
    return generate([&](int i) { return p[i]; });
  }
  void store_unaligned(T* p) const noexcept {
    for (int i = 0; i < 16; ++i) { p[i] = v[i]; }
  }
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
  friend lanes16 max(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend lanes16 min(lanes16 const& a, lanes16 const& b) noexcept {
    return generate([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend lanes16 fma(lanes16 const& a, lanes16 const& b, lanes16 const& c) noexcept {
    return generate([&](int i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
