// SPDX-License-Identifier: MIT
#include "octavo/simd/activation.hpp"

#include "octavo/reference/activation.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/mapped.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

std::vector<float> grid() {
  std::vector<float> xs;
  for (int i = -(1 << 18); i < 1 << 18; ++i) { xs.push_back(static_cast<float>(i) * 0x1.7p-14f); }  // to 23
  for (int i = -(1 << 14); i < 1 << 14; ++i) { xs.push_back(static_cast<float>(i) * 0x1.5p-8f); }   // to 84
  for (int i = -(1 << 12); i < 1 << 12; ++i) { xs.push_back(std::ldexp(static_cast<float>(i), -(i & 63) - 12)); }
  return xs;
}
std::vector<float> everything() {
  std::vector<float> xs = {0.0f,   -0.0f, inf,   -inf,   std::nanf(""), 3e38f,  -3e38f, 86.0f,
                           -86.0f, 5.5f,  -5.5f, 1e-40f, 9.75f,         -9.75f, 43.0f,  -43.0f};
  test::random next(31);
  while (xs.size() < 20000) { xs.push_back(std::bit_cast<float>(next.bits())); }
  return xs;
}

/// |got - exact| / allowed(x, exact), the largest.
template <class A, class F, class G, class H>
double worst(std::vector<float> const& xs, F const& f, G const& exact, H const& allowed) {
  auto const ys = test::mapped<A>(xs, f);
  double largest = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    auto const x = static_cast<double>(xs[i]);
    double const y = exact(x);
    double const e = std::abs(static_cast<double>(ys[i]) - y) / (allowed(x, std::abs(y)) + 1e-44);
    largest = std::isnan(e) ? inf : std::max(largest, e);
  }
  return largest;
}

template <class A>
void check_errors(std::vector<float> const& xs) {
  INFO(arch_name<A>);
  double const most = has_fma<A> ? 1 : 3;
  auto const relative = [](double factor) {
    return [=](double x, double y) { return (3.5e-7 + 1.2e-7 * factor * std::abs(x)) * y; };
  };
  using V = simd::floats<A>;
  CHECK(worst<A>(
            xs, [](V x) { return simd::sigmoid<A>(x); }, reference::sigmoid, relative(1)) < most);
  CHECK(worst<A>(
            xs, [](V x) { return simd::silu<A>(x); }, reference::silu, relative(1)) < most);
  auto const near = [&] {
    std::vector<float> some;
    for (float const x : xs) {
      if (std::abs(x) < 43) { some.push_back(x); }
    }
    some.resize(some.size() / 16 * 16);
    return some;
  }();
  CHECK(worst<A>(
            near, [](V x) { return simd::silu<A>(x, 1.702f); }, reference::quick_gelu, relative(1.702)) < most);
  CHECK(worst<A>(
            xs, [](V x) { return simd::gelu<A>(x); }, reference::gelu,
            [](double x, double) { return 2e-7 * std::max(1.0, std::abs(x)); }) < most);
  CHECK(worst<A>(
            xs, [](V x) { return simd::gelu_tanh<A>(x); }, reference::gelu_tanh,
            [](double x, double y) {
              double const z = 1.6 * (std::abs(x) + 0.045 * std::abs(x * x * x));
              return (4e-7 + 2.2e-7 * z) * y + 1e-34;
            }) < most);
}

template <class A>
std::vector<std::vector<float>> all_of(std::vector<float> const& xs) {
  using V = simd::floats<A>;
  return {test::mapped<A>(xs, [](V x) { return simd::sigmoid<A>(x); }),
          test::mapped<A>(xs, [](V x) { return simd::silu<A>(x); }),
          test::mapped<A>(xs, [](V x) { return simd::silu<A>(x, 1.702f); }),
          test::mapped<A>(xs, [](V x) { return simd::gelu<A>(x); }),
          test::mapped<A>(xs, [](V x) { return simd::gelu_tanh<A>(x); })};
}

}  // namespace

TEST_CASE("activations have the stated errors") {
  auto const xs = grid();
  test::for_vector_archs([&](auto arch) { check_errors<typename decltype(arch)::type>(xs); });
  test::if_arch<sse42>([&](auto) { check_errors<sse42>(xs); });
}

TEST_CASE("activations have the same bits on every instruction set with fma") {
  for (auto const& xs : {grid(), everything()}) {
    auto const expected = all_of<scalar>(xs);
    test::for_vector_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A>);
      auto const got = all_of<A>(xs);
      int wrong = 0;
      for (std::size_t f = 0; f < got.size(); ++f) {
        for (std::size_t i = 0; i < xs.size(); ++i) { wrong += test::same_bits(got[f][i], expected[f][i]) ? 0 : 1; }
      }
      CHECK(wrong == 0);
    });
  }
}

TEST_CASE("activations of large numbers, zeros and NaN") {
  std::vector<float> const xs = {0.0f,    -0.0f, inf,     -inf,   std::nanf(""), 3e38f, -3e38f, 100.0f,
                                 -100.0f, 20.0f, -1e-30f, 1e-30f, 1.0f,          1.0f,  1.0f,   1.0f};
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const all = all_of<A>(xs);
    for (std::size_t f = 0; f < all.size(); ++f) {
      INFO("function " << f);
      auto const& y = all[f];
      CHECK(y[0] == (f == 0 ? 0.5f : 0.0f));
      CHECK(y[1] == (f == 0 ? 0.5f : 0.0f));
      CHECK(y[2] == (f == 0 ? 1.0f : inf));
      float const nothing = f == 3 ? 2e-7f : 1e-30f;
      CHECK(std::abs(y[3]) < nothing);
      CHECK(std::isnan(y[4]));
      CHECK(y[5] == (f == 0 ? 1.0f : 3e38f));
      CHECK(std::abs(y[6]) < nothing);
      CHECK(y[7] == (f == 0 ? 1.0f : 100.0f));
      CHECK(std::abs(y[8]) < nothing);
      if (f != 0) { CHECK(std::abs(y[10] + 5e-31f) < 1e-37f); }
    }
  });
}
