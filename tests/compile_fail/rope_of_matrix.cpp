// expect: Octavo: rope takes a heads_view: octavo::as_heads(matrix, heads) makes one of heads x head_dim features.
#include "octavo/octavo.hpp"

void f(octavo::tokens_view<float> x, octavo::rope_table const& table) {
#ifdef OCTAVO_COMPILES
  octavo::rope(octavo::as_heads(x, 4), 0, table);
#else
  octavo::rope(x, 0, table);
#endif
}
