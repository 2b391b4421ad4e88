// SPDX-License-Identifier: MIT
// matmul by weights with outliers: the dense product plus chains of fma, to the bit, for any tokens, threads and
// instruction set.
#include "octavo/ops/matmul_outliers.hpp"

#include "octavo/ops/quantize_outliers.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

using namespace octavo;

namespace {

using w4 = scheme<symmetric<int4>, per_group<32>>;
using a8 = scheme<symmetric<int8>, per_token>;
using matrix = test::matrix<float>;

/// dense product on octavo::scalar, then the sum, then 0.5 y + row + 100 token.
template <class A, class W>
matrix expected(W const& w, matrix const& x) {
  matrix y(w.rows(), x.cols());
  matmul<A>(w.dense(), x, y, on<scalar>());
  for (octavo::index t = 0; t < x.cols(); ++t) {
    for (octavo::index r = 0; r < w.rows(); ++r) {
      float sum = 0;
      for (octavo::index k = 0; k < w.cols(); ++k) {
        if (w.sparse()(r, k) != 0) { sum = __builtin_fmaf(w.sparse()(r, k), x(k, t), sum); }
      }
      float const all = y(r, t) + sum;
      y(r, t) = __builtin_fmaf(all, 0.5f, static_cast<float>(r + 100 * t));
    }
  }
  return y;
}
auto const epilogue = [](auto acc, octavo::index row, octavo::index token) {
  float more[16];
  for (octavo::index i = 0; i < 16; ++i) { more[i] = static_cast<float>(row + i + 100 * token); }
  return fma(acc, decltype(acc)(0.5f), load_like(acc, static_cast<float const*>(more)));
};

template <class A>
void check(octavo::index rows, octavo::index cols, octavo::index tokens) {
  auto const w = quantize_with_outliers<w4>(matrix(rows, cols, 3), 0.05);
  matrix const x(cols, tokens, 5);
  auto const right = expected<A>(w, x);
  INFO(rows << " x " << cols << ", " << tokens << " tokens");
  test::for_archs([&](auto arch) {
    using arch_type = typename decltype(arch)::type;
    INFO(arch_name<arch_type>);
    matrix y(rows, tokens);
    test::backwards const threads;
    matmul<A>(w, x, y, epilogue, on<arch_type>(threads));
    CHECK(test::differences(y, right) == 0);
  });
}

}  // namespace

TEST_CASE("matmul by weights with outliers is the dense product and a chain of fma") {
  for (octavo::index const rows : {1, 15, 16, 17, 65}) {
    for (octavo::index const tokens : {1, 3, 4, 5, 15, 16, 17, 33}) {
      check<a8>(rows, 63, tokens);
      check<as_is>(rows, 65, tokens);
    }
  }
  check<a8>(17, 40, 257);   // tokens come in runs of 256
  check<a8>(17, 4100, 20);  // so many columns that 16 tokens lie beside each other, not 32
  check<a8>(3, 1, 2);
}

TEST_CASE("matmul by weights with outliers of nothing, and of shapes that do not fit") {
  auto const w = quantize_with_outliers<w4>(matrix(20, 33, 3), 0.05);
  matrix none(20, 0);
  matmul<a8>(w, matrix(33, 0), none);
  matrix y(20, 2);
  matmul<a8>(quantize_with_outliers<w4>(matrix(20, 0), 0.5), matrix(0, 2), y);
  CHECK(test::differences(y, matrix(20, 2)) == 0);
  CHECK(test::error_of([&] { matmul<a8>(w, matrix(32, 2), y); }).find("32") != std::string::npos);
  CHECK(can_matmul(w, matrix(33, 2), y));
  CHECK_FALSE(can_matmul(w, matrix(33, 3), y));
}

TEST_CASE("tokens of other types") {
  auto const w = quantize_with_outliers<w4>(matrix(30, 64, 3), 0.05);
  auto const x = test::matrix<bf16>(64, 3, 5);
  matrix wide(64, 3);
  for (octavo::index i = 0; i < 64 * 3; ++i) { wide(i % 64, i / 64) = static_cast<float>(x(i % 64, i / 64)); }
  matrix y(30, 3);
  matrix same(30, 3);
  matmul<a8>(w, x, y);
  matmul<a8>(w, wide, same);
  CHECK(test::differences(y, same) == 0);
}
