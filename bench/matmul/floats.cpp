// SPDX-License-Identifier: MIT
// Weights x bf16 or f32 activations, as they are.
#include "groups.hpp"
#include "rows.hpp"

namespace bench {
namespace {

template <class S, class X>
void add(char const* schemes) {
  add_matmul<octavo::avx512vnni, S, octavo::as_is, X>(schemes, all_tokens);
  if constexpr (octavo::path_of<S, X> == octavo::path::bf16_dot) {  // floats are the same on both, but bf16
    add_matmul<octavo::avx512amx, S, octavo::as_is, X>(schemes, all_tokens);
  }
}

}  // namespace

void add_float_rows() {
  using namespace octavo::schemes;
  using octavo::bf16;
  add<fp8, bf16>("e4m3.bf16");
  add<fp8_e5m2, bf16>("e5m2.bf16");
  add<w4_g128, bf16>("w4_g128.bf16");
  add<w4_g128, float>("w4_g128.f32");
  add<nf4_g64, float>("nf4_g64.f32");
  add<nf4_g64, bf16>("nf4_g64.bf16");
  // Codebooks known at run time: one table for the matrix, one for each row.
  add<octavo::scheme<octavo::codebook<4>, octavo::per_tensor>, float>("nuq4.f32");
  add<octavo::scheme<octavo::codebook<3>, octavo::per_tensor>, float>("nuq3.f32");
  add<octavo::scheme<octavo::codebook<4>, octavo::per_row>, float>("nuq4_row.f32");
  // A quantizer without scale(): values of all codes for each row and group.
  add<octavo::scheme<octavo::sulq<4>, octavo::per_group<128>>, float>("sulq4_g128.f32");
}

}  // namespace bench
