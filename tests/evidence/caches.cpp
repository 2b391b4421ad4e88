// SPDX-License-Identifier: MIT
// What papers claim of caches, on keys, values and queries of the decoder: 4 layers of 6 heads on 2, 32 channels, windows of
// 256 tokens. Errors are those of attention, summed over layers and windows.
#include "errors.hpp"

#include "../../examples/long_context/centres.hpp"

#include "octavo/calibration/cache_codebook.hpp"
#include "octavo/format/codebook.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/ops/rope.hpp"
#include "octavo/quant/affine_codebook.hpp"
#include "octavo/storage/kv_cache.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace octavo;
using test::check_ratio;
using test::matrix;

namespace {

constexpr octavo::index window = 256;
constexpr octavo::index heads = 6;
constexpr octavo::index kv_heads = 2;
constexpr octavo::index d = 32;

rope_table const& turns() {
  static rope_table const table(d, window);
  return table;
}
void turn(matrix& x) { rope(as_heads(x, x.rows() / d), 0, turns()); }

/// Queries and values of one window of one layer, and keys before they are turned. Tokens are columns.
struct window_of_layer {
  matrix q, k, v;
  std::size_t layer;
};
/// `later`: of the text behind that of calibration.
std::vector<window_of_layer> windows(bool later) {
  std::vector<window_of_layer> all;
  auto const& layers = test::shipped_models().llama;
  for (std::size_t l = 0; l < layers.size(); l += 4) {
    matrix const& x = later ? layers[l].later : layers[l].x;
    for (octavo::index first = 0; first + window <= x.cols(); first += window) {
      matrix const qkv = layers[l].weights * x.middleCols(first, window);
      all.push_back(
          {qkv.topRows(heads * d), qkv.middleRows(heads * d, kv_heads * d), qkv.bottomRows(kv_heads * d), l / 4});
      turn(all.back().q);
    }
  }
  return all;
}

matrix attended(matrix const& q, matrix const& k, matrix const& v) {
  matrix out(q.rows(), q.cols());
  attention(q, k, v, out, causal{}, {.query_heads = heads, .kv_heads = kv_heads});
  return out;
}
template <class Cache>
matrix what_it_holds(Cache const& cache) {
  auto const keys = cache.keys();
  return matrix::NullaryExpr(kv_heads * d, keys.tokens(),
                             [&](octavo::index r, octavo::index t) { return keys(r / d, t, r % d); });
}
/// What a cache by scheme K makes of keys.
template <class K>
matrix stored(matrix const& k) {
  kv_cache<K, float> cache({.head_dim = d, .kv_heads = kv_heads, .capacity = window});
  cache.append(k, k);
  return what_it_holds(cache);
}

/// nmse of attention with change(window).
template <class Change>
double error_of(Change const& change) {
  double error = 0;
  double energy = 0;
  for (auto const& w : windows(true)) {
    matrix k = w.k;
    turn(k);
    auto const exact = attended(w.q, k, w.v).cast<double>().eval();
    error += (exact - change(w).template cast<double>()).squaredNorm();
    energy += exact.squaredNorm();
  }
  return error / energy;
}
template <class K>
double turned_keys() {
  return error_of([](window_of_layer const& w) {
    matrix k = w.k;
    turn(k);
    return attended(w.q, stored<K>(k), w.v);
  });
}
/// Keys are stored as they were before, and turned when they are read.
template <class K>
double keys_before_turning() {
  return error_of([](window_of_layer const& w) {
    matrix k = stored<K>(w.k);
    turn(k);
    return attended(w.q, k, w.v);
  });
}
template <class V>
double values_by() {
  return error_of([](window_of_layer const& w) {
    matrix k = w.k;
    turn(k);
    return attended(w.q, k, stored<V>(w.v));
  });
}

template <class F>
using by_channel = scheme<affine_min<F, scale_as<f16>>, per_channel_group<32>>;
template <class F>
using by_token = scheme<affine_min<F, scale_as<f16>>, per_token_group<32>>;

/// Of the keys of calibration of all layers: a table that is there before the program is.
template <class S>
auto centres() {
  calibration::cache_codebook<S> seen({.kv_heads = kv_heads});
  for (auto const& w : windows(false)) { seen.add(w.k); }
  return seen.finish().centres;
}

/// Attention by INT4 of queries and keys, floats else.
template <class... Smooth>
double by_int4(Smooth const&... smooth) {
  return error_of([&](window_of_layer const& w) {
    matrix k = w.k;
    turn(k);
    matrix out(w.q.rows(), w.q.cols());
    attention<schemes::q4>(w.q, k, w.v, out, causal{}, attention_heads{.query_heads = heads, .kv_heads = kv_heads},
                           smooth...);
    return out;
  });
}
/// Attention to the last 32 keys, 4 of which may be the first of all.
double by_last_keys(octavo::index sinks) {
  return error_of([&](window_of_layer const& w) {
    matrix k = w.k;
    turn(k);
    matrix out(w.q.rows(), w.q.cols());
    attention(w.q, k, w.v, out, causal{}, attention_heads{.query_heads = heads, .kv_heads = kv_heads},
              sliding_window{.left = 31 - sinks, .first = sinks});
    return out;
  });
}

/// By a table that is found before the cache is made.
template <int B>
using calibrated = scheme<affine_codebook<codebook<B>, scale_as<f16>>, per_channel_group<64>>;

using uniform2 = scheme<affine_min<uint2, scale_as<f16>>, per_channel_group<64>>;
using uniform4 = scheme<affine_min<uint4, scale_as<f16>>, per_channel_group<64>>;
using nuq2 = scheme<affine_codebook<codebook_format<example::centres_2>, scale_as<f16>>, per_channel_group<64>>;
using nuq4 = scheme<affine_codebook<codebook_format<example::centres_4>, scale_as<f16>>, per_channel_group<64>>;

/// Three bits, in codes of four.
struct uniform_3 {
  static constexpr std::array<float, 16> values{-1, -5.0f / 7, -3.0f / 7, -1.0f / 7, 1.0f / 7, 3.0f / 7, 5.0f / 7, 1,
                                                1,  1,         1,         1,         1,        1,        1,        1};
};
struct normal_3 {
  static constexpr std::array<float, 16> values = [] {
    std::array<float, 16> v{};
    for (std::size_t c = 0; c < 16; ++c) { v[c] = nf3_book::values[c < 8 ? c : 7]; }
    return v;
  }();
};
template <class Book, class Granularity>
using by_book = scheme<affine_codebook<codebook_format<Book>, scale_as<f16>>, Granularity>;
template <int B, class Granularity>
using by_table = scheme<affine_codebook<codebook<B>, scale_as<f16>>, Granularity>;

/// The same table in codes of more bits.
template <int To, int B>
range_codebook<To> wider(range_codebook<B> const& book) {
  codebook_params<To> centres{};
  codebook_params<To> values{};
  for (std::size_t c = 0; c < codebook<To>::size; ++c) {
    auto const at = std::min(c, codebook<B>::size - 1);
    centres.values[c] = book.centres.values[at];
    values.values[c] = book.values.values[at];
  }
  return {centres, values};
}
/// What caches make of one side of a window, with a table of 2^B values for each layer, of the text of calibration.
template <int B, class Granularity>
auto by_layers(matrix window_of_layer::*side, bool q_norm) {
  calibration::cache_codebook<by_table<B, Granularity>> const none({.kv_heads = kv_heads, .q_norm = q_norm});
  std::vector layers(4, none);
  for (auto const& w : windows(false)) { layers[w.layer].add(w.*side); }
  return [layers, side](window_of_layer const& w) {
    constexpr int stored_bits = B == 3 ? 4 : B;
    kv_cache<by_table<stored_bits, Granularity>, float> cache(
        {.head_dim = d, .kv_heads = kv_heads, .capacity = window},
        {.keys = wider<stored_bits>(layers[w.layer].finish())});
    cache.append(w.*side, w.*side);
    return what_it_holds(cache);
  };
}
template <int B>
double keys_by_layers(bool q_norm) {
  auto const stored_keys = by_layers<B, per_channel_group<64>>(&window_of_layer::k, q_norm);
  return error_of([&](window_of_layer const& w) {
    matrix k = stored_keys(w);
    turn(k);
    return attended(w.q, k, w.v);
  });
}
template <int B>
double values_by_layers(bool q_norm) {
  auto const stored_values = by_layers<B, per_token>(&window_of_layer::v, q_norm);
  return error_of([&](window_of_layer const& w) {
    matrix k = w.k;
    turn(k);
    return attended(w.q, k, stored_values(w));
  });
}

}  // namespace

