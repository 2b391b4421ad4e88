// SPDX-License-Identifier: MIT
#include "octavo/simd/avx512.hpp"

#include "octavo/simd/lanes_of_16.hpp"

#include "support/check_native.hpp"
#include "support/random.hpp"

using namespace octavo;

namespace {

template <class A>
void check_fold() {
  auto const x = test::values(256, 5);
  simd::floats<A> r[16];
  simd::ints<A> i[16];
  for (int j = 0; j < 16; ++j) {
    r[j] = simd::load_floats<A>(x.data() + 16 * j);
    i[j] = simd::as_ints<A>(r[j]);
  }
  float sums[16];
  std::uint32_t most[16];
  simd::native_of<A>::fold(r, simd::sum_of()).store_unaligned(sums);
  auto const larger = [](auto a, auto b) { return simd::native_of<A>::maximum_unsigned(a, b); };
  auto const folded = simd::native_of<A>::fold(i, larger);
  folded.store_unaligned(reinterpret_cast<std::int32_t*>(most));
  std::uint32_t of_all = 0;
  for (int j = 0; j < 16; ++j) {
    CHECK(sums[j] == simd::load16<A>(x.data() + 16 * j).reduce(simd::sum_of()));
    std::uint32_t expected = 0;
    for (int k = 0; k < 16; ++k) {
      auto const bits = __builtin_bit_cast(std::uint32_t, x[static_cast<std::size_t>(16 * j + k)]);
      expected = bits > expected ? bits : expected;
    }
    CHECK(most[j] == expected);
    of_all = expected > of_all ? expected : of_all;
  }
  CHECK(simd::native_of<A>::reaches(folded, of_all));
  CHECK_FALSE(simd::native_of<A>::reaches(folded, of_all + 1));
}

}  // namespace

TEST_CASE("AVX-512: stores and lookups") { test::check_native<octavo::avx512bw>(); }

TEST_CASE("AVX-512: fold gives one lane for each of 16 registers, in the order of lanes_of_16") {
  test::if_arch<octavo::avx512bw>([](auto arch) { check_fold<typename decltype(arch)::type>(); });
}
