// expect: Octavo: a token that comes alone has few scales, so a cache does not quantize them.
#include "octavo/octavo.hpp"

int main() {
  using namespace octavo;
#ifdef OCTAVO_COMPILES
  using k = scheme<symmetric<int8, scale_as<f16>>, per_token_group<32>>;
#else
  using k =
      scheme<symmetric<int8, scale_as<scheme<symmetric<uint6, scale_as<f16>>, per_group<8>>>>, per_token_group<32>>;
#endif
  kv_cache<k, schemes::v8> cache({.head_dim = 64, .capacity = 10});
}
