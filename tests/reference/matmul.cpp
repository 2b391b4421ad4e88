// SPDX-License-Identifier: MIT
#include "octavo/reference/matmul.hpp"

#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

std::vector<double> doubles(test::matrix<float> const& m, octavo::index token) {
  std::vector<double> x;
  for (octavo::index k = 0; k < m.rows(); ++k) { x.push_back(static_cast<double>(m(k, token))); }
  return x;
}

/// Largest |matmul - reference| in units of the documented bound, over all outputs.
template <class S, class A>
double worst(octavo::index rows, octavo::index cols) {
  constexpr octavo::index tokens = 5;
  auto const q = quantize<S>(test::matrix<float>(rows, cols, 161));
  auto const w = q.view();
  test::matrix<float> const x(cols, tokens, 162);
  test::matrix<float> y(rows, tokens);
  matmul<A>(q, x, y);
  constexpr bool integers = !std::is_same_v<A, as_is>;
  auto const& layout = w.layout();
  double most = 0;
  for (octavo::index t = 0; t < tokens; ++t) {
    auto values = doubles(x, t);
    if constexpr (integers) {
      values = reference::requantize<A>(std::vector<float>(x.data() + t * cols, x.data() + (t + 1) * cols));
    }
    auto const exact = reference::matmul(w, values);
    for (octavo::index r = 0; r < rows; ++r) {
      double of_groups = 0;
      double of_products = 0;
      for (octavo::index g = 0; g < layout.groups(); ++g) {
        double acc = 0;
        for (octavo::index k = g * layout.group(); k < g * layout.group() + layout.group_length(g); ++k) {
          double const product = static_cast<double>(w(r, k)) * values[static_cast<std::size_t>(k)];
          acc += product;
          of_products += std::fabs(product);
        }
        of_groups += std::fabs(acc);
      }
      double bound = static_cast<double>(layout.groups() + 2) * 0x1p-24 * of_groups;
      // The values of reference::matmul are products scale * value rounded to f32: a half unit each.
      bound += 2 * 0x1p-24 * of_products;
      if (!integers) { bound += static_cast<double>(layout.group()) * 0x1p-24 * of_products; }
      most = std::fmax(most, std::fabs(static_cast<double>(y(r, t)) - exact[static_cast<std::size_t>(r)]) / bound);
    }
  }
  return most;
}

}  // namespace

TEST_CASE("the reference product of a 2 x 3 matrix by hand") {
  // absmax 127 in each row: scale 1, and integers are kept.
  test::matrix<float> w(2, 3);
  float const rows[2][3] = {{127, -2, 3}, {4, 5, -127}};
  for (octavo::index r = 0; r < 2; ++r) {
    for (octavo::index c = 0; c < 3; ++c) { w(r, c) = rows[r][c]; }
  }
  auto const q = quantize<w8>(w);
  auto const y = reference::matmul(q.view(), {1.0, 0.5, -2.0});
  REQUIRE(y.size() == 2);
  CHECK(y[0] == 127.0 - 1.0 - 6.0);
  CHECK(y[1] == 4.0 + 2.5 + 254.0);

  test::matrix<float> x(3, 1);
  x(0, 0) = 127;
  x(1, 0) = 10;
  x(2, 0) = -20;
  test::matrix<float> out(2, 1);
  matmul<a8>(q, x, out);
  CHECK(out(0, 0) == 127.0f * 127 - 20 - 60);
  CHECK(out(1, 0) == 4.0f * 127 + 50 + 127 * 20);
}

TEST_CASE("requantize leaves the values of the scheme") {
  CHECK(reference::requantize<a8>({127.0f, 1.25f, -3.5f}) == std::vector<double>{127.0, 1.0, -4.0});
}

TEST_CASE("matmul is within its documented bound of the reference") {
  CHECK(worst<w8, a8>(70, 300) <= 1.0);
  CHECK(worst<w4_g32, a8>(70, 300) <= 1.0);
  CHECK(worst<mxfp4, a8>(70, 300) <= 1.0);
  CHECK(worst<fp8, as_is>(70, 300) <= 1.0);
  CHECK(worst<nf4_g64, as_is>(70, 300) <= 1.0);
}
