// SPDX-License-Identifier: MIT
// Weights of the keys of a page times the scales of its values, as bytes: the operand of products with values of a cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/page_tile.hpp"
#include "octavo/kernel/softmax.hpp"
#include "octavo/simd/lanes_of_16.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Weights of a page, in registers where that is few of them.
template <class A>
struct page_weights {
  static constexpr index L = simd::lanes<A>;
  static constexpr int registers = page_tokens / L;
  static constexpr bool near = registers <= 4;
  float const* from;
  simd::floats<A> w[static_cast<std::size_t>(near ? registers : 1)];

  [[gnu::always_inline]] explicit page_weights(float const* weights) noexcept : from(weights) {
    if constexpr (near) {
      detail::unroll<registers>([&](int r)
                                    __attribute__((always_inline)) { w[r] = simd::load_floats<A>(from + r * L); });
    }
  }
  /// 2^(score * scale + shift) of scores of a page, which are added to `sum` as softmax adds them.
  [[gnu::always_inline]] static void weigh(float const* scores, float scale, float shift, simd::floats<A>& sum,
                                           float* to) noexcept requires(L == 16) {
    simd::floats<A> x[static_cast<std::size_t>(registers)];
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
      x[r] = simd::exp2<5, A>(
          simd::fused<A>(simd::load_floats<A>(scores + r * L), simd::floats<A>(scale), simd::floats<A>(shift)));
      x[r].store_unaligned(to + r * L);
    });
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) { sum = sum + x[r]; });
  }
  [[nodiscard, gnu::always_inline]] simd::floats<A> load(int r) const noexcept {
    if constexpr (near) { return w[r]; }
    return simd::load_floats<A>(from + r * L);
  }
};

/// Weights as bytes of groups of channels: w = weight * scale of the key, W the largest w of the page, byte = nearest(w
/// * (255 / W)), ties to even. A row of a page and a group has 64 bytes, what their sums with codes begin with, the factor
/// W / 255 (times the step of the format), and the sum of weight * minimum.
template <class A, class V>
class page_bytes {
  using page_layout = value_layout<V>;
  using layout = typename page_layout::panel_type;
  static constexpr index L = simd::lanes<A>;
  static constexpr int registers_of_page = page_tokens / L;

 public:
  /// Whether bytes of weights are the unsigned side of products, or, less 128, the signed one.
  static constexpr bool unsigned_bytes = detail::is_avx512<A> && detail::has<vnni, A>;
  using weights = std::conditional_t<unsigned_bytes, signed_codes<A, layout>, byte_weights<A, layout, false>>;
  using operand = typename weights::operand;
  using scale_type = typename page_layout::scale_type;
  /// Whether rows and groups settle up to four at a time: what is one number for each of them is a part of a register.
  static constexpr bool settles_together = unsigned_bytes && L == 16;
  /// Lanes that rows and groups which settle together share evenly.
  static constexpr int settled_lanes = 16;

  operand* bytes = nullptr;       ///< [row][key]
  std::int32_t* start = nullptr;  ///< what sums begin with, and so on, wherever they were settled
  float* factors = nullptr;
  float* minima = nullptr;

