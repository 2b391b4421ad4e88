// SPDX-License-Identifier: MIT
#include "octavo/kernel/cache_encoder.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstring>
#include <vector>

using namespace octavo;

namespace {

template <class A, class Q>
void check(std::vector<float> const& x) {
  std::vector<code> expected(x.size());
  std::vector<code> got(x.size());
  auto const n = static_cast<octavo::index>(x.size());
  auto const p = detail::plain_encoder::encode<Q>(x.data(), n, expected.data());
  auto const q = kernel::vector_encoder<A>::template encode<Q>(x.data(), n, got.data());
  INFO(arch_name<A> << ", " << n << " numbers");
  CHECK(test::same_bits(Q::scale(p), Q::scale(q)));
  if (Q::scale(p) == Q::scale(p)) { CHECK(expected == got); }  // of NaN codes do not matter
  if constexpr (has_zero_point<Q>) { CHECK(Q::zero(p) == Q::zero(q)); }
}

}  // namespace

TEST_CASE("vector_encoder gives the codes and parameters of the quantizer") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const n : {0, 1, 15, 16, 17, 64, 100}) {
      auto x = test::values(n, static_cast<std::uint64_t>(n));
      for (int round = 0; round < 3; ++round) {
        check<A, symmetric<octavo::int8, scale_as<f16>>>(x);
        check<A, symmetric<int4>>(x);
        check<A, affine<uint4, scale_as<f16>>>(x);
        check<A, affine<octavo::uint8>>(x);
        check<A, affine_min<uint2, scale_as<f16>>>(x);  // by the quantizer
        if (n == 0) { break; }
        x.back() = round == 0 ? 1e30f : std::nanf("");
      }
    }
  });
}

TEST_CASE("vector_encoder loads elements as floats") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    std::vector<f16> from;
    for (float const v : test::values(35, 2)) { from.push_back(f16(v)); }
    std::vector<float> to(35);
    kernel::vector_encoder<A>::load(from.data(), 35, to.data());
    for (std::size_t i = 0; i < 35; ++i) { CHECK(to[i] == static_cast<float>(from[i])); }
  });
}
