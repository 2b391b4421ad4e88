// SPDX-License-Identifier: MIT
// Compares matmul with the plain implementation, bit for bit, over odd shapes and every instruction set at hand.
#pragma once

#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/plain_matmul.hpp"

#include <string>
#include <type_traits>
#include <vector>

namespace test {

struct shape {
  octavo::index rows;
  octavo::index cols;
  octavo::index tokens;
};

/// Every number of the three lists at least once, in changing company, and a few chosen combinations.
[[nodiscard]] inline std::vector<shape> odd_shapes() {
  octavo::index const rows[] = {1, 3, 15, 17, 63, 64, 65, 130};
  octavo::index const cols[] = {0, 1, 3, 7, 15, 17, 31, 33, 63, 65, 127, 129, 200, 1000};
  octavo::index const tokens[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 64, 65, 129};
  std::vector<shape> shapes;
  for (octavo::index i = 0; i < 42; ++i) {
    shape s{rows[(i * 3 + i / 14) % 8], cols[i % 14], tokens[(i * 7 + i / 14 * 4) % 15]};
    if (s.rows * s.cols * s.tokens > 1000000) { s.tokens = s.tokens % 16 + 1; }
    shapes.push_back(s);
  }
  for (shape const s : {shape{130, 33, 129}, shape{65, 129, 64}, shape{3, 1000, 17}, shape{63, 200, 8},
                        shape{65, 200, 31}, shape{130, 129, 32}, shape{64, 65, 33}, shape{17, 1000, 48},
                        shape{63, 72, 49}, shape{64, 128, 16}, shape{17, 1000, 1}, shape{33, 65, 3},
                        // few tokens take two panels at a time: one short of, one past, and a rest
                        shape{192, 31, 1}, shape{255, 65, 1}, shape{257, 40, 1}, shape{130, 33, 2},
                        shape{330, 200, 2}, shape{590, 40, 1},
                        // whole groups, whose sums stay in registers: whole tiles of 3 and of 6 tokens, and a rest
                        shape{65, 256, 25}, shape{130, 128, 50}}) {
    shapes.push_back(s);
  }
  return shapes;
}

/// The scheme or element type that decides the path.
template <class A, class X>
using activation_of = std::conditional_t<std::is_same_v<A, octavo::as_is>, X, A>;

/// One product on every instruction set against the plain one.
template <class A, class S, class X, class Y = float>
void check_product(octavo::quantized_matrix<S> const& w, matrix<X> const& x) {
  auto const exact = plain_matmul<activation_of<A, X>>(w.view(), x);
  matrix<Y> expected(exact.rows(), exact.cols());
  for (octavo::index t = 0; t < exact.cols(); ++t) {
    for (octavo::index r = 0; r < exact.rows(); ++r) { expected(r, t) = Y(exact(r, t)); }
  }
  auto const check = [&](auto arch) {
    using A_type = typename decltype(arch)::type;
    matrix<Y> y(w.rows(), x.cols());
    for (octavo::index t = 0; t < y.cols(); ++t) {
      for (octavo::index r = 0; r < y.rows(); ++r) { y(r, t) = Y(-77.0f); }
    }
    octavo::matmul<A>(w, x, y, octavo::on<A_type>());
    INFO(octavo::arch_name<A_type> << ": " << w.rows() << " x " << w.cols() << ", tokens " << x.cols());
    CHECK(differences(y, expected) == 0);
  };
  for_archs(check);
  // Where it differs from avx512vnni.
  if constexpr (octavo::path_of<S, activation_of<A, X>> == octavo::path::int8_dot) {
    if_arch<octavo::avx512amx>(check);
  }
}

/// Weights of scheme S with activations A over all odd shapes.
template <class S, class A, class X = float, class Y = float>
void check_shapes(std::uint64_t seed) {
  for (shape const& s : odd_shapes()) {
    ++seed;
    auto const w = octavo::quantize<S>(matrix<float>(s.rows, s.cols, seed), octavo::on<octavo::scalar>());
    check_product<A, S, X, Y>(w, matrix<X>(s.cols, s.tokens, seed + 1000));
  }
}

}  // namespace test
