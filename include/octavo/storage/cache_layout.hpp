// SPDX-License-Identifier: MIT
// key_layout<K>, value_layout<V>: where 64 tokens of one head lie in a page of a cache, and how one token is put there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/storage/cache_codebooks.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {

/// Tokens of a page: the rows of a panel of keys, and what a panel of values sums over.
inline constexpr index page_tokens = panel_rows;

namespace detail {

/// Elements that a cache keeps as they are, or a scheme that it can store.
template <class S>
consteval bool check_cache_scheme() {
  static_assert(element<S> || is_scheme<S>,
                "Octavo: a cache stores its keys and its values by a scheme<quantizer, granularity>, or as they are: "
                "float, octavo::bf16, octavo::f16.");
  if constexpr (is_scheme<S>) {
    using G = typename S::granularity;
    static_assert(
        is_per_token<G> || is_per_token_group<G> || is_per_channel_group<G>,
        "Octavo: the granularity of a cache is per_token, per_token_group<G> or, for keys, per_channel_group<G>; "
        "per_row, per_column, per_group and per_tensor speak of a stored matrix.");
    static_assert(
        linear_quantizer<typename S::quantizer>,
        "Octavo: a cache needs a quantizer with `static float scale(params)`, so that what a token stores is a "
        "scale (and a zero point or a minimum).");
    static_assert(!has_quantized_scales<typename S::quantizer>,
                  "Octavo: a token that comes alone has few scales, so a cache does not quantize them. Leave out the "
                  "scheme in scale_as.");
    static_assert(
        code_planes(S::format::bits).high() == 0,
        "Octavo: a cache stores codes of 1, 2, 4, 7 or 8 bits. Use a format of 4 or 8 bits in place of one of "
        "3, 5 or 6.");
  }
  return true;
}

/// Channels that share parameters.
template <class Granularity>
[[nodiscard, gnu::always_inline]] constexpr index channel_group(index head_dim) noexcept {
  if constexpr (is_per_token_group<Granularity>) { return Granularity::size; }
  return head_dim > 0 ? head_dim : 1;
}

template <class T>
[[nodiscard, gnu::always_inline]] inline T read_at(std::byte const* p, index i) noexcept {
  T x;
  std::memcpy(&x, p + i * static_cast<index>(sizeof x), sizeof x);
  return x;
}
template <class T>
[[gnu::always_inline]] inline void write_at(std::byte* p, index i, T x) noexcept {
  std::memcpy(p + i * static_cast<index>(sizeof x), &x, sizeof x);
}

/// Parameters of quantizer Q, one after the other: scales in `scale_bytes`, then zero points (a byte each) or minima.
template <class Q>
struct param_arrays {
  using format = typename Q::format;
  using scale_type = typename scale_type_of<Q>::type;

  [[gnu::always_inline]] static void put(std::byte* params, index scale_bytes, index i,
                                         typename Q::params const& p) noexcept {
    write_at(params, i, static_cast<scale_type>(Q::scale(p)));
    if constexpr (has_zero_point<Q>) {
      params[scale_bytes + i] = static_cast<std::byte>(Q::zero(p) - lattice<format>.lowest);
    }
    if constexpr (has_minimum<Q>) { write_at(params + scale_bytes, i, static_cast<scale_type>(Q::minimum(p))); }
  }
  /// All bits become 0.
  [[gnu::always_inline]] static void clear(std::byte* params, index scale_bytes, index i) noexcept {
    write_at(params, i, scale_type{});
    if constexpr (has_zero_point<Q>) { params[scale_bytes + i] = std::byte{0}; }
    if constexpr (has_minimum<Q>) { write_at(params + scale_bytes, i, scale_type{}); }
  }
  /// What a code stands for.
  [[nodiscard, gnu::always_inline]] static float value(std::byte const* params, index scale_bytes, index i, code q,
                                                       book_of<Q> book = {}) noexcept {
    auto const scale = static_cast<float>(read_at<scale_type>(params, i));
    if constexpr (has_minimum<Q>) {
      return __builtin_fmaf(scale, book.decode(q), static_cast<float>(read_at<scale_type>(params + scale_bytes, i)));
    } else if constexpr (has_zero_point<Q>) {
      int const zero = static_cast<int>(params[scale_bytes + i]) + lattice<format>.lowest;
      return scale * (format::decode(q) - static_cast<float>(zero));
    } else {
      return scale * format::decode(q);
    }
  }
};

/// Parameters of the tokens of a page by quantizer Q: 64 scales, then 64 zero points or minima, as panels have them
/// behind a group of 64 rows.
template <class Q>
struct slot_params {
  using arrays = param_arrays<Q>;
  using scale_type = typename arrays::scale_type;
  static constexpr index scale_bytes = static_cast<index>(sizeof(scale_type)) * page_tokens;
  static constexpr index bytes =
      scale_bytes + (has_zero_point<Q> ? page_tokens : 0) + (has_minimum<Q> ? scale_bytes : 0);

