// SPDX-License-Identifier: MIT
// Sums of bytes on the matrix unit, or by tiles, against sums one by one.
#include "octavo/kernel/byte_products.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/byte_sums.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace octavo;

namespace {

template <class A, int T, bool Swapped>
int wrong_sums(octavo::index quads) {
  kernel::product_session<A> session;
  return test::wrong_byte_sums<T, Swapped>(
      quads, [&](std::byte const* panel, octavo::index n, std::uint8_t const* x, octavo::index stride,
                 std::int32_t const* start, std::int32_t* out) {
        for (int round = 0; round < 2; ++round) {  // the second finds what the first has configured
          kernel::byte_products<A, T, Swapped>(n % 16 == 0 ? &session : nullptr, panel, n, x, stride, start, out);
        }
      });
}

/// Scores of T tokens and 64 rows against sums times scales, and what they leave as the largest of each lane.
template <class A, int T>
int wrong_scores(octavo::index quads) {
  constexpr int L = simd::lanes<A>;
  test::random next(3);
  std::vector<std::byte> panel(static_cast<std::size_t>(256 * quads));
  for (std::byte& b : panel) { b = static_cast<std::byte>(next.byte()); }
  std::vector<std::int8_t> x(static_cast<std::size_t>(T * 4 * quads));
  for (std::int8_t& e : x) { e = static_cast<std::int8_t>(next.byte() - 128); }
  float scales[64];
  for (float& s : scales) { s = std::abs(next.value()); }
  scales[37] = __builtin_nanf("");
  std::int32_t start[static_cast<std::size_t>(T)];
  for (std::int32_t& s : start) { s = static_cast<std::int32_t>(next.below(2000)) - 1000; }
  std::vector<std::int32_t> sums(T * 64);
  kernel::byte_products<A, T, false>(nullptr, panel.data(), quads, x.data(), 4 * quads, start, sums.data());
  std::vector<float> largest(static_cast<std::size_t>(T * L));
  for (float& l : largest) { l = 3e4f * next.value(); }
  std::vector<float> expected = largest;
  kernel::product_session<A> session;
  std::vector<std::int32_t> out(T * 64);
  kernel::byte_products<A, T, false>(&session, panel.data(), quads, x.data(), 4 * quads, start, out.data(), false,
                                     kernel::as_scores<A>{{scales}, largest.data()});
  int wrong = 0;
  for (std::size_t i = 0; i < T * 64; ++i) {
    float const score = std::fma(static_cast<float>(sums[i]), scales[i % 64], 0.0f);
    wrong += test::same_bits(std::bit_cast<float>(out[i]), score) ? 0 : 1;
    float& most = expected[i / 64 * static_cast<std::size_t>(L) + i % static_cast<std::size_t>(L)];
    most = score > most ? score : most;
  }
  wrong += largest == expected ? 0 : 1;
  float bias[2 * 80];
  for (float& b : bias) { b = 100 * next.value(); }
  float units[static_cast<std::size_t>(T)];
  std::int32_t heads[static_cast<std::size_t>(T)];
  for (std::size_t t = 0; t < T; ++t) {
    units[t] = next.value();
    heads[t] = static_cast<std::int32_t>(t % 2);
  }
  std::vector<std::int32_t> biased(T * 64);
  kernel::as_scores<A> const scores{{scales}, largest.data()};
  kernel::byte_products<A, T, false>(&session, panel.data(), quads, x.data(), 4 * quads, start, biased.data(), false,
                                     kernel::as_biased_scores<A>{scores, bias, 80, heads, units});
  for (std::size_t i = 0; i < T * 64; ++i) {
    std::size_t const t = i / 64;
    float const score = std::fma(bias[t % 2 * 80 + i % 64], units[t], std::bit_cast<float>(out[i]));
    wrong += test::same_bits(std::bit_cast<float>(biased[i]), score) ? 0 : 1;
    float& most = expected[t * static_cast<std::size_t>(L) + i % static_cast<std::size_t>(L)];
    most = score > most ? score : most;
  }
  wrong += largest == expected ? 0 : 1;
  std::vector<std::int32_t> products(T * 64);  // in two runs
  octavo::index const half = quads / 4 * 2;
  kernel::byte_products<A, T, false>(&session, panel.data(), half, x.data(), 4 * quads, start, products.data());
  kernel::byte_products<A, T, false>(&session, panel.data() + 256 * half, quads - half, x.data() + 4 * half,
                                     4 * quads, nullptr, products.data(), true, kernel::as_products<A>{scales});
  return wrong + (products == out ? 0 : 1);
}

}  // namespace

TEST_CASE(
    "sums become scores with a bias or without and the largest of each token and lane is kept while NaN does not count") {
  auto const check = [](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_scores<A, 6>(32) == 0);
    CHECK(wrong_scores<A, 1>(64) == 0);
    if constexpr (kernel::product_tokens < A >> 6) {
      CHECK(wrong_scores<A, 16>(32) == 0);
      CHECK(wrong_scores<A, 7>(64) == 0);
    }
  };
  test::if_arch<avx512vnni>(check);
  test::if_arch<avx512amx>(check);
}

TEST_CASE("products of bytes are the exact sums, on the unit and without") {
  auto const check = [](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_sums<A, 16, false>(kernel::product_quads<A>(32)) == 0);
    CHECK(wrong_sums<A, 16, true>(kernel::product_quads<A>(128)) == 0);
    CHECK(wrong_sums<A, 7, false>(kernel::product_quads<A>(9)) == 0);
    CHECK(wrong_sums<A, 13, true>(kernel::product_quads<A>(17)) == 0);
    CHECK(wrong_sums<A, 3, true>(kernel::product_quads<A>(16)) == 0);
    CHECK(wrong_sums<A, 16, true>(0) == 0);
  };
  test::if_arch<avx512amx>(check);
}
