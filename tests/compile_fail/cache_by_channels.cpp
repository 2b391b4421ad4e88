// expect: Octavo: per_channel_group<G> is for the keys of a cache
#include "octavo/octavo.hpp"

using by_channel =
    octavo::scheme<octavo::affine_min<octavo::uint2, octavo::scale_as<octavo::f16>>, octavo::per_channel_group<32>>;

int main() {
#ifdef OCTAVO_COMPILES
  octavo::kv_cache<octavo::schemes::k4, octavo::schemes::v4> cache({.head_dim = 8, .capacity = 8});
#else
  octavo::kv_cache<octavo::schemes::k4, by_channel> cache({.head_dim = 8, .capacity = 8});
#endif
}
