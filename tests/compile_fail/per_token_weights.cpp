// expect: Octavo: per_token is for operands that arrive as float. A stored matrix has per_row, per_tensor, per_column
// or per_group<G>.
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/quantized_matrix.hpp"

using namespace octavo;

int main() {
#ifdef OCTAVO_COMPILES
  quantized_matrix<scheme<symmetric<int8>, per_row>> const w(4, 4);
#else
  quantized_matrix<scheme<symmetric<int8>, per_token>> const w(4, 4);
#endif
  return static_cast<int>(w.rows());
}
