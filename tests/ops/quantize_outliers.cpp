// SPDX-License-Identifier: MIT
// Which numbers stand out, that the others are quantized as if those were not there, and that the sum is near.
#include "octavo/ops/quantize_outliers.hpp"

#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <limits>

using namespace octavo;

namespace {

using matrix = test::matrix<float>;
using w4 = scheme<symmetric<int4>, per_group<32>>;
using min3 = scheme<affine_min<uint3, scale_as<f16>>, per_group<16>>;

}  // namespace

TEST_CASE("outliers of a row are its farthest numbers, and the rest is stored as if they were not there") {
  matrix w(5, 50, 4);
  for (octavo::index r = 0; r < 5; ++r) {
    w(r, r * 9) = 30.25f;
    w(r, r + 40) = -20.0f;
  }
  matrix rest(5, 50, 4);
  for (octavo::index r = 0; r < 5; ++r) { rest(r, r * 9) = rest(r, r + 40) = 0; }
  auto const q = quantize_with_outliers<w4>(w, 0.04);
  auto const plain = quantize<w4>(rest);
  for (octavo::index r = 0; r < 5; ++r) {
    for (octavo::index c = 0; c < 50; ++c) {
      bool const out = c == r * 9 || c == r + 40;
      CHECK(test::same_bits(q(r, c), out ? w(r, c) : plain.view()(r, c)));
      CHECK((q.sparse()(r, c) != 0) == out);
    }
  }
}

TEST_CASE("outliers bring weights nearer, by centres too") {
  matrix w(40, 128, 7);
  for (octavo::index r = 0; r < 40; ++r) {
    for (octavo::index c = 0; c < 128; ++c) { w(r, c) += 3; }
    w(r, r * 3) += 25;
  }
  auto const error = [&](auto const& q) {
    double sum = 0;
    for (octavo::index r = 0; r < 40; ++r) {
      for (octavo::index c = 0; c < 128; ++c) { sum += std::pow(static_cast<double>(q(r, c) - w(r, c)), 2); }
    }
    return sum;
  };
  auto const none = quantize_with_outliers<min3>(w, 0.0);
  auto const some = quantize_with_outliers<min3>(w, 0.01);
  for (octavo::index s = 0; s < 3; ++s) { CHECK(none.sparse().view().entries(s) == 0); }
  CHECK(error(some) < 0.3 * error(none));
  CHECK(error(quantize_with_outliers<min3>(w, 1.0)) < 1e-4 * error(none));
}

TEST_CASE("weights that are not finite are no outliers, and shares have bounds") {
  matrix w(3, 20, 2);
  w(0, 3) = std::numeric_limits<float>::infinity();
  w(1, 4) = std::numeric_limits<float>::quiet_NaN();
  auto const q = quantize_with_outliers<w4>(w, 0.1);
  CHECK_FALSE(std::isfinite(q(0, 3)));
  CHECK(std::isnan(q(1, 4)));
  CHECK(std::isfinite(q(2, 0)));
  for (double const share : {-0.1, 1.1, std::nan("")}) {
    CHECK(test::error_of([&] { (void)quantize_with_outliers<w4>(w, share); }).find("from 0 to 1") !=
          std::string::npos);
  }
  CHECK(quantize_with_outliers<w4>(matrix(0, 7), 0.5).rows() == 0);
  CHECK(quantize_with_outliers<w4>(matrix(7, 0), 0.5).cols() == 0);
}
