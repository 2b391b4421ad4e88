// SPDX-License-Identifier: MIT
// What papers claim of large models, on a real one: activations of SmolLM2-135M-Instruct (Apache License 2.0) in
// smollm2.safetensors, which smollm2.py wrote: layers 14 and 24, of each a kv head with its three query heads, 64
// channels, and 32 inputs of a `down`. One window of 256 tokens to calibrate on, one to test on.
#include "codebooks.hpp"

#include "octavo/io/mapped_file.hpp"
#include "octavo/io/safetensors.hpp"
#include "octavo/ops/quantize.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

using namespace octavo;
using test::by_book;
using test::check_ratio;
using test::dense;
using test::keys_by_layers;
using test::matrix;
using test::nmse;
using test::recorded_attention;
using test::uniform_3;
using test::values_by_layers;

namespace {

constexpr octavo::index window = 256;
constexpr octavo::index d = 64;

struct recordings {
  recorded_attention attention{3, 1, rope_table(d, window, rope_plain{.base = 100000}, rope_pairs::neighbours)};
  matrix down;  ///< features x tokens
};

recordings read() {
  std::string error;
  auto const mapping = io::mapped_file::open(EVIDENCE_SMOLLM2, error);
  if (!mapping) { throw std::runtime_error(error); }
  auto const file = io::safetensors::parse(mapping->bytes(), error);
  if (!file) { throw std::runtime_error(error); }
  auto const tensor = [&](std::string const& name, octavo::index tokens, octavo::index features) {
    auto const rows = file->matrix<f16>(name, tokens, features, error);
    if (!rows) { throw std::runtime_error(error); }
    return matrix(matrix::NullaryExpr(
        features, tokens, [&](octavo::index c, octavo::index t) { return static_cast<float>((*rows)(t, c)); }));
  };
  recordings all;
  for (std::string const part : {"calibrate.", "test."}) {
    for (std::string const layer : {"14.", "24."}) {
      all.attention.add(part == "test.", tensor(part + layer + "q", window, 3 * d),
                        tensor(part + layer + "k", window, d), tensor(part + layer + "v", window, d),
                        layer == "14." ? 0 : 1);
    }
  }
  all.down = tensor("test.down", 32, 1536);
  return all;
}
recordings const& smollm2() {
  static recordings const all = read();
  return all;
}

/// nmse of the inputs of `down` by S, whose rows are tokens.
template <class S>
double tokens_by() {
  matrix const rows = smollm2().down.transpose();
  return nmse(rows, dense(quantize<S>(rows)));
}

template <class F>
using by_channel = scheme<affine_min<F, scale_as<f16>>, per_channel_group<64>>;
template <class F>
using by_token = scheme<affine_min<F, scale_as<f16>>, per_token_group<64>>;

}  // namespace

// KIVI (Liu 2024), table 2: keys have channels of large numbers, values have not.
TEST_CASE("evidence of SmolLM2: keys by channel err less than keys by token") {
  auto const& a = smollm2().attention;
  check_ratio(a.turned_keys<by_channel<uint2>>() / a.turned_keys<by_token<uint2>>(), 0.735);
  check_ratio(a.turned_keys<by_channel<uint4>>() / a.turned_keys<by_token<uint4>>(), 0.202);
  check_ratio(a.values_by<by_token<uint2>>() / a.values_by<by_channel<uint2>>(), 0.0886);
}

// KVQuant (Hooper 2024), table 1. As the first key is unlike the others of its channels before it is turned, this holds
// only once it stays a float, and at 2 bits.
TEST_CASE("evidence of SmolLM2: keys by channel err less before they are turned, when the first is in float") {
  auto const& a = smollm2().attention;
  check_ratio(a.keys_before_turning<by_channel<uint2>>() / a.turned_keys<by_channel<uint2>>(), 1.105);
  check_ratio(a.keys_before_turning<by_channel<uint4>>() / a.turned_keys<by_channel<uint4>>(), 1.078);
  check_ratio(a.keys_before_turning<first_in_float<by_channel<uint2>, 1>>() /
                  a.turned_keys<first_in_float<by_channel<uint2>, 1>>(),
              0.936);
  check_ratio(a.keys_before_turning<first_in_float<by_channel<uint4>, 1>>() /
                  a.turned_keys<first_in_float<by_channel<uint4>, 1>>(),
              1.032);
}

