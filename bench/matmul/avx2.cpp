// SPDX-License-Identifier: MIT
// A few schemes on AVX2.
#include "groups.hpp"
#include "rows.hpp"

namespace bench {
namespace {

template <class S>
void add(char const* schemes) {
  add_matmul<octavo::avx2, S, octavo::schemes::a8>(schemes, {1, 8, 512});
}

}  // namespace

void add_avx2_rows() {
  using namespace octavo::schemes;
  add<w8>("w8.a8");
  add<w4_g128>("w4_g128.a8");
  add<w4_g32>("w4_g32.a8");
}

}  // namespace bench
