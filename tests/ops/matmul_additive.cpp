// SPDX-License-Identifier: MIT
#include "octavo/ops/matmul_additive.hpp"

#include "support/additive.hpp"
#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <type_traits>

using namespace octavo;

namespace {

/// Floats of SSE4.2 are outside the contract.
using vectors = std::conditional_t<has_fma<default_arch>, default_arch, scalar>;

/// The order that matmul documents, element by element.
template <class W>
test::matrix<float> plain(W const& w, test::matrix<float> const& x) {
  test::matrix<float> y(w.rows(), x.cols());
  for (octavo::index t = 0; t < x.cols(); ++t) {
    for (octavo::index r = 0; r < w.rows(); ++r) {
      float lane[16] = {};
      for (octavo::index k = 0; k < (w.cols() + 15) / 16 * 16; ++k) {
        bool const there = k < w.cols();
        lane[k % 16] = std::fma(there ? w.sum(r, k) : 0.0f, there ? x(k, t) : 0.0f, lane[k % 16]);
      }
      for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) { lane[i] += lane[i + half]; }
      }
      float const volatile product = lane[0] * w.scale(r);
      y(r, t) = product;
    }
  }
  return y;
}

template <class W>
void check_shapes(W (*make)(octavo::index, octavo::index, std::uint64_t), octavo::index cols) {
  std::uint64_t seed = 1;
  for (octavo::index const rows : {1, 3, 63, 66}) {
    for (octavo::index const tokens : {1, 2, 7, 19}) {
      auto const w = make(rows, cols, ++seed);
      test::matrix<float> const x(cols, tokens, seed + 50);
      auto const expected = plain(w.view(), x);
      test::matrix<float> y(rows, tokens);
      INFO(rows << " x " << cols << " x " << tokens);
      matmul(w, x, y, on<vectors>());
      CHECK(test::differences(y, expected) == 0);
      matmul(w, x, y, on<scalar>());
      CHECK(test::differences(y, expected) == 0);
    }
  }
}

}  // namespace

TEST_CASE("products of additive codebooks are the documented sum") {
  check_shapes(test::random_additive<2, 8>, 136);  // an odd number of groups
  check_shapes(test::random_additive<2, 8>, 8);
  check_shapes(test::random_additive<2, 8>, 0);
  check_shapes(test::random_additive<1, 16, 8, float>, 40);
  check_shapes(test::random_additive<3, 4, 16>, 48);
}

TEST_CASE("products of additive codebooks are those of double precision within their bound") {
  constexpr octavo::index cols = 520;
  auto const w = test::random_additive<2, 8>(65, cols, 3);
  test::matrix<float> const x(cols, 3, 4);
  test::matrix<float> y(65, 3);
  matmul(w, x, y, on<vectors>());
  auto const view = w.view();
  for (octavo::index t = 0; t < 3; ++t) {
    for (octavo::index r = 0; r < 65; ++r) {
      double exact = 0;
      double size = 0;
      for (octavo::index k = 0; k < cols; ++k) {
        double both = 0;
        for (octavo::index m = 0; m < 2; ++m) {
          double const v = static_cast<float>(view.vector(m, view.codes(r)[k / 8 * 2 + m])[k % 8]);
          both += v;
          size += std::fabs(v * static_cast<double>(x(k, t) * view.scale(r)));
        }
        exact += both * static_cast<double>(x(k, t)) * static_cast<double>(view.scale(r));
      }
      double const error = std::fabs(static_cast<double>(y(r, t)) - exact);
      CHECK(error <= (520.0 / 16 + 2 + 5) * 0x1p-24 * size);
    }
  }
}

TEST_CASE("bits of an additive product do not depend on how many tokens come, threads, or the element type") {
  auto const w = test::random_additive<2, 8>(200, 72, 7);
  test::matrix<float> x(72, 19, 8);
  test::matrix<bf16> halves(72, 19);
  for (octavo::index i = 0; i < 72 * 19; ++i) {
    halves.data()[i] = bf16(x.data()[i]);
    x.data()[i] = static_cast<float>(halves.data()[i]);
  }
  test::matrix<float> all(200, 19);
  matmul(w, x, all, on<vectors>());
  for (octavo::index t = 0; t < 19; ++t) {
    test::matrix<float> one(200, 1);
    matmul(w, test::columns(x, t, 1), one, on<vectors>());
    CHECK(test::differences(one, test::columns(all, t, 1)) == 0);
  }
  test::matrix<float> threaded(200, 19);
  test::backwards executor;
  matmul(w, halves, threaded, on<vectors>(executor));
  CHECK(test::differences(threaded, all) == 0);
}

TEST_CASE("an epilogue sees the scaled sums of an additive product") {
  auto const w = test::random_additive<2, 8>(67, 16, 3);
  test::matrix<float> const x(16, 2, 4);
  auto expected = plain(w.view(), x);
  test::matrix<float> y(67, 2);
  matmul(w, x, y, on<scalar>(), [](auto acc, octavo::index, octavo::index) { return acc + decltype(acc)(1.0f); });
  for (octavo::index i = 0; i < 67 * 2; ++i) { expected.data()[i] += 1.0f; }
  CHECK(test::differences(y, expected) == 0);
}

TEST_CASE("a token that is not finite spoils its own outputs of an additive product only") {
  auto const w = test::random_additive<2, 8>(70, 24, 5);
  test::matrix<float> x(24, 3, 6);
  test::matrix<float> clean(70, 3);
  matmul(w, x, clean, on<vectors>());
  x(7, 1) = __builtin_nanf("");
  test::matrix<float> y(70, 3);
  matmul(w, x, y, on<vectors>());
  CHECK(test::differences(test::columns(y, 0, 1), test::columns(clean, 0, 1)) == 0);
  CHECK(test::differences(test::columns(y, 2, 1), test::columns(clean, 2, 1)) == 0);
  for (octavo::index r = 0; r < 70; ++r) { CHECK(std::isnan(y(r, 1))); }
}

TEST_CASE("additive products refuse shapes that do not fit") {
  auto const w = test::random_additive<2, 8>(5, 16, 9);
  test::matrix<float> const x(15, 1, 1);
  test::matrix<float> y(5, 1);
  CHECK(test::error_of([&] { matmul(w, x, y); }) ==
        "matmul: X has features 15, W has columns 16. They must be equal: a token is a column of X.");
  CHECK(!can_matmul(w, x, y));
}
