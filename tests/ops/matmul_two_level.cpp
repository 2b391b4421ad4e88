// SPDX-License-Identifier: MIT
// Weights whose scales are quantized themselves.
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/pack_codes.hpp"

#include "support/check_formats.hpp"
#include "support/check_matmul.hpp"

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class S, class A, class X>
void check_native() {
  if constexpr (has_fma<default_arch>) { test::check_few_shapes<S, A, X, default_arch>(); }
}

}  // namespace

TEST_CASE("scales and minima of six bits by int8 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<q4_k, a8> == path::int8_dot);
  test::check_shapes<q4_k, a8>(2100);
}
TEST_CASE("scales of int8 by bf16 tokens equal the plain product") { test::check_shapes<q6_k, as_is, bf16>(2200); }
TEST_CASE("scales of e4m3 under one for the matrix by int8 tokens equal the plain product") {
  test::check_shapes<nvfp4, a8>(2300);
}
TEST_CASE("scales and zeros of SpQR by int8 tokens equal the plain product") {
  STATIC_REQUIRE(path_of<spqr<3>, a8> == path::int8_dot);
  // Four sums of f16 beside 16 groups of 64 rows, a byte for each scale and zero.
  STATIC_REQUIRE(panel_layout<spqr<3>>::shared_bytes == 32);
  check_native<spqr<3>, a8, float>();
}
TEST_CASE("scales above an offset by float tokens equal the plain product") {
  check_native<lq_lora<nf3>, as_is, float>();
}

TEST_CASE("SpQR's worked row: codes (3 l + 1) mod 8 by tokens (l mod 5) - 2") {
  auto const w = pack_codes<spqr<3>>(16, 16, [](octavo::index, octavo::index, code* codes) {
    for (int l = 0; l < 16; ++l) { codes[l] = static_cast<code>((3 * l + 1) % 8); }
    spqr<3>::quantizer::params p{};
    p.super = 0x1p-9f;
    p.offset = -0x1p-8f;
    p.sub = 5;
    p.super_minimum = -.5f;
    p.minimum_offset = .5f;
    p.sub_minimum = 3;
    return p;
  });
  test::matrix<float> x(16, 1);
  for (int l = 0; l < 16; ++l) { x(l, 0) = static_cast<float>(l % 5 - 2); }
  test::matrix<float> y(16, 1);
  matmul(w, x, y);
  for (octavo::index r = 0; r < 16; ++r) { CHECK(y(r, 0) == -.046875f); }
}