// KVQuant, section 3.4: the first token takes .3 to .8 of the attention of these heads.
TEST_CASE("evidence of SmolLM2: a cache errs less whose first token stays in float") {
  auto const& a = smollm2().attention;
  check_ratio(
      a.keys_before_turning<first_in_float<by_channel<uint2>, 1>>() / a.keys_before_turning<by_channel<uint2>>(),
      0.258);
  check_ratio(a.turned_keys<first_in_float<by_channel<uint2>, 1>>() / a.turned_keys<by_channel<uint2>>(), 0.304);
  check_ratio(a.turned_keys<first_in_float<by_token<uint2>, 1>>() / a.turned_keys<by_token<uint2>>(), 1.242);
  check_ratio(a.values_by<first_in_float<by_token<uint2>, 1>>() / a.values_by<by_token<uint2>>(), 0.550);
}

// KVQuant, nuq: tables of each layer, of one part of the text and judged on another; for keys with the first one in
// float.
TEST_CASE(
    "evidence of SmolLM2: calibrated tables err less than equal steps, at 2 and 3 bits, of keys and of values") {
  auto const& a = smollm2().attention;
  using groups = per_channel_group<64>;
  check_ratio(keys_by_layers<2, groups>(a) / a.keys_before_turning<by_channel<uint2>>(), 0.874);
  check_ratio(keys_by_layers<2, groups, 1>(a) / a.keys_before_turning<first_in_float<by_channel<uint2>, 1>>(), 0.545);
  check_ratio(
      keys_by_layers<3, groups, 1>(a) / a.keys_before_turning<first_in_float<by_book<uniform_3, groups>, 1>>(),
      0.882);
  check_ratio(values_by_layers<2, per_token>(a) / a.values_by<by_token<uint2>>(), 0.773);
  check_ratio(values_by_layers<3, per_token>(a) / a.values_by<by_book<uniform_3, per_token>>(), 0.887);
}

// KVQuant, section 3.4: Q-Norm for 2 bits. It holds for values, and for keys only with the first one among them.
TEST_CASE("evidence of SmolLM2: values by Q-Norm err less, keys more once the first is in float") {
  auto const& a = smollm2().attention;
  using groups = per_channel_group<64>;
  check_ratio(values_by_layers<2, per_token>(a, true) / values_by_layers<2, per_token>(a), 0.873);
  double const keys = keys_by_layers<2, groups>(a, true) / keys_by_layers<2, groups>(a);
  double const with_first = keys_by_layers<2, groups, 1>(a, true) / keys_by_layers<2, groups, 1>(a);
  CAPTURE(keys, with_first);
  CHECK(std::abs(keys - 0.958) < 0.02);
  CHECK(std::abs(with_first - 1.047) < 0.02);
}

// KVQuant, section 3.3. Of 64 channels, one is 1.6 per cent.
TEST_CASE("evidence of SmolLM2: a cache errs less that keeps the outlier of each token") {
  auto const& a = smollm2().attention;
  check_ratio(
      a.keys_before_turning<with_outliers<by_channel<uint2>, 1>>() / a.keys_before_turning<by_channel<uint2>>(),
      0.683);
  check_ratio(a.values_by<with_outliers<by_token<uint2>, 1>>() / a.values_by<by_token<uint2>>(), 0.841);
}

// SageAttention 2 (Zhang 2024), table 18.
TEST_CASE("evidence of SmolLM2: INT4 attention errs less with smoothed keys, and queries") {
  auto const& a = smollm2().attention;
  check_ratio(a.by_int4(smooth_keys{}) / a.by_int4(), 0.795);
  check_ratio(a.by_int4(smooth_keys{}, smooth_queries{}) / a.by_int4(smooth_keys{}), 0.197);
}

// StreamingLLM (Xiao 2023), table 1: Llama-2-13B, perplexity 5158 with the last 1024 tokens, 5.40 with four of them the
// first.
TEST_CASE("evidence of SmolLM2: a window that keeps the first keys errs less") {
  auto const& a = smollm2().attention;
  check_ratio(a.by_last_keys(64, 4) / a.by_last_keys(64, 0), 0.0721);
  check_ratio(a.by_last_keys(64, 1) / a.by_last_keys(64, 4), 0.972);
}

// ZeroQuant-FP (Wu 2023), LLM-FP4 (Liu 2023): what SwiGLU makes has strong features, for which floats have room.
TEST_CASE("evidence of SmolLM2: inputs of down by FP8 and by INT8 for each token, by FP4 and by INT4 in groups") {
  check_ratio(tokens_by<scheme<symmetric<e4m3>, per_row>>() / tokens_by<scheme<symmetric<int8>, per_row>>(), 0.671);
  check_ratio(tokens_by<scheme<symmetric<e2m1>, per_row>>() / tokens_by<scheme<symmetric<int4>, per_row>>(), 0.510);
  check_ratio(tokens_by<scheme<symmetric<e2m1, scale_as<f16>>, per_group<32>>>() /
                  tokens_by<scheme<symmetric<int4, scale_as<f16>>, per_group<32>>>(),
              0.533);
}
