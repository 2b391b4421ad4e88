// SPDX-License-Identifier: MIT
// Integer norms against the reference and against LayerNorm: shapes, where codes go, edges, threads, errors.
#include "octavo/ops/integer_norm.hpp"

#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/reference/integer_norm.hpp"
#include "octavo/reference/norm.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace octavo;
using octavo::schemes::a8;
using test::matrix;

namespace {

/// Tokens whose channels differ in size, their factors and codes, and a norm.
struct layer {
  octavo::index n;
  octavo::index tokens;
  matrix<float> x;
  std::vector<float> weight;
  std::vector<float> bias;
  power_of_two_factors<> factors;
  std::vector<std::uint8_t> codes;

  explicit layer(octavo::index channels, octavo::index count = 3)
      : n(channels), tokens(count), x(channels, count, static_cast<std::uint64_t>(channels)) {
    test::random next(9);
    for (octavo::index c = 0; c < n; ++c) {
      float const size = detail::power_of_two(static_cast<int>(c % 4));
      for (octavo::index t = 0; t < tokens; ++t) { x(c, t) = (x(c, t) + 0.3f) * size; }
      weight.push_back(c % 11 == 7 ? 0.0f : next.value() + 0.4f);
      bias.push_back(next.value());
    }
    factors = power_of_two_factors<>::calibrate(x);
    codes.resize(static_cast<std::size_t>(n * tokens));
    quantize_into(view(), x, factors, on<scalar>());
  }
  [[nodiscard]] codes_view<std::uint8_t> view() { return {codes.data(), n, tokens, n}; }
  [[nodiscard]] integer_norm<std::uint8_t> norm(integer_norm_options const& o) const {
    return {factors, weight, bias, o};
  }
  [[nodiscard]] std::vector<std::int64_t> shifted(octavo::index t) const {
    std::vector<std::int64_t> h;
    for (octavo::index c = 0; c < n; ++c) {
      h.push_back((codes[static_cast<std::size_t>(c + t * n)] - factors.tensor.zero_point) *
                  (std::int64_t{1} << factors.shift[c]));
    }
    return h;
  }
};

std::vector<double> doubles(std::vector<float> const& v) { return {v.begin(), v.end()}; }

/// Codes of the reference, but where rounding of f32 decides: a mantissa or a code within that of the next one.
void check_layer(octavo::index n, float scale, float epsilon) {
  INFO(n << " channels, scale " << scale);
  layer l(n);
  auto const norm = l.norm({.scale = scale, .zero_point = 5, .epsilon = epsilon});
  std::vector<std::int8_t> y(l.codes.size());
  integer_layer_norm(l.view(), norm, codes_view<std::int8_t>(y.data(), n, l.tokens, n), on<scalar>());
  int undecided = 0;
  int wrong = 0;
  double worst = 0;
  for (octavo::index t = 0; t < l.tokens; ++t) {
    auto const h = l.shifted(t);
    auto const step = static_cast<double>(l.factors.tensor.scale);
    auto const channels = reference::integer_layer_norm(h, step, doubles(l.weight), doubles(l.bias),
                                                        static_cast<double>(scale), static_cast<double>(epsilon));
    std::vector<double> values;
    for (std::int64_t const v : h) { values.push_back(step * static_cast<double>(v)); }
    auto const exact =
        reference::layer_norm(values, doubles(l.weight), doubles(l.bias), static_cast<double>(epsilon));
    for (octavo::index k = 0; k < n; ++k) {
      auto const c = static_cast<std::size_t>(k);
      auto const& r = channels[c];
      int const got = y[static_cast<std::size_t>(k + t * n)];
      int const want = static_cast<int>(std::clamp<std::int64_t>(r.code + 5, -128, 127));
      double const quantum = std::ldexp(1.0, -r.n);
      double const lost = 0x1p-21 * (std::abs(r.b) + std::abs(static_cast<double>(l.bias[c] / scale))) + quantum;
      double const mantissa = std::abs(r.a) / quantum;
      bool const next = std::abs(mantissa - std::round(mantissa)) < 0x1p-20 * mantissa;
      double const moved = lost + (next ? quantum * std::abs(static_cast<double>(h[c])) : 0.0);
      if (got != want) {
        ++undecided;
        double const before = static_cast<double>((r.a < 0 ? -r.m : r.m) * h[c] + r.bias) * quantum;
        auto const low = std::clamp(std::nearbyint(before - moved) + 5, -128.0, 127.0);
        auto const high = std::clamp(std::nearbyint(before + moved) + 5, -128.0, 127.0);
        wrong += got >= low && got <= high ? 0 : 1;
      }
      double const limited = std::clamp(exact[c] / static_cast<double>(scale) + 5, -128.0, 127.0);
      worst = std::max(worst,
                       std::abs(got - limited) / (std::abs(r.a * static_cast<double>(h[c])) * 0x1p-7 + 0.5 + lost));
    }
  }
  CHECK(wrong == 0);
  CHECK(undecided <= n * l.tokens / 500 + 1);
  CHECK(worst <= 1);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    std::vector<std::int8_t> here(y.size());
    integer_layer_norm(l.view(), norm, codes_view<std::int8_t>(here.data(), n, l.tokens, n), on<A>());
    CHECK(here == y);
  });
}

}  // namespace

