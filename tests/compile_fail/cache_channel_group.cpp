// expect: Octavo: groups of a cache by per_channel_group<G> lie within pages of 64 tokens
#include "octavo/octavo.hpp"

template <int G>
using by_channel =
    octavo::scheme<octavo::affine_min<octavo::uint2, octavo::scale_as<octavo::f16>>, octavo::per_channel_group<G>>;

int main() {
#ifdef OCTAVO_COMPILES
  octavo::kv_cache<by_channel<64>, octavo::schemes::v4> cache({.head_dim = 8, .capacity = 8});
#else
  octavo::kv_cache<by_channel<128>, octavo::schemes::v4> cache({.head_dim = 8, .capacity = 8});
#endif
}
