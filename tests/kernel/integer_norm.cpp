// SPDX-License-Identifier: MIT
// The integer norm of a row as loops over integers in the stated order, to the bit; its errors are measured in
// tests/ops/integer_norm.cpp.
#include "octavo/kernel/integer_norm.hpp"

#include "octavo/reference/integer_norm.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace octavo;

namespace {

/// A and both steps of b in f32, the rest in integers.
template <class Byte>
std::vector<int> plain(integer_norm<Byte> const& norm, std::vector<Byte> const& codes, int low, int high) {
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  std::vector<std::int64_t> h;
  for (std::size_t c = 0; c < codes.size(); ++c) {
    h.push_back((codes[c] - norm.zero_point()) * std::int64_t{norm.factors()[c]});
    sum += h.back();
    squares += h.back() * h.back();
  }
  auto const n = static_cast<std::int64_t>(codes.size());
  double const root = std::sqrt(static_cast<double>(n * squares - sum * sum) + norm.added());
  float const factor = root == 0 ? 0.0f : static_cast<float>(static_cast<double>(n) / root);
  float const mean = root == 0 ? 0.0f : static_cast<float>(static_cast<double>(sum) / root);
  std::vector<int> result;
  for (std::size_t c = 0; c < codes.size(); ++c) {
    float const a = norm.weights()[c] * factor;
    float const b = norm.biases()[c] - detail::opaque(mean * norm.weights()[c]);
    int const shift = a == 0 ? 23 : std::clamp(7 - std::ilogb(a), 0, 23);
    double const scaled = std::floor(std::ldexp(std::abs(static_cast<double>(a)), shift));
    auto const m = static_cast<std::int64_t>(std::min(scaled, 255.0));
    auto const bias = std::llrint(std::ldexp(std::clamp(static_cast<double>(b), -1e7, 1e7), shift));
    std::int64_t const y = reference::divide_by_power((a < 0 ? -m : m) * h[c] + bias, shift) + norm.output_zero();
    result.push_back(static_cast<int>(std::clamp(y, std::int64_t{low}, std::int64_t{high})));
  }
  return result;
}

template <class F, int K, class Out>
void check_rows(int low, int high) {
  using factors_type = power_of_two_factors<F, K>;
  using Byte = typename factors_type::code_type;
  test::random next(K);
  auto const lowest = static_cast<int>(lowest_value<F>);
  auto const count = static_cast<int>(largest_value<F>) - lowest + 1;
  for (octavo::index const n : {1, 2, 3, 15, 16, 17, 63, 64, 65, 300, 768, 1032, 1033, 4096}) {
    for (int size = 0; size < 9; ++size) {  // of weights: |A| from about 2^-30 to beyond 255
      factors_type f;
      f.tensor = {0.01f, 100.0f, lowest + static_cast<int>(next.below(count))};
      f.shift = channel_shifts(n);
      std::vector<float> weight;
      std::vector<float> bias;
      std::vector<Byte> codes;
      float const scale = detail::power_of_two(4 * size - 24);
      for (octavo::index c = 0; c < n; ++c) {
        f.shift[c] = static_cast<std::uint8_t>(next.below(K + 1));
        weight.push_back(c % 13 == 5 ? 0.0f : next.value() * scale);
        bias.push_back(c % 3 == 0 ? static_cast<float>(next.below(9)) * 0.5f : next.value() * 40.0f);
        codes.push_back(static_cast<Byte>(lowest + next.below(count)));
      }
      integer_norm const norm(f, weight, bias, {.scale = 0.5f, .zero_point = low / 2 + 3, .epsilon = 1e-9f});
      auto const expected = plain(norm, codes, low, high);
      test::for_every_arch([&](auto arch) {
        using A = typename decltype(arch)::type;
        INFO(arch_name<A> << ", " << n << " channels, size " << size);
        std::vector<Out> y(static_cast<std::size_t>(n));
        kernel::integer_layer_norm<A>(norm, codes.data(),
                                      kernel::integer_row<Out>{y.data(), low, high, norm.output_zero()});
        int wrong = 0;
        for (std::size_t c = 0; c < y.size(); ++c) { wrong += y[c] == expected[c] ? 0 : 1; }
        CHECK(wrong == 0);
      });
    }
  }
}

}  // namespace

