// SPDX-License-Identifier: MIT
// What the codes of a page of a cache stand for, as floats, by vectors: value() of its layout, to the bit.
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/lookup.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Whether words of a page hold codes of one row each, in the order of their bits.
template <class Layout>
inline constexpr bool codes_in_words = [] {
  if constexpr (requires { typename Layout::panel_type; }) { return !Layout::panel_type::pair_order; }
  return false;
}();

/// The floats of codes as they are packed, and of scales, minima and zero points where they are stored.
template <class A, class Layout>
class code_floats {
  using quantizer = typename Layout::quantizer;
  using format = typename quantizer::format;
  using panel = typename Layout::panel_type;
  using scale_type = typename Layout::params_type::scale_type;
  static constexpr int L = simd::lanes<A>;

 public:
  static constexpr int bits = panel::bits;
  /// Whether codes of 8 bits are packed as integers that begin with the lowest: no table of 256 to gather from.
  static constexpr bool integers =
      code_count<format> == 256 && consecutive_flip<format> >= 0 && lattice<format>.step == 1.0f;
  /// Codes of a word.
  static constexpr int in_word = 32 / bits;
  static_assert(in_word == panel::step);

  explicit code_floats(detail::book_of<quantizer> book) noexcept {
    for (int packed = 0; packed < size; ++packed) {
      table_[packed] = book.decode(static_cast<code>((packed ^ panel::flip) & (code_count<format> - 1)));
    }
  }

  /// Code k of each of L words.
  template <int K>
  [[nodiscard, gnu::always_inline]] simd::floats<A> get(simd::ints<A> words) const noexcept {
    auto const code = simd::bit_and<A>(simd::shift_right<8 * (K % 4) + K / 4 * bits, A>(words), (1u << bits) - 1);
    if constexpr (integers) {
      return simd::to_floats<A>(code + simd::ints<A>(lattice<format>.lowest));
    } else if constexpr (bits == 8) {
      return simd::gather<A>(table_, code);
    } else {
      return simd::float_lookup<A>(table_)(code);
    }
  }
  /// L scales from i on, and what is beside them: minima, or zero points, or nothing.
  [[nodiscard, gnu::always_inline]] static simd::floats<A> scales(std::byte const* params, index i) noexcept {
    return simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + i);
  }
  [[nodiscard, gnu::always_inline]] static simd::floats<A> offsets(std::byte const* params, index scale_bytes,
                                                                   index i) noexcept {
    if constexpr (has_minimum<quantizer>) {
      return scales(params + scale_bytes, i);
    } else if constexpr (has_zero_point<quantizer>) {
      return simd::to_floats<A>(simd::load_bytes<A>(params + scale_bytes + i) +
                                simd::ints<A>(lattice<format>.lowest));
    } else {
      return simd::floats<A>(0.0f);
    }
  }
  [[nodiscard, gnu::always_inline]] static simd::floats<A> law(simd::floats<A> value, simd::floats<A> scale,
                                                               simd::floats<A> offset) noexcept {
    if constexpr (has_minimum<quantizer> && !has_fma<A>) {
      float v[static_cast<std::size_t>(L)];
      float s[static_cast<std::size_t>(L)];
      float o[static_cast<std::size_t>(L)];
      value.store_unaligned(v);
      scale.store_unaligned(s);
      offset.store_unaligned(o);
      for (int i = 0; i < L; ++i) { v[i] = __builtin_fmaf(s[i], v[i], o[i]); }
      return simd::load_floats<A>(v);
    } else if constexpr (has_minimum<quantizer>) {
      return simd::fused<A>(scale, value, offset);
    } else if constexpr (has_zero_point<quantizer>) {
      return scale * (value - offset);
    } else {
      return scale * value;
    }
  }

 private:
  static constexpr int size = bits == 8 ? 256 : 16;
  alignas(64) float table_[static_cast<std::size_t>(size)];
};

/// Keys of a page: channel c of token `row` + i goes to to[c * Width + i].
template <class A, index Width, class Layout>
[[gnu::always_inline]] inline void keys_as_floats(Layout const& layout, code_floats<A, Layout> const& table,
                                                  std::byte const* page, index row, float* to) noexcept {
  using panel_type = typename Layout::panel_type;
  using floats = simd::floats<A>;
  constexpr index L = simd::lanes<A>;
  constexpr int in_word = code_floats<A, Layout>::in_word;
  auto const panel = layout.panel();
  index const d = layout.head_dim;
  if constexpr (detail::residual_of<Layout> != 1) {
    constexpr index run = 16;  // channels whose parameters are converted at once; so many are there
    for (index c = 0; c < d; c += run) {
      for (index r = 0; r < Width; r += L) {
        std::byte const* const params = page + layout.params_at((row + r) / Layout::group);
        alignas(64) float scales[run];
        alignas(64) float offsets[run];
        for (index i = 0; i < run; i += L) {
          table.scales(params, c + i).store_unaligned(scales + i);
          table.offsets(params, layout.scale_bytes(), c + i).store_unaligned(offsets + i);
        }
        for (index i = 0; i < run && c + i < d; i += in_word) {
          auto const words = simd::load_ints<A>(page + (c + i) / in_word * panel_type::step_bytes + (row + r) * 4);
          detail::unroll<in_word>([&](auto k) __attribute__((always_inline)) {
            if (c + i + k() < d) {
              table.law(table.template get<k()>(words), floats(scales[i + k()]), floats(offsets[i + k()]))
                  .store_unaligned(to + (c + i + k()) * Width + r);
            }
          });
        }
      }
    }
  } else {
    for (index g = 0; g < panel.groups(); ++g) {
      index const first = g * panel.group();
      index const n = panel.group_length(g);
      std::byte const* const params = page + panel.params_at(g);
      for (index r = 0; r < Width; r += L) {
        auto const scale = table.scales(params, row + r);
        auto const offset = table.offsets(params, panel_type::scale_bytes, row + r);
        for (index i = 0; i < n; i += in_word) {
          auto const words =
              simd::load_ints<A>(page + panel.codes_at(g) + i / in_word * panel_type::step_bytes + (row + r) * 4);
          detail::unroll<in_word>([&](auto k) __attribute__((always_inline)) {
            if (i + k() < n) {
              table.law(table.template get<k()>(words), scale, offset)
                  .store_unaligned(to + (first + i + k()) * Width + r);
            }
          });
        }
      }
    }
  }
}

