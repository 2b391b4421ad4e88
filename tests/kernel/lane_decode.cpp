// SPDX-License-Identifier: MIT
#include "octavo/kernel/lane_decode.hpp"

#include "octavo/quant/symmetric.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstddef>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Values of all codes that are not those of decode, of rows that take turns with the params. Counts the registers that
/// vectors do not take.
template <class A, class Q>
int wrong_values(std::vector<typename Q::params> const& params, int& refused) {
  constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
  using decoder = kernel::lane_decoder<A, Q>;
  refused = 0;
  int wrong = 0;
  if constexpr (decoder::there) {
    for (std::size_t first = 0; first < params.size(); ++first) {
      typename Q::params rows[L];
      for (std::size_t i = 0; i < L; ++i) { rows[i] = params[(first + i) % params.size()]; }
      decoder const decode(reinterpret_cast<std::byte const*>(rows));
      if (!decode.exact()) {
        ++refused;
        continue;
      }
      for (int c = 0; c < 1 << Q::format::bits; ++c) {
        float values[L];
        decode(simd::ints<A>(c)).store_unaligned(values);
        for (std::size_t i = 0; i < L; ++i) {
          wrong += test::same_bits(values[i], Q::decode(static_cast<code>(c), rows[i])) ? 0 : 1;
        }
      }
    }
  }
  return wrong;
}

std::vector<float> some_scales() {
  return {1.0f, 0.3f, 0.0f, -0.7f, 1e-38f, 3e38f, 0x1p-149f, infinity, not_a_number};
}

/// Scales and integers, all pairs.
template <class Q>
std::vector<typename Q::params> pairs(int lowest, int highest) {
  std::vector<typename Q::params> all;
  for (float const scale : some_scales()) {
    for (int i = lowest; i <= highest; ++i) { all.push_back({scale, i}); }
  }
  return all;
}

template <class Q>
void check_twins() {
  auto const params = pairs<Q>(-2, 33);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    int refused = 0;
    CHECK(wrong_values<A, Q>(params, refused) == 0);
    CHECK(refused == 0);
  });
}

template <class Q>
void check_logs(int exact_to) {
  auto const low = pairs<Q>(Q::lowest_base - 2, exact_to);
  auto const all = pairs<Q>(Q::lowest_base, Q::highest_base + 2);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    int refused = 0;
    CHECK(wrong_values<A, Q>(low, refused) == 0);
    CHECK(refused == 0);
    CHECK(wrong_values<A, Q>(all, refused) == 0);
    CHECK((refused > 0) == (exact_to < Q::highest_base));
  });
}

}  // namespace

TEST_CASE("twin ranges have the bits of decode for every shift") {
  check_twins<twin_uniform<3>>();
  check_twins<twin_uniform<4>>();
  check_twins<twin_uniform<5>>();
  check_twins<twin_uniform<6>>();
  check_twins<twin_uniform<7>>();
  check_twins<twin_uniform<8>>();
  check_twins<twin_uniform<4, gelu_outputs>>();
  check_twins<twin_uniform<8, gelu_outputs>>();
}

TEST_CASE("logarithms of any base have the bits of decode where all levels are normal numbers") {
  check_logs<adalog<3>>(137);
  check_logs<adalog<4>>(137);
  check_logs<adalog<5>>(137);
  check_logs<adalog<6>>(73);
  check_logs<adalog<4, log_zero::last>>(137);
  check_logs<adalog<5, log_zero::extra, gelu_outputs>>(137);
  check_logs<adalog<6, log_zero::extra>>(73);
  check_logs<adalog<6, log_zero::last, gelu_outputs>>(74);
}

TEST_CASE("shifted logarithms have the bits of decode or are refused") {
  test::random next(83);
  std::vector<sulq_params> plain;
  for (int i = 0; i < 300; ++i) {
    float const low = 1e-3f * static_cast<float>(next.byte()) / 255.0f;
    float const high = low + static_cast<float>(next.byte() + 1) / 256.0f;
    plain.push_back(sulq<8>::from_range(low, high, sulq<8>::etas[i % 14]));
  }
  std::vector<sulq_params> odd;
  for (float const step : {0.5f, 0.1f, 0x1.000002p-1f, 8.0f, 0.0f, -1.0f, infinity, not_a_number}) {
    for (int const zero : {0, 15, -3, 0x7fffff, -0x7fffffff - 1}) { odd.push_back({0.01f, step, zero}); }
  }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    int refused = 0;
    CHECK(wrong_values<A, sulq<8>>(plain, refused) == 0);
    CHECK(refused == 0);
    CHECK(wrong_values<A, sulq<6>>(odd, refused) == 0);
    CHECK((refused > 0) == kernel::lane_decoder<A, sulq<6>>::there);
    for (auto const& p : odd) { CHECK(wrong_values<A, sulq<8>>({p}, refused) == 0); }
  });
}

TEST_CASE("other quantizers have no values by vectors") {
  CHECK_FALSE(kernel::lane_decoder<scalar, symmetric<int8>>::there);
}
