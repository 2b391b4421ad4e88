// expect: Octavo: the granularity of a cache is per_token, per_token_group<G> or, for keys
#include "octavo/octavo.hpp"

int main() {
#ifdef OCTAVO_COMPILES
  octavo::kv_cache<octavo::schemes::k8, octavo::f16> cache({.head_dim = 8, .capacity = 8});
#else
  octavo::kv_cache<octavo::schemes::w8, octavo::f16> cache({.head_dim = 8, .capacity = 8});
#endif
}