  /// Bytes of row `row`, start and factor at `at`, of 64 weights by the parameters of one group of channels. False if a
  /// weight that is not 0 meets a value that is not finite.
  [[nodiscard, gnu::always_inline]] bool settle(page_weights<A> const& from, std::byte const* params, index row,
                                                index at) const noexcept {
    simd::floats<A> const zero(0.0f);
    simd::floats<A> scaled[static_cast<std::size_t>(registers_of_page)];
    simd::ints<A> bits(0);
    simd::lanes_of_16<A> added(0.0f);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const w = from.load(r);
      auto const s = simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + r * L);
      // Parameters of keys that nobody sees may be anything.
      scaled[r] = simd::native_of<A>::where_less(zero, w, simd::opaque<A>(w * s), zero);
      bits = simd::maximum<A>(bits, simd::bit_and<A>(simd::as_ints<A>(scaled[r]), 0x7fffffffu));
      if constexpr (page_layout::minima) {
        auto const* const minimum = reinterpret_cast<scale_type const*>(params + page_layout::scale_bytes);
        auto const m = simd::native_of<A>::where_less(zero, w, simd::load_as_floats<A>(minimum + r * L), zero);
        added.of(r) = simd::fused<A>(w, m, added.of(r));
      }
    });
    std::int32_t const most = simd::largest<A>(bits);
    float const largest = __builtin_bit_cast(float, most);
    bool const finite = most < 0x7f800000;
    float const inverse = 255.0f / largest;
    bool const none = !finite || !detail::is_finite(inverse);
    factors[at] = none ? 0.0f : largest / (255.0f / lattice<typename page_layout::format>.step);
    if constexpr (page_layout::minima) { minima[at] = added.reduce(simd::sum_of()); }
    operand* const to = bytes + row * page_tokens;
    if (none) {
      for (index j = 0; j < page_tokens; ++j) { to[j] = static_cast<operand>(unsigned_bytes ? 0 : -128); }
      start[at] = 0;
      return finite;
    }
    simd::ints<A> counted(0);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const rounded = simd::fused<A>(scaled[r], simd::floats<A>(inverse), simd::floats<A>(magic));
      auto const code = simd::as_ints<A>(rounded) - simd::ints<A>(__builtin_bit_cast(std::int32_t, magic));
      simd::store_narrow<A>(to + r * L, unsigned_bytes ? code : code - simd::ints<A>(128));  // AVX-512 truncates
      if constexpr (page_layout::zero_points) {
        auto const z =
            simd::load_bytes<A>(params + page_layout::scale_bytes + r * L) - simd::ints<A>(weights::offset);
        if constexpr (unsigned_bytes) {  // one instruction, and codes are below 256
          counted = simd::ints<A>(weights::dot::add(counted, code, z));
        } else {
          counted = counted + simd::multiply<A>(code, z);
        }
      } else {
        counted = counted + code;
      }
    });
    start[at] = c0 == 0 ? 0 : -c0 * simd::sum<A>(counted);
    order_quads<A>(to, page_tokens);
    return finite;
  }

  /// Lanes from what is one number for a row and a group to that of the next one, of N which settle together.
  template <int N>
  static constexpr index lanes_of = settled_lanes / (N > 2 ? 4 : N);

  /// First half of settle, for T rows and G groups, T * G at most 4: 255 / W at `inverses`, factors and minima at `at`,
  /// of group g and row t lanes_of<T * G> * (g * T + t) further. Row t of group g has its weights at w[g] + 64 t. False if
  /// something is not finite or below 0, perhaps only what nobody sees. Halves are apart, since a core that waits for
  /// the first one of a few rows has no room to begin with the next.
  template <int T, int G>
  [[nodiscard, gnu::always_inline]] bool measure(float const* const (&w)[static_cast<std::size_t>(G)],
                                                 std::byte const* const (&params)[static_cast<std::size_t>(G)],
                                                 float* inverses, index at) const noexcept {
    using native = simd::native_of<A>;
    using ints = simd::ints<A>;
    using floats = simd::floats<A>;
    ints most[static_cast<std::size_t>(T * G)];
    [[maybe_unused]] floats added[static_cast<std::size_t>(T * G)];
    detail::unroll<G>([&](int g) __attribute__((always_inline)) {
      floats scales[4];
      load(params[g], scales);
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        detail::unroll<4>([&](int r) __attribute__((always_inline)) {
          auto const bits = simd::as_ints<A>(simd::load_floats<A>(w[g] + t * page_tokens + r * L) * scales[r]);
          auto& so_far = most[g * T + t];
          so_far = r == 0 ? bits : native::maximum_unsigned(so_far, bits);
        });
      });
      if constexpr (page_layout::minima) {
        load(params[g] + page_layout::scale_bytes, scales);
        detail::unroll<T>([&](int t) __attribute__((always_inline)) {
          floats sum(0.0f);
          detail::unroll<4>([&](int r) __attribute__((always_inline)) {
            sum = simd::fused<A>(simd::load_floats<A>(w[g] + t * page_tokens + r * L), scales[r], sum);
          });
          added[g * T + t] = sum;
        });
      }
    });
    auto const bits = native::template fold_parts<T * G>(
        most, [](ints a, ints b) __attribute__((always_inline)) { return native::maximum_unsigned(a, b); });
    bool plain = !native::reaches(bits, 0x7f800000u);
    if constexpr (page_layout::minima) {
      auto const sums = native::template fold_parts<T * G>(added, simd::sum_of());
      plain = plain && !native::reaches(simd::bit_and<A>(simd::as_ints<A>(sums), 0x7fffffffu), 0x7f800000u);
      sums.store_unaligned(minima + at);
    }
    floats const zero(0.0f);
    floats const infinity(__builtin_inff());
    auto const largest = simd::as_floats<A>(bits);
    auto const inverse = simd::divide<A>(floats(255.0f), largest);
    auto const factor = simd::divide<A>(largest, floats(255.0f / lattice<typename page_layout::format>.step));
    native::where_less(inverse, infinity, inverse, zero).store_unaligned(inverses);
    native::where_less(inverse, infinity, factor, zero).store_unaligned(factors + at);
    return plain;
  }
  /// The other half: row t of group g to row rows[g] + t * stride, and its start.
  template <int T, int G>
  [[gnu::always_inline]] void put(float const* const (&w)[static_cast<std::size_t>(G)],
                                  std::byte const* const (&params)[static_cast<std::size_t>(G)],
                                  float const* inverses, index const (&rows)[static_cast<std::size_t>(G)],
                                  index stride, index at) const noexcept {
    using native = simd::native_of<A>;
    using ints = simd::ints<A>;
    using floats = simd::floats<A>;
    [[maybe_unused]] ints counted[static_cast<std::size_t>(T * G)];
    detail::unroll<G>([&](int g) __attribute__((always_inline)) {
      floats scales[4];
      load(params[g], scales);
      [[maybe_unused]] ints by(0x01010101);
      if constexpr (page_layout::zero_points) {
        by = simd::load_ints<A>(params[g] + page_layout::scale_bytes);
        if constexpr (weights::offset != 0) { by = simd::bit_xor<A>(by, 0x80808080u); }
      }
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        floats const inverse(inverses[(g * T + t) * lanes_of<T * G>]);
        ints codes[4];
        detail::unroll<4>([&](int r) __attribute__((always_inline)) {
          auto const scaled = simd::load_floats<A>(w[g] + t * page_tokens + r * L) * scales[r];
          codes[r] = simd::bit_and<A>(simd::as_ints<A>(simd::fused<A>(scaled, inverse, floats(magic))), 0xffu);
        });
        auto const packed = native::pack_bytes(codes[0], codes[1], codes[2], codes[3]);
        packed.store_unaligned(reinterpret_cast<std::int32_t*>(bytes + (rows[g] + t * stride) * page_tokens));
        if constexpr (c0 != 0) { counted[g * T + t] = ints(weights::dot::add(ints(0), packed, by)); }
      });
    });
    ints begin(0);
    if constexpr (c0 != 0) {
      begin = ints(0) - simd::multiply<A>(native::template fold_parts<T * G>(counted, simd::sum_of()), ints(c0));
    }
    begin.store_unaligned(start + at);
  }

 private:
  [[gnu::always_inline]] static void load(std::byte const* params, simd::floats<A> (&to)[4]) noexcept {
    detail::unroll<4>([&](int r) __attribute__((always_inline)) {
      to[r] = simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + r * L);
    });
  }
  /// What the sum of bytes, or of bytes times zero points, is subtracted times.
  static constexpr std::int32_t c0 =
      page_layout::zero_points ? 1 : -lattice<typename page_layout::format>.lowest - weights::offset;
  /// 1.5 * 2^23 has its last bit at 1: a sum with it is rounded, and its low bits are the integer.
  static constexpr float magic = 0x1.8p23f;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
