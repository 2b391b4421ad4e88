// SPDX-License-Identifier: MIT
// What results must not depend on: the batch, the executor, where work is cut; and long rows.
#include "octavo/ops/matmul_run.hpp"

#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"
#include "support/executors.hpp"

#include <cmath>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Each token alone, pairs of tokens, and executors: the bits of the whole batch on one thread.
template <class S, class A, class X>
void check_invariance(octavo::index rows, octavo::index cols, octavo::index tokens) {
  auto const w = quantize<S>(test::matrix<float>(rows, cols, 111), on<scalar>());
  test::matrix<X> const x(cols, tokens, 112);
  test::for_archs([&](auto arch) {
    using A_type = typename decltype(arch)::type;
    INFO(arch_name<A_type> << ": " << rows << " x " << cols << ", tokens " << tokens);
    test::matrix<float> expected(rows, tokens);
    matmul<A>(w, x, expected, on<A_type>());
    octavo::index wrong = 0;
    for (octavo::index const size : {1, 2, 5, 13}) {
      for (octavo::index t = 0; t + size <= tokens; t += size) {
        test::matrix<float> y(rows, size);
        matmul<A>(w, test::columns(x, t, size), y, on<A_type>());
        wrong += test::differences(y, test::columns(expected, t, size));
      }
    }
    CHECK(wrong == 0);

    test::matrix<float> threads(rows, tokens);
    test::backwards const three;
    matmul<A>(w, x, threads, on<A_type>(three));
    CHECK(test::differences(threads, expected) == 0);
    test::matrix<float> many(rows, tokens);
    test::backwards const seven{7};
    matmul<A>(w, x, many, on<A_type>(seven));
    CHECK(test::differences(many, expected) == 0);
    test::matrix<float> unknown(rows, tokens);
    test::odd_first const odd;
    matmul<A>(w, x, unknown, on<A_type>(odd));
    CHECK(test::differences(unknown, expected) == 0);
  });
}

/// Weights and tokens at the ends of their range, over K = 40000.
template <class S, class A>
void check_long_rows(float weight, float token, bool alternate, octavo::index tokens = 2) {
  constexpr octavo::index cols = 40000;
  test::matrix<float> w(3, cols);
  test::matrix<float> x(cols, tokens);
  for (octavo::index k = 0; k < cols; ++k) {
    float const sign = alternate && k % 2 == 1 ? -1.0f : 1.0f;
    w(0, k) = weight * sign;
    w(1, k) = -weight * sign;
    w(2, k) = k < 20000 ? weight : -weight;
    for (octavo::index t = 0; t < tokens; t += 2) {
      x(k, t) = token * sign;
      if (t + 1 < tokens) { x(k, t + 1) = -token; }
    }
  }
  w(0, 0) = weight * 0.999f;  // so that affine ranges are not a single point
  test::check_product<A, S>(quantize<S>(w, on<scalar>()), x);
}

}  // namespace

TEST_CASE("results do not depend on the batch or the executor: integers") {
  check_invariance<w4_g32, a8, float>(130, 75, 29);
  check_invariance<w4_g32, a8, float>(200, 200, 140);
  check_invariance<w2_g64, a8, float>(600, 100, 5);
}
TEST_CASE("results do not depend on the batch or the executor: integers, many tokens") {
  check_invariance<w4, a8, float>(70, 2500, 53);       // longer than a chunk of expanded weights, ragged
  check_invariance<w8, a8, float>(66, 5003, 53);       // the same, as packed
  check_invariance<w4_g128, a8, float>(70, 600, 270);  // more than a block of tokens, several groups in a chunk
}
TEST_CASE("results do not depend on the batch or the executor: fewer columns than a group longer than a chunk") {
  check_invariance<scheme<symmetric<int4>, per_group<2048>>, a8, float>(70, 300, 53);
  check_invariance<scheme<symmetric<int4>, per_group<2048>>, as_is, bf16>(70, 300, 53);
}
TEST_CASE("results do not depend on the batch or the executor: zero points") {
  check_invariance<w8, a8_affine, float>(130, 75, 29);
  check_invariance<scheme<affine<uint4>, per_group<40>>, a8_affine, float>(70, 100, 53);
}
TEST_CASE("results do not depend on the batch or the executor: bf16") {
  check_invariance<fp8, as_is, bf16>(330, 75, 29);
  check_invariance<fp8, as_is, bf16>(65, 1500, 9);  // longer than a chunk of expanded weights
}
TEST_CASE("results do not depend on the batch or the executor: tables") {
  check_invariance<nf4_g64, as_is, float>(130, 75, 29);
}

TEST_CASE("long rows of extremes do not overflow") {
  check_long_rows<w8, a8>(1.0f, 1.0f, false);
  check_long_rows<w8, a8>(1.0f, 1.0f, true);
  check_long_rows<scheme<symmetric<int8, full>, per_row>, scheme<symmetric<int8, full>, per_token>>(1.0f, 1.0f,
                                                                                                    false);
  check_long_rows<scheme<affine<uint8>, per_row>, a8_affine>(1.0f, 1.0f, false);
  check_long_rows<scheme<affine<uint8>, per_row>, a8_affine>(1.0f, 1.0f, true);
}
TEST_CASE("long rows of extremes do not overflow: many tokens") {
  check_long_rows<w8, a8>(1.0f, 1.0f, true, 49);
  check_long_rows<scheme<affine<uint8>, per_row>, a8_affine>(1.0f, 1.0f, true, 49);
}
TEST_CASE("long rows of floats keep one chain") {
  check_long_rows<fp8, as_is>(1.0f, 1.0f, true);
  test::check_product<as_is, fp8>(quantize<fp8>(test::matrix<float>(2, 40000, 7), on<scalar>()),
                                  test::matrix<float>(40000, 4, 8));
  test::check_product<as_is, fp8>(quantize<fp8>(test::matrix<float>(2, 40000, 7), on<scalar>()),
                                  test::matrix<bf16>(40000, 4, 8));
}
