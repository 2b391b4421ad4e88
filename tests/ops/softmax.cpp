// SPDX-License-Identifier: MIT
// Softmax against double precision: lengths, scale, elements, what is not finite, errors.
#include "octavo/ops/softmax.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;
using test::matrix;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

template <class X, class Y>
void check_softmax(octavo::index n, float scale) {
  INFO(n << " features");
  matrix<X> x(n, 3, static_cast<std::uint64_t>(n));
  for (octavo::index k = 0; k < n; ++k) { x(k, 1) = X(static_cast<float>(x(k, 1)) * 20.0f); }
  if (n > 2) { x(2, 2) = X(-inf); }
  matrix<Y> y(n, 3);
  softmax(x, y, {.scale = scale}, on<scalar>());
  double worst = 0;
  for (octavo::index t = 0; t < 3; ++t) {
    double largest = -1e300;
    double sum = 0;
    auto const at = [&](octavo::index k) {
      return static_cast<double>(scale) * static_cast<double>(static_cast<float>(x(k, t)));
    };
    for (octavo::index k = 0; k < n; ++k) { largest = std::max(largest, at(k)); }
    for (octavo::index k = 0; k < n; ++k) { sum += std::exp(at(k) - largest); }
    for (octavo::index k = 0; k < n; ++k) {
      double const exact = std::exp(at(k) - largest) / sum;
      double const own = std::is_same_v<Y, float> ? 0 : 0x1p-8;
      double const bound =
          (static_cast<double>(n) / 16 + 8) * 0x1p-24 + 3e-7 + own + (at(k) > -1e30 ? 1.2e-7 * (largest - at(k)) : 0);
      worst = std::max(
          worst, std::abs(static_cast<double>(static_cast<float>(y(k, t))) - exact) / (bound * exact + 0x1p-126));
    }
  }
  CHECK(worst < 1);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    matrix<Y> here(n, 3);
    softmax(x, here, {.scale = scale}, on<A>());
    CHECK(test::differences(here, y) == 0);
  });
}

}  // namespace

TEST_CASE("softmax of tokens is near double precision and the same on every instruction set") {
  for (octavo::index const n : {1, 3, 15, 17, 63, 65, 64, 500}) { check_softmax<float, float>(n, 1.0f); }
  check_softmax<float, float>(130, 0.125f);
  check_softmax<float, float>(130, 3.0f);
  check_softmax<bf16, bf16>(100, 1.0f);
}

TEST_CASE("softmax of infinity and NaN, in place") {
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    matrix<float> x(70, 4, 1);
    for (octavo::index k = 0; k < 70; ++k) { x(k, 0) = -inf; }
    x(69, 1) = std::nanf("");
    x(0, 2) = inf;
    x(5, 3) = -inf;
    softmax(x, x, on<A>());
    double sum = 0;
    for (octavo::index k = 0; k < 70; ++k) {
      CHECK(x(k, 0) == 0);
      CHECK(std::isnan(x(k, 1)));
      CHECK(std::isnan(x(k, 2)));
      sum += static_cast<double>(x(k, 3));
    }
    CHECK(x(5, 3) == 0);
    CHECK(std::abs(sum - 1) < 1e-6);
  });
}

TEST_CASE("softmax says what does not fit") {
  matrix<float> x(5, 2);
  matrix<float> y(6, 2);
  matrix<float> none(0, 2);
  softmax(none, none, on<scalar>());
  CHECK(test::error_of([&] { softmax(x, y, on<scalar>()); }) ==
        "softmax: X has features 5, the output has 6. They must be equal.");
  CHECK(test::error_of([&] { softmax(x, x, {.scale = 0.0f}, on<scalar>()); }) ==
        "softmax: the scale must be a finite number above 0. Leave it out for 1.");
  CHECK(test::error_of([&] { softmax(x, x, {.scale = inf}, on<scalar>()); }).starts_with("softmax: the scale"));
}
