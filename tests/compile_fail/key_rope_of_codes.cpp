// expect: Octavo: key_rope is for the keys of a cache, which become f32
#include "octavo/octavo.hpp"

int main() {
  using namespace octavo;
  kv_cache<schemes::k2, schemes::v2> cache({.head_dim = 8, .capacity = 8});
  rope_table const table(8, 8);
  float x[8] = {};
  heads_view<float const> const q(x, 8, 1, 1, 8, 8);
  float y[8];
  heads_view<float> const out(y, 8, 1, 1, 8, 8);
#ifdef OCTAVO_COMPILES
  attention(q, cache.keys(), cache.values(), out, key_rope{table}, on<scalar>());
#else
  attention<schemes::q8>(q, cache.keys(), cache.values(), out, key_rope{table}, on<scalar>());
#endif
}