// KIVI (Liu 2024), table 2 and section 3: of Llama-2-13B, scores by 2-bit keys per token are wrong by 47 %, per channel by 9.6.
// For values it finds the opposite, which these two heads of 32 channels do not show: their groups have as many numbers.
TEST_CASE("evidence: keys by channel err less than keys by token, at 2 and 4 bits") {
  check_ratio(turned_keys<by_channel<uint2>>() / turned_keys<by_token<uint2>>(), 0.261);
  check_ratio(turned_keys<by_channel<uint4>>() / turned_keys<by_token<uint4>>(), 0.192);
  check_ratio(values_by<by_token<uint2>>() / values_by<by_channel<uint2>>(), 1.203);
}

// KVQuant (Hooper 2024), table 1: LLaMA-7B at 3 bits, perplexity on WikiText2 7.05 with turned keys, 6.23 before.
TEST_CASE("evidence: keys by channel err less before they are turned than behind") {
  check_ratio(keys_before_turning<by_channel<uint2>>() / turned_keys<by_channel<uint2>>(), 0.424);
  check_ratio(keys_before_turning<uniform2>() / turned_keys<uniform2>(), 0.341);
}

// KVQuant, nuq: centres of weighted k-means on normalised keys, one table for all channels.
TEST_CASE("evidence: values of a codebook err less than equal steps, at 2 and 4 bits") {
  auto const check_book = [](auto const& book, auto const& found) {
    for (std::size_t i = 0; i < book.size(); ++i) { CHECK(std::abs(found.values[i] - book[i]) < 0.002f); }
  };
  check_book(example::centres_2::values, centres<calibrated<2>>());
  check_book(example::centres_4::values, centres<calibrated<4>>());
  check_ratio(keys_before_turning<nuq2>() / keys_before_turning<uniform2>(), 0.699);
  check_ratio(keys_before_turning<nuq4>() / keys_before_turning<uniform4>(), 0.908);
}

