// SPDX-License-Identifier: MIT
// A few schemes on instruction sets beside the main one.
#include "groups.hpp"
#include "rows.hpp"

namespace bench {
namespace {

template <class S, class... Archs>
void add(char const* schemes, octavo::arch_list<Archs...>) {
  (add_matmul<Archs, S, octavo::schemes::a8>(schemes, {1, 8, 512}), ...);
  add_matmul<octavo::avx512amx, S, octavo::schemes::a8>(schemes, {64, 512});  // fewer are those of avx512vnni
}

}  // namespace

void add_arch_rows() {
  using namespace octavo::schemes;
  constexpr octavo::arch_list<octavo::avx512bw, octavo::avxvnni, octavo::avx2> archs;
  add<w8>("w8.a8", archs);
  add<w4_g128>("w4_g128.a8", archs);
  add<w4_g32>("w4_g32.a8", archs);
}

}  // namespace bench
