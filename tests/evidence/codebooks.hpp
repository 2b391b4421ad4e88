// SPDX-License-Identifier: MIT
// Caches by codebooks that calibration finds for each layer, of one part of a text and judged on another.
#pragma once

#include "recorded_attention.hpp"

#include "octavo/calibration/cache_codebook.hpp"
#include "octavo/format/codebook.hpp"
#include "octavo/quant/affine_codebook.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace test {

template <class Book, class Granularity>
using by_book = octavo::scheme<octavo::affine_codebook<octavo::codebook_format<Book>, octavo::scale_as<octavo::f16>>,
                               Granularity>;
template <int B, class Granularity>
using by_table =
    octavo::scheme<octavo::affine_codebook<octavo::codebook<B>, octavo::scale_as<octavo::f16>>, Granularity>;

/// Three bits, in codes of four: equal steps, and NormalFloat.
struct uniform_3 {
  static constexpr std::array<float, 16> values = [] {
    std::array<float, 16> v{};
    for (std::size_t c = 0; c < 16; ++c) { v[c] = static_cast<float>(c < 7 ? c : 7) * 2 / 7 - 1; }
    return v;
  }();
};
struct normal_3 {
  static constexpr std::array<float, 16> values = [] {
    std::array<float, 16> v{};
    for (std::size_t c = 0; c < 16; ++c) { v[c] = octavo::nf3_book::values[c < 7 ? c : 7]; }
    return v;
  }();
};

/// S whose first First tokens are in float.
template <class S, int First>
struct with_first {
  using type = octavo::first_in_float<S, First>;
};
template <class S>
struct with_first<S, 0> {
  using type = S;
};

/// The same table in codes of more bits.
template <int To, int B>
[[nodiscard]] octavo::range_codebook<To> wider(octavo::range_codebook<B> const& book) {
  octavo::codebook_params<To> centres{};
  octavo::codebook_params<To> values{};
  for (std::size_t c = 0; c < octavo::codebook<To>::size; ++c) {
    auto const at = std::min(c, octavo::codebook<B>::size - 1);
    centres.values[c] = book.centres.values[at];
    values.values[c] = book.values.values[at];
  }
  return {centres, values};
}

/// Tables of 2^B values for each layer, of keys or of values.
template <int B, class Granularity, int First>
class layer_tables {
  static constexpr int stored_bits = B == 3 ? 4 : B;
  template <int Bits>
  using by = typename with_first<by_table<Bits, Granularity>, First>::type;

 public:
  layer_tables(recorded_attention const& seen, matrix attention_window::*side, bool q_norm)
      : seen_(seen), side_(side) {
    using found = octavo::calibration::cache_codebook<by<B>>;
    std::vector<found> layers(seen.layers(), found({.kv_heads = seen.kv_heads(), .q_norm = q_norm}));
    for (auto const& w : seen.to_calibrate()) { layers[w.layer].add(w.*side); }
    for (auto const& layer : layers) { books_.push_back(wider<stored_bits>(layer.finish())); }
  }
  /// What a cache makes of a window.
  [[nodiscard]] matrix stored(attention_window const& w) const {
    return seen_.stored<by<stored_bits>>(w.*side_, {.keys = books_[w.layer]});
  }

 private:
  recorded_attention const& seen_;
  matrix attention_window::*side_;
  std::vector<octavo::range_codebook<stored_bits>> books_;
};

/// Keys before they are turned.
template <int B, class Granularity, int First = 0>
[[nodiscard]] double keys_by_layers(recorded_attention const& seen, bool q_norm = false) {
  layer_tables<B, Granularity, First> const tables(seen, &attention_window::k, q_norm);
  return seen.error_of(
      [&](attention_window const& w) { return seen.attended(w.q, seen.turned(tables.stored(w)), w.v); });
}
template <int B, class Granularity, int First = 0>
[[nodiscard]] double values_by_layers(recorded_attention const& seen, bool q_norm = false) {
  layer_tables<B, Granularity, First> const tables(seen, &attention_window::v, q_norm);
  return seen.error_of(
      [&](attention_window const& w) { return seen.attended(w.q, seen.turned(w.k), tables.stored(w)); });
}

}  // namespace test
