// SPDX-License-Identifier: MIT
// Codes of a panel from columns of floats, by vectors: lanes are rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/kernel/lane_params.hpp"
#include "octavo/kernel/stage.hpp"
#include "octavo/simd/bit_string.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Encodes by the law Q into the codes of a panel of scheme S, whose quantizer is Q or, where scales are quantized
/// themselves, based on it. Only params exist of a Q that is no vector_quantizer.
template <class A, class S, class Q>
class panel_encoder {
  using layout_type = panel_layout<S>;
  using F = typename Q::format;
  static constexpr code_planes planes = layout_type::planes;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = simd::panel_registers<A>;

 public:
  /// Parameters of the rows of a panel, for encode_lanes.
  struct params {
    alignas(64) float inverse[panel_rows];
    alignas(64) float minimum[has_minimum<Q> ? panel_rows : 1];
    alignas(64) std::int32_t zero[has_zero_point<Q> ? panel_rows : 1];

    [[gnu::always_inline]] void put(int r, lane_params<A, Q> const& p) noexcept {
      p.inverse.store_unaligned(inverse + r * L);
      if constexpr (has_minimum<Q>) { p.minimum.store_unaligned(minimum + r * L); }
      if constexpr (has_zero_point<Q>) { p.zero.store_unaligned(zero + r * L); }
    }
    void put_row(index row, typename Q::params const& p) noexcept {
      inverse[row] = p.inverse;
      if constexpr (has_minimum<Q>) { minimum[row] = Q::minimum(p); }
      if constexpr (has_zero_point<Q>) { zero[row] = Q::zero(p); }
    }
    [[nodiscard, gnu::always_inline]] lane_params<A, Q> get(int r) const noexcept {
      lane_params<A, Q> p{simd::floats<A>(0.0f), simd::load_floats<A>(inverse + r * L)};
      if constexpr (has_minimum<Q>) { p.minimum = simd::load_floats<A>(minimum + r * L); }
      if constexpr (has_zero_point<Q>) { p.zero = simd::load_ints<A>(zero + r * L); }
      return p;
    }
    /// Of all k.
    [[nodiscard, gnu::always_inline]] static lane_params<A, Q> at(lane_params<A, Q> const& p, index) noexcept {
      return p;
    }
  };
  /// The same of columns, which all rows share.
  struct column_params {
    float const* inverse;
    std::int32_t const* zero;

    [[nodiscard, gnu::always_inline]] static int get(int) noexcept { return 0; }
    [[nodiscard, gnu::always_inline]] lane_params<A, Q> at(int, index k) const noexcept {
      lane_params<A, Q> p{simd::floats<A>(0.0f), simd::floats<A>(inverse[k])};
      if constexpr (has_zero_point<Q>) { p.zero = simd::ints<A>(zero[k]); }
      return p;
    }
  };

  /// With these 0 has the code that padding holds.
  [[nodiscard]] static typename Q::params zero_params() noexcept {
    typename Q::params p{};
    if constexpr (detail::is_affine<Q>) { p.zero_point = static_cast<int>(F::decode(zero_code<F>)); }
    if constexpr (detail::is_symmetric<Q>) { p.inverse = Q::divides ? 1.0f : 0.0f; }
    return p;
  }

  /// Codes of n columns of all rows, to whole steps. Meanwhile as many lines come near.
  template <class T, class P>
  static void encode(staged_columns from, index n, P const& p, std::byte* to, bool streams,
                     runs_ahead<T>& ahead) noexcept {
    constexpr index lines = layout_type::step * panel_rows * static_cast<index>(sizeof(T)) / 64;
    index k = 0;
    for (; k + layout_type::step <= n; k += layout_type::step) {
      ahead.ask(lines);
      encode_step<true>(from, k, layout_type::step, p, to, streams);
      from.at += layout_type::step * from.stride;
      to += layout_type::step_bytes;
    }
    if (k < n) { encode_step<false>(from, k, n - k, p, to, streams); }
  }

