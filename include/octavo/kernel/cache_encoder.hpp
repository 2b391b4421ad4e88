// SPDX-License-Identifier: MIT
// What a cache quantizes tokens with, by vectors: the codes and parameters of the quantizer itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/codebook_search.hpp"
#include "octavo/storage/cache_layout.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Codes of values over a range, a byte each: by a format that vectors know, or by the table of a cache.
template <class A, class Q>
class range_codes {
 public:
  explicit range_codes(detail::book_of<Q>) noexcept {}
  [[gnu::always_inline]] void store(code* to, simd::floats<A> on_range) const noexcept {
    simd::store_unsigned_bytes<A>(to, encode_numbers<A, typename Q::format>(on_range));
  }
};
template <class A, has_book Q>
class range_codes<A, Q> {
 public:
  explicit range_codes(detail::book_of<Q> book) noexcept : search_(book.table->centres) {}
  [[gnu::always_inline]] void store(code* to, simd::floats<A> on_range) const noexcept {
    simd::store_unsigned_bytes<A>(to, search_(on_range));
  }

 private:
  codebook_search<A, Q::format::bits> search_;
};

/// As detail::plain_encoder, to the bit. Quantizers without a vector law go through it.
template <class A>
struct vector_encoder {
  static constexpr index L = simd::lanes<A>;
  /// Whether codes of Q are those of range_codes.
  template <class Q>
  static constexpr bool on_range = [] {
    if constexpr (detail::is_affine_codebook<Q>) {
      return has_book<Q> || encoding_of<typename Q::format> == encoding::steps;
    }
    return false;
  }();

