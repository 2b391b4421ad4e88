// expect: Octavo: this cache keeps its elements as they are. Leave out the template argument, or store by a scheme.
#include "octavo/octavo.hpp"

int main() {
  octavo::kv_cache<octavo::f16, octavo::f16> cache({.head_dim = 8, .capacity = 8});
  float q[8] = {};
  octavo::heads_view<float> const x(q, 8, 1, 1, 8, 8);
#ifdef OCTAVO_COMPILES
  octavo::attention(x, cache.keys(), cache.values(), x);
#else
  octavo::attention<octavo::schemes::q8>(x, cache.keys(), cache.values(), x);
#endif
}
