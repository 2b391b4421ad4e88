// SPDX-License-Identifier: MIT
// Activations and gates of tokens: each element by itself, in place, in halves, errors.
#include "octavo/ops/activation.hpp"

#include "octavo/reference/activation.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <string>

using namespace octavo;
using test::matrix;

namespace {

/// A user's: squared ReLU.
struct relu_squared {
  template <class A>
  static simd::floats<A> apply(simd::floats<A> x) noexcept {
    auto const r = relu::apply<A>(x);
    return r * r;
  }
};

/// Worst error of activate<F> relative to max(1, |x|); -1 where an instruction set has other bits than octavo::scalar.
template <class F, class X, class Y, class G>
double error_of(G const& exact) {
  double worst = 0;
  for (octavo::index const n : {1, 3, 15, 17, 63, 65, 200}) {
    matrix<X> const x(n, 2, static_cast<std::uint64_t>(n));
    matrix<Y> y(n, 2);
    activate<F>(x, y, on<scalar>());
    for (octavo::index i = 0; i < 2 * n; ++i) {
      auto const v = static_cast<double>(static_cast<float>(x.data()[i]));
      double const e = std::abs(static_cast<double>(static_cast<float>(y.data()[i])) - exact(v));
      worst = std::max(worst, e / std::max(1.0, std::abs(v)));
    }
    test::for_vector_archs([&](auto arch) {
      matrix<Y> here(n, 2);
      activate<F>(x, here, on<typename decltype(arch)::type>());
      if (test::differences(here, y) != 0) { worst = -1e9; }
    });
  }
  return worst < 0 ? -1 : worst;
}
bool within(double error, double bound) { return error >= 0 && error < bound; }

}  // namespace

TEST_CASE("activations of tokens are near the reference and the same on every instruction set") {
  CHECK(within(error_of<silu, float, float>(reference::silu), 4e-7));
  CHECK(within(error_of<gelu, float, float>(reference::gelu), 2e-7));
  CHECK(within(error_of<gelu_tanh, float, float>(reference::gelu_tanh), 6e-7));
  CHECK(within(error_of<quick_gelu, float, float>(reference::quick_gelu), 6e-7));
  CHECK(within(error_of<sigmoid, float, float>(reference::sigmoid), 6e-7));
  CHECK(within(error_of<relu, float, float>([](double x) { return std::max(x, 0.0); }), 1e-30));
  CHECK(within(error_of<relu_squared, float, float>([](double x) { return x > 0 ? x * x : 0; }), 1e-7));
  CHECK(within(error_of<silu, bf16, bf16>(reference::silu), 0x1p-8));
  CHECK(within(error_of<gelu, f16, f16>(reference::gelu), 0x1p-11));
}

TEST_CASE("a gate is an activation times what it gates") {
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const n : {1, 17, 63, 130}) {
      matrix<float> const both(2 * n, 3, 4);
      matrix<float> gate(n, 3);
      matrix<bf16> up(n, 3);
      matrix<float> expected(n, 3);
      matrix<float> expected_exact(n, 3);
      for (octavo::index t = 0; t < 3; ++t) {
        for (octavo::index k = 0; k < n; ++k) {
          gate(k, t) = both(k, t);
          up(k, t) = bf16(both(n + k, t));
        }
      }
      activate<silu>(gate, expected, on<A>());
      for (octavo::index t = 0; t < 3; ++t) {
        for (octavo::index k = 0; k < n; ++k) {
          expected_exact(k, t) = expected(k, t) * both(n + k, t);
          expected(k, t) *= static_cast<float>(up(k, t));
        }
      }
      matrix<float> y(n, 3);
      gated<silu>(both, y, on<A>());
      CHECK(test::differences(y, expected_exact) == 0);
      gated<silu>(gate, up, gate, on<A>());  // in place
      CHECK(test::differences(gate, expected) == 0);
    }
  });
  matrix<float> one(2, 1);
  one(0, 0) = 1;
  one(1, 0) = 2;
  matrix<float> y(1, 1);
  gated<silu>(one, y, on<scalar>());
  CHECK(std::abs(y(0, 0) - 1.4621172f) < 3e-7f);
}

TEST_CASE("activations do not depend on threads") {
  matrix<float> const x(1000, 50, 2);
  matrix<float> y(1000, 50);
  matrix<float> z(1000, 50);
  activate<gelu>(x, y, on<scalar>());
  test::backwards pool;
  activate<gelu>(x, z, on<scalar>(pool));
  CHECK(test::differences(y, z) == 0);
}

TEST_CASE("activations without features or tokens, and of shapes that do not fit") {
  matrix<float> none(0, 3);
  matrix<float> empty(4, 0);
  activate<silu>(none, none, on<scalar>());
  gated<silu>(empty, empty, empty, on<scalar>());
  matrix<float> x(4, 2);
  matrix<float> y(5, 2);
  matrix<float> z(4, 3);
  CHECK(test::error_of([&] { activate<silu>(x, y, on<scalar>()); }) ==
        "activate: X has features 4, the output has 5. They must be equal.");
  CHECK(test::error_of([&] { activate<silu>(x, z, on<scalar>()); }) ==
        "activate: X has tokens 2, the output has 3. They must be equal.");
  CHECK(test::error_of([&] { gated<silu>(y, x, x, on<scalar>()); }) ==
        "gated: the gate has features 5, the output has 4. They must be equal.");
  CHECK(test::error_of([&] { gated<silu>(x, y, x, on<scalar>()); }) ==
        "gated: X has features 5, the output has 4. They must be equal.");
  CHECK(test::error_of([&] { gated<silu>(y, x, on<scalar>()); }) ==
        "gated: the gate and what it gates have features 5, half of them is 2. They are two halves: pass an even "
        "number.");
}
