// SPDX-License-Identifier: MIT
// NaN, infinity, denormals and zeros in weights and tokens.
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"

#include <cmath>
#include <limits>

using namespace octavo;
using namespace octavo::schemes;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

/// Row `row` and token `token` all NaN, everything else as without the bad numbers.
template <class A, class S, class X>
void check_bad(float bad_weight, float bad_token) {
  constexpr octavo::index rows = 66;
  constexpr octavo::index cols = 70;
  constexpr octavo::index tokens = 11;
  test::matrix<float> w(rows, cols, 121);
  test::matrix<X> x(cols, tokens, 122);
  auto const clean_w = quantize<S>(w, on<scalar>());
  auto const clean_x = x.data();
  test::matrix<X> bad_x(cols, tokens);
  for (octavo::index i = 0; i < cols * tokens; ++i) { bad_x.data()[i] = clean_x[i]; }
  w(17, 40) = bad_weight;
  bad_x(3, 5) = X(bad_token);
  bad_x(69, 9) = X(bad_token);
  auto const bad_w = quantize<S>(w, on<scalar>());
  test::for_archs([&](auto arch) {
    using A_type = typename decltype(arch)::type;
    INFO(arch_name<A_type>);
    test::matrix<float> clean(rows, tokens);
    test::matrix<float> y(rows, tokens);
    matmul<A>(clean_w, x, clean, on<A_type>());
    matmul<A>(bad_w, bad_x, y, on<A_type>());
    int wrong = 0;
    for (octavo::index t = 0; t < tokens; ++t) {
      for (octavo::index r = 0; r < rows; ++r) {
        bool const bad = r == 17 || t == 5 || t == 9;
        wrong += bad ? !std::isnan(y(r, t)) : !test::same_bits(y(r, t), clean(r, t));
      }
    }
    CHECK(wrong == 0);
  });
}

}  // namespace

TEST_CASE("NaN and infinity stay in their row and their token: integers") {
  for (float const w : {std::nanf(""), inf, -inf}) {
    for (float const x : {std::nanf(""), inf, -inf}) { check_bad<a8, w4_g32, float>(w, x); }
  }
  check_bad<a8, mxfp4, float>(std::nanf(""), inf);
  check_bad<a8_affine, w4_affine_g<32>, float>(inf, -inf);
}

TEST_CASE("NaN stays in its row and its token: floats") {
  check_bad<as_is, fp8, bf16>(inf, std::nanf(""));
  check_bad<as_is, nf4_g64, float>(inf, std::nanf(""));
}

TEST_CASE("infinity in a token as it is gives what fma gives") {
  auto const w = quantize<nf4_g64>(test::matrix<float>(20, 30, 123), on<scalar>());
  test::matrix<float> x(30, 4, 124);
  x(3, 1) = inf;
  x(7, 2) = -inf;
  x(3, 3) = inf;
  x(4, 3) = -inf;
  test::check_product<as_is, nf4_g64>(w, x);
}

TEST_CASE("denormal and tiny tokens") {
  auto const w = quantize<w4_g32>(test::matrix<float>(20, 70, 125), on<scalar>());
  for (float const factor : {0x1p-149f, 0x1p-130f, 0x1p-122f, 0x1p-101f, 0x1p-60f}) {
    test::matrix<float> x(70, 5, 126);
    for (octavo::index i = 0; i < 70 * 5; ++i) { x.data()[i] *= factor; }
    test::check_product<a8, w4_g32>(w, x);
  }
}

TEST_CASE("tokens around 2^-100 on the bf16 path") {
  auto const w = quantize<fp8>(test::matrix<float>(20, 64, 127), on<scalar>());
  test::matrix<bf16> x(64, 6);
  test::random next(128);
  for (octavo::index i = 0; i < 64 * 6; ++i) {
    x.data()[i] = bf16(next.value() * (i % 3 == 0 ? 0x1p-101f : i % 3 == 1 ? 0x1p-90f : 1.0f));
  }
  for (octavo::index i = 0; i < 64; ++i) { x(i, 0) = bf16(0x1p-101f); }  // all of it below
  test::check_product<as_is, fp8>(w, x);
}

TEST_CASE("groups of zeros, tokens of zeros, and tiny weights") {
  test::matrix<float> w(67, 96, 129);
  for (octavo::index k = 32; k < 64; ++k) { w(5, k) = 0.0f; }
  for (octavo::index k = 0; k < 96; ++k) {
    w(6, k) = 0.0f;
    w(7, k) *= 0x1p-140f;
    w(8, k) *= 1e-30f;
  }
  test::matrix<float> x(96, 9, 130);
  for (octavo::index k = 0; k < 96; ++k) { x(k, 4) = k % 2 == 0 ? 0.0f : -0.0f; }
  test::check_product<a8, w4_g32>(quantize<w4_g32>(w, on<scalar>()), x);
  test::check_product<a8, mxfp4>(quantize<mxfp4>(w, on<scalar>()), x);
  test::check_product<a8_affine, w4_affine_g<32>>(quantize<w4_affine_g<32>>(w, on<scalar>()), x);
  test::matrix<float> y(67, 9);
  matmul<a8>(quantize<w4_g32>(w, on<scalar>()), x, y, on<scalar>());
  CHECK(y(6, 0) == 0.0f);
  CHECK(y(0, 4) == 0.0f);
}
