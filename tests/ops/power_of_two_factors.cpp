// SPDX-License-Identifier: MIT
// Codes of activations against power_of_two_factors::encode: formats, elements, shapes, what is not finite, errors.
#include "octavo/ops/power_of_two_factors.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace octavo;
using test::matrix;

namespace {

template <class F, int K, class T>
void check_codes() {
  using factors_type = power_of_two_factors<F, K>;
  using Byte = typename factors_type::code_type;
  for (octavo::index const n : {1, 3, 15, 17, 63, 65, 200}) {
    INFO(n << " channels");
    matrix<float> samples(n, 9, static_cast<std::uint64_t>(n));
    matrix<T> x(n, 4, static_cast<std::uint64_t>(n + 1));
    for (octavo::index c = 0; c < n; ++c) {
      float const size = detail::power_of_two(static_cast<int>(c % 7) - 3);
      for (octavo::index t = 0; t < 9; ++t) { samples(c, t) *= size; }
      for (octavo::index t = 0; t < 4; ++t) { x(c, t) = T(static_cast<float>(x(c, t)) * 1.2f * size + 0.2f); }
    }
    auto const factors = factors_type::calibrate(samples);
    x(n - 1, 0) = T(std::nanf(""));
    x(0, 1) = T(std::numeric_limits<float>::infinity());
    x(n / 2, 2) = T(-std::numeric_limits<float>::infinity());
    for (octavo::index c = 0; c < n; ++c) {  // ties
      x(c, 3) = T((static_cast<float>(c % 11) - 4.5f) * factors.channel(c).scale);
    }
    test::for_every_arch([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A>);
      std::vector<Byte> codes(static_cast<std::size_t>(4 * (n + 5)), Byte{99});
      quantize_into(codes_view<Byte>(codes.data(), n, 4, n + 5), x, factors, on<A>());
      int wrong = 0;
      for (octavo::index t = 0; t < 4; ++t) {
        for (octavo::index c = 0; c < n + 5; ++c) {
          int const got = codes[static_cast<std::size_t>(c + t * (n + 5))];
          int const want = c < n ? static_cast<int>(F::decode(factors.encode(static_cast<float>(x(c, t)), c))) : 99;
          wrong += got == want ? 0 : 1;
        }
      }
      CHECK(wrong == 0);
    });
  }
}

}  // namespace

TEST_CASE("codes by power-of-two factors are those of the scalar definition") {
  check_codes<uint8, 3, float>();
  check_codes<int8, 3, bf16>();
  check_codes<uint4, 7, f16>();
  check_codes<int4, 0, float>();
}

TEST_CASE("the worked example of power-of-two factors by vectors") {
  float const x[4][2] = {{-1.0f, .2f}, {.9f, -.15f}, {.4f, 8.0f}, {-.3f, -6.0f}};
  tokens_view<float const> const tokens(&x[0][0], 2, 4, 2);
  auto const factors = power_of_two_factors<>::calibrate(tokens);
  std::uint8_t codes[8] = {};
  quantize_into(codes_view<std::uint8_t>(codes, 2, 4, 2), tokens, factors, on<scalar>());
  int const expected[] = {36, 113, 175, 106, 138, 255, 87, 0};
  for (std::size_t i = 0; i < 8; ++i) { CHECK(codes[i] == expected[i]); }
}

TEST_CASE("codes by factors that are not finite are there and do not depend on threads") {
  matrix<float> x(700, 60, 5);
  auto factors = power_of_two_factors<>::calibrate(x);
  std::vector<std::uint8_t> one(42000);
  std::vector<std::uint8_t> many(42000);
  quantize_into(codes_view<std::uint8_t>(one.data(), 700, 60, 700), x, factors, on<scalar>());
  test::backwards pool;
  quantize_into(codes_view<std::uint8_t>(many.data(), 700, 60, 700), x, factors, on<scalar>(pool));
  CHECK(one == many);
  x(3, 3) = std::nanf("");
  factors = power_of_two_factors<>::calibrate(x);
  quantize_into(codes_view<std::uint8_t>(many.data(), 700, 60, 700), x, factors, on<scalar>());
  CHECK(many[5] == factors.encode(x(5, 0), 5));
}

TEST_CASE("quantize_into of factors refuses shapes that do not fit") {
  matrix<float> const x(5, 2, 1);
  auto const factors = power_of_two_factors<>::calibrate(x);
  std::uint8_t codes[18] = {};
  auto const error = [&](octavo::index features, octavo::index tokens) {
    return test::error_of([&] {
      quantize_into(codes_view<std::uint8_t>(codes, features, tokens, features), x, factors, on<scalar>());
    });
  };
  CHECK(error(5, 2) == "no error");
  CHECK(error(6, 2) == "quantize_into: X has features 5, the output has 6. They must be equal.");
  CHECK(error(5, 3) == "quantize_into: X has tokens 2, the output has 3. They must be equal.");
  matrix<float> const other(6, 3, 1);
  CHECK(test::error_of([&] {
          quantize_into(codes_view<std::uint8_t>(codes, 6, 3, 6), other, factors, on<scalar>());
        }) == "quantize_into: the factors have channels 5, the output has 6. They must be equal.");
}