TEST_CASE("integer norms are those of the reference and the same on every instruction set") {
  for (octavo::index const n : {1, 3, 15, 17, 63, 65, 768, 1032, 1033, 4096}) {
    check_layer(n, 0.05f, 0.0f);
    check_layer(n, 0.004f, 1e-6f);
  }
}

TEST_CASE("the worked example of an integer norm") {
  power_of_two_factors<> f;
  f.tensor = {0.01f, 100.0f, 100};
  f.shift = channel_shifts(4);
  int const shifts[] = {0, 1, 3, 2};
  for (octavo::index c = 0; c < 4; ++c) { f.shift[c] = static_cast<std::uint8_t>(shifts[c]); }
  std::vector<float> const weight = {1.0f, 0.8f, -1.2f, 0.5f};
  std::vector<float> const bias = {0.1f, 0.0f, -0.2f, 0.3f};
  std::uint8_t const codes[] = {125, 70, 112, 91};
  codes_view<std::uint8_t const> const x(codes, 4, 1, 4);
  int const expected[] = {8, -17, -40, -1};
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    std::int8_t y[4];
    integer_layer_norm(x, integer_norm(f, weight, bias, {.scale = 0.05f}), codes_view<std::int8_t>(y, 4, 1, 4),
                       on<A>());
    std::uint8_t moved[4];
    integer_layer_norm(x, integer_norm(f, weight, bias, {.scale = 0.05f, .zero_point = 30}),
                       codes_view<std::uint8_t>(moved, 4, 1, 4), on<A>());
    for (std::size_t c = 0; c < 4; ++c) {
      CHECK(y[c] == expected[c]);
      CHECK(moved[c] == std::max(expected[c] + 30, 0));
    }
  });
}

TEST_CASE("a token without variance and a weight of zero give the bias") {
  power_of_two_factors<> f;
  f.tensor = {0.01f, 100.0f, 100};
  f.shift = channel_shifts(5);
  std::vector<float> const weight = {1, 0, -3, 0, 2};
  std::vector<float> const bias = {0.75f, 1.25f, -0.75f, -100, 2};
  std::uint8_t const codes[] = {77, 77, 77, 77, 77, 1, 2, 3, 4, 5};
  int const expected[] = {2, 2, -2, -128, 4};  // 1.5, 2.5, -1.5, -200, 4
  for (float const epsilon : {0.0f, 1e-6f}) {
    integer_norm const norm(f, weight, bias, {.scale = 0.5f, .epsilon = epsilon});
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      std::int8_t y[10];
      integer_layer_norm(codes_view<std::uint8_t const>(codes, 5, 2, 5), norm, codes_view<std::int8_t>(y, 5, 2, 5),
                         on<A>());
      for (std::size_t c = 0; c < 5; ++c) { CHECK(y[c] == expected[c]); }
      CHECK(y[6] == 2);
      CHECK(y[8] == -128);
    });
  }
  auto const zeros = power_of_two_factors<>::calibrate(matrix<float>(5, 2));  // their step is 0
  std::uint8_t const nothing[5] = {};
  for (float const epsilon : {0.0f, 1e-6f}) {
    std::int8_t y[5];
    integer_layer_norm(codes_view<std::uint8_t const>(nothing, 5, 1, 5),
                       integer_norm(zeros, weight, bias, {.scale = 0.5f, .epsilon = epsilon}),
                       codes_view<std::int8_t>(y, 5, 1, 5), on<scalar>());
    for (std::size_t c = 0; c < 5; ++c) { CHECK(y[c] == expected[c]); }
  }
}