  [[gnu::always_inline]] static void put(std::byte* params, index slot, typename Q::params const& p) noexcept {
    arrays::put(params, scale_bytes, slot, p);
  }
  [[gnu::always_inline]] static void clear(std::byte* params, index slot) noexcept {
    arrays::clear(params, scale_bytes, slot);
  }
  /// Token `slot` gets the bits of token `from_slot` of others.
  [[gnu::always_inline]] static void copy(std::byte* params, index slot, std::byte const* from,
                                          index from_slot) noexcept {
    write_at(params, slot, read_at<scale_type>(from, from_slot));
    if constexpr (has_zero_point<Q>) { params[scale_bytes + slot] = from[scale_bytes + from_slot]; }
    if constexpr (has_minimum<Q>) {
      write_at(params + scale_bytes, slot, read_at<scale_type>(from + scale_bytes, from_slot));
    }
  }
  [[nodiscard, gnu::always_inline]] static float value(std::byte const* params, index slot, code q,
                                                       book_of<Q> book = {}) noexcept {
    return arrays::value(params, scale_bytes, slot, q, book);
  }
};

/// Codes of one token in the panel of a page, whose rows are tokens.
template <class Panel>
struct slot_codes {
  using format = typename Panel::format;

  /// n codes of group g.
  [[gnu::always_inline]] static void put(Panel const& panel, std::byte* page, index slot, index g, index n,
                                         code const* from) noexcept {
    index const whole = Panel::pair_order ? 0 : n / Panel::step;
    words(page + panel.codes_at(g) + slot * 4, whole, from);
    rest(panel, page, slot, g, whole * Panel::step, n, from);
  }
  /// All bits of them become 0.
  [[gnu::always_inline]] static void clear(Panel const& panel, std::byte* page, index slot, index g) noexcept {
    for (index k = 0; k < panel.group_steps(g) * Panel::step; ++k) {
      page[panel.at(slot, g, k).byte] = std::byte{0};  // whole bytes are of one row
    }
  }
  [[nodiscard, gnu::always_inline]] static code get(Panel const& panel, std::byte const* page, index slot,
                                                    index c) noexcept {
    int const packed = Panel::get(page, panel.at(slot, c));
    return static_cast<code>((packed ^ Panel::flip) & (code_count<format> - 1));
  }

 private:
  static constexpr int in_byte = 8 / Panel::planes.low;
  static constexpr int mask = (1 << Panel::planes.low) - 1;

