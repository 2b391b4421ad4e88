// expect: Octavo: keys and values come from one cache_batch, or neither does
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
  attention(q, batch.keys(), batch.values(), out, on<scalar>());
#else
  attention(q, batch.keys(), cache.values(), out, on<scalar>());
#endif
}
