// SPDX-License-Identifier: MIT
// Weights x int8 activations.
#include "groups.hpp"
#include "rows.hpp"

namespace bench {
namespace {

template <class S, class A = octavo::schemes::a8>
void add(char const* schemes) {
  add_matmul<octavo::avx512vnni, S, A>(schemes, all_tokens);
}

}  // namespace

void add_integer_rows() {
  using namespace octavo::schemes;
  add<w8>("w8.a8");
  add<w8, a8_affine>("w8.a8z");
  add<w4>("w4.a8");
  add<w4_g128>("w4_g128.a8");
  add<w4_g32>("w4_g32.a8");
  add<w4_min_g<32>>("q4_1.a8");
  add<w2_g64>("w2_g64.a8");
  add<mxfp4>("mxfp4.a8");
}

}  // namespace bench
