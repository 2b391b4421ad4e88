// expect: Octavo: these tokens are quantized by a scheme of their own. Leave out the template argument of matmul.
#include "octavo/octavo.hpp"

void f(octavo::quantized_tokens<octavo::schemes::a8> const& x, octavo::tokens_view<float> y) {
  octavo::quantized_matrix<octavo::schemes::w8> const w(3, 4);
#ifdef OCTAVO_COMPILES
  octavo::matmul<octavo::schemes::a8>(w, x, y);
#else
  octavo::matmul<octavo::schemes::a8_affine>(w, x, y);
#endif
}
