// expect: Octavo: per_column scales of weights are folded into tokens before those are quantized. Pass the tokens as
// floats.
#include "octavo/octavo.hpp"

void f(octavo::quantized_tokens<octavo::schemes::a8> const& x, octavo::tokens_view<float> y) {
  using columns = octavo::scheme<octavo::symmetric<octavo::int8>, octavo::per_column>;
#ifdef OCTAVO_COMPILES
  octavo::matmul(octavo::quantized_matrix<octavo::schemes::w8>(3, 4), x, y);
#else
  octavo::matmul(octavo::quantized_matrix<columns>(3, 4), x, y);
#endif
}
