// SPDX-License-Identifier: MIT
#include "octavo/quant/schemes.hpp"

#include "octavo/storage/panel.hpp"

#include "support/catch.hpp"

using namespace octavo;
using namespace octavo::schemes;

namespace {
/// Bits of storage for each weight of a large matrix, scales and zero points included.
template <class S>
double bits_per_weight() {
  panel_layout<S> const layout{4096, 4096};
  return 8.0 * static_cast<double>(layout.size_bytes()) / (4096.0 * 4096.0);
}
}  // namespace

TEST_CASE("the named schemes take the bits that their names promise") {
  CHECK(bits_per_weight<w8>() == 8.0 + 32.0 / 4096);
  CHECK(bits_per_weight<w4>() == 4.0 + 32.0 / 4096);
  CHECK(bits_per_weight<w2>() == 2.0 + 32.0 / 4096);
  CHECK(bits_per_weight<w4_g128>() == 4.125);
  CHECK(bits_per_weight<w4_g32>() == 4.5);
  CHECK(bits_per_weight<w2_g64>() == 2.25);
  CHECK(bits_per_weight<w4_affine_g<64>>() == 4.0 + 24.0 / 64);
  CHECK(bits_per_weight<mxfp4>() == 4.25);
  CHECK(bits_per_weight<mxfp8>() == 8.25);
  CHECK(bits_per_weight<mxfp8_e5m2>() == 8.25);
  CHECK(bits_per_weight<mxint8>() == 8.25);
  CHECK(bits_per_weight<ternary_g<256>>() == 2.0625);
  CHECK(bits_per_weight<bitnet>() == 2.0 + 32.0 / 4096);  // the scale stands in each row
  CHECK(bits_per_weight<nf4_g64>() == 4.25);
  CHECK(bits_per_weight<nf2_g64>() == 2.25);
  CHECK(bits_per_weight<nvfp4>() == 4.5 + 32.0 / 4096);              // the scale of the matrix stands in each row
  CHECK(bits_per_weight<nf4_dq>() == 4.0 + 8.0 / 64 + 32.0 / 4096);  // 64 groups of 64 in a row share one
  CHECK(bits_per_weight<q2_k>() == 2.0 + 16.0 / 16 + 32.0 / 256);
  CHECK(bits_per_weight<q3_k>() == 3.0 + 8.0 / 16 + 16.0 / 256);
  CHECK(bits_per_weight<q4_k>() == 4.0 + 16.0 / 32 + 32.0 / 256);
  CHECK(bits_per_weight<q6_k>() == 6.0 + 8.0 / 16 + 16.0 / 256);
  CHECK(bits_per_weight<fp8>() == 8.0 + 32.0 / 4096);
}

TEST_CASE("the named schemes fit where their names say") {
  STATIC_REQUIRE(detail::check_operand_scheme<a8>());
  STATIC_REQUIRE(detail::check_operand_scheme<a8_affine>());
  STATIC_REQUIRE(detail::check_stored_scheme<fp8_e5m2>());
  STATIC_REQUIRE(std::is_same_v<w4_g128::granularity, per_group<128>>);
  STATIC_REQUIRE(has_zero_point<a8_affine::quantizer>);
  STATIC_REQUIRE(detail::check_stored_scheme<w3_g<64>>());
  STATIC_REQUIRE(detail::check_stored_scheme<w5_g<64>>());
  STATIC_REQUIRE(detail::check_stored_scheme<w6_g<64>>());
  STATIC_REQUIRE(detail::check_stored_scheme<mxfp6>());
  STATIC_REQUIRE(detail::check_stored_scheme<mxfp6_e3m2>());
  STATIC_REQUIRE(detail::check_stored_scheme<nf3_g64>());
  STATIC_REQUIRE(std::is_same_v<mx<e2m1, mx_even>::quantizer, symmetric<e2m1, scale_as<e8m0, mx_even>>>);
}