 private:
  /// One step. Offsets are taken from all numbers of a word at once, if none of them touches another; with two planes
  /// they are taken from each.
  template <bool Whole, class P>
  static void encode_step(staged_columns from, index first, index present, P const& p, std::byte* to,
                          bool streams) noexcept {
    constexpr bool two = planes.high() != 0;
    constexpr bool cuts = simd::cuts_numbers<A>;
    constexpr int low_quads = 8 / planes.low;
    constexpr int offset = number_offset<F>;
    constexpr bool flips = cuts && offset == -(1 << (planes.bits - 1));
    constexpr bool each = two || (cuts && !flips);
    constexpr int padding = (zero_code<F> ^ layout_type::flip) + offset;
    constexpr std::uint32_t ones = planes.low == 8 ? 0x01010101u : planes.low == 4 ? 0x11111111u : 0x55555555u;
    for (int r = 0; r < registers; ++r) {
      index const row = r * L;
      auto const lanes = p.get(r);
      simd::bit_string<A> high;
      simd::ints<A> above[static_cast<std::size_t>(two && cuts ? layout_type::step : 1)];
      detail::unroll<planes.low_words()>([&](auto w) __attribute__((always_inline)) {
        simd::bit_string<A> low;
        detail::unroll<4 * low_quads>([&](auto i) __attribute__((always_inline)) {  // by their places
          constexpr int quad = w() * low_quads + i() % low_quads;
          constexpr int byte = i() / low_quads;
          constexpr int k = quad * 4 + byte;
          simd::ints<A> number(padding);
          if (Whole || k < present) {
            number =
                encode_lanes<A, Q>(simd::load_floats<A>(from.at + k * from.stride + row), p.at(lanes, first + k));
          }
          if constexpr (each && offset != 0) { number = number - simd::ints<A>(offset); }
          if constexpr (two && cuts) {
            above[k] = simd::shift_right<planes.low, A>(number);
          } else if constexpr (two) {
            high.template put<byte * 8 + quad * planes.high(), planes.high()>(
                simd::shift_right<planes.low, A>(number));
            number = simd::bit_and<A>(number, (1u << planes.low) - 1);
          }
          low.template put<i() * planes.low, planes.low>(number);
        });
        auto word = low.word();
        if constexpr (flips && !each) {
          word = simd::bit_xor<A>(word, ones << (planes.low - 1));
        } else if constexpr (!each && offset != 0) {
          word = word - simd::ints<A>(static_cast<std::int32_t>(ones * static_cast<std::uint32_t>(offset)));
        }
        if constexpr (layout_type::pair_order) { word = simd::quads_to_pairs<A>(word); }
        std::byte* const where = to + w() * layout_type::word_bytes + row * 4;
        if (streams) {
          simd::stream<A>(reinterpret_cast<float*>(where), simd::as_floats<A>(word));
        } else {
          word.store_unaligned(reinterpret_cast<std::int32_t*>(where));
        }
      });
      if constexpr (two) {
        if constexpr (cuts) {
          detail::unroll<4>([&](auto byte) __attribute__((always_inline)) {
            detail::unroll<4>([&](auto quad) __attribute__((always_inline)) {
              high.template put<byte() * 8 + quad() * planes.high(), planes.high()>(above[quad() * 4 + byte()]);
            });
            if constexpr (planes.high() == 1) { high.template skip<4>(); }
          });
        }
        auto bits = high.word();
        if constexpr (layout_type::pair_order) { bits = simd::quads_to_pairs<A>(bits); }
        auto* const where = reinterpret_cast<std::int32_t*>(to + planes.low_words() * layout_type::word_bytes +
                                                            row / 16 / planes.sharing() * 64 + row % 16 * 4);
        // The second of two vectors that share bytes comes after the first.
        if (row / 16 % planes.sharing() != 0) {
          bits = simd::bit_or<A>(simd::shift_left<4, A>(bits), simd::load_ints<A>(where));
        }
        bits.store_unaligned(where);
      }
    }
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
