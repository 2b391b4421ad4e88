// SPDX-License-Identifier: MIT
// What papers claim of calibration, on the outputs of a real model's layers: mean nmse over eight layers, for 1024
// tokens behind the 4096 of calibration.
#include "errors.hpp"

#include "octavo/calibration/awq.hpp"
#include "octavo/calibration/decompose.hpp"
#include "octavo/calibration/gptq.hpp"
#include "octavo/calibration/reconstruct.hpp"
#include "octavo/calibration/smooth.hpp"

using namespace octavo;
using namespace octavo::schemes;
using test::check_ratio;
using test::layer;
using test::matrix;

namespace {

using w3 = scheme<symmetric<int3>, per_row>;

/// Of layers 1 and 3.
std::vector<layer> some_layers() {
  auto const& all = test::shipped_models().llama;
  std::vector<layer> result(all.begin() + 4, all.begin() + 8);
  result.insert(result.end(), all.begin() + 12, all.end());
  return result;
}

/// Mean nmse of outputs for weights made by `pack`.
template <class Pack>
double error_of(Pack const& pack) {
  return test::mean_over(some_layers(), [&](layer const& l) { return test::output_error(l, pack(l)); });
}
template <class S>
matrix rounded(layer const& l) {
  return test::dense(calibration::quantize_with<S>(l.weights));
}

/// The layer with six features that are `strength` times as strong. With weights as much smaller, W X is as it was.
layer with_strong_features(layer l, float strength, bool smaller_weights) {
  for (octavo::index f = 5; f < l.x.rows(); f += 100) {
    l.x.row(f) *= strength;
    l.later.row(f) *= strength;
    if (smaller_weights) { l.weights.col(f) /= strength; }
  }
  return l;
}

matrix divided(matrix x, std::vector<float> const& factors) {
  for (octavo::index r = 0; r < x.rows(); ++r) { x.row(r) /= factors[static_cast<std::size_t>(r)]; }
  return x;
}

}  // namespace

// GPTQ (Frantar 2022). As SpQR's table has it for LLaMA-7B at 4 bits, perplexity on WikiText2: rounding 6.43, GPTQ
// 6.13. It needs more tokens than features: with 768 for the 512 of `down` it made 1.5 times the error of rounding.
TEST_CASE("evidence: GPTQ errs less than rounding at 3 and 4 bits") {
  auto const ratio = []<class S>(S) {
    return error_of([](layer const& l) { return test::dense(calibration::gptq<S>(l.weights, test::gram_of(l.x))); }) /
           error_of(rounded<S>);
  };
  check_ratio(ratio(w3()), 0.746);
  check_ratio(ratio(w4()), 0.742);
}

namespace {

/// AWQ's factors, its clip, or both.
matrix by_awq(layer const& l, bool factors, bool clip) {
  calibration::inputs seen(l.x.rows());
  seen.add(l.x);
  auto gram = test::gram_of(l.x);
  std::vector<float> s(static_cast<std::size_t>(l.x.rows()), 1.0f);
  if (factors) {
    s = calibration::awq_scales<w3>(seen.mean_abs(), gram, calibration::extremes{}, {.candidates = 10}, l.weights)
            .factors;
  }
  matrix w = l.weights;
  calibration::multiply_columns(w, s);
  gram = calibration::divide_features(gram, s);
  matrix const q = test::dense(clip ? calibration::quantize_with<w3>(w, calibration::output_clip(gram))
                                    : calibration::quantize_with<w3>(w));
  return divided(q.transpose(), s).transpose();
}

}  // namespace

// AWQ (Lin 2023): LLaMA-2-7B, INT3 in groups of 128, perplexity: rounding 6.66, AWQ 6.24. Here all of that is its clip,
// since the model has no strong features. Where it is given some, the factors do what the paper says.
TEST_CASE("evidence: AWQ errs less than rounding at 3 bits") {
  double const plain = error_of(rounded<w3>);
  check_ratio(error_of([](layer const& l) { return by_awq(l, true, true); }) / plain, 0.512);
  double const factors = error_of([](layer const& l) { return by_awq(l, true, false); }) / plain;
  CHECK(factors > 0.97);  // measured: 0.995
  CHECK(factors < 1.01);
  auto const strong = with_strong_features(test::shipped_models().down[1], 16, false);
  check_ratio(
      test::output_error(strong, by_awq(strong, true, false)) / test::output_error(strong, rounded<w3>(strong)),
      0.651);
}

