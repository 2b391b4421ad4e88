// SPDX-License-Identifier: MIT
#include "octavo/kernel/dense_panels.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

template <class T>
std::vector<T> values(octavo::index n, std::uint64_t seed) {
  test::random next(seed);
  std::vector<T> v;
  for (octavo::index i = 0; i < n; ++i) { v.push_back(T(next.value())); }
  return v;
}

/// Products of a packed matrix by two tokens against one chain of fma over k; of a k that is filled with zeros.
template <class A>
int wrong_products(std::vector<float> const& panels, octavo::index rows, octavo::index k, auto const& element) {
  using dense = kernel::dense_panels<A>;
  octavo::index const filled = dense::filled(k);
  std::vector<float> x = values<float>(2 * filled, 9);
  for (octavo::index t = 0; t < 2; ++t) {
    for (octavo::index c = k; c < filled; ++c) { x[static_cast<std::size_t>(t * filled + c)] = 0; }
  }
  int wrong = 0;
  for (octavo::index r = 0; r < rows; r += dense::width) {
    std::vector<float> out(static_cast<std::size_t>(2 * dense::width));
    dense::template multiply<2>(panels.data() + r * filled, filled, x.data(), filled, out.data());
    for (octavo::index i = 0; i < smaller(dense::width, rows - r); ++i) {
      for (octavo::index t = 0; t < 2; ++t) {
        float sum = 0;
        for (octavo::index c = 0; c < k; ++c) {
          float const a = x[static_cast<std::size_t>(t * filled + c)];
          float const w = element(r + i, c);
          sum = has_fma<A> ? std::fma(w, a, sum) : detail::opaque(w * a) + sum;
        }
        wrong += test::same_bits(sum, out[static_cast<std::size_t>(t * dense::width + i)]) ? 0 : 1;
      }
    }
  }
  return wrong;
}

template <class A, class T>
void check(octavo::index rows, octavo::index cols) {
  using dense = kernel::dense_panels<A>;
  INFO(arch_name<A> << ": " << rows << " x " << cols);
  octavo::index const stride = cols + 3;
  auto const by_rows = values<T>((rows - 1) * stride + cols, 1);
  std::vector<float> panels(static_cast<std::size_t>(dense::floats(rows, cols)));
  dense::pack_rows(by_rows.data(), stride, rows, cols, panels.data());
  CHECK(wrong_products<A>(panels, rows, cols, [&](octavo::index r, octavo::index c) {
          return static_cast<float>(by_rows[static_cast<std::size_t>(r * stride + c)]);
        }) == 0);
  octavo::index const column = rows + 5;
  auto by_columns = values<T>((cols - 1) * column + rows, 2);
  CHECK(dense::pack_columns(by_columns.data(), column, rows, cols, panels.data()));
  CHECK(wrong_products<A>(panels, rows, cols, [&](octavo::index r, octavo::index c) {
          return static_cast<float>(by_columns[static_cast<std::size_t>(c * column + r)]);
        }) == 0);
  by_columns.back() = T(-std::numeric_limits<float>::infinity());
  CHECK_FALSE(dense::pack_columns(by_columns.data(), column, rows, cols, panels.data()));
}

}  // namespace

TEST_CASE("packed rows and columns multiply as the matrix does") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const rows : {1, 15, 64, 65}) {
      for (octavo::index const cols : {1, 2, 7, 33}) { check<A, float>(rows, cols); }
    }
    check<A, bf16>(17, 19);
    check<A, f16>(130, 20);
  });
}
