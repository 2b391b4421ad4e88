// SPDX-License-Identifier: MIT
#include "octavo/io/scheme_text.hpp"

#include "octavo/quant/adalog.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/codebook.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/user_quantizer.hpp"

using namespace octavo;
using namespace octavo::schemes;
using octavo::io::scheme_text;

namespace {

/// e2m1 by another name: its files are read as e2m1's.
struct my_fp4 {
  static constexpr int bits = 4;
  static constexpr float decode(code c) { return e2m1::decode(c); }
  static constexpr code encode(float x) { return e2m1::encode(x); }
};
struct thirds {
  static constexpr int bits = 2;
  static constexpr float values[4] = {-1.0f, 0.0f, 1.0f / 3, 1.0f};
  static constexpr float decode(code c) { return values[c & 3]; }
  static constexpr code encode(float x) { return x < -0.5f ? 0 : x < 1.0f / 6 ? 1 : x < 2.0f / 3 ? 2 : 3; }
};
struct named : test::powers_of_two {
  static constexpr char const* name = "powers_of_two";
};

}  // namespace

TEST_CASE("the text of a scheme says how its bytes decode, and nothing else") {
  CHECK(scheme_text<w8>() == "int8 x f32, per_row");
  CHECK(scheme_text<w4_g32>() == "int4 x f16, per_group<32>");
  CHECK(scheme_text<w4_affine_g<128>>() == "(uint4 - zero) x f16, per_group<128>");
  CHECK(scheme_text<scheme<affine_min<uint4, scale_as<f16>>, per_group<32>>>() ==
        "uint4 x f16 + minimum, per_group<32>");
  CHECK(scheme_text<mxfp4>() == "e2m1 x e8m0, per_group<32>");
  CHECK(scheme_text<fp8>() == "e4m3 x f32, per_row");
  CHECK(scheme_text<fp8_e5m2>() == "e5m2 x f32, per_row");
  CHECK(scheme_text<nf4_g64>() == "nf4 x f16, per_group<64>");
  CHECK(scheme_text<q6_k>() == "int6 x (int8 x f16, per_group<16>), per_group<16>");
  CHECK(scheme_text<q4_k>() == "uint4 x (uint6 x f16, per_group<8>) + minimum, per_group<32>");
  CHECK(scheme_text<spqr<3>>() == "uint3 x (uint3 x f16 + minimum, per_tile<16, 1>), real zeros, per_group<16>");
  CHECK(scheme_text<lq_lora<nf4>>() == "nf4 x (uint8 x bf16 + minimum, per_group<256>), per_group<64>");
  CHECK(scheme_text<nvfp4>() == "e2m1 x (e4m3 x f32, per_row), per_group<16>");
  CHECK(scheme_text<scheme<symmetric<sint<3>>, per_tensor>>() == "int3 x f32, per_row");
  CHECK(scheme_text<scheme<symmetric<ternary>, per_tensor>>() == "ternary x f32, per_row");
  CHECK(scheme_text<scheme<symmetric<e2m3, scale_as<e8m0>>, per_group<32>>>() == "e2m3 x e8m0, per_group<32>");
  CHECK(scheme_text<scheme<symmetric<e3m2>, per_row>>() == "e3m2 x f32, per_row");
  CHECK(scheme_text<scheme<symmetric<nf3>, per_row>>() == "nf3 x f32, per_row");
  CHECK(scheme_text<scheme<symmetric<nf2>, per_row>>() == "nf2 x f32, per_row");
  CHECK(scheme_text<scheme<symmetric<fixed<8, 6>>, per_row>>() == "fixed<8, 6> x f32, per_row");
  CHECK(scheme_text<scheme<affine<uint8>, per_column>>() == "(uint8 - zero) x f32, per_column");
  CHECK(scheme_text<scheme<symmetric<int4, full>, per_row>>() == scheme_text<w4>());
  CHECK(scheme_text<scheme<symmetric<my_fp4>, per_row>>() == "e2m1 x f32, per_row");
  CHECK(scheme_text<scheme<adalog<4, log_zero::last>, per_row>>() ==
        "adalog_last_zero of uint4, params of 8 bytes, per_row");
  CHECK(scheme_text<scheme<codebook<4>, per_tensor>>() == "codebook of uint4, params of 64 bytes, per_tensor");
  CHECK(scheme_text<scheme<codebook<3>, per_row>>() == "codebook of uint3, params of 32 bytes, per_row");
  CHECK(scheme_text<scheme<named, per_row>>() == "powers_of_two of uint4, params of 4 bytes, per_row");
}

TEST_CASE("values without a name are named by the hash of their bits") {
  // FNV-1a of the 16 bytes 000080bf 00000000 abaaaa3e 0000803f, by Python.
  CHECK(scheme_text<scheme<symmetric<thirds>, per_row>>() == "values2:fe3034e32d2b3ba8 x f32, per_row");
}
