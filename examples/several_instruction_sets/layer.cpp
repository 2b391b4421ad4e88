// SPDX-License-Identifier: MIT
// Compiled once for each instruction set, with its flags; OCTAVO_ISA names it. Everything here has it in its name, so
// nothing that was compiled for a new CPU can be linked in place of what an old one runs. Keep it so: no functions of
// your own that do not depend on A, and no Eigen.
#include "layer.hpp"

template <class A>
void layer::operator()(A, packed_weights const& w, octavo::tokens_view<float const> x,
                       octavo::tokens_view<float> y) const {
  octavo::matmul<octavo::schemes::a8>(w, x, y, octavo::on<A>());
}

template void layer::operator()(OCTAVO_ISA, packed_weights const&, octavo::tokens_view<float const>,
                                octavo::tokens_view<float>) const;
