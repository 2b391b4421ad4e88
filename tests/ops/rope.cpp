// SPDX-License-Identifier: MIT
// Rotary embeddings against the reference: layouts, partial heads, positions, elements, errors.
#include "octavo/ops/rope.hpp"

#include "octavo/reference/rope.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;
using test::matrix;

namespace {

template <class T>
heads_view<T> heads_of(matrix<T>& m, octavo::index heads) {
  return as_heads(m, heads);
}

/// The largest error of rope in units of 3 * 2^-24 (|a| + |b|); 1e9 where an instruction set has other bits than
/// scalar.
template <class T>
double error_of(octavo::index dims, octavo::index head_dim, octavo::index heads, rope_pairs pairs) {
  bool const neighbours = pairs == rope_pairs::neighbours;
  rope_table const table(dims, 50, rope_plain{}, pairs);
  matrix<T> const x(head_dim * heads, 4, static_cast<std::uint64_t>(dims));
  auto y = test::columns(x, 0, 4);
  rope(heads_of(y, heads), 46, table, on<scalar>());
  double worst = 0;
  std::vector<double> radians;
  for (octavo::index i = 0; i < dims / 2; ++i) { radians.push_back(rope_plain{}.inverse_frequency(i, dims)); }
  for (octavo::index t = 0; t < 4; ++t) {
    for (octavo::index h = 0; h < heads; ++h) {
      std::vector<double> head;
      for (octavo::index c = 0; c < head_dim; ++c) {
        head.push_back(static_cast<double>(static_cast<float>(x(h * head_dim + c, t))));
      }
      auto const exact = reference::rope(head, static_cast<double>(46 + t), radians, neighbours);
      for (octavo::index c = 0; c < head_dim; ++c) {
        octavo::index const other = c >= dims ? c : neighbours ? c ^ 1 : c < dims / 2 ? c + dims / 2 : c - dims / 2;
        auto const i = static_cast<std::size_t>(c);
        double const size = std::abs(head[i]) + std::abs(head[static_cast<std::size_t>(other)]);
        double const own = std::is_same_v<T, float> ? 0 : std::abs(exact[i]) * 0x1p-8;
        double const bound = c >= dims ? 1e-30 : 3 * 0x1p-24 * size + own;
        double const error = std::abs(static_cast<double>(static_cast<float>(y(h * head_dim + c, t))) - exact[i]);
        worst = std::max(worst, error / (bound + 1e-30));
      }
    }
  }
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto here = test::columns(x, 0, 4);
    rope(heads_of(here, heads), 46, table, on<A>());
    matrix<T> apart(head_dim * heads, 4);
    rope_into(heads_of(here, heads), heads_of(apart, heads), std::vector<int>(4, 0), table, on<A>());  // no turn
    if (test::differences(here, y) + test::differences(apart, y) != 0) { worst = 1e9; }
  });
  return worst;
}

}  // namespace

TEST_CASE("rotary embeddings are near the reference and the same on every instruction set") {
  for (auto const pairs : {rope_pairs::halves, rope_pairs::neighbours}) {
    CHECK(error_of<float>(2, 2, 1, pairs) < 1);
    CHECK(error_of<float>(34, 34, 3, pairs) < 1);
    CHECK(error_of<float>(64, 64, 2, pairs) < 1);
    CHECK(error_of<float>(128, 128, 2, pairs) < 1);
    CHECK(error_of<float>(26, 65, 3, pairs) < 1);  // partial
    CHECK(error_of<float>(0, 5, 2, pairs) < 1);
    CHECK(error_of<bf16>(30, 32, 2, pairs) < 1);
  }
}

