// SPDX-License-Identifier: MIT
#include "octavo/simd/bit_string.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

namespace {

/// Random numbers, some with bits above the N that count where A cuts them, against shifts of one lane after the other.
/// Behind each run of `Run` numbers is a gap as wide as them, if there is one.
template <class A, int N, int Run>
int wrong_words() {
  constexpr int L = simd::lanes<A>;
  constexpr int numbers = Run == 0 ? 32 / N : 16 / N;
  test::random next(61);
  int wrong = 0;
  for (int round = 0; round < 50; ++round) {
    std::uint32_t expected[16] = {};
    simd::bit_string<A> s;
    detail::unroll<numbers>([&](auto i) {
      constexpr int at = i() * N + (Run == 0 ? 0 : i() / Run * Run * N);
      std::int32_t x[16];
      for (int lane = 0; lane < L; ++lane) {
        auto const bits = next.bits();
        auto const number = bits & ((1u << N) - 1);
        x[lane] = static_cast<std::int32_t>(simd::cuts_numbers<A> ? bits : number);
        expected[lane] |= number << at;
      }
      s.template put<at, N>(simd::load_ints<A>(x));
      if constexpr (Run != 0 && (i() + 1) % (Run == 0 ? 1 : Run) == 0) { s.template skip<Run * N>(); }
    });
    std::int32_t words[16];
    s.word().store_unaligned(words);
    for (int lane = 0; lane < L; ++lane) {
      wrong += static_cast<std::uint32_t>(words[lane]) == expected[lane] ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("numbers of 1 to 8 bits, one after the other, are the bits of a word") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_words<A, 8, 0>() == 0);
    CHECK(wrong_words<A, 4, 0>() == 0);
    CHECK(wrong_words<A, 2, 0>() == 0);
    CHECK(wrong_words<A, 1, 0>() == 0);
    CHECK(wrong_words<A, 1, 4>() == 0);
    CHECK(wrong_words<A, 2, 2>() == 0);
  });
}

TEST_CASE("signed numbers add up where bits are not cut, and lose their sign where they are") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    simd::bit_string<A> s;
    s.template put<0, 8>(simd::ints<A>(-1));
    s.template put<8, 8>(simd::ints<A>(-2));
    s.template put<16, 8>(simd::ints<A>(3));
    s.template put<24, 8>(simd::ints<A>(-128));
    std::int32_t words[16];
    s.word().store_unaligned(words);
    std::uint32_t const sum = 0u - 1u - (2u << 8) + (3u << 16) - (128u << 24);
    std::uint32_t const cut = 0xffu | 0xfeu << 8 | 3u << 16 | 0x80u << 24;
    CHECK(static_cast<std::uint32_t>(words[0]) == (simd::cuts_numbers<A> ? cut : sum));
  });
}
