// SPDX-License-Identifier: MIT
// key_layout for per_channel_group<G, R>: keys whose channels share parameters over G tokens; the newest are floats.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/storage/cache_layout.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Tokens of a side of a cache that close together; 1 where each token is quantized when it comes.
template <class Layout>
inline constexpr index residual_of = 1;
template <class Layout>
  requires requires { Layout::residual; }
inline constexpr index residual_of<Layout> = Layout::residual;

}  // namespace detail

/// Keys by quantizer Q, one set of parameters for each channel and G tokens. Codes are those of a panel of panel64_v1
/// without parameters, which follow, group of tokens after group of tokens, each of the two runs filled up to 64 bytes:
///
///     codes | group 0: scales of the channels | minima or zero points of the channels | group 1 ...
///
/// Source: KIVI (Liu et al. 2024), section 3: keys per channel, with a residual of R tokens in float.
template <class Q, int G, int R>
struct key_layout<scheme<Q, per_channel_group<G, R>>> {
  static_assert(detail::check_cache_scheme<scheme<Q, per_channel_group<G, R>>>());
  static_assert(page_tokens % G == 0 && G % 16 == 0,
                "Octavo: groups of a cache by per_channel_group<G> lie within pages of 64 tokens and take whole "
                "registers of 16: G is 16, 32 or 64.");
  using quantizer = Q;
  using granularity = per_channel_group<G, R>;
  using format = typename Q::format;
  /// Where codes are.
  using stored = scheme<symmetric<format>, per_row>;
  using panel_type = panel_layout<stored>;
  using params_type = detail::param_arrays<Q>;
  using codes_type = detail::slot_codes<panel_type>;
  using scale_type = typename params_type::scale_type;
  static constexpr index group = G;
  static constexpr index residual = R;
  static constexpr bool zero_points = has_zero_point<Q>;
  static constexpr bool minima = has_minimum<Q>;

  index head_dim = 0;
  [[no_unique_address]] detail::book_of<Q> book = {};

  [[nodiscard, gnu::always_inline]] constexpr panel_type panel() const noexcept { return {panel_rows, head_dim}; }
  [[nodiscard, gnu::always_inline]] constexpr index scale_bytes() const noexcept {
    return round_up(head_dim * static_cast<index>(sizeof(scale_type)), alignment);
  }
  /// Of a group.
  [[nodiscard, gnu::always_inline]] constexpr index param_bytes() const noexcept {
    return scale_bytes() * (minima ? 2 : 1) + (zero_points ? round_up(head_dim, alignment) : 0);
  }
  [[nodiscard, gnu::always_inline]] constexpr index params_at(index g) const noexcept {
    return ceil_div(head_dim, panel_type::step) * panel_type::step_bytes + g * param_bytes();
  }
  [[nodiscard, gnu::always_inline]] constexpr index bytes() const noexcept { return params_at(page_tokens / G); }

  /// Codes of a token in the room that close() works in.
  [[nodiscard, gnu::always_inline]] constexpr index code_stride() const noexcept { return round_up(head_dim, 16); }

  /// Quantizes G tokens of head_dim floats, one behind the other, into group g of the page. `room`: G * code_stride()
  /// codes.
  template <class Encoder = detail::plain_encoder>
  [[gnu::always_inline]] void close(std::byte* page, index g, float const* tokens, code* room) const noexcept {
    Encoder::template encode_channels<Q, G>(tokens, head_dim, page + params_at(g), scale_bytes(), room, code_stride(),
                                            book);
    auto const layout = panel();
    for (index i = 0; i < G && head_dim > 0; ++i) {
      codes_type::put(layout, page, g * G + i, 0, head_dim, room + i * code_stride());
    }
  }
  /// All bits of a token become 0, and with the first of a group its parameters.
  [[gnu::always_inline]] void clear(std::byte* page, index slot) const noexcept {
    if (head_dim == 0) { return; }
    codes_type::clear(panel(), page, slot, 0);
    if (slot % G == 0) { std::memset(page + params_at(slot / G), 0, static_cast<std::size_t>(param_bytes())); }
  }
  /// What channel c of a token stands for whose group is closed.
  [[nodiscard, gnu::always_inline]] float value(std::byte const* page, index slot, index c) const noexcept {
    return params_type::value(page + params_at(slot / G), scale_bytes(), c, codes_type::get(panel(), page, slot, c),
                              book);
  }
};

namespace detail {

/// Keys of a cache that are floats still: [head][token % residual][channel]. Nothing where each token is quantized
/// alone.
template <class Layout>
class open_keys {
 public:
  [[gnu::always_inline]] open_keys(Layout const&, index) noexcept {}
  [[gnu::always_inline]] void use(Layout const&) noexcept {}
  [[nodiscard, gnu::always_inline]] float const* data() const noexcept { return nullptr; }
};
template <class Layout>
  requires(residual_of<Layout> > 1)
class open_keys<Layout> {
  static constexpr index R = Layout::residual;
  static constexpr index G = Layout::group;

 public:
  [[gnu::always_inline]] open_keys(Layout const& layout, index heads)
      : layout_(layout),
        floats_(product(heads, R, layout.head_dim, sizeof(float))),
        room_(product(G, layout.code_stride())) {
    if (layout.head_dim > longest_leaf) {
      fail_extents("kv_cache", "head_dim is", layout.head_dim, "of keys by channel it is at most", longest_leaf,
                   "Store keys per_token.");
    }
  }
  [[gnu::always_inline]] open_keys(open_keys const&) = default;
  [[gnu::always_inline]] open_keys(open_keys&&) noexcept = default;
  [[gnu::always_inline]] open_keys& operator=(open_keys const&) = default;
  [[gnu::always_inline]] open_keys& operator=(open_keys&&) noexcept = default;
  [[gnu::always_inline]] ~open_keys() = default;

  [[nodiscard, gnu::always_inline]] float const* data() const noexcept {
    return reinterpret_cast<float const*>(floats_.data());
  }
  /// The layout of a fork, which has a codebook of its own.
  [[gnu::always_inline]] void use(Layout const& layout) noexcept { layout_ = layout; }
  [[nodiscard, gnu::always_inline]] float* at(index head, index token) noexcept {
    return reinterpret_cast<float*>(floats_.data()) + (head * R + token % R) * layout_.head_dim;
  }
  /// Takes what at(head, token) holds; after the last of R tokens their groups close. page(p): page p of the head.
  template <class Encoder, class Page>
  [[gnu::always_inline]] void put(index head, index token, Page const& page) noexcept {
    if (token % R != R - 1) { return; }
    for (index t = token - token % R; t <= token; t += G) {
      layout_.template close<Encoder>(page(t / page_tokens), t % page_tokens / G, at(head, t),
                                      reinterpret_cast<code*>(room_.data()));
    }
  }
  /// Of `tokens` tokens n stay: those whose group is open now are floats again, as they were decoded.
  template <class Page>
  [[gnu::always_inline]] void reopen(index heads, index tokens, index n, Page const& page) noexcept {
    if (n - n % R == tokens - tokens % R) { return; }
    for (index h = 0; h < heads; ++h) {
      for (index t = n - n % R; t < n; ++t) {
        float* const to = at(h, t);
        for (index c = 0; c < layout_.head_dim; ++c) {
          to[c] = layout_.value(page(h, t / page_tokens), t % page_tokens, c);
        }
      }
    }
  }

 private:
  Layout layout_;
  aligned_buffer floats_;
  aligned_buffer room_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
