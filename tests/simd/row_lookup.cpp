// SPDX-License-Identifier: MIT
#include "octavo/simd/row_lookup.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstddef>
#include <cstdint>

using namespace octavo;

namespace {

/// Values of all codes in all places, from tables of any bits, NaN included, that differ from the tables.
template <class A, int B>
int wrong_values() {
  constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
  constexpr std::size_t size = std::size_t{1} << B;
  test::random next(61 + B);
  std::uint32_t table[size][L];
  simd::floats<A> values[size];
  for (std::size_t c = 0; c < size; ++c) {
    for (auto& v : table[c]) {
      v = 0;
      for (int i = 0; i < 4; ++i) { v = v << 8 | next.byte(); }
    }
    values[c] = simd::as_floats<A>(simd::load_ints<A>(table[c]));
  }
  simd::row_lookup<A, B> const lookup(values);
  int wrong = 0;
  for (std::size_t first = 0; first < 256; ++first) {
    std::uint8_t codes[4 * L];
    for (std::size_t i = 0; i < 4 * L; ++i) { codes[i] = static_cast<std::uint8_t>(first + i * 5); }
    simd::floats<A> one[4];
    simd::floats<A> two[8];
    lookup(simd::load_ints<A>(codes), one);
    simd::ints<A> const both[] = {simd::load_ints<A>(codes) + simd::ints<A>(0x03020100), simd::load_ints<A>(codes)};
    lookup.template look_up<2>(both, two);
    std::uint8_t others[4 * L];
    both[0].store_unaligned(reinterpret_cast<std::int32_t*>(others));
    auto const count = [&](simd::floats<A> const& found, std::uint8_t const* places, std::size_t j) {
      std::int32_t bits[L];
      simd::as_ints<A>(found).store_unaligned(bits);
      for (std::size_t i = 0; i < L; ++i) {
        wrong += static_cast<std::uint32_t>(bits[i]) == table[places[4 * i + j] % size][i] ? 0 : 1;
      }
    };
    for (std::size_t j = 0; j < 4; ++j) {
      count(one[j], codes, j);
      count(two[j], others, j);
      count(two[4 + j], codes, j);
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("every lane finds its codes in a table of its own") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_values<A, 2>() == 0);
    CHECK(wrong_values<A, 3>() == 0);
    CHECK(wrong_values<A, 4>() == 0);
    CHECK(wrong_values<A, 5>() == 0);
  });
}
