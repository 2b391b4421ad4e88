// SPDX-License-Identifier: MIT
// What papers on vision transformers claim of quantizers for probabilities and outputs of GELU, on those of a real
// encoder.
#include "errors.hpp"

#include "octavo/calibration/progressive_search.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/ops/integer_norm.hpp"
#include "octavo/ops/norm.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/power_of_two_factors.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/quant/twin_uniform.hpp"

#include <cstddef>

using namespace octavo;
using test::check_ratio;
using test::matrix;

namespace {

/// Mean over the layers of the error of V P, all of the values V and probabilities P of a layer coded with one set of
/// params; those are found on a fifth of the maps.
template <class Q>
double attention_error() {
  double result = 0;
  for (auto const& maps : test::shipped_models().attention) {
    std::vector<float> seen;
    for (std::size_t i = 0; i < maps.size(); i += 5) {
      auto const& p = maps[i].probabilities;
      seen.insert(seen.end(), p.data(), p.data() + p.size());
    }
    auto const params = Q::calibrate(std::span<float const>(seen));
    double error = 0;
    double energy = 0;
    for (auto const& m : maps) {
      matrix const coded =
          m.probabilities.unaryExpr([&](float x) { return Q::decode(Q::encode(x, params), params); });
      error += (m.values * (coded - m.probabilities)).cast<double>().squaredNorm();
      energy += (m.values * m.probabilities).cast<double>().squaredNorm();
    }
    result += error / energy / static_cast<double>(test::shipped_models().attention.size());
  }
  return result;
}

/// Mean over the layers of the error of GELU's outputs.
template <class Q, class Fit = calibration::extremes>
double gelu_error(Fit const& fit = {}) {
  double result = 0;
  for (auto const& all : test::shipped_models().gelu) {
    std::span<float const> const xs(all.data(), 100000);
    auto const params = octavo::detail::fit_group<Q>(fit, xs, 0);
    double error = 0;
    double energy = 0;
    for (float const x : xs) {
      double const lost = double{Q::decode(Q::encode(x, params), params)} - double{x};
      error += lost * lost;
      energy += double{x} * double{x};
    }
    result += error / energy / static_cast<double>(test::shipped_models().gelu.size());
  }
  return result;
}

/// Mean over the norms of the error of their outputs, inputs coded by factors up to 2^K that other tokens had; of
/// the integer norm, or of floats.
template <class F, int K>
double norm_error(bool in_integers) {
  double result = 0;
  for (auto const& l : test::shipped_models().norms) {
    auto const half = l.x.cols() / 2;
    matrix const seen = l.x.leftCols(half);
    matrix const later = l.x.rightCols(l.x.cols() - half);
    auto const factors = power_of_two_factors<F, K>::calibrate(seen);
    matrix exact(later.rows(), later.cols());
    layer_norm(later, l.weight, l.bias, exact, {.epsilon = 1e-12f});
    matrix got(later.rows(), later.cols());
    if (in_integers) {
      float const scale = exact.cwiseAbs().maxCoeff() / 127;
      Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic> codes(later.rows(), later.cols());
      Eigen::Matrix<std::int8_t, Eigen::Dynamic, Eigen::Dynamic> y(later.rows(), later.cols());
      quantize_into(codes, later, factors);
      integer_layer_norm(codes, integer_norm(factors, l.weight, l.bias, {.scale = scale}), y);
      got = y.template cast<float>() * scale;
    } else {
      matrix const coded = matrix::NullaryExpr(later.rows(), later.cols(), [&](octavo::index c, octavo::index t) {
        return factors.decode(factors.encode(later(c, t), c), c);
      });
      layer_norm(coded, l.weight, l.bias, got, {.epsilon = 1e-12f});
    }
    result += test::nmse(exact, got) / static_cast<double>(test::shipped_models().norms.size());
  }
  return result;
}

}  // namespace

// FQ-ViT (Lin 2022): 4-bit probabilities of DeiT-B, uniform 23.07 %, log2 81.41 %. RepQ-ViT (Li 2023), DeiT-S at 4
// bits: log2 67.71, log sqrt 2 69.03. AdaLog (Wu 2024) finds the base. PTQ4ViT (Yuan 2022) has two ranges instead of
// one.
TEST_CASE(
    "evidence: of 4-bit probabilities AdaLog errs least, then log sqrt 2, log2, and most by far uniform steps") {
  double const uniform = attention_error<symmetric<uint4>>();
  double const by_log2 = attention_error<symmetric<log2_format<4>>>();
  double const by_root = attention_error<symmetric<log_sqrt2_format<4>>>();
  double const by_adalog = attention_error<adalog<4>>();
  check_ratio(by_log2 / uniform, 0.178);
  check_ratio(by_root / by_log2, 0.320);
  CHECK(by_adalog < 0.97 * by_root);  // measured: 0.943
  check_ratio(attention_error<twin_uniform<4>>() / uniform, 0.298);
  // I&S-ViT (Zhong 2023), DeiT-S at 3 bits: log2 3.36, SULQ 20.70. Not so in this error, neither at 4 bits nor at 3.
  check_ratio(attention_error<sulq<4>>() / by_log2, 1.445);
}

// AdaLog (Wu 2024), W3A3: RepQ-ViT, whose base is sqrt 2, has 0.1 to 9 %; AdaLog 14 to 70 %.
TEST_CASE("evidence: at 3 bits the base sqrt 2 is of no use, and the base that AdaLog finds is") {
  double const found = attention_error<adalog<3>>();
  CHECK(found < 0.05);                                                                   // measured: 0.038
  CHECK(attention_error<symmetric<log_sqrt2_format<3, log_zero::last>>>() > 5 * found);  // measured: 7.05
  double const by_log2 = attention_error<symmetric<log2_format<3>>>();
  CHECK(found < 1.15 * by_log2);
  CHECK(attention_error<sulq<3>>() > 1.5 * by_log2);  // measured: 2.27
}

// PTQ4ViT, W6A6 of ViT-B: one symmetric range 75.67, two 81.65. AdaLog (Wu 2024) for outputs of GELU; its FPCS for an
// affine quantizer there.
TEST_CASE(
    "evidence: of outputs of GELU two ranges err less than one, AdaLog less than two, FPCS less than extremes") {
  double const twin6 = gelu_error<twin_uniform<6, gelu_outputs>>();
  check_ratio(twin6 / gelu_error<symmetric<int6>>(), 0.285);
  double const twin4 = gelu_error<twin_uniform<4, gelu_outputs>>();
  check_ratio(twin4 / gelu_error<symmetric<int4>>(), 0.123);
  check_ratio(gelu_error<adalog<4, log_zero::none, gelu_outputs>>() / twin4, 0.517);
  check_ratio(gelu_error<affine<uint4>>(calibration::progressive_search{16}) / gelu_error<affine<uint4>>(), 0.329);
}

// FQ-ViT (Lin 2022), inputs of LayerNorms with 8 bits: ViT-B by the range of the tensor 23.64 %, with factors 83.31.
TEST_CASE("evidence: of inputs of LayerNorms factors of channels err less than one step") {
  check_ratio(norm_error<uint8, 3>(false) / norm_error<uint8, 0>(false), 0.544);
  check_ratio(norm_error<uint4, 3>(false) / norm_error<uint4, 0>(false), 0.204);
  // Weights of 8 bits, and codes out, whose scale is that of the tensor: 3.02e-4 in place of 1.34e-4.
  check_ratio(norm_error<uint8, 3>(true) / norm_error<uint8, 0>(true), 0.730);
  check_ratio(norm_error<uint8, 3>(true) / norm_error<uint8, 3>(false), 2.25);
}