// AdaQuant (Hubara 2020): weights and ranges that descend to the layer's output.
TEST_CASE("evidence: AdaQuant errs less than rounding at 3 bits, also with the ranges of a clip search") {
  double const descended = error_of([](layer const& l) {
    return test::dense(calibration::reconstruct<w3>(l.weights, test::gram_of(l.x), {.iterations = 60}));
  });
  check_ratio(descended / error_of(rounded<w3>), 0.475);
  double const clipped = error_of(
      [](layer const& l) { return test::dense(calibration::quantize_with<w3>(l.weights, calibration::omse)); });
  CHECK(descended < 0.92 * clipped);  // measured: 0.852
}

// LoRC (Yao 2023, ZeroQuant-V2): rank 8, OPT-13b at 3 bits, perplexity: 12.43 without, 11.90 with it. LQ-LoRA (Guo
// 2023): RoBERTa at 2.5 bits, GLUE: a term that begins at 0 (QLoRA) 75.4, base and term found in turn 85.7.
TEST_CASE("evidence: low-rank terms take a part of the error, and more of it when found in turn") {
  double const with_term = error_of([](layer const& l) {
    matrix const q = rounded<w3>(l);
    auto const term = calibration::lost_of_rank(l.weights, q, 8);
    return matrix(q + term.left_matrix() * term.right_matrix());
  });
  CHECK(with_term < 0.92 * error_of(rounded<w3>));
  check_ratio(with_term / error_of(rounded<w3>), 0.867);

  auto const layers = some_layers();
  double const in_turn = test::mean_over(layers, [](layer const& l) {
    auto const d = calibration::decompose<nf3_g64>(l.weights, 16, calibration::extremes{}, {.rounds = 8});
    return test::nmse(l.weights, test::dense(d.base) + d.term.left_matrix() * d.term.right_matrix());
  });
  double const once = test::mean_over(layers, [](layer const& l) {
    matrix const q = rounded<nf3_g64>(l);
    auto const term = calibration::lost_of_rank(l.weights, q, 16);
    return test::nmse(l.weights, q + term.left_matrix() * term.right_matrix());
  });
  check_ratio(in_turn / once, 0.586);
}

namespace {

/// W8A8, after smoothing by alpha; without, if that is negative.
double w8a8_error(layer const& l, double alpha) {
  calibration::inputs seen(l.x.rows());
  seen.add(l.x);
  std::vector<float> s(static_cast<std::size_t>(l.x.rows()), 1.0f);
  if (alpha >= 0) { s = calibration::smooth_factors(seen.absmax(), alpha, l.weights); }
  matrix w = l.weights;
  calibration::multiply_columns(w, s);
  matrix x = divided(l.later, s);
  for (auto token : x.colwise()) {
    using Q = a8::quantizer;
    auto const p = Q::calibrate(std::span<float const>(token.data(), static_cast<std::size_t>(token.size())));
    for (float& v : token) { v = Q::decode(Q::encode(v, p), p); }
  }
  return test::nmse(l.weights * l.later, test::dense(calibration::quantize_with<w8>(w)) * x);
}

}  // namespace

// SmoothQuant (Xiao 2022): W8A8 of large models fails by features 100 times as strong as others, and does not after
// smoothing by 0.5. This model has none (5 times at most): there is nothing to gain until it is given some.
TEST_CASE("evidence: smoothing undoes what strong features do to W8A8") {
  auto const& layers = test::shipped_models().down;
  auto const error = [&](double alpha, bool strong) {
    return test::mean_over(
        layers, [&](layer const& l) { return w8a8_error(strong ? with_strong_features(l, 64, true) : l, alpha); });
  };
  double const before = error(-1, false);
  check_ratio(error(0.5, false) / before, 0.998);
  check_ratio(error(-1, true) / before, 40.8);
  check_ratio(error(0.5, true) / before, 0.998);
}