  /// Whole steps: one word of a row each.
  [[gnu::always_inline]] static void words(std::byte* to, index steps, code const* from) noexcept {
    constexpr std::uint32_t four = 0x01010101u;  // bytes of a word at once: none reaches into the next
    for (index s = 0; s < steps; ++s) {
      std::uint32_t word = 0;
      for (int q = 0; q < in_byte; ++q) {
        auto const codes = read_at<std::uint32_t>(reinterpret_cast<std::byte const*>(from), q);
        word |= ((codes ^ (four * Panel::flip)) & (four * mask)) << (q * 8 / in_byte);
      }
      write_at(to, 0, word);
      to += Panel::step_bytes;
      from += Panel::step;
    }
  }
  /// Codes of group g from `first` on, which may end within a step.
  [[gnu::always_inline]] static void rest(Panel const& panel, std::byte* page, index slot, index g, index first,
                                          index n, code const* from) noexcept {
    for (index k = first; k < panel.group_steps(g) * Panel::step; k += 4 * in_byte) {
      for (index j = 0; j < 4; ++j) {
        int bits = 0;
        for (int q = 0; q < in_byte; ++q) {
          index const c = k + 4 * q + j;
          int const value = c < n ? from[c] : zero_code<format>;
          bits |= ((value ^ Panel::flip) & mask) << (q * 8 / in_byte);
        }
        page[panel.at(slot, g, k + j).byte] = static_cast<std::byte>(bits);
      }
    }
  }
};

/// How a cache quantizes: by the quantizer itself. (kernel/cache_encoder.hpp does the same by vectors.)
struct plain_encoder {
  template <class T>
  [[gnu::always_inline]] static void load(T const* from, index n, float* to) noexcept {
    for (index i = 0; i < n; ++i) { to[i] = static_cast<float>(from[i]); }
  }
  /// The elements nearest to n numbers.
  template <class T>
  [[gnu::always_inline]] static void round(float const* from, index n, T* to) noexcept {
    for (index i = 0; i < n; ++i) { to[i] = T(from[i]); }
  }
  /// Codes of n numbers that share parameters.
  template <class Q>
  [[nodiscard, gnu::always_inline]] static typename Q::params encode(float const* from, index n, code* to,
                                                                     book_of<Q> book = {}) noexcept {
    auto const p = calibrate<Q>(from, n);
    for (index i = 0; i < n; ++i) { to[i] = book.encode(from[i], p); }
    return p;
  }
  /// Codes of G tokens of `channels` floats, each channel with parameters of its own; those of a token `stride` apart.
  template <class Q, index G>
  [[gnu::always_inline]] static void encode_channels(float const* from, index channels, std::byte* params,
                                                     index scale_bytes, code* to, index stride,
                                                     book_of<Q> book = {}) noexcept {
    for (index c = 0; c < channels; ++c) {
      float x[static_cast<std::size_t>(G)];
      code codes[static_cast<std::size_t>(G)];
      for (index i = 0; i < G; ++i) { x[i] = from[i * channels + c]; }
      param_arrays<Q>::put(params, scale_bytes, c, encode<Q>(x, G, codes, book));
      for (index i = 0; i < G; ++i) { to[i * stride + c] = codes[i]; }
    }
  }
};

}  // namespace detail

/// Keys by scheme K: one panel of panel64_v1, 64 keys x head_dim. per_token is per_row there, per_token_group<G> is
/// per_group<G>, since a token is a row.
template <class K>
struct key_layout {
  static_assert(detail::check_cache_scheme<K>());
  using quantizer = typename K::quantizer;
  using granularity = typename K::granularity;
  template <class G>
  struct row_granularity {
    using type = per_row;
  };
  template <int G>
  struct row_granularity<per_token_group<G>> {
    using type = per_group<G>;
  };
  using stored = scheme<detail::stored_law<quantizer>, typename row_granularity<granularity>::type>;
  using panel_type = panel_layout<stored>;
  using params_type = detail::slot_params<quantizer>;
  using codes_type = detail::slot_codes<panel_type>;

  index head_dim = 0;
  [[no_unique_address]] detail::book_of<quantizer> book = {};

  [[nodiscard, gnu::always_inline]] constexpr panel_type panel() const noexcept { return {panel_rows, head_dim}; }
  [[nodiscard, gnu::always_inline]] constexpr index bytes() const noexcept { return panel().panel_bytes(); }

