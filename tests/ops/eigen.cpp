// SPDX-License-Identifier: MIT
// The adaptor for Eigen, which is at the top level: include/octavo/eigen.hpp.
#include "octavo/eigen.hpp"

#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <Eigen/Core>

using namespace octavo;
using schemes::a8;
using schemes::w4_g32;

namespace {

/// matmul of matrices of Eigen's scalar E has the bits of the same numbers as T.
template <class E, class T>
void check() {
  test::matrix<T> const weights(20, 40, 1);
  test::matrix<T> const x(40, 3, 2);
  auto const as_eigen = [](test::matrix<T> const& m) {
    Eigen::Matrix<E, Eigen::Dynamic, Eigen::Dynamic> copy(m.rows(), m.cols());
    for (octavo::index c = 0; c < m.cols(); ++c) {
      for (octavo::index r = 0; r < m.rows(); ++r) { copy(r, c) = E(static_cast<float>(m(r, c))); }
    }
    return copy;
  };
  auto const w = quantize<w4_g32>(weights);
  auto const same = quantize<w4_g32>(as_eigen(weights));
  CHECK(test::differences(w.view(), same.view()) == 0);
  test::matrix<T> expected(20, 3);
  Eigen::Matrix<E, Eigen::Dynamic, Eigen::Dynamic> y(20, 3);
  matmul<a8>(w, x, expected);
  matmul<a8>(same, as_eigen(x), y);
  CHECK(test::differences(y, expected) == 0);
}

}  // namespace

TEST_CASE("matrices of Eigen's bfloat16 and half are operands like matrices of bf16 and f16") {
  check<Eigen::bfloat16, bf16>();
  check<Eigen::half, f16>();
}

TEST_CASE("to_eigen gives the values that a packed matrix stands for") {
  auto const w = quantize<w4_g32>(test::matrix<float>(70, 33, 3));
  CHECK(test::differences(to_eigen(w), w.view()) == 0);
  CHECK(test::differences(to_eigen(w.view()), w.view()) == 0);
  CHECK(to_eigen(quantized_matrix<w4_g32>(0, 5)).cols() == 5);
}
