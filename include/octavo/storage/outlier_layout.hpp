// SPDX-License-Identifier: MIT
// key_layout and value_layout of with_outliers<S, N>: a page of S, and behind it what stands out, token by token.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/round.hpp"
#include "octavo/quant/with_outliers.hpp"
#include "octavo/storage/cache_layout.hpp"
#include "octavo/storage/channel_layout.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Up to N channels of one token, the one that stands out most first, of equal ones the lower. Their order is that of
/// what is stored, which a limit (ops/quantize_outliers.hpp, for any share of a row) would not give.
template <index N>
struct outlier_list {
  index count;
  index channel[static_cast<std::size_t>(N)];
  float rating[static_cast<std::size_t>(N)];

  /// Takes channel c in, if it is among the N. Not NaN, not what stands out by nothing.
  [[gnu::always_inline]] void add(index c, float how_far) noexcept {
    if (!(how_far > 0) || (count == N && !(how_far > rating[N - 1]))) { return; }
    index at = count < N ? count++ : N - 1;
    for (; at > 0 && how_far > rating[at - 1]; --at) {
      rating[at] = rating[at - 1];
      channel[at] = channel[at - 1];
    }
    rating[at] = how_far;
    channel[at] = c;
  }
};

/// The N outliers of each of the 64 tokens of a page: [n][token] channels of 16 bits, then [n][token] residuals, f16. A
/// token with fewer has residuals of 0.
template <index N>
struct outlier_slots {
  static constexpr index count = N;
  static constexpr index channel_bytes = N * page_tokens * 2;
  static constexpr index bytes = 2 * channel_bytes;
  /// Numbers that are farther than this from the others stay with them: f16 could not hold what is left of them.
  static constexpr float farthest = 32768.0f;
  static constexpr index most_channels = 65536;

  [[gnu::always_inline]] static void put(std::byte* to, index n, index slot, index channel, float residual) noexcept {
    if (residual > 65504.0f) { residual = 65504.0f; }
    if (residual < -65504.0f) { residual = -65504.0f; }
    write_at(to, n * page_tokens + slot, static_cast<std::uint16_t>(channel));
    write_at(to + channel_bytes, n * page_tokens + slot, f16(residual));
  }
  [[nodiscard, gnu::always_inline]] static index channel(std::byte const* from, index n, index slot) noexcept {
    return read_at<std::uint16_t>(from, n * page_tokens + slot);
  }
  [[nodiscard, gnu::always_inline]] static float residual(std::byte const* from, index n, index slot) noexcept {
    return static_cast<float>(read_at<f16>(from + channel_bytes, n * page_tokens + slot));
  }
};

/// A page of Base, then outlier_slots. What a channel stands for is what Base says, plus its residuals in their order.
///
/// What stands out: of parameters per token, |x - centre|, where the centre is the mean of the token, or 0 of a
/// quantizer without zero points and minima. Of parameters per channel, |x - centre| over the mean of that in the group
/// of tokens, for a channel. Means are sums in ascending order. Base sees the centre in place of what stands out.
template <class Base, index N>
struct outlier_layout : Base {
  using dense = Base;
  using slots = outlier_slots<N>;
  using quantizer = typename Base::quantizer;

  [[nodiscard, gnu::always_inline]] constexpr index outliers_at() const noexcept {
    return round_up(Base::bytes(), alignment);
  }
  [[nodiscard, gnu::always_inline]] constexpr index bytes() const noexcept { return outliers_at() + slots::bytes; }

  /// What stands out of d numbers of a token about their centre.
  [[nodiscard, gnu::always_inline]] static outlier_list<N> outliers_of(float const* x, index d,
                                                                       float centre) noexcept {
    outlier_list<N> found{};
    for (index c = 0; c < smaller(d, slots::most_channels); ++c) {
      float const far = distance(x[c], centre);
      if (far <= slots::farthest) { found.add(c, far); }
    }
    return found;
  }
  /// The same where each channel has a centre and a spread.
  [[nodiscard, gnu::always_inline]] static outlier_list<N> outliers_of(float const* x, index d, float const* centres,
                                                                       float const* spreads) noexcept {
    outlier_list<N> found{};
    for (index c = 0; c < smaller(d, slots::most_channels); ++c) {
      float const far = distance(x[c], centres[c]);
      if (far <= slots::farthest) { found.add(c, far / spreads[c]); }
    }
    return found;
  }
  /// Those of n tokens of d numbers.
  [[gnu::always_inline]] static void spread_of(float const* tokens, index n, index d, float* centres,
                                               float* spreads) noexcept {
    for (index c = 0; c < d; ++c) {
      centres[c] = outlier_centre<quantizer>(tokens + c, n, d);
      float sum = 0;
      for (index i = 0; i < n; ++i) { sum += distance(tokens[i * d + c], centres[c]); }
      spreads[c] = opaque(sum / static_cast<float>(n));
    }
  }