  template <class T>
  static void load(T const* from, index n, float* to) noexcept {
    simd::copy_as_floats<A>(from, n, to);
  }
  template <class T>
  static void round(float const* from, index n, T* to) noexcept {
    index const whole = n - n % L;
    for (index i = 0; i < whole; i += L) { simd::store_from_floats<A>(to + i, simd::load_floats<A>(from + i)); }
    for (index i = whole; i < n; ++i) { to[i] = T(from[i]); }
  }
  template <class Q>
  [[nodiscard]] static typename Q::params encode(float const* from, index n, code* to,
                                                 detail::book_of<Q> book = {}) noexcept {
    using F = typename Q::format;
    if constexpr (on_range<Q>) {
      auto const p = params_of<Q>(token_source<A, float>{from, nullptr, n});
      range_codes<A, Q> const codes(book);
      index i = 0;
      for (; i + L <= n; i += L) {
        codes.store(to + i,
                    (simd::load_floats<A>(from + i) - simd::floats<A>(p.minimum)) * simd::floats<A>(p.inverse));
      }
      for (; i < n; ++i) { to[i] = book.encode(from[i], p); }
      return p;
    } else if constexpr (!(integer_quantizer<Q> && (tracks_range<Q> || detail::is_affine_min<Q>))) {
      return detail::plain_encoder::encode<Q>(from, n, to, book);
    } else {
      token_source<A, float> const x{from, nullptr, n};
      auto const p = params_of<Q>(x);
      auto const lanes = in_all_lanes<A, Q>(p);
      // Integers less 128 more than the lowest fit a signed byte.
      simd::ints<A> const lowest(lattice<F>.lowest + 128);
      index i = 0;
      for (; i + L <= n; i += L) {
        auto const integers = encode_lanes<A, Q>(x.load(i), lanes);
        simd::store_narrow<A>(reinterpret_cast<std::int8_t*>(to) + i, integers - lowest);
      }
      for (index j = 0; j < i; ++j) { to[j] = static_cast<code>(to[j] ^ 128 ^ consecutive_flip<F>); }
      for (; i < n; ++i) { to[i] = Q::encode(from[i], p); }
      return p;
    }
  }
  /// Those of calibrate().
  template <class Q>
  [[nodiscard]] static typename Q::params params_of(token_source<A, float> const& x) noexcept {
    if constexpr (tracks_range<Q>) {
      return token_params<Q>(x);
    } else {
      index const n = x.features;
      index const whole = n - n % L;
      if (whole == 0) { return detail::calibrate<Q>(x.x, n); }
      auto low = x.load(0);
      auto high = low;
      simd::ints<A> bits(0);
      for (index i = 0; i < whole; i += L) {
        auto const v = x.load(i);
        bits = simd::maximum<A>(bits, simd::bit_and<A>(simd::as_ints<A>(v), 0x7fffffffu));
        low = simd::minimum<A>(v, low);
        high = simd::maximum<A>(v, high);
      }
      float lows[static_cast<std::size_t>(L)];
      float highs[static_cast<std::size_t>(L)];
      low.store_unaligned(lows);
      high.store_unaligned(highs);
      detail::value_range const least(lows, lows + L, lows[0]);
      detail::value_range const most(highs, highs + L, highs[0]);
      detail::value_range rest(x.x + whole, x.x + n, least.low);
      rest.high = most.high > rest.high ? most.high : rest.high;
      if (simd::largest<A>(bits) >= 0x7f800000) { return Q::from_range(-__builtin_inff(), __builtin_inff()); }
      for (index i = 0; rest.low == 0 && i < n; ++i) {  // of zeros the first one, whatever its sign
        if (x.x[i] == 0) { return Q::from_range(x.x[i], rest.high == 0 ? x.x[i] : rest.high); }
      }
      return Q::from_range(rest.low, rest.high);
    }
  }
  /// Lanes are channels. Pre: a token has room for codes of whole registers.
  template <class Q, index G>
  static void encode_channels(float const* from, index channels, std::byte* params, index scale_bytes, code* to,
                              index stride, detail::book_of<Q> book = {}) noexcept {
    using F = typename Q::format;
    if constexpr (!((integer_quantizer<Q> || on_range<Q>)&&tracks_lanes<Q>)) {
      detail::plain_encoder::encode_channels<Q, G>(from, channels, params, scale_bytes, to, stride, book);
    } else {
      using T = typename Q::scale_type;
      [[maybe_unused]] simd::ints<A> const lowest(lattice<F>.lowest + 128);
      [[maybe_unused]] std::conditional_t<on_range<Q>, range_codes<A, Q>, detail::book_of<Q>> const codes(book);
      for (index c = 0; c < channels; c += L) {
        index const n = smaller(L, channels - c);
        auto const load = [&](index i) __attribute__((always_inline)) {
          float const* const at = from + i * channels + c;
          return n == L ? simd::load_floats<A>(at) : simd::load_first<A>(at, n);
        };
        range_tracker<A, Q> range;
        for (index i = 0; i < G; ++i) { range.add(load(i)); }
        auto const lanes = range.lanes();
        alignas(64) T stored[static_cast<std::size_t>(L)];
        auto const bytes = static_cast<std::size_t>(n) * sizeof(T);
        store_scales<A, T>(stored, lanes.scale);
        std::memcpy(params + c * static_cast<index>(sizeof(T)), stored, bytes);
        if constexpr (has_minimum<Q>) {
          store_scales<A, T>(stored, lanes.minimum);
          std::memcpy(params + scale_bytes + c * static_cast<index>(sizeof(T)), stored, bytes);
        }
        if constexpr (has_zero_point<Q>) {
          std::uint8_t zeros[static_cast<std::size_t>(L)];
          simd::store_unsigned_bytes<A>(zeros, lanes.zero - simd::ints<A>(lattice<F>.lowest));
          std::memcpy(params + scale_bytes + c, zeros, static_cast<std::size_t>(n));
        }
        for (index i = 0; i < G; ++i) {
          code* const at = to + i * stride + c;
          if constexpr (on_range<Q>) {
            codes.store(at, (load(i) - lanes.minimum) * lanes.inverse);
            continue;
          }
          auto const integers = encode_lanes<A, Q>(load(i), lanes);
          simd::store_narrow<A>(reinterpret_cast<std::int8_t*>(at), integers - lowest);
          for (index j = 0; j < L; ++j) { at[j] = static_cast<code>(at[j] ^ 128 ^ consecutive_flip<F>); }
        }
      }
    }
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
