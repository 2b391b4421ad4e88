// SPDX-License-Identifier: MIT
// What papers claim of codes in attention, on queries, keys and values of the decoder. Errors are those of attention,
// summed over layers and windows.
#include "recorded_attention.hpp"

#include "octavo/calibration/attention_choice.hpp"
#include "octavo/io/ways_text.hpp"
#include "octavo/ops/attention_ways.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/sulq.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace octavo;
using test::attention_window;
using test::check_ratio;
using test::matrix;

namespace {

/// Weights of calibration relative to the largest that their query has: of the first window of each layer, every fourth
/// query.
std::vector<float> relative_weights() {
  std::vector<float> result;
  auto const& all = test::shipped_attention().to_calibrate();
  for (std::size_t i = 0; i < all.size(); i += all.size() / 4) {
    auto const& w = all[i];
    matrix const k = test::shipped_attention().turned(w.k);
    octavo::index const kv_heads = test::shipped_attention().kv_heads();
    octavo::index const d = k.rows() / kv_heads;
    octavo::index const heads = w.q.rows() / d;
    for (octavo::index h = 0; h < heads; ++h) {
      auto const keys = k.middleRows(h / (heads / kv_heads) * d, d);
      for (octavo::index t = 3; t < k.cols(); t += 4) {
        Eigen::VectorXf const s = keys.leftCols(t + 1).transpose() * w.q.col(t).segment(h * d, d);
        for (float const x : s) { result.push_back(std::exp((x - s.maxCoeff()) / std::sqrt(static_cast<float>(d)))); }
      }
    }
  }
  return result;
}
/// Attention by INT8 with probabilities by P.
template <class P, class... Options>
double by_probabilities(bool later, Options const&... options) {
  auto const& a = test::shipped_attention();
  return a.error_of(
      [&](attention_window const& w) {
        return a.attended<schemes::q8, scheme<P, per_tensor>>(w.q, a.turned(w.k), w.v, options...);
      },
      later ? a.to_test() : a.to_calibrate());
}

/// Measurements of ways of attention on the windows of each layer.
using ways = attention_ways<attention_way<schemes::q4, schemes::p8, smooth_keys, smooth_queries>,
                            attention_way<schemes::q8, schemes::p8>, attention_way<schemes::q8>, attention_way<>>;
calibration::attention_choice measured(bool later) {
  auto const& a = test::shipped_attention();
  calibration::attention_choice choice(4, 1, ways::count, io::ways_text<ways>());
  for (auto const& w : later ? a.to_test() : a.to_calibrate()) {
    matrix const k = a.turned(w.k);
    matrix out(w.q.rows(), w.q.cols());
    choice.measure(static_cast<octavo::index>(w.layer), 0, a.attended(w.q, k, w.v),
                   [&](octavo::index way) -> matrix const& {
                     attention_by<ways>(way, w.q, k, w.v, out, causal{}, {.query_heads = 6, .kv_heads = 2});
                     return out;
                   });
  }
  return choice;
}
std::vector<octavo::index> ways_of(calibration::attention_table const& table) {
  return {table.way(0), table.way(1), table.way(2), table.way(3)};
}

}  // namespace

// SageAttention 1 and 2 (Zhang 2024): layers differ in what they bear, and inputs of calibration tell which. Here the
// first bears INT4 of queries and keys with bytes of probabilities and values, the others INT8.
TEST_CASE("evidence: a table of ways by layer, found on one text, holds on the next") {
  using list = std::vector<octavo::index>;
  auto const seen = measured(false);
  auto const later = measured(true);
  CHECK(ways_of(seen.cheapest()) == list{0, 1, 1, 1});
  CHECK(ways_of(later.cheapest()) == list{0, 1, 1, 1});
  CHECK(ways_of(seen.cheapest({.cos_sim = .9999, .rel_l1 = .1})) == list{2, 2, 3, 3});
  CHECK(ways_of(later.cheapest({.cos_sim = .9999, .rel_l1 = .1})) == list{2, 2, 3, 3});
  CHECK(ways_of(seen.bytes_or_floats(1, 2)) == list{2, 1, 2, 2});
  CHECK(ways_of(seen.keep_top_fraction(.5, 0, 1)) == list{0, 0, 1, 1});
  for (octavo::index layer = 0; layer < 4; ++layer) {
    auto const s = seen.of(layer, 0, 0);
    CHECK(s.deviation < .01);  // measured: 0.0024, 0.0045, 0.0061, 0.0065
    CHECK(std::abs(later.of(layer, 0, 0).mean - s.mean) < 2 * s.deviation);
  }
  check_ratio(seen.of(0, 0, 0).worst.rel_l1, .0457);
  check_ratio(seen.of(3, 0, 0).worst.rel_l1, .161);
  check_ratio(seen.of(3, 0, 1).worst.rel_l1, .0190);
}

// AdaLog (Wu 2024) and SULQ (I&S-ViT, Zhong 2023) at 4 bits, as attention takes them: relative to the largest weight of
// a leaf, whose sum divides. As of an encoder's V P (vision.cpp), AdaLog errs less than log2, and SULQ more. The base
// is to be found by the output: by the squared error of weights it is 11, with all below 2^-5 lost, and that is much of
// the sum.
TEST_CASE("evidence: in a decoder's attention AdaLog's probabilities err less than log2, SULQ's more") {
  using zero = adalog<4, log_zero::extra>;
  double const by_log2 = by_probabilities<symmetric<log2_format<4>>>(true);
  int best = 16;
  double least = by_probabilities<zero>(false, log_base{best});
  for (int const base : {19, 22, 25, 30}) {
    double const error = by_probabilities<zero>(false, log_base{base});
    best = error < least ? base : best;
    least = std::fmin(error, least);
  }
  CAPTURE(best);
  check_ratio(by_probabilities<zero>(true, log_base{best}) / by_log2, 0.424);
  auto const seen = relative_weights();
  int const of_weights = zero::with_scale(seen.data(), seen.data() + seen.size(), 1).base;
  CHECK(of_weights == 11);
  check_ratio(by_probabilities<zero>(true, log_base{of_weights}) / by_log2, 3.39);
  check_ratio(by_probabilities<sulq<4>>(true, sulq<4>::calibrate(seen)) / by_log2, 1.31);
}
