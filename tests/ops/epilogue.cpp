// SPDX-License-Identifier: MIT
#include "octavo/ops/epilogue.hpp"

#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/plain_matmul.hpp"

#include <memory>

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class S, class A, class T>
void check_bias_relu(octavo::index rows, octavo::index cols, octavo::index tokens) {
  auto const w = quantize<S>(test::matrix<float>(rows, cols, 131), on<scalar>());
  test::matrix<float> const x(cols, tokens, 132);
  test::matrix<T> const bias(rows, 1, 133);  // exactly `rows` elements: a read behind them is seen by a sanitizer
  test::matrix<float> const residual(rows, tokens, 134);
  auto const sums = test::plain_matmul<A>(w.view(), x);
  test::matrix<float> expected(rows, tokens);
  for (octavo::index t = 0; t < tokens; ++t) {
    for (octavo::index r = 0; r < rows; ++r) {
      float const biased = detail::opaque(sums(r, t)) + static_cast<float>(bias(r, 0));
      expected(r, t) = (biased > 0.0f ? biased : 0.0f) + residual(r, t);
    }
  }
  test::for_archs([&](auto arch) {
    using A_type = typename decltype(arch)::type;
    test::matrix<float> y(rows, tokens);
    matmul<std::conditional_t<element<A>, as_is, A>>(
        w, x, y, on<A_type>(), [&](auto acc, octavo::index row, octavo::index token) {
          auto const biased = acc + load_like(acc, bias.data() + row);
          return max(biased, decltype(acc)(0.0f)) + load_like(acc, residual.data() + token * rows + row);
        });
    INFO(arch_name<A_type> << ": " << rows << " x " << cols << ", tokens " << tokens);
    CHECK(test::differences(y, expected) == 0);
  });
}

}  // namespace

TEST_CASE("bias, relu and residual see the right row and token, and nothing behind the last row") {
  for (octavo::index const rows : {1, 7, 15, 16, 17, 63, 64, 65, 130}) {
    check_bias_relu<w4_g32, a8, float>(rows, 40, 3);
    check_bias_relu<w4_g32, a8, bf16>(rows, 40, 9);
    check_bias_relu<w8, float, f16>(rows, 21, 2);
  }
}

TEST_CASE("an epilogue is called once for every row and token") {
  auto const w = quantize<w8>(test::matrix<float>(70, 20, 135), on<scalar>());
  test::matrix<float> const x(20, 5, 136);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    test::matrix<float> calls(70, 5);
    test::matrix<float> y(70, 5);
    matmul<a8>(w, x, y, on<A>(), [&](auto acc, octavo::index row, octavo::index token) {
      constexpr auto lanes = static_cast<octavo::index>(sizeof acc / sizeof(float));
      for (octavo::index i = 0; i < lanes; ++i) { calls(row + i, token) += 1.0f; }
      return acc;
    });
    int wrong = 0;
    for (octavo::index i = 0; i < 70 * 5; ++i) { wrong += calls.data()[i] == 1.0f ? 0 : 1; }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("a product is rounded before the epilogue adds to it") {
  // sums(r) * token scale + bias would round once if it were fused.
  auto const w = quantize<w8>(test::matrix<float>(33, 50, 137), on<scalar>());
  test::matrix<float> const x(50, 8, 138);
  auto const sums = test::plain_matmul<a8>(w.view(), x);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    test::matrix<float> y(33, 8);
    test::matrix<float> bias(33, 8);
    test::matrix<float> expected(33, 8);
    for (octavo::index i = 0; i < 33 * 8; ++i) {
      bias.data()[i] = -sums.data()[i] * 0.9999f;
      expected.data()[i] = detail::opaque(sums.data()[i]) + bias.data()[i];
    }
    matmul<a8>(w, x, y, on<A>(), [&](auto acc, octavo::index row, octavo::index token) {
      return acc + load_like(acc, bias.data() + token * 33 + row);
    });
    INFO(arch_name<A>);
    CHECK(test::differences(y, expected) == 0);
  });
}

TEST_CASE("load_like, max, min and fma for single floats") {
  bf16 const b[1] = {bf16(2.5f)};
  f16 const h[1] = {f16(0.5f)};
  CHECK(load_like(1.0f, b) == 2.5f);
  CHECK(load_like(1.0f, h) == 0.5f);
  CHECK(octavo::max(1.0f, 2.0f) == 2.0f);
  CHECK(octavo::min(1.0f, 2.0f) == 1.0f);
  CHECK(octavo::fma(1 + 0x1p-12f, 1 + 0x1p-12f, -(1 + 0x1p-11f)) == 0x1p-24f);
}
