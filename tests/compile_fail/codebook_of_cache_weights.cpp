// expect: Octavo: affine_codebook<codebook<B>> is for caches, which have its table.
#include "octavo/octavo.hpp"

int main() {
  using namespace octavo;
#ifdef OCTAVO_COMPILES
  using w = scheme<affine_codebook<nf4>, per_group<32>>;
#else
  using w = scheme<affine_codebook<codebook<4>>, per_group<32>>;
#endif
  quantized_matrix<w> const packed(1, 32);
}