TEST_CASE("integer norms of a row are those of integers in the stated order") {
  check_rows<uint8, 3, std::int8_t>(-128, 127);
  check_rows<int8, 3, std::uint8_t>(0, 255);
  check_rows<uint8, 6, std::int8_t>(-7, 8);
  check_rows<uint4, 7, std::uint8_t>(0, 255);
}

// h is +-8128 and C / root = 1 / 8128, so that A is weight / 8128 and b is the bias.
TEST_CASE("integer norms are those of integers at the borders of mantissas and biases") {
  power_of_two_factors<uint8, 6> f;
  f.tensor = {1.0f, 1.0f, 128};
  f.shift = channel_shifts(4);
  for (octavo::index c = 0; c < 4; ++c) { f.shift[c] = 6; }
  std::vector<std::uint8_t> const codes = {255, 1, 255, 1};
  auto const check = [&](float a, float b) {
    INFO("A " << a << ", b " << b);
    std::vector<float> const weight = {8128 * a, 8128 * a, -8128 * a, 8128 * a};
    std::vector<float> const bias = {b, -b, -b, -b};
    integer_norm const norm(f, weight, bias, {.scale = 1});
    auto const expected = plain(norm, codes, -128, 127);
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      std::int8_t y[4];
      kernel::integer_layer_norm<A>(norm, codes.data(), kernel::integer_row<std::int8_t>{y, -128, 127, 0});
      for (std::size_t c = 0; c < 4; ++c) { CHECK(y[c] == expected[c]); }
    });
  };
  for (float const a : {0x1p-25f, 0x1.234567p-18f, 0x1.0ap-17f, 0x1.fffffep-17f, 0x1p-16f, 0x1.fp-2f}) {
    double const m = std::floor(std::min(std::ldexp(static_cast<double>(a), 23), 0x1.fp6));
    double const tie = 0.5 - std::ldexp(m, -23) * 8128;  // that and less is 0
    for (double const b : {tie - 0x1p-23, tie, tie + 0x1p-23, 0.0}) { check(a, static_cast<float>(b)); }
  }
  for (float const a : {0x1.fep7f, 0x1.ffp7f, 0x1p8f, 0x1.01p8f, 0x1p20f}) {
    for (float const b : {-255.0f * 8128, -254.0f * 8128, -255.0f * 8128 + 100, 1e8f, -1e8f}) { check(a, b); }
  }
  for (float const b :
       {0x1p21f, -0x1p21f, 0x1p23f, -0x1p23f, -0x1.8p23f, -0x1p24f, 1e8f, -1e8f, 0x1.fp62f, -0x1.fp62f}) {
    check(1.0f, b);
  }
}

TEST_CASE("sums of codes are exact where squares of a lane exceed 32 bits") {
  constexpr octavo::index n = 131072;
  power_of_two_factors<uint8, 6> f;
  f.tensor = {1.0f, 1.0f, 0};
  f.shift = channel_shifts(n);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(n), 255);
  for (octavo::index c = 0; c < n; ++c) { f.shift[c] = 6; }
  codes[77] = 3;
  integer_norm const norm(f, nullptr, nullptr, {.scale = 1});
  std::int64_t const h = 255 * 64;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    kernel::shifted_codes<A, std::uint8_t> const row{codes.data(), norm.factors(), simd::ints<A>(0)};
    auto const sums = kernel::sums_of(row, n, norm.largest());
    CHECK(sums.sum == (n - 1) * h + 192);
    CHECK(sums.squares == (n - 1) * h * h + 192 * 192);
    auto const odd = kernel::sums_of(row, n - 1031, norm.largest());
    CHECK(odd.squares == (n - 1032) * h * h + 192 * 192);
  });
}

TEST_CASE("moments of sums that are nothing are zero") {
  auto const none = kernel::moments_of({12, 48}, 3, 0.0);
  CHECK(none.factor == 0);
  CHECK(none.mean == 0);
  auto const some = kernel::moments_of({0, 12}, 3, 0.0);
  CHECK(some.factor == 0.5f);
  CHECK(some.mean == 0);
  CHECK(kernel::moments_of({-6, 20}, 2, 12.0).mean == -1.5f);
  CHECK(kernel::moments_of({-6, 20}, 2, static_cast<double>(__builtin_inff())).factor == 0);
}