  /// Quantizes head_dim floats into token `slot` of the page. `room`: head_dim codes.
  template <class Encoder = detail::plain_encoder>
  [[gnu::always_inline]] void put(std::byte* page, index slot, float const* x, code* room) const noexcept {
    auto const layout = panel();
    for (index g = 0; g < layout.groups(); ++g) {
      index const n = layout.group_length(g);
      float const* const from = x + g * layout.group();
      params_type::put(page + layout.params_at(g), slot, Encoder::template encode<quantizer>(from, n, room, book));
      codes_type::put(layout, page, slot, g, n, room);
    }
  }
  /// All bits of a token become 0.
  [[gnu::always_inline]] void clear(std::byte* page, index slot) const noexcept {
    auto const layout = panel();
    for (index g = 0; g < layout.groups(); ++g) {
      codes_type::clear(layout, page, slot, g);
      params_type::clear(page + layout.params_at(g), slot);
    }
  }
  /// Token `slot` of `page` gets the bits of token `from_slot` of page `from`, which may be the same page.
  [[gnu::always_inline]] void copy(std::byte* page, index slot, std::byte const* from,
                                   index from_slot) const noexcept {
    auto const layout = panel();
    for (index g = 0; g < layout.groups(); ++g) {
      for (index k = 0; k < layout.group_steps(g) * panel_type::step; ++k) {
        page[layout.at(slot, g, k).byte] = from[layout.at(from_slot, g, k).byte];
      }
      params_type::copy(page + layout.params_at(g), slot, from + layout.params_at(g), from_slot);
    }
  }
  /// What channel c of a token stands for.
  [[nodiscard, gnu::always_inline]] float value(std::byte const* page, index slot, index c) const noexcept {
    auto const layout = panel();
    return params_type::value(page + layout.params_at(c / layout.group()), slot,
                              codes_type::get(layout, page, slot, c), book);
  }
};

/// Keys as they are: [channel][64 keys].
template <element T>
struct key_layout<T> {
  using stored = T;
  index head_dim = 0;

  [[nodiscard, gnu::always_inline]] constexpr index bytes() const noexcept {
    return head_dim * page_tokens * static_cast<index>(sizeof(T));
  }
  template <class Encoder = detail::plain_encoder>
  [[gnu::always_inline]] void put(std::byte* page, index slot, float const* x, code*) const noexcept {
    constexpr index run = 16;
    for (index c = 0; c < head_dim; c += run) {
      T some[static_cast<std::size_t>(run)];
      index const n = smaller(head_dim - c, run);
      Encoder::round(x + c, n, some);
      for (index i = 0; i < n; ++i) { detail::write_at(page, (c + i) * page_tokens + slot, some[i]); }
    }
  }
  [[gnu::always_inline]] void clear(std::byte* page, index slot) const noexcept {
    for (index c = 0; c < head_dim; ++c) { detail::write_at(page, c * page_tokens + slot, T(0.0f)); }
  }
  [[gnu::always_inline]] void copy(std::byte* page, index slot, std::byte const* from,
                                   index from_slot) const noexcept {
    for (index c = 0; c < head_dim; ++c) {
      detail::write_at(page, c * page_tokens + slot, detail::read_at<T>(from, c * page_tokens + from_slot));
    }
  }
  [[nodiscard, gnu::always_inline]] float value(std::byte const* page, index slot, index c) const noexcept {
    return static_cast<float>(detail::read_at<T>(page, c * page_tokens + slot));
  }
};

