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

template <class A, int Bytes>
int wrong_interleaving() {
  constexpr auto n = 4 * static_cast<std::size_t>(simd::lanes<A>);
  std::uint8_t a[n];
  std::uint8_t b[n];
  std::uint8_t low[n];
  std::uint8_t high[n];
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = static_cast<std::uint8_t>(i);
    b[i] = static_cast<std::uint8_t>(i + 100);
  }
  auto const to = [](std::uint8_t* p) { return reinterpret_cast<std::int32_t*>(p); };
  simd::interleave_low<Bytes, A>(simd::load_ints<A>(a), simd::load_ints<A>(b)).store_unaligned(to(low));
  simd::interleave_high<Bytes, A>(simd::load_ints<A>(a), simd::load_ints<A>(b)).store_unaligned(to(high));
  int wrong = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t const from = i / 16 * 16 + i % 16 / (2 * Bytes) * Bytes + i % Bytes;
    auto const* const source = i / Bytes % 2 == 0 ? a : b;
    wrong += low[i] == source[from] && high[i] == source[from + 8] ? 0 : 1;
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

TEST_CASE("elements of two registers in turns") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_interleaving<A, 1>() == 0);
    CHECK(wrong_interleaving<A, 2>() == 0);
    CHECK(wrong_interleaving<A, 4>() == 0);
    CHECK(wrong_interleaving<A, 8>() == 0);
  });
}
