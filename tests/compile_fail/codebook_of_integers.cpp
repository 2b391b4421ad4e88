// expect: Octavo: codes of this cache are no integers
#include "octavo/octavo.hpp"

int main() {
  using namespace octavo;
  using nuq2 = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_token>;
  codebook_params<2> const book{{-1, 0, 0.5f, 1}};
  kv_cache<nuq2, nuq2> const cache({.head_dim = 8, .capacity = 8}, {.keys = book, .values = book});
  float q[8] = {};
  heads_view<float> const x(q, 8, 1, 1, 8, 8);
#ifdef OCTAVO_COMPILES
  attention(x, cache.keys(), cache.values(), x);
#else
  attention<schemes::q8, schemes::p8>(x, cache.keys(), cache.values(), x);
#endif
}
