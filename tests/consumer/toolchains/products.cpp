// SPDX-License-Identifier: MIT
// Compiled once for each instruction set.
#include "products.hpp"

template <class A>
void products::operator()(A, octavo::matrix_view<float> weights, octavo::tokens_view<float const> x,
                          octavo::tokens_view<float> y, octavo::tokens_view<float> z) const {
  using namespace octavo::schemes;
  threads pool;
  auto const here = octavo::on<A>(pool);
  octavo::matmul<a8>(octavo::quantize<w4_g32>(weights, here), x, y, here);
  octavo::matmul<a8>(octavo::quantize<fp8>(weights, here), x, z, here);
}

template void products::operator()(OCTAVO_ISA, octavo::matrix_view<float>, octavo::tokens_view<float const>,
                                   octavo::tokens_view<float>, octavo::tokens_view<float>) const;
