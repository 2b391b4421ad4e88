// SPDX-License-Identifier: MIT
#include "octavo/ops/matmul_fixed.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

using namespace octavo;

namespace {

/// The product by integers of 64 bits.
test::matrix<float> plain(fixed_matrix const& w, test::matrix<float> const& x, fixed_point type) {
  test::matrix<float> y(w.rows(), x.cols());
  for (octavo::index t = 0; t < x.cols(); ++t) {
    for (octavo::index r = 0; r < w.rows(); ++r) {
      std::int64_t sum = 0;
      for (octavo::index k = 0; k < w.cols(); ++k) {
        std::int64_t a = type.encode(x(k, t));
        if (a == -(std::int64_t{1} << (type.word_length - 1))) { ++a; }
        sum += std::int64_t{w.code_at(r, k)} * a;
      }
      y(r, t) = std::ldexp(static_cast<float>(sum), -w.type().fraction_length - type.fraction_length);
    }
  }
  return y;
}

void check(fixed_matrix const& w, test::matrix<float> const& x, fixed_point type) {
  auto const expected = plain(w, x, type);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A> << ": " << w.rows() << " x " << w.cols() << ", tokens " << x.cols() << ", bits "
                      << w.type().word_length << ", " << type.word_length);
    test::matrix<float> y(w.rows(), x.cols());
    matmul(w, in_fixed(x, type), y, on<A>());
    CHECK(test::differences(y, expected) == 0);
    test::odd_first const pool;
    test::matrix<float> again(w.rows(), x.cols());
    matmul(w, in_fixed(x, type), again, on<A>(pool));
    CHECK(test::differences(again, expected) == 0);
  });
}

}  // namespace

TEST_CASE("fixed point equals sums of 64 bits on every instruction set, for odd shapes and all widths") {
  struct {
    octavo::index rows, cols, tokens;
  } const shapes[] = {{1, 1, 1},   {3, 2, 2},    {17, 33, 3},   {63, 7, 4},
                      {64, 64, 5}, {65, 129, 9}, {130, 600, 6}, {5, 0, 2}};
  struct {
    fixed_point w, x;
  } const types[] = {
      {{16, 15}, {16, 14}}, {{8, 7}, {8, 6}}, {{12, 11}, {12, 4}}, {{16, -3}, {2, 0}}, {{9, 20}, {16, 14}}};
  std::uint64_t seed = 1;
  for (auto const& s : shapes) {
    for (auto const& type : types) {
      auto dense = test::matrix<float>(s.rows, s.cols, ++seed);
      if (type.w.fraction_length < 0) {
        for (octavo::index r = 0; r < s.rows; ++r) {
          for (octavo::index c = 0; c < s.cols; ++c) { dense(r, c) *= 50000; }
        }
      }
      check(fixed_matrix(dense, type.w), test::matrix<float>(s.cols, s.tokens, seed + 99), type.x);
    }
  }
}

TEST_CASE("the extremes of 16 bits never overflow: all lowest, all highest, alternating") {
  fixed_point const type{16, 0};
  for (int const pattern : {0, 1, 2, 3}) {
    test::matrix<float> w(66, 4099);
    test::matrix<float> x(4099, 5);
    for (octavo::index k = 0; k < 4099; ++k) {
      for (octavo::index r = 0; r < 66; ++r) {
        w(r, k) = pattern == 1 || (pattern == 2 && k % 2 == 1) ? 1e6f : -1e6f;
      }
      for (octavo::index t = 0; t < 5; ++t) { x(k, t) = pattern == 3 && k % 3 == 1 ? 1e6f : -1e6f; }
    }
    check(fixed_matrix(w, type), x, type);
  }
}

TEST_CASE("more columns than the halves of a burst hold") {
  fixed_point const type{16, 0};
  octavo::index const cols = 2 * kernel::fixed_bursts + 2 * 77 + 1;
  test::matrix<float> w(2, cols);
  test::matrix<float> x(cols, 1);
  for (octavo::index k = 0; k < cols; ++k) {
    w(0, k) = -1e6f;
    w(1, k) = k % 5 == 0 ? 1e6f : -1e6f;
    x(k, 0) = -1e6f;
  }
  check(fixed_matrix(w, type), x, type);
}

TEST_CASE("bf16 tokens in, f16 out, an epilogue. NaN and infinity are the ends") {
  test::matrix<float> const dense(20, 9, 4);
  fixed_matrix const w(dense, {11, 9});
  test::matrix<bf16> x(9, 3, 5);
  x(0, 1) = bf16(std::numeric_limits<float>::infinity());
  x(1, 1) = bf16(std::numeric_limits<float>::quiet_NaN());
  test::matrix<float> floats(9, 3);
  for (octavo::index t = 0; t < 3; ++t) {
    for (octavo::index k = 0; k < 9; ++k) { floats(k, t) = static_cast<float>(x(k, t)); }
  }
  auto const expected = plain(w, floats, {13, 10});
  test::matrix<f16> y(20, 3);
  matmul(w, in_fixed(x, {13, 10}), y, [](auto v, octavo::index, octavo::index) { return v + v; });
  int wrong = 0;
  for (octavo::index t = 0; t < 3; ++t) {
    for (octavo::index r = 0; r < 20; ++r) {
      wrong += static_cast<float>(y(r, t)) == static_cast<float>(f16(2 * expected(r, t))) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("shapes and types that do not fit are refused") {
  fixed_matrix const w(test::matrix<float>(4, 6), {8, 4});
  test::matrix<float> const x(5, 2);
  test::matrix<float> y(4, 2);
  CHECK_THROWS_WITH(matmul(w, in_fixed(x, {8, 4}), y), Catch::Contains("X has features 5, W has columns 6"));
  CHECK_THROWS_AS(in_fixed(x, {1, 4}), std::invalid_argument);
}
