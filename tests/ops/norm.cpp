// SPDX-License-Identifier: MIT
// Norms against the reference: shapes, elements, in place, what is not finite, errors.
#include "octavo/ops/norm.hpp"

#include "octavo/reference/norm.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace octavo;
using test::matrix;

namespace {

template <class T>
std::vector<double> doubles(T const* p, octavo::index n) {
  std::vector<double> x;
  for (octavo::index i = 0; i < n; ++i) { x.push_back(static_cast<double>(static_cast<float>(p[i]))); }
  return x;
}
/// Half a step of numbers of T near y.
template <class T>
double step(double y) {
  if constexpr (std::is_same_v<T, bf16>) { return std::abs(y) * 0x1p-8 + 0x1p-133; }
  if constexpr (std::is_same_v<T, f16>) { return std::abs(y) * 0x1p-11 + 0x1p-25; }
  return 0;
}

constexpr octavo::index extents[] = {1, 3, 15, 17, 63, 65, 64, 128, 129, 1000};

/// rms_norm and layer_norm of a few extents: within their stated errors on octavo::scalar, the same bits elsewhere.
template <class X, class W, class Y>
void check_norms() {
  for (octavo::index const n : extents) {
    constexpr octavo::index tokens = 3;
    matrix<X> x(n, tokens, static_cast<std::uint64_t>(n));
    for (octavo::index k = 0; k < n; ++k) { x(k, 1) = X(static_cast<float>(x(k, 1)) + 5.0f); }
    std::vector<W> w;
    std::vector<W> b;
    for (float const v : test::values(n, 5)) { w.push_back(W(v + 1.0f)); }
    for (float const v : test::values(n, 6)) { b.push_back(W(v)); }
    norm_options const o{.epsilon = 1e-6f, .weight_offset = 0.5f};
    auto const run = [&](auto context, matrix<Y>& rms, matrix<Y>& layer) {
      rms_norm(x, w, rms, o, context);
      layer_norm(x, w, b, layer, {.epsilon = 1e-6f}, context);
    };
    matrix<Y> rms(n, tokens);
    matrix<Y> layer(n, tokens);
    run(on<scalar>(), rms, layer);

    auto factors = doubles(w.data(), n);
    auto const weights = factors;
    for (double& v : factors) { v += 0.5; }
    auto const terms = doubles(b.data(), n);
    double worst_rms = 0;
    double worst_layer = 0;
    auto const count = static_cast<double>(n);
    for (octavo::index t = 0; t < tokens; ++t) {
      auto const row = doubles(&x(0, t), n);
      auto const r = reference::rms_norm(row, factors, 1e-6);
      auto const l = reference::layer_norm(row, weights, terms, 1e-6);
      double size = 0;
      double mean = 0;
      for (double const v : row) {
        size += std::abs(v) / count;
        mean += v / count;
      }
      double variance = 0;
      for (double const v : row) { variance += (v - mean) * (v - mean) / count; }
      double const relative_size = size / std::sqrt(variance + 1e-6);
      for (octavo::index k = 0; k < n; ++k) {
        auto const i = static_cast<std::size_t>(k);
        auto const error = [](Y got, double exact) {
          return std::abs(static_cast<double>(static_cast<float>(got)) - exact) - step<Y>(exact) * 1.0001;
        };
        double const ulp = 0x1p-24;
        worst_rms = std::max(worst_rms, error(rms(k, t), r[i]) / ((count / 128 + 6) * ulp * std::abs(r[i]) + 1e-40));
        double const bound =
            (count / 64 + 8) * ulp * (std::abs(l[i] - terms[i]) + std::abs(weights[i]) * relative_size);
        worst_layer = std::max(worst_layer, error(layer(k, t), l[i]) / (bound + ulp * std::abs(l[i]) + 1e-40));
      }
    }
    INFO(n << " features");
    CHECK(worst_rms < 1);
    CHECK(worst_layer < 1);
    test::for_vector_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A>);
      matrix<Y> rms_here(n, tokens);
      matrix<Y> layer_here(n, tokens);
      run(on<A>(), rms_here, layer_here);
      CHECK(test::differences(rms_here, rms) == 0);
      CHECK(test::differences(layer_here, layer) == 0);
    });
  }
}

}  // namespace

TEST_CASE("norms of f32 are near the reference and the same on every instruction set") {
  check_norms<float, float, float>();
}
TEST_CASE("norms of bf16 and f16 are near the reference and the same on every instruction set") {
  check_norms<bf16, bf16, bf16>();
  check_norms<f16, float, f16>();
}

TEST_CASE("norms of four numbers are those of PyTorch") {
  matrix<float> x(4, 1);
  float const values[] = {1, -2, 3, 0.5f};
  for (octavo::index k = 0; k < 4; ++k) { x(k, 0) = values[k]; }
  std::vector<float> const w = {1, 0.5f, 2, 1};
  std::vector<float> const b = {0.1f, 0, -0.1f, 0};
  matrix<float> y(4, 1);
  auto const is = [&](float a, float c, float d, float e) {
    float const all[] = {a, c, d, e};
    for (octavo::index k = 0; k < 4; ++k) { CHECK(std::abs(y(k, 0) - all[k]) < 1e-6f); }
  };
  rms_norm(x, w, y, {.epsilon = 1e-6f}, on<scalar>());
  is(.529813f, -.529813f, 3.178877f, .264906f);
  rms_norm(x, w, y, {.epsilon = 1e-6f, .weight_offset = 1.0f}, on<scalar>());
  is(1.059626f, -1.589439f, 4.768316f, .529813f);
  layer_norm(x, w, b, y, on<scalar>());
  is(.310558f, -.736954f, 2.567073f, -.070186f);
  layer_norm(x, nullptr, nullptr, y, on<scalar>());
  is(.210558f, -1.473908f, 1.333536f, -.070186f);
  rms_norm(x, nullptr, x, {.epsilon = 1e-6f}, on<scalar>());  // in place
  CHECK(std::abs(x(1, 0) - -1.059626f) < 1e-6f);
}