/// Values by scheme V: panels of 64 channels x 64 keys, codes as panel64_v1 has them, then the parameters of the keys,
/// group of channels after group of channels:
///
///     panel 0: codes | panel 1: codes | ... | group 0: 64 scales, then 64 zero points or minima | group 1 ...
template <class V>
struct value_layout {
  static_assert(detail::check_cache_scheme<V>());
  static_assert(!detail::is_per_channel_group<typename V::granularity>,
                "Octavo: per_channel_group<G> is for the keys of a cache, whose scales go into the query. Values are "
                "summed over tokens: use per_token or per_token_group<G>.");
  using quantizer = typename V::quantizer;
  using granularity = typename V::granularity;
  using format = typename quantizer::format;
  /// Where the codes of a panel are.
  using stored = scheme<symmetric<format>, per_row>;
  using panel_type = panel_layout<stored>;
  using params_type = detail::slot_params<quantizer>;
  using scale_type = typename params_type::scale_type;
  static constexpr bool zero_points = has_zero_point<quantizer>;
  static constexpr bool minima = has_minimum<quantizer>;
  static constexpr index panel_bytes = page_tokens / panel_type::step * panel_type::step_bytes;
  static constexpr index scale_bytes = params_type::scale_bytes;

  index head_dim = 0;
  [[no_unique_address]] detail::book_of<quantizer> book = {};

  [[nodiscard, gnu::always_inline]] constexpr index group() const noexcept {
    return detail::channel_group<granularity>(head_dim);
  }
  [[nodiscard, gnu::always_inline]] constexpr index groups() const noexcept { return ceil_div(head_dim, group()); }
  [[nodiscard, gnu::always_inline]] constexpr index panels() const noexcept { return ceil_div(head_dim, panel_rows); }
  [[nodiscard, gnu::always_inline]] constexpr index params_at(index g) const noexcept {
    return panels() * panel_bytes + g * params_type::bytes;
  }
  [[nodiscard, gnu::always_inline]] constexpr index bytes() const noexcept { return params_at(groups()); }

  template <class Encoder = detail::plain_encoder>
  [[gnu::always_inline]] void put(std::byte* page, index slot, float const* x, code* room) const noexcept {
    for (index g = 0; g < groups(); ++g) {
      index const first = g * group();
      index const n = smaller(group(), head_dim - first);
      params_type::put(page + params_at(g), slot, Encoder::template encode<quantizer>(x + first, n, room, book));
      for (index c = 0; c < n;) {
        index const row = (first + c) % panel_rows;
        index const here = smaller(n - c, panel_rows - row);
        run(page + (first + c) / panel_rows * panel_bytes, slot, row, here, room + c);
        c += here;
      }
    }
  }
  [[gnu::always_inline]] void clear(std::byte* page, index slot) const noexcept {
    for (index c = 0; c < head_dim; ++c) { set(page, slot, c, 0); }
    for (index g = 0; g < groups(); ++g) { params_type::clear(page + params_at(g), slot); }
  }
  [[gnu::always_inline]] void copy(std::byte* page, index slot, std::byte const* from,
                                   index from_slot) const noexcept {
    panel_type const codes{panel_rows, page_tokens};
    for (index c = 0; c < head_dim; ++c) {
      std::byte const* const panel = from + c / panel_rows * panel_bytes;
      set(page, slot, c, panel_type::get(panel, codes.at(c % panel_rows, 0, from_slot)));
    }
    for (index g = 0; g < groups(); ++g) {
      params_type::copy(page + params_at(g), slot, from + params_at(g), from_slot);
    }
  }
  [[nodiscard, gnu::always_inline]] float value(std::byte const* page, index slot, index c) const noexcept {
    panel_type const codes{panel_rows, page_tokens};
    std::byte const* const panel = page + c / panel_rows * panel_bytes;
    int const packed = panel_type::get(panel, codes.at(c % panel_rows, 0, slot));
    auto const q = static_cast<code>((packed ^ panel_type::flip) & (code_count<format> - 1));
    return params_type::value(page + params_at(c / group()), slot, q, book);
  }