TEST_CASE("integer norms write quantized tokens that matmul takes") {
  layer l(200);
  matrix<float> const weights(70, 200, 4);
  auto const w = quantize<schemes::w8>(weights, on<scalar>());
  std::vector<std::int8_t> bytes(600);
  auto const plain = l.norm({.scale = 0.08f});
  integer_layer_norm(l.view(), plain, codes_view<std::int8_t>(bytes.data(), 200, 3, 200), on<scalar>());
  quantized_tokens<a8> q(200, 3);
  integer_layer_norm(l.view(), plain, q, on<scalar>());
  std::vector<std::uint8_t> unsigned_bytes(600);
  auto const moved = l.norm({.scale = 0.08f, .zero_point = 120});
  integer_layer_norm(l.view(), moved, codes_view<std::uint8_t>(unsigned_bytes.data(), 200, 3, 200), on<scalar>());
  quantized_tokens<schemes::a8_affine> affine_tokens(200, 3);
  integer_layer_norm(l.view(), moved, affine_tokens, on<scalar>());
  int wrong = 0;
  for (octavo::index t = 0; t < 3; ++t) {
    CHECK(q.view().scale(t) == 0.08f);
    CHECK(q.view().zero(t) == 0);
    for (octavo::index c = 0; c < 200; ++c) {
      auto const i = static_cast<std::size_t>(c + t * 200);
      wrong += q.view().codes(t)[c] == std::max<int>(bytes[i], -127) ? 0 : 1;
      float const value = 0.08f * static_cast<float>(unsigned_bytes[i] - 120);
      wrong += test::same_bits(affine_tokens.view()(c, t), value) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  matrix<float> y(70, 3);
  matmul(w, q, y, on<scalar>());
  double error = 0;
  double size = 0;
  for (octavo::index t = 0; t < 3; ++t) {
    std::vector<double> row;
    for (octavo::index c = 0; c < 200; ++c) { row.push_back(static_cast<double>(l.x(c, t))); }
    auto const normal = reference::layer_norm(row, doubles(l.weight), doubles(l.bias), 0);
    for (octavo::index r = 0; r < 70; ++r) {
      double sum = 0;
      for (octavo::index c = 0; c < 200; ++c) {
        sum += static_cast<double>(weights(r, c)) * normal[static_cast<std::size_t>(c)];
      }
      error += (sum - static_cast<double>(y(r, t))) * (sum - static_cast<double>(y(r, t)));
      size += sum * sum;
    }
  }
  CHECK(error < 1e-3 * size);
}

TEST_CASE("integer norms of a token do not depend on others or threads and may replace their codes") {
  layer l(1033, 70);
  auto const norm = l.norm({.scale = 0.02f, .zero_point = 128});
  std::vector<std::uint8_t> y(l.codes.size());
  codes_view<std::uint8_t> const out(y.data(), l.n, l.tokens, l.n);
  integer_layer_norm(l.view(), norm, out, on<scalar>());
  std::vector<std::uint8_t> one(1040, 77);
  integer_layer_norm(codes_view<std::uint8_t const>(l.view().token(69), l.n, 1, l.n), norm,
                     codes_view<std::uint8_t>(one.data(), l.n, 1, l.n), on<scalar>());
  CHECK(std::equal(one.begin(), one.begin() + 1033, out.token(69)));
  CHECK(std::count(one.begin() + 1033, one.end(), 77) == 7);
  test::backwards pool;
  integer_layer_norm(l.view(), norm, l.view(), on<scalar>(pool));
  CHECK(l.codes == y);
}

TEST_CASE("integer norms without channels or tokens and of shapes that do not fit") {
  layer l(5, 2);
  auto const norm = l.norm({.scale = 0.5f, .zero_point = 9});
  std::int8_t bytes[24] = {};
  auto const error = [&](octavo::index features, octavo::index tokens, auto const& n) {
    return test::error_of([&] {
      integer_layer_norm(l.view(), n, codes_view<std::int8_t>(bytes, features, tokens, features), on<scalar>());
    });
  };
  CHECK(error(5, 2, norm) == "no error");
  CHECK(error(6, 2, norm) == "integer_layer_norm: X has features 5, the output has 6. They must be equal.");
  CHECK(error(5, 3, norm) == "integer_layer_norm: X has tokens 2, the output has 3. They must be equal.");
  CHECK(error(5, 2, layer(4, 2).norm({.scale = 1})) ==
        "integer_layer_norm: the norm has channels 4, the output has 5. They must be equal.");
  CHECK(error(5, 2, l.norm({.scale = 1, .zero_point = 128})) ==
        "integer_layer_norm: the zero point is 128, the largest code is 127. It must be one of the codes.");
  quantized_tokens<a8> q(5, 2);
  CHECK(
      test::error_of([&] { integer_layer_norm(l.view(), norm, q, on<scalar>()); }) ==
      "integer_layer_norm: the zero point is 9, that of a symmetric scheme is 0. Pass a norm without, or tokens of an "
      "affine scheme.");
  power_of_two_factors<> none;
  integer_layer_norm(codes_view<std::uint8_t const>(), integer_norm(none, nullptr, nullptr, {.scale = 1}),
                     codes_view<std::int8_t>(), on<scalar>());
}
