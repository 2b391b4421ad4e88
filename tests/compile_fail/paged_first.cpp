// expect: Octavo: paged_blocks saves blocks, and tokens that are first_in_float lie beside them: cache_bytes saves
// both.
#include "octavo/io/paged_blocks.hpp"
#include "octavo/quant/schemes.hpp"

using namespace octavo;

#ifdef OCTAVO_COMPILES
using keys = schemes::k4;
#else
using keys = first_in_float<schemes::k4, 1>;
#endif

bool save(io::paged_blocks<io::lru_pages>& memory,
          kv_cache<keys, schemes::v4, io::paged_blocks<io::lru_pages>>& cache) {
  std::string error;
  return memory.save(cache, error);
}