// The same with a table of each layer, as KVQuant has them, of one part of the text and judged on another. Here it is worth no
// more than one table of all layers; NormalFloat, made for weights, errs more than equal steps.
TEST_CASE(
    "evidence: calibrated tables err less than equal steps and NormalFloat, at 2 and 3 bits, of keys and of values") {
  using groups = per_channel_group<64>;
  double const keys_2 = keys_by_layers<2>(false);
  double const keys_3 = keys_by_layers<3>(false);
  check_ratio(keys_2 / keys_before_turning<uniform2>(), 0.700);
  check_ratio(keys_3 / keys_before_turning<by_book<uniform_3, groups>>(), 0.907);
  check_ratio(keys_2 / keys_before_turning<by_book<nf2_book, groups>>(), 0.495);
  check_ratio(keys_3 / keys_before_turning<by_book<normal_3, groups>>(), 0.729);
  check_ratio(keys_2 / keys_before_turning<nuq2>(), 1.002);
  check_ratio(values_by_layers<2>(false) / values_by<scheme<affine_min<uint2, scale_as<f16>>, per_token>>(), 0.663);
  check_ratio(values_by_layers<3>(false) / values_by<by_book<uniform_3, per_token>>(), 0.836);
}

// KVQuant, section 3.4, has Q-Norm for 2 bits. Here it takes a hundredth of the error by keys away, and adds two hundredths to
// that by values.
TEST_CASE("evidence: Q-Norm, of 2-bit keys a little less error, of 2-bit values a little more") {
  double const keys = keys_by_layers<2>(true) / keys_by_layers<2>(false);
  double const values = values_by_layers<2>(true) / values_by_layers<2>(false);
  CAPTURE(keys, values);
  CHECK(std::abs(keys - 0.987) < 0.005);
  CHECK(std::abs(values - 1.021) < 0.005);
}

// KVQuant, section 3.3: the numbers of each token that are farthest off are kept beside. Of 32 channels, one is 3 per cent.
TEST_CASE("evidence: a cache errs less that keeps the outliers of each token, at 2 and 4 bits") {
  check_ratio(keys_before_turning<with_outliers<uniform2, 1>>() / keys_before_turning<uniform2>(), 0.771);
  check_ratio(keys_before_turning<with_outliers<nuq2, 1>>() / keys_before_turning<nuq2>(), 0.803);
  check_ratio(keys_before_turning<with_outliers<uniform4, 1>>() / keys_before_turning<uniform4>(), 0.748);
  check_ratio(values_by<with_outliers<by_token<uint2>, 1>>() / values_by<by_token<uint2>>(), 0.714);
  check_ratio(values_by<with_outliers<by_token<uint4>, 1>>() / values_by<by_token<uint4>>(), 0.705);
}

// SageAttention 2 (Zhang 2024), table 18: INT4 queries and keys of CogVideoX, cosine 80.0 %; smoothed keys 98.1, both 99.5.
TEST_CASE("evidence: INT4 attention errs less with smoothed keys, and queries") {
  check_ratio(by_int4(smooth_keys{}) / by_int4(), 0.564);
  check_ratio(by_int4(smooth_keys{}, smooth_queries{}) / by_int4(smooth_keys{}), 0.797);
}

// StreamingLLM (Xiao 2023): of a window, the first four keys are worth more than four others. Not in this decoder of four
// layers, which has no head that rests on them.
TEST_CASE("evidence: a window that keeps the first keys errs more, in so small a model") {
  check_ratio(by_last_keys(4) / by_last_keys(0), 1.238);
}
