// SPDX-License-Identifier: MIT
#include "octavo/kernel/activate.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

namespace {
struct plus_one {
  template <class A>
  static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return x + simd::floats<A>(1.0f);
  }
};
}  // namespace

TEST_CASE("rows of activations and gates apply the function to each feature") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const n : {0, 1, 15, 65}) {
      auto const x = test::values(n, 1);
      auto const u = test::values(n, 2);
      std::vector<float> y(x.size() + 1, -7.0f);
      std::vector<float> z(x.size() + 1, -7.0f);
      kernel::activate<A, plus_one>(x.data(), n, kernel::float_row<A, float>{y.data()});
      kernel::gated<A, plus_one>(x.data(), u.data(), n, kernel::float_row<A, float>{z.data()});
      for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(y[i] == x[i] + 1.0f);
        CHECK(z[i] == (x[i] + 1.0f) * u[i]);
      }
      CHECK(y.back() == -7.0f);
      CHECK(z.back() == -7.0f);
    }
  });
}
