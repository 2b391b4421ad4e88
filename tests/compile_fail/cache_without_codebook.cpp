// expect: Octavo: this cache has codebooks that are known when the program runs
#include "octavo/octavo.hpp"

int main() {
  using namespace octavo;
  using nuq2 = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_channel_group<32>>;
#ifdef OCTAVO_COMPILES
  kv_cache<nuq2, schemes::v2> cache({.head_dim = 8, .capacity = 8}, {.keys = codebook_params<2>{{-1, 0, 0.5f, 1}}});
#else
  kv_cache<nuq2, schemes::v2> cache({.head_dim = 8, .capacity = 8});
#endif
}
