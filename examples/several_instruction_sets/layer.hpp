// SPDX-License-Identifier: MIT
// What the rest of the program sees of a layer: types without any instruction set, and a functor to dispatch.
#pragma once

#include <octavo/octavo.hpp>

using packed_weights = octavo::quantized_matrix<octavo::schemes::w8>;

/// y = W x with int8 activations, on the instruction set A.
struct layer {
  template <class A>
  void operator()(A, packed_weights const& w, octavo::tokens_view<float const> x, octavo::tokens_view<float> y) const;
};
