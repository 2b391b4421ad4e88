// SPDX-License-Identifier: MIT
#include "octavo/simd/exp2.hpp"

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

template <class A, int Degree>
std::vector<float> exp2_of(std::vector<float> const& xs) {
  return test::mapped<A>(xs, [](simd::floats<A> x) { return simd::exp2<Degree, A>(x); });
}
template <class A>
std::vector<float> tanh_of(std::vector<float> const& xs) {
  return test::mapped<A>(xs, [](simd::floats<A> x) { return simd::tanh<A>(x); });
}

/// Numbers of every size, and the edges of the range.
std::vector<float> everything() {
  std::vector<float> xs = {0.0f,    -0.0f, 1.0f,      -1.0f,  -126.0f, -126.00001f, -125.99999f,   -127.0f,
                           -127.5f, inf,   -inf,      127.0f, 128.0f,  127.99999f,  std::nanf(""), 0x1p-149f,
                           -3e38f,  3e38f, -0x1p-30f, 129.0f, -0.5f,   0.5f,        -150.0f,       0x1p-24f};
  test::random next(31);
  while (xs.size() < 40000) { xs.push_back(std::bit_cast<float>(next.bits())); }
  while (xs.size() < 80000) { xs.push_back(next.value() * 80.0f); }
  return xs;
}

template <class F, class G>
double largest_error(std::vector<float> const& xs, std::vector<float> const& ys, F const& exact, G const& unit) {
  double worst = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    double const y = exact(static_cast<double>(xs[i]));
    worst = std::max(worst, std::abs(static_cast<double>(ys[i]) - y) / unit(y));
  }
  return worst;
}

/// Each float of [0, 1) that is a multiple of 2^-20, and the same in other octaves.
std::vector<float> dense() {
  std::vector<float> xs;
  for (int i = 0; i < 1 << 20; ++i) { xs.push_back(static_cast<float>(i) * 0x1p-20f); }
  for (int i = 0; i < 1 << 18; ++i) { xs.push_back(static_cast<float>(-i) * 0x1.f8p-12f); }
  return xs;
}

template <class A>
void check_errors(std::vector<float> const& xs) {
  auto const exact = [](double x) { return std::exp2(x); };
  auto const relative = [](double y) { return y; };
  double const factor = has_fma<A> ? 1 : 2;
  CHECK(largest_error(xs, exp2_of<A, 3>(xs), exact, relative) < factor * 8.6e-5);
  CHECK(largest_error(xs, exp2_of<A, 4>(xs), exact, relative) < factor * 3.0e-6);
  CHECK(largest_error(xs, exp2_of<A, 5>(xs), exact, relative) < factor * 1.5e-7);
}

}  // namespace

TEST_CASE("exp2 has the stated errors") {
  auto const xs = dense();
  STATIC_REQUIRE(0x1.f8p-12f * (1 << 18) == 126.0f);
  test::for_vector_archs([&](auto arch) {
    INFO(arch_name<typename decltype(arch)::type>);
    check_errors<typename decltype(arch)::type>(xs);
  });
  test::if_arch<sse42>([&](auto) { check_errors<sse42>(xs); });
}

TEST_CASE("exp2 of special numbers") {
  std::vector<float> const xs = {0.0f, -0.0f, -126.0f, -126.00001f, -inf, -200.0f, std::nanf(""), 1.0f,
                                 7.0f, -1.0f, 127.0f,  128.0f,      inf,  1e30f,   -1e30f,        -149.0f};
  std::vector<float> const ys = {1.0f,   1.0f, 0x1p-126f, 0.0f, 0.0f, 0.0f, std::nanf(""), 2.0f,
                                 128.0f, 0.5f, 0x1p127f,  inf,  inf,  inf,  0.0f,          0.0f};
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    for (auto const& result : {exp2_of<A, 3>(xs), exp2_of<A, 4>(xs), exp2_of<A, 5>(xs)}) {
      for (std::size_t i = 0; i < xs.size(); ++i) {
        INFO(arch_name<A> << ": 2^" << xs[i] << " gives " << result[i]);
        CHECK(test::same_bits(result[i], ys[i]));
      }
    }
  });
}

TEST_CASE("exp2 and tanh have the same bits on every instruction set with fma") {
  auto const xs = everything();
  std::vector<std::vector<float>> const expected = {exp2_of<scalar, 3>(xs), exp2_of<scalar, 4>(xs),
                                                    exp2_of<scalar, 5>(xs), tanh_of<scalar>(xs)};
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (has_fma<A>) {
      std::vector<std::vector<float>> const results = {exp2_of<A, 3>(xs), exp2_of<A, 4>(xs), exp2_of<A, 5>(xs),
                                                       tanh_of<A>(xs)};
      for (std::size_t f = 0; f < results.size(); ++f) {
        int wrong = 0;
        for (std::size_t i = 0; i < xs.size(); ++i) {
          if (!test::same_bits(results[f][i], expected[f][i])) {
            if (wrong++ == 0) {
              UNSCOPED_INFO("first at " << xs[i] << ": " << results[f][i] << ", not " << expected[f][i]);
            }
          }
        }
        INFO(arch_name<A> << ", function " << f);
        CHECK(wrong == 0);
      }
    }
  });
}

TEST_CASE("tanh has the stated error, and the sign and limits of its argument") {
  std::vector<float> xs;
  for (int i = -(1 << 18); i < 1 << 18; ++i) { xs.push_back(static_cast<float>(i) * 0x1.4p-14f); }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(largest_error(
              xs, tanh_of<A>(xs), [](double x) { return std::tanh(x); }, [](double) { return 1.0; }) < 2.5e-7);
    std::vector<float> const special = {0.0f,  -0.0f,  inf,  -inf, 20.0f, -20.0f, std::nanf(""), 1e-30f,
                                        3e38f, -3e38f, 0.5f, 1.0f, 2.0f,  3.0f,   4.0f,          5.0f};
    auto const ys = tanh_of<A>(special);
    std::vector<float> const expected = {0.0f, -0.0f, 1.0f, -1.0f, 1.0f, -1.0f, std::nanf(""), 1e-30f, 1.0f, -1.0f};
    for (std::size_t i = 0; i < expected.size(); ++i) {
      INFO(special[i] << " gives " << ys[i]);
      CHECK(test::same_bits(ys[i], expected[i]));
    }
  });
}
