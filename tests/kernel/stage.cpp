// SPDX-License-Identifier: MIT
#include "octavo/kernel/stage.hpp"

#include "octavo/kernel/lane_params.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace octavo;

namespace {

/// Floats of each panel, and absmax of each row, that are not those of the matrix.
template <class A, class T>
int wrong_panels(matrix_view<T> const& w, octavo::index first, octavo::index n) {
  using Q = symmetric<int8>;
  constexpr int L = simd::lanes<A>;
  kernel::panel_source<A, T> const source(w);
  std::vector<float> room(static_cast<std::size_t>(n * 64));
  std::vector<float> other(room.size());
  int wrong = 0;
  for (octavo::index p = 0; p * 64 < w.rows(); ++p) {
    kernel::range_tracker<A, Q> unordered[static_cast<std::size_t>(64 / L)];
    kernel::range_tracker<A, Q> ordered[static_cast<std::size_t>(64 / L)];
    kernel::range_tracker<A, Q> also[static_cast<std::size_t>(64 / L)];
    source.template track<false>(p, first, n, room.data(), unordered);
    source.template track<true>(p, first, n, room.data(), ordered);
    auto const values = source.columns(p, first, n, room.data());
    auto const shown = source.track_columns(p, first, n, other.data(), also);
    for (octavo::index r = 0; r < 64; ++r) {
      bool const there = p * 64 + r < w.rows();
      float largest = 0;
      for (octavo::index k = 0; k < n; ++k) {
        float const expected = there ? w(p * 64 + r, first + k) : 0.0f;
        wrong += values.at[k * values.stride + r] == expected ? 0 : 1;
        wrong += shown.at[k * shown.stride + r] == expected ? 0 : 1;
        largest = std::max(largest, std::fabs(expected));
      }
      float scales[3][16];
      unordered[r / L].lanes().scale.store_unaligned(scales[0]);
      ordered[r / L].lanes().scale.store_unaligned(scales[1]);
      also[r / L].lanes().scale.store_unaligned(scales[2]);
      for (auto const& s : scales) { wrong += s[r % L] == Q::from_absmax(largest).scale ? 0 : 1; }
    }
  }
  return wrong;
}

template <class T>
void check_staging(octavo::index rows, octavo::index cols) {
  test::matrix<T> const w(rows, cols, 71);
  std::vector<T> by_rows(static_cast<std::size_t>(rows * (cols + 3)));
  std::vector<T> strided(static_cast<std::size_t>(2 * (rows + 5) * cols));
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index c = 0; c < cols; ++c) {
      by_rows[static_cast<std::size_t>(r * (cols + 3) + c)] = w(r, c);
      strided[static_cast<std::size_t>(2 * (r + c * (rows + 5)))] = w(r, c);
    }
  }
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A> << ", rows " << rows << ", columns " << cols);
    CHECK(wrong_panels<A, T>(matrix_view<T>(w), 1, cols - 1) == 0);
    CHECK(wrong_panels<A, T>(matrix_view<T>(by_rows.data(), rows, cols, cols + 3, 1), 1, cols - 1) == 0);
    CHECK(wrong_panels<A, T>(matrix_view<T>(strided.data(), rows, cols, 2, 2 * (rows + 5)), 0, cols) == 0);
  });
}

}  // namespace

TEST_CASE("columns of a panel come as floats from a matrix of any strides") {
  for (octavo::index const rows : {1, 15, 17, 63, 64, 65}) {
    check_staging<float>(rows, 37);
    check_staging<bf16>(rows, 16);
  }
  check_staging<f16>(64, 3);
}

TEST_CASE("more columns than are asked for ahead come as floats too") { check_staging<float>(64, 200); }

TEST_CASE("floats of whole columns are read where they are") {
  std::vector<float> w(100 * 5, 1.5f);
  kernel::panel_source<scalar, float> const source(matrix_view<float>(w.data(), 64, 5, 1, 100));
  float room = 0;
  auto const values = source.columns(0, 2, 3, &room);
  CHECK(values.at == w.data() + 200);
  CHECK(values.stride == 100);
}

TEST_CASE("lines ahead end with the matrix, however many are asked for") {
  std::vector<float> w(64 * 40);
  matrix_view<float> const by_columns(w.data(), 64, 40, 1, 64);
  kernel::panel_source<scalar, float> const source(by_columns);
  CHECK(source.ahead(0, 0, 40).left() == 160);  // four lines of each column
  CHECK(source.ahead(0, 30, 10).left() == 40);
  CHECK(source.ahead(1, 0, 40).left() == 0);
  kernel::panel_source<scalar, float> const rows(matrix_view<float>(w.data(), 64, 40, 40, 1));
  CHECK(rows.ahead(0, 0, 40).left() == 192);  // three lines of each row
  auto lines = rows.ahead(0, 8, 32);
  CHECK(lines.left() == 128);
  lines.ask(3);
  CHECK(lines.left() == 125);
  lines.ask(1000);
  CHECK(lines.left() == 0);
}
