// SPDX-License-Identifier: MIT
#include "octavo/kernel/row_tables.hpp"

#include "octavo/quant/adalog.hpp"
#include "octavo/quant/codebook.hpp"
#include "octavo/quant/scheme.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/user_quantizer.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace octavo;

namespace {

/// Values of rows with these params that are not those of decode. Rows take turns with the params.
template <class A, class Q>
int wrong_values(std::vector<typename Q::params> const& params) {
  using layout = panel_layout<scheme<Q, per_row>>;
  constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
  int wrong = 0;
  for (std::size_t first = 0; first < params.size(); ++first) {
    typename Q::params rows[L];
    for (std::size_t i = 0; i < L; ++i) { rows[i] = params[(first + i) % params.size()]; }
    kernel::row_values<A, layout> const found(reinterpret_cast<std::byte const*>(rows));
    for (std::size_t c = 0; c < std::size_t{1} << Q::format::bits; ++c) {
      float values[L];
      found.values[c].store_unaligned(values);
      auto const decoded = static_cast<code>(c ^ static_cast<std::size_t>(layout::flip));
      for (std::size_t i = 0; i < L; ++i) {
        wrong += test::same_bits(values[i], Q::decode(decoded, rows[i])) ? 0 : 1;
      }
    }
  }
  return wrong;
}

template <int B>
std::vector<codebook_params<B>> some_codebooks() {
  test::random next(71 + B);
  std::vector<codebook_params<B>> all(7);
  for (auto& p : all) {
    for (auto& v : p.values) { v = next.value(); }
  }
  return all;
}

/// Ranges, then what no range gives: exponents at both ends and beyond, ties, params as a file may have them.
std::vector<sulq_params> some_logs() {
  test::random next(79);
  std::vector<sulq_params> all;
  for (int i = 0; i < 200; ++i) {
    float const low = 1e-3f * static_cast<float>(next.byte()) / 255.0f;
    float const high = low + static_cast<float>(next.byte() + 1) / 256.0f;
    all.push_back(sulq<4>::from_range(low, high, sulq<4>::etas[i % 14]));
  }
  for (float const step : {0.5f, 0.25f, 0.1f, 1.5f, 0x1.000002p-1f, 0x1.fffffep-2f, 8.45f, 8.0f, 9.0f, 20.0f}) {
    for (int const zero : {0, 1, 7, 15, -3, 100}) { all.push_back({0.01f, step, zero}); }
  }
  for (int const zero : {-1200000, -1000, 40, 0x7fffff, 0x800000, -0x7fffffff - 1, 0x7fffffff}) {
    for (float const step : {0x1p-20f, 1e-4f, 0.1f, 1.0f, 0.0f, -1.0f, __builtin_inff(), __builtin_nanf("")}) {
      all.push_back({0.01f, step, zero});
    }
  }
  all.push_back({__builtin_nanf(""), 1.0f, 0});
  return all;
}

/// The same in runs of 16 that have no exception among them.
std::vector<sulq_params> plain_logs() {
  auto all = some_logs();
  all.resize(208);
  return all;
}

}  // namespace

TEST_CASE("tables as they are stored") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_values<A, codebook<2>>(some_codebooks<2>()) == 0);
    CHECK(wrong_values<A, codebook<3>>(some_codebooks<3>()) == 0);
    CHECK(wrong_values<A, codebook<4>>(some_codebooks<4>()) == 0);
    CHECK(wrong_values<A, codebook<5>>(some_codebooks<5>()) == 0);
  });
}

TEST_CASE("values of shifted logarithms have the bits of decode") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_values<A, sulq<4>>(plain_logs()) == 0);
    CHECK(wrong_values<A, sulq<4>>(some_logs()) == 0);
    CHECK(wrong_values<A, sulq<3>>(some_logs()) == 0);
    CHECK(wrong_values<A, sulq<5>>(some_logs()) == 0);
    for (auto const& p : some_logs()) { CHECK(wrong_values<A, sulq<4>>({p}) == 0); }
  });
}

TEST_CASE("any quantizer is asked for the values of a row, once if the row before has its params") {
  std::vector<adalog_params> const logs = {{1.0f, 37}, {1.0f, 37}, {0.3f, 74}, {2.0f, 11}, {2.0f, 11}};
  std::vector<test::powers_of_two::params> powers(5);
  for (std::size_t i = 0; i < powers.size(); ++i) {
    float const xs[] = {0.1f, static_cast<float>(i + 1)};
    powers[i] = test::powers_of_two::calibrate({xs, 2});
  }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_values<A, adalog<4>>(logs) == 0);
    CHECK(wrong_values<A, test::powers_of_two>(powers) == 0);
  });
}