/// Whether registers of channels share a group of theirs.
template <class A, class Layout>
[[nodiscard, gnu::always_inline]] inline bool groups_of_registers(Layout const& layout) noexcept {
  return layout.groups() <= 1 || layout.group() % simd::lanes<A> == 0;
}
/// Values of the first n keys of a page: channel c + i of key j goes to to[j * Width + i], zeros behind the last
/// channel. Pre: groups_of_registers, c is a multiple of Width.
template <class A, index Width, class Layout>
[[gnu::always_inline]] inline void values_as_floats(Layout const& layout, code_floats<A, Layout> const& table,
                                                    std::byte const* page, index n, index c, float* to) noexcept {
  using floats = simd::floats<A>;
  constexpr index L = simd::lanes<A>;
  constexpr int in_word = code_floats<A, Layout>::in_word;
  index const d = layout.head_dim;
  alignas(64) float scales[page_tokens];
  alignas(64) float offsets[page_tokens];
  index converted = -1;
  for (index r = 0; r < Width; r += L) {
    if (c + r >= d) {
      for (index j = 0; j < n; ++j) { floats(0.0f).store_unaligned(to + j * Width + r); }
      continue;
    }
    index const g = (c + r) / layout.group();
    if (g != converted) {
      std::byte const* const params = page + layout.params_at(g);
      for (index j = 0; j < page_tokens; j += L) {
        table.scales(params, j).store_unaligned(scales + j);
        table.offsets(params, Layout::scale_bytes, j).store_unaligned(offsets + j);
      }
      converted = g;
    }
    std::byte const* const codes = page + (c + r) / panel_rows * Layout::panel_bytes + (c + r) % panel_rows * 4;
    for (index j = 0; j < n; j += in_word) {
      auto const words = simd::load_ints<A>(codes + j / in_word * Layout::panel_type::step_bytes);
      detail::unroll<in_word>([&](auto k) __attribute__((always_inline)) {
        if (j + k() < n) {
          table.law(table.template get<k()>(words), floats(scales[j + k()]), floats(offsets[j + k()]))
              .store_unaligned(to + (j + k()) * Width + r);
        }
      });
    }
    for (index i = d - c - r; i < L; ++i) {
      for (index j = 0; j < n; ++j) { to[j * Width + r + i] = 0.0f; }
    }
  }
}

/// The table of a side of a cache, where there is one.
template <class A, class Layout>
struct page_table {
  explicit page_table(Layout const&) noexcept {}
};
template <class A, class Layout>
  requires codes_in_words<Layout>
struct page_table<A, Layout> : code_floats<A, Layout> {
  explicit page_table(Layout const& layout) noexcept : code_floats<A, Layout>(layout.book) {}
};
/// The layout of codes, without what stands beside them.
template <class Layout>
struct dense_of {
  using type = Layout;
};
template <class Layout>
  requires requires { typename Layout::dense; }
struct dense_of<Layout> {
  using type = typename Layout::dense;
};

/// Adds what stands out to keys_as_floats of `Width` keys from `row`, if the layout keeps it apart.
template <index Width, class Layout>
[[gnu::always_inline]] inline void add_key_outliers(Layout const& layout, std::byte const* page, index row,
                                                    float* to) noexcept {
  if constexpr (requires { typename Layout::slots; }) {
    using slots = typename Layout::slots;
    std::byte const* const outliers = page + layout.outliers_at();
    for (index n = 0; n < slots::count; ++n) {
      for (index i = 0; i < Width; ++i) {
        index const c = slots::channel(outliers, n, row + i);
        if (c < layout.head_dim) { to[c * Width + i] += slots::residual(outliers, n, row + i); }
      }
    }
  }
}
/// The same to values_as_floats of the first n keys, from channel c.
template <index Width, class Layout>
[[gnu::always_inline]] inline void add_value_outliers(Layout const& layout, std::byte const* page, index n, index c,
                                                      float* to) noexcept {
  if constexpr (requires { typename Layout::slots; }) {
    using slots = typename Layout::slots;
    std::byte const* const outliers = page + layout.outliers_at();
    for (index i = 0; i < slots::count; ++i) {
      for (index j = 0; j < n; ++j) {
        index const at = slots::channel(outliers, i, j) - c;
        if (at >= 0 && at < smaller(Width, layout.head_dim - c)) {
          to[j * Width + at] += slots::residual(outliers, i, j);
        }
      }
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
