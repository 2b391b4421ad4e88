// expect: Octavo: smooth_keys and key_shift are for keys that are elements: those of a cache are as stored.
#include "octavo/octavo.hpp"

int main() {
  using namespace octavo;
  using cache_type = kv_cache<schemes::k8, schemes::v8>;
  cache_type const cache({.head_dim = 8, .capacity = 8});
  cache_type const* const caches[] = {&cache};
  cache_batch const batch(caches, 1);
  float x[8] = {};
  heads_view<float const> const q(x, 8, 1, 1, 8, 8);
  float y[8];
  heads_view<float> const out(y, 8, 1, 1, 8, 8);
#ifdef OCTAVO_COMPILES
  attention<schemes::q8>(q, batch.keys(), batch.values(), out, on<scalar>());
#else
  attention<schemes::q8>(q, batch.keys(), batch.values(), out, smooth_keys{}, on<scalar>());
#endif
}