TEST_CASE("rotary embeddings of four numbers are those of the models") {
  float x[] = {1, 2, 3, 4};
  heads_view<float> const head(x, 4, 1, 1, 4, 4);
  rope(head, 3, rope_table(4, 4, rope_plain{}, rope_pairs::neighbours), on<scalar>());
  float const neighbours[] = {-1.272233f, -1.838865f, 2.878668f, 4.088187f};
  for (int i = 0; i < 4; ++i) { CHECK(std::abs(x[i] - neighbours[i]) < 1e-6f); }
  float const again[] = {1, 2, 3, 4};
  rope_into(heads_view<float const>(again, 4, 1, 1, 4, 4), head, 3, rope_table(4, 4), on<scalar>());
  float const halves[] = {-1.413353f, 1.879118f, -2.828857f, 4.058191f};
  for (int i = 0; i < 4; ++i) { CHECK(std::abs(x[i] - halves[i]) < 1e-6f); }
}

TEST_CASE("products of turned queries and keys depend on distances only") {
  rope_table const table(64, 2000);
  matrix<float> const q(64, 1, 1);
  matrix<float> const k(64, 1, 2);
  std::vector<double> products;
  for (int const offset : {0, 5, 700, 1990}) {
    auto a = test::columns(q, 0, 1);
    auto b = test::columns(k, 0, 1);
    rope(heads_of(a, 1), offset + 9, table, on<scalar>());
    rope(heads_of(b, 1), offset, table, on<scalar>());
    double sum = 0;
    for (octavo::index i = 0; i < 64; ++i) { sum += static_cast<double>(a(i, 0)) * static_cast<double>(b(i, 0)); }
    products.push_back(sum);
  }
  for (double const p : products) { CHECK(std::abs(p - products[0]) < 1e-5); }
}

TEST_CASE("rotary embeddings take any positions, strides and threads") {
  rope_table const table(32, 100);
  matrix<float> const x(32 * 3, 60, 8);
  auto one_by_one = test::columns(x, 0, 60);
  std::vector<std::int64_t> positions;
  for (octavo::index t = 0; t < 60; ++t) {
    positions.push_back((t * 37) % 100);
    rope(heads_view<float>(&one_by_one(0, t), 32, 3, 1, 32, 96), positions.back(), table, on<scalar>());
  }
  // Head-major.
  std::vector<float> hnd(32 * 3 * 60);
  heads_view<float> const turned(hnd.data(), 32, 3, 60, 32 * 60, 32);
  test::backwards pool;
  rope_into(as_heads(x, 3), turned, positions, table, on<scalar>(pool));
  int wrong = 0;
  for (octavo::index t = 0; t < 60; ++t) {
    for (octavo::index h = 0; h < 3; ++h) {
      for (octavo::index c = 0; c < 32; ++c) {
        wrong += test::same_bits(turned.at(h, t)[c], one_by_one(h * 32 + c, t)) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("rotary embeddings say what does not fit") {
  rope_table const table(8, 10);
  matrix<float> x(16, 3);
  matrix<float> y(16, 2);
  CHECK(test::error_of([&] { rope(heads_of(x, 2), 8, table, on<scalar>()); }) ==
        "rope: a token has position 10, the table has positions 10. Positions count from 0: make the table longer.");
  CHECK(test::error_of([&] {
          rope(heads_of(x, 2), -1, table, on<scalar>());
        }).starts_with("rope: a token has position -1"));
  CHECK(test::error_of([&] { rope(heads_of(x, 4), 0, table, on<scalar>()); }) ==
        "rope: a head has channels 4, the table turns 8. A head must have at least as many.");
  CHECK(test::error_of([&] {
          rope(heads_of(x, 2), std::vector<int>{1, 2}, table, on<scalar>());
        }) == "rope: positions are 2, tokens are 3. They must be equal.");
  CHECK(test::error_of([&] { rope_into(heads_of(x, 2), heads_of(y, 2), 0, table, on<scalar>()); }) ==
        "rope_into: X has tokens 3, the output has 2. They must be equal.");
  matrix<float> none(16, 0);
  rope(heads_of(none, 2), 0, table, on<scalar>());
}