 private:
  /// Overwrites codes of one key, n rows of a panel.
  [[gnu::always_inline]] static void run(std::byte* panel, index slot, index row, index n,
                                         code const* from) noexcept {
    panel_type const codes{panel_rows, page_tokens};
    constexpr int mask = (1 << panel_type::bits) - 1;
    if constexpr (panel_type::pair_order) {
      for (index i = 0; i < n; ++i) { panel[codes.at(row + i, 0, slot).byte] = static_cast<std::byte>(from[i]); }
    } else {
      auto const at = codes.at(0, 0, slot);  // rows are 4 bytes apart
      std::byte* const to = panel + at.byte + row * 4;
      index i = 0;
      if constexpr (std::endian::native == std::endian::little) {  // 16 words at once
        index const in_word = at.byte % 4;
        int const shift = static_cast<int>(in_word) * 8 + at.shift;
        std::uint32_t const others = ~(static_cast<std::uint32_t>(mask) << shift);
        for (; i + 16 <= n; i += 16) {
          using sixteen_words [[gnu::vector_size(64)]] = std::uint32_t;
          using sixteen_codes [[gnu::vector_size(16)]] = code;
          sixteen_words words;
          sixteen_codes some;
          std::memcpy(&words, to - in_word + 4 * i, sizeof words);
          std::memcpy(&some, from + i, sizeof some);
          auto const wide = __builtin_convertvector((some ^ panel_type::flip) & mask, sixteen_words);
          words = (words & others) | wide << shift;
          std::memcpy(to - in_word + 4 * i, &words, sizeof words);
        }
      }
      for (; i < n; ++i) {
        int const kept = static_cast<int>(to[4 * i]) & ~(mask << at.shift);
        to[4 * i] = static_cast<std::byte>(kept | ((from[i] ^ panel_type::flip) & mask) << at.shift);
      }
    }
  }
  /// Overwrites one code.
  [[gnu::always_inline]] static void set(std::byte* page, index slot, index c, int packed) noexcept {
    panel_type const codes{panel_rows, page_tokens};
    constexpr int mask = (1 << panel_type::bits) - 1;
    auto const at = codes.at(c % panel_rows, 0, slot);
    std::byte& b = page[c / panel_rows * panel_bytes + at.byte];
    b = static_cast<std::byte>((static_cast<int>(b) & ~(mask << at.shift)) | (packed & mask) << at.shift);
  }
};

/// Values as they are: [64 channels of a panel][key], a run of 64 channels for each key.
template <element T>
struct value_layout<T> {
  using stored = T;
  index head_dim = 0;

  [[nodiscard, gnu::always_inline]] constexpr index panels() const noexcept { return ceil_div(head_dim, panel_rows); }
  [[nodiscard, gnu::always_inline]] constexpr index bytes() const noexcept {
    return panels() * panel_rows * page_tokens * static_cast<index>(sizeof(T));
  }
  [[nodiscard, gnu::always_inline]] static constexpr index at(index slot, index c) noexcept {
    return (c / panel_rows * page_tokens + slot) * panel_rows + c % panel_rows;
  }
  template <class Encoder = detail::plain_encoder>
  [[gnu::always_inline]] void put(std::byte* page, index slot, float const* x, code*) const noexcept {
    for (index c = 0; c < head_dim; c += panel_rows) {
      Encoder::round(x + c, smaller(head_dim - c, panel_rows), reinterpret_cast<T*>(page) + at(slot, c));
    }
  }
  [[gnu::always_inline]] void clear(std::byte* page, index slot) const noexcept {
    for (index c = 0; c < head_dim; ++c) { detail::write_at(page, at(slot, c), T(0.0f)); }
  }
  [[gnu::always_inline]] void copy(std::byte* page, index slot, std::byte const* from,
                                   index from_slot) const noexcept {
    for (index c = 0; c < head_dim; ++c) {
      detail::write_at(page, at(slot, c), detail::read_at<T>(from, at(from_slot, c)));
    }
  }
  [[nodiscard, gnu::always_inline]] float value(std::byte const* page, index slot, index c) const noexcept {
    return static_cast<float>(detail::read_at<T>(page, at(slot, c)));
  }
};

}  // namespace v0
}  // namespace octavo
