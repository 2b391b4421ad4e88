// SPDX-License-Identifier: MIT
#include "octavo/storage/integer_norm.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace octavo;

namespace {

power_of_two_factors<> factors_of(std::vector<int> const& shifts) {
  power_of_two_factors<> f;
  f.tensor = {0.01f, 100.0f, 100};
  f.shift = channel_shifts(static_cast<octavo::index>(shifts.size()));
  for (std::size_t c = 0; c < shifts.size(); ++c) {
    f.shift[static_cast<octavo::index>(c)] = static_cast<std::uint8_t>(shifts[c]);
  }
  return f;
}

}  // namespace

TEST_CASE("an integer norm holds factors and what codes are made of") {
  std::vector<float> const weight = {1.0f, 0.8f, -1.2f};
  std::vector<bf16> const bias = {bf16(0.5f), bf16(0.0f), bf16(-0.25f)};
  integer_norm norm(factors_of({0, 3, 1}), weight, bias, {.scale = 0.05f, .zero_point = 7, .epsilon = 1e-6f});
  static_assert(std::is_same_v<decltype(norm)::code_type, std::uint8_t>);
  auto const copy = norm;
  auto const moved = std::move(norm);
  for (auto const* n : {&copy, &moved}) {
    CHECK(n->features() == 3);
    CHECK(n->zero_point() == 100);
    CHECK(n->largest() == 2040);
    CHECK(n->output_zero() == 7);
    CHECK(n->scale() == 0.05f);
    CHECK(std::abs(n->added() - 1e-6 * 9e4) < 1e-8);
    int const factors[] = {1, 8, 2};
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(n->factors()[c] == factors[c]);
      CHECK(n->weights()[c] == weight[c] / 0.05f);
      CHECK(n->biases()[c] == static_cast<float>(bias[c]) / 0.05f);
    }
    for (std::size_t c = 3; c < 64; ++c) {
      CHECK(n->factors()[c] == 0);
      CHECK(n->weights()[c] == 0);
      CHECK(n->biases()[c] == 0);
    }
  }
  power_of_two_factors<int8, 2> f;
  f.tensor = {0.0f, 0.0f, 0};
  f.shift = channel_shifts(2);
  integer_norm const plain(f, nullptr, nullptr, {.scale = 0.5f});
  static_assert(std::is_same_v<decltype(plain)::code_type, std::int8_t>);
  CHECK(plain.weights()[1] == 2.0f);
  CHECK(plain.biases()[1] == 0.0f);
  CHECK(plain.added() == 0);
}

TEST_CASE("an integer norm refuses what its sums have no place for") {
  float const nan = std::nanf("");
  float const infinity = std::numeric_limits<float>::infinity();
  auto const f = factors_of({0, 3, 1});
  std::vector<float> const w = {1, 2, 3};
  auto const error = [&](auto const& factors, std::vector<float> const& weight, std::vector<float> const& bias,
                         integer_norm_options const& o) {
    return test::error_of([&] { integer_norm(factors, weight, bias, o); });
  };
  CHECK(error(f, w, w, {.scale = 1}) == "no error");
  CHECK(error(f, {1, 2}, w, {.scale = 1}) ==
        "integer_norm: the weight has elements 2, the factors have 3. They must be equal.");
  CHECK(error(f, w, {1, 2, 3, 4}, {.scale = 1}) ==
        "integer_norm: the bias has elements 4, the factors have 3. They must be equal.");
  CHECK(error(f, {1, nan, 3}, w, {.scale = 1}) ==
        "integer_norm: weight / scale is not below 2^64 in channel 1, of 3. Sums of integers have no place for it.");
  CHECK(error(f, w, {1, 2, infinity}, {.scale = 1}) ==
        "integer_norm: bias / scale is not below 2^64 in channel 2, of 3. Sums of integers have no place for it.");
  CHECK(error(f, {1, 2, 1e30f}, w, {.scale = 1e-20f}).starts_with("integer_norm: weight / scale is not below 2^64"));
  for (float const scale : {0.0f, -1.0f, nan, infinity}) {
    CHECK(error(f, w, w, {.scale = scale}) == "integer_norm: the scale of the output must be above 0 and finite.");
  }
  for (float const epsilon : {-1.0f, nan, infinity}) {
    CHECK(error(f, w, w, {.scale = 1, .epsilon = epsilon}) == "integer_norm: epsilon must be at least 0 and finite.");
  }
  auto broken = f;
  broken.tensor.scale = nan;
  CHECK(error(broken, w, w, {.scale = 1}).starts_with("integer_norm: the step of the factors is not finite."));
  CHECK(error(factors_of({0, 4, 1}), w, w, {.scale = 1}) ==
        "integer_norm: a channel is shifted by 4, the most is 3. Factors are what calibrate() finds.");
  auto wide = f;
  wide.shift = channel_shifts(131073);
  CHECK(test::error_of([&] { integer_norm(wide, nullptr, nullptr, {.scale = 1}); }) ==
        "integer_norm: channels are 131073, the most are 131072. Sums of more would not be exact.");
  wide.shift = channel_shifts(0);
  CHECK(integer_norm(wide, nullptr, nullptr, {.scale = 1}).features() == 0);
}
