// SPDX-License-Identifier: MIT
// Norms, activations and softmax to quantized tokens, and those to matmul: the bits of floats quantized by matmul
// itself.
#include "octavo/ops/by_token.hpp"

#include "octavo/ops/activation.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/ops/norm.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/ops/softmax.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <string>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;
using test::matrix;

namespace {

/// W x for floats that `write` writes, and for quantized tokens that it writes.
template <class A, class W, class Act, class Write>
octavo::index differences(octavo::index features, Write const& write) {
  constexpr octavo::index tokens = 5;
  auto const w = quantize<W>(matrix<float>(17, features, 3), on<A>());
  matrix<float> x(features, tokens);
  quantized_tokens<Act> q(features, tokens);
  write(x);
  write(q);
  matrix<float> expected(17, tokens);
  matrix<float> y(17, tokens);
  matmul<Act>(w, x, expected, on<A>());
  matmul(w, q, y, on<A>());
  return test::differences(y, expected);
}

}  // namespace

TEST_CASE("a norm to quantized tokens gives matmul the bits of its floats") {
  auto const check = [](auto arch, auto weights, auto activations) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const n : {1, 15, 75, 200}) {
      INFO(n << " features");
      matrix<float> x(n, 5, 1);
      for (octavo::index k = 0; k < n; ++k) { x(k, 2) = 0; }
      x(n / 2, 3) = std::nanf("");
      auto const w = test::values(n, 2);
      CHECK(differences<A, decltype(weights), decltype(activations)>(
                n, [&](auto& y) { layer_norm(x, nullptr, w, y, on<A>()); }) == 0);
    }
  };
  // tests/ops/prepared_tokens.cpp has all paths on all instruction sets; past that, matmul does not know where codes
  // come from.
  test::if_arch<avx2>([&](auto arch) { check(arch, w4_g32{}, a8{}); });
  check(std::type_identity<scalar>{}, w8{}, a8_affine{});
}

TEST_CASE("quantized tokens of every operation are the codes of its floats") {
  using Q = a8::quantizer;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    constexpr octavo::index n = 83;
    matrix<float> const x(n, 3, 1);
    matrix<float> const wide(2 * n, 3, 1);
    auto const w = test::values(n, 2);
    auto const check = [&](auto const& write) {
      matrix<float> y(n, 3);
      quantized_tokens<a8> q(n, 3);
      write(y);
      write(q);
      int wrong = 0;
      for (octavo::index t = 0; t < 3; ++t) {
        auto const p = Q::calibrate(std::vector<float>(&y(0, t), &y(0, t) + n));
        wrong += q.view().scale(t) == Q::scale(p) && q.view().zero(t) == 0 ? 0 : 1;
        for (octavo::index k = 0; k < n; ++k) {
          float const value = Q::format::decode(Q::encode(y(k, t), p));
          wrong += static_cast<float>(q.view().codes(t)[k]) == value && q.view()(k, t) == value * Q::scale(p) ? 0 : 1;
        }
      }
      CHECK(wrong == 0);
    };
    check([&](auto& y) { rms_norm(x, w, y, {.epsilon = 1e-6f}, on<A>()); });
    check([&](auto& y) { activate<sigmoid>(x, y, on<A>()); });
    check([&](auto& y) { gated<silu>(wide, y, on<A>()); });
    check([&](auto& y) { softmax(x, y, on<A>()); });
    check([&](auto& y) {
      auto residual = test::columns(x, 0, 3);
      add_rms_norm(residual, x, w, y, on<A>());
    });
  });
}

TEST_CASE("the worked numbers of residual, norm and quantization") {
  float residual[] = {.5f, -1, .25f, 2};
  float const x[] = {.1f, .2f, -.3f, .4f};
  std::vector<float> const w = {1, 1, 2, .5f};
  quantized_tokens<a8> q(4, 1);
  quantized_tokens<a8_affine> z(4, 1);
  add_rms_norm(tokens_view<float>(residual, 4, 1, 4), tokens_view<float const>(x, 4, 1, 4), w, q, on<scalar>());
  rms_norm(tokens_view<float const>(residual, 4, 1, 4), w, z, on<scalar>());
  int const codes[] = {64, -85, -11, 127};
  int const affine_codes[] = {178, 0, 89, 255};
  for (int k = 0; k < 4; ++k) {
    CHECK(q.view().codes(0)[k] == codes[k]);
    CHECK(z.view().codes(0)[k] == affine_codes[k] - 128);
  }
  CHECK(std::abs(q.view().scale(0) - .007266957f) < 1e-8f);
  CHECK(z.view().zero(0) == 102 - 128);
}

TEST_CASE("scratch of quantized tokens is one allocation, of floats none") {
  matrix<float> const x(100, 7, 1);
  matrix<float> y(100, 7);
  quantized_tokens<a8> q(100, 7);
  test::counting_memory memory;
  auto const context = on<scalar>().scratch(memory);
  rms_norm(x, nullptr, y, context);
  activate<silu>(x, y, context);
  CHECK(memory.allocations == 0);
  rms_norm(x, nullptr, q, context);
  CHECK(memory.allocations == 1);
  CHECK(memory.most_bytes < 700);
  CHECK(memory.bytes_held == 0);
}

TEST_CASE("threads do not change quantized tokens") {
  matrix<float> const x(1000, 60, 1);
  quantized_tokens<a8> one(1000, 60);
  quantized_tokens<a8> many(1000, 60);
  test::backwards pool;
  rms_norm(x, nullptr, one, on<scalar>());
  rms_norm(x, nullptr, many, on<scalar>(pool));
  int wrong = 0;
  for (octavo::index t = 0; t < 60; ++t) {
    wrong += one.view().scale(t) == many.view().scale(t) ? 0 : 1;
    for (octavo::index k = 0; k < 1000; ++k) { wrong += one.view().codes(t)[k] == many.view().codes(t)[k] ? 0 : 1; }
  }
  CHECK(wrong == 0);
}

TEST_CASE("quantized tokens that do not fit a matmul") {
  auto const w = quantize<w8>(matrix<float>(3, 8, 1), on<scalar>());
  quantized_tokens<a8> q(9, 2);
  matrix<float> y(3, 2);
  CHECK_FALSE(can_matmul(w, q, y));
  CHECK(test::error_of([&] { matmul(w, q, y, on<scalar>()); }) ==
        "matmul: X has features 9, W has columns 8. They must be equal: a token is a column of X.");
  quantized_tokens<a8> none(0, 3);
  rms_norm(matrix<float>(0, 3), nullptr, none, on<scalar>());
  CHECK(none.view().scale(2) == 0);
  CHECK(test::error_of([&] { rms_norm(y, nullptr, q, on<scalar>()); }) ==
        "rms_norm: X has features 3, the output has 9. They must be equal.");
}
