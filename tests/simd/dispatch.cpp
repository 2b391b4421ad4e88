// SPDX-License-Identifier: MIT
#include "octavo/simd/dispatch.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <string>
#include <string_view>
#include <type_traits>

using namespace octavo;

namespace {

/// Which instruction set it was called with, and what with.
struct named {
  template <class A>
  std::string operator()(A, int const& x, int& out) const {
    out = x + 1;
    return arch_name<A>;
  }
};

/// Never on this machine: of the other processor family.
using foreign = std::conditional_t<arch_compiled<neon64>, sse42, neon64>;

}  // namespace

TEST_CASE("dispatch takes the first instruction set that this CPU has") {
  int out = 0;
  CHECK(dispatch<arch_list<scalar>>(named{})(1, out) == "scalar");
  CHECK(out == 2);
  CHECK(dispatch<arch_list<foreign, scalar>>(named{})(4, out) == "scalar");
  CHECK(out == 5);
  CHECK(std::string_view(dispatched_name<arch_list<foreign, scalar>>()) == "scalar");
  auto const best = dispatch<arch_list<avx512vnni, avx512bw, avx2, neon64, scalar>>(named{})(1, out);
  CHECK(best == (cpu_has<avx512vnni>() ? "avx512vnni"
                 : cpu_has<avx512bw>() ? "avx512bw"
                 : cpu_has<avx2>()     ? "avx2"
                 : cpu_has<neon64>()   ? "neon64"
                                       : "scalar"));
}

TEST_CASE("dispatch says which instruction sets this CPU lacks, and what to do") {
  int out = 0;
  auto const text = test::error_of([&] { dispatch<arch_list<foreign>>(named{})(1, out); });
  std::string expected = "dispatch: this CPU runs none of ";
  expected += arch_name<foreign>;
  expected += ". Compile for octavo::scalar as well, and put it last in the arch_list.";
  CHECK(text == expected);
  CHECK(out == 0);
  CHECK(std::string_view(dispatched_name<arch_list<foreign>>()) == "none");
}