  /// As Base. What x has left of its outliers is their centre.
  template <class Encoder = plain_encoder>
  [[gnu::always_inline]] void put(std::byte* page, index slot, float* x, code* room) const noexcept
      requires(residual_of<Base> == 1) {
    float const centre = outlier_centre<quantizer>(x, Base::head_dim, 1);
    auto const found = outliers_of(x, Base::head_dim, centre);
    float kept[static_cast<std::size_t>(N)] = {};
    for (index n = 0; n < found.count; ++n) {
      kept[n] = x[found.channel[n]];
      x[found.channel[n]] = centre;
    }
    Base::template put<Encoder>(page, slot, x, room);
    keep(page, slot, found, kept);
  }
  /// As Base. What the tokens have left of their outliers are centres.
  template <class Encoder = plain_encoder>
  [[gnu::always_inline]] void close(std::byte* page, index g, float* tokens, code* room) const noexcept
      requires(residual_of<Base> > 1) {
    constexpr index G = Base::group;
    index const d = Base::head_dim;
    // The room of the codes has 16 bytes for each channel.
    auto* const centres = reinterpret_cast<float*>(room);
    float* const spreads = centres + d;
    spread_of(tokens, G, d, centres, spreads);
    outlier_list<N> found[static_cast<std::size_t>(G)] = {};
    float kept[static_cast<std::size_t>(G)][static_cast<std::size_t>(N)] = {};
    for (index i = 0; i < G; ++i) {
      float* const x = tokens + i * d;
      found[i] = outliers_of(x, d, centres, spreads);
      for (index n = 0; n < found[i].count; ++n) {
        kept[i][n] = x[found[i].channel[n]];
        x[found[i].channel[n]] = centres[found[i].channel[n]];
      }
    }
    Base::template close<Encoder>(page, g, tokens, room);
    for (index i = 0; i < G; ++i) { keep(page, g * G + i, found[i], kept[i]); }
  }
  [[gnu::always_inline]] void clear(std::byte* page, index slot) const noexcept {
    Base::clear(page, slot);
    for (index n = 0; n < N; ++n) { slots::put(page + outliers_at(), n, slot, 0, 0.0f); }
  }
  [[gnu::always_inline]] void copy(std::byte* page, index slot, std::byte const* from, index from_slot) const noexcept
      requires(residual_of<Base> == 1) {
    Base::copy(page, slot, from, from_slot);
    for (index i = 0; i < 2 * N; ++i) {
      write_at(page + outliers_at(), i * page_tokens + slot,
               read_at<std::uint16_t>(from + outliers_at(), i * page_tokens + from_slot));
    }
  }
  [[nodiscard, gnu::always_inline]] float value(std::byte const* page, index slot, index c) const noexcept {
    float x = opaque(Base::value(page, slot, c));
    std::byte const* const of = page + outliers_at();
    for (index n = 0; n < N; ++n) {
      if (slots::channel(of, n, slot) == c) { x += slots::residual(of, n, slot); }
    }
    return x;
  }

 private:
  [[nodiscard, gnu::always_inline]] static float distance(float x, float centre) noexcept {
    return __builtin_fabsf(x - centre);
  }
  [[gnu::always_inline]] void keep(std::byte* page, index slot, outlier_list<N> const& found,
                                   float const* kept) const noexcept {
    for (index n = 0; n < N; ++n) {
      bool const is = n < found.count;
      float const left = is ? kept[n] - opaque(Base::value(page, slot, found.channel[n])) : 0.0f;
      slots::put(page + outliers_at(), n, slot, is ? found.channel[n] : 0, left);
    }
  }
};

}  // namespace detail

template <class S, int N>
struct key_layout<with_outliers<S, N>> : detail::outlier_layout<key_layout<S>, N> {};
template <class S, int N>
struct value_layout<with_outliers<S, N>> : detail::outlier_layout<value_layout<S>, N> {};

}  // namespace v0
}  // namespace octavo
