// SPDX-License-Identifier: MIT
// Weights of 2 to 6 bits in one or two planes x int8 or bf16 activations.
#include "groups.hpp"
#include "rows.hpp"

namespace bench {
namespace {

using namespace octavo;

template <class F, int G, class Scale = f16>
using by_groups = scheme<symmetric<F, scale_as<Scale>>, per_group<G>>;

template <class S, class A = octavo::schemes::a8, class X = float>
void add(char const* schemes) {
  add_matmul<octavo::avx512vnni, S, A, X>(schemes, all_tokens);
}

}  // namespace

void add_plane_rows() {
  add<by_groups<ternary, 64>>("ternary_g64.a8");
  add<by_groups<int3, 64>>("w3_g64.a8");
  add<by_groups<int5, 32>>("w5_g32.a8");
  add<by_groups<int6, 64>>("w6_g64.a8");
  add<by_groups<e2m3, 32, e8m0>>("mxfp6_e2m3.a8");
  add<by_groups<e2m3, 32, e8m0>, as_is, bf16>("mxfp6_e2m3.bf16");
  add<by_groups<e3m2, 32, e8m0>, as_is, bf16>("mxfp6_e3m2.bf16");
}

}  // namespace bench
