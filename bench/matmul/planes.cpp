// SPDX-License-Identifier: MIT
// Weights of 2 to 6 bits in one or two planes, and block formats of ggml, x int8 or bf16 activations.
#include "groups.hpp"
#include "rows.hpp"

namespace bench {
namespace {

template <class S, class A = octavo::schemes::a8, class X = float>
void add(char const* schemes) {
  add_matmul<octavo::avx512vnni, S, A, X>(schemes, all_tokens);
}

}  // namespace

void add_plane_rows() {
  using namespace octavo::schemes;
  using octavo::as_is;
  using octavo::bf16;
  add<ternary_g<64>>("ternary_g64.a8");
  add<w3_g<64>>("w3_g64.a8");
  add<w5_g<32>>("w5_g32.a8");
  add<w6_g<64>>("w6_g64.a8");
  add<mxfp6>("mxfp6_e2m3.a8");
  add<q4_k>("q4_K.a8");
  add<q6_k>("q6_K.a8");
  add<nvfp4>("nvfp4.a8");
  add<mxfp6, as_is, bf16>("mxfp6_e2m3.bf16");
  add<mxfp6_e3m2, as_is, bf16>("mxfp6_e3m2.bf16");
}

}  // namespace bench