TEST_CASE("a sum of residuals and a norm in one pass have the bits of one after the other") {
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const check = [](auto residual_type) {
      using R = typename decltype(residual_type)::type;
      for (octavo::index const n : {1, 17, 63, 200}) {
        matrix<R> residual(n, 3, 1);
        matrix<float> const x(n, 3, 2);
        auto const w = test::values(n, 3);
        matrix<R> sum(n, 3);
        for (octavo::index i = 0; i < 3 * n; ++i) {
          sum.data()[i] = R(static_cast<float>(residual.data()[i]) + x.data()[i]);
        }
        auto again = test::columns(residual, 0, 3);
        auto const before = test::columns(residual, 0, 3);
        matrix<float> apart(n, 3);
        matrix<float> together(n, 3);
        rms_norm(sum, w, apart, on<A>());
        add_rms_norm(residual, x, w, together, on<A>());
        CHECK(test::differences(residual, sum) == 0);
        CHECK(test::differences(together, apart) == 0);
        layer_norm(sum, w, w, apart, {.epsilon = 1e-6f}, on<A>());
        add_layer_norm(again, x, w, w, together, {.epsilon = 1e-6f}, on<A>());
        CHECK(test::differences(again, sum) == 0);
        CHECK(test::differences(together, apart) == 0);
        layer_norm(sum, w, w, sum, {.epsilon = 1e-6f}, on<A>());
        auto in_place = test::columns(before, 0, 3);
        add_layer_norm(in_place, x, w, w, in_place, {.epsilon = 1e-6f}, on<A>());
        CHECK(test::differences(in_place, sum) == 0);
      }
    };
    check(std::type_identity<float>{});
    check(std::type_identity<bf16>{});
  });
}

TEST_CASE("norms of a token do not depend on others, threads or strides") {
  constexpr octavo::index n = 1000;
  matrix<float> const x(n, 40, 9);
  auto const w = test::values(n, 3);
  matrix<float> y(n, 40);
  rms_norm(x, w, y, on<scalar>());
  test::backwards pool;
  matrix<float> wide(n + 7, 40);
  rms_norm(x, w, tokens_view<float>(wide.data(), n, 40, n + 7), on<scalar>(pool));
  int wrong = 0;
  for (octavo::index t = 0; t < 40; ++t) {
    for (octavo::index k = 0; k < n + 7; ++k) {
      wrong += test::same_bits(wide(k, t), k < n ? y(k, t) : 0.0f) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  auto const last = test::columns(x, 39, 1);
  matrix<float> one(n, 1);
  rms_norm(last, w, one, on<scalar>());
  CHECK(test::differences(one, test::columns(y, 39, 1)) == 0);
}

TEST_CASE("norms of zeros, NaN and infinity") {
  float const nan = std::nanf("");
  matrix<float> x(70, 5, 3);
  for (octavo::index k = 0; k < 70; ++k) { x(k, 1) = 0; }
  x(69, 2) = nan;
  x(3, 3) = std::numeric_limits<float>::infinity();
  auto const w = test::values(70, 3);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    for (float const epsilon : {1e-5f, 0.0f}) {
      matrix<float> rms(70, 5);
      matrix<float> layer(70, 5);
      rms_norm(x, w, rms, {.epsilon = epsilon}, on<A>());
      layer_norm(x, w, w, layer, {.epsilon = epsilon}, on<A>());
      for (octavo::index k = 0; k < 70; ++k) {
        CHECK(rms(k, 1) == 0);
        CHECK(layer(k, 1) == w[static_cast<std::size_t>(k)]);
        CHECK(std::isnan(rms(k, 2)));
        CHECK(std::isnan(layer(k, 2)));
        CHECK(std::isnan(rms(k, 3)));
        CHECK(std::isnan(layer(k, 3)));
        CHECK(std::isfinite(rms(k, 4)));
      }
    }
  });
}

TEST_CASE("norms without features or tokens, and of shapes that do not fit") {
  matrix<float> none(0, 3);
  matrix<float> empty(5, 0);
  std::vector<float> const w(5);
  rms_norm(none, std::vector<float>(), none, on<scalar>());
  layer_norm(empty, w, w, empty, on<scalar>());
  matrix<float> x(5, 2);
  matrix<float> y(6, 2);
  matrix<float> z(5, 3);
  CHECK(test::error_of([&] { rms_norm(x, w, y, on<scalar>()); }) ==
        "rms_norm: X has features 5, the output has 6. They must be equal.");
  CHECK(test::error_of([&] { rms_norm(x, w, z, on<scalar>()); }) ==
        "rms_norm: X has tokens 2, the output has 3. They must be equal.");
  CHECK(test::error_of([&] { rms_norm(y, w, y, on<scalar>()); }) ==
        "rms_norm: the weight has elements 5, the output has 6. They must be equal.");
  CHECK(test::error_of([&] { layer_norm(x, w, std::vector<float>(4), x, on<scalar>()); }) ==
        "layer_norm: the bias has elements 4, the output has 5. They must be equal.");
  CHECK(test::error_of([&] { add_rms_norm(y, x, w, x, on<scalar>()); }) ==
        "rms_norm: the residual has features 6, the output has 5. They must be equal.");
}
