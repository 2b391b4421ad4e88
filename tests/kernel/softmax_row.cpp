// SPDX-License-Identifier: MIT
#include "octavo/kernel/softmax_row.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("softmax of powers of two is exact, whatever its length") {
  // Log2 of weights 1/2, 1/4, 1/8 ... and the last twice: they sum to 1.
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const n : {1, 2, 15, 17}) {
      std::vector<float> x;
      for (octavo::index k = 1; k <= n; ++k) { x.push_back(-static_cast<float>(k < n ? k : n - 1)); }
      std::vector<float> scratch(static_cast<std::size_t>(kernel::softmax_floats(n)));
      std::vector<float> y(x.size());
      kernel::softmax_row<A>(x.data(), n, 1.0f, scratch.data(), kernel::float_row<A, float>{y.data()});
      for (std::size_t k = 0; k < x.size(); ++k) { CHECK(y[k] == detail::power_of_two(static_cast<int>(x[k]))); }
    }
  });
  CHECK(kernel::softmax_floats(0) == 0);
  CHECK(kernel::softmax_floats(65) == 128);
}
