// SPDX-License-Identifier: MIT
#include "octavo/kernel/unpack.hpp"

#include "octavo/core/buffer.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

using namespace octavo;

namespace {

/// More than 16 MiB of floats, of both orders.
template <class S>
void check_large() {
  constexpr octavo::index rows = 65;
  constexpr octavo::index cols = 68000;
  auto const q = quantize<S>(test::matrix<float>(rows, cols, 161));
  constexpr octavo::index stride = 80;
  aligned_buffer out(cols * stride * 4);
  auto* const to = reinterpret_cast<float*>(out.data());
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (bool const by_rows : {false, true}) {
      kernel::unpacker<A, S, float> const unpack(q.view(), to, by_rows ? cols : 1, by_rows ? 1 : stride);
      unpack.panels(0, 1);
      unpack.panels(1, 2);
      int wrong = 0;
      for (octavo::index c = 0; c < cols; c += 61) {
        for (octavo::index r = 0; r < rows; ++r) {
          wrong += test::same_bits(by_rows ? to[r * cols + c] : to[r + c * stride], q.view()(r, c)) ? 0 : 1;
        }
      }
      CHECK(wrong == 0);
    }
  });
}

}  // namespace

TEST_CASE("matrices beyond the caches are stored past them, either order, and whole") {
  check_large<schemes::w4_g<32>>();
  check_large<scheme<symmetric<int4>, per_group<20>>>();  // groups do not begin at lines
}
