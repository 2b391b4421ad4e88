// SPDX-License-Identifier: MIT
#include "octavo/kernel/columns_as_rows.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("lanes that are rows become runs of columns, of any number of rows and columns, and no others") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr octavo::index stride = 64;
    std::vector<float> from(50 * stride);
    for (std::size_t i = 0; i < from.size(); ++i) { from[i] = static_cast<float>(i); }
    int wrong = 0;
    for (octavo::index rows = 1; rows <= simd::lanes<A>; ++rows) {
      for (octavo::index n = 0; n <= 50; n += 1 + n % 3) {
        std::vector<float> to(static_cast<std::size_t>(rows * 50), -1.0f);
        kernel::columns_as_rows<A, stride>(from.data(), rows, n,
                                           [&](octavo::index i, octavo::index k, auto x, octavo::index there) {
                                             simd::store_first<A>(to.data() + i * 50 + k, x, there);
                                           });
        for (octavo::index i = 0; i < rows; ++i) {
          for (octavo::index k = 0; k < 50; ++k) {
            float const expected = k < n ? static_cast<float>(k * stride + i) : -1.0f;
            wrong += to[static_cast<std::size_t>(i * 50 + k)] == expected ? 0 : 1;
          }
        }
      }
    }
    CHECK(wrong == 0);
  });
}
