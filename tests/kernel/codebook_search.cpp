// SPDX-License-Identifier: MIT
#include "octavo/kernel/codebook_search.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Numbers around every border of a table: the border itself, its neighbours, the values; and what no table has.
template <int B>
std::vector<float> numbers(codebook_params<B> const& table) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {inf, -inf, std::nanf(""), 0.0f, -0.0f, 3e38f, -3e38f, 1e-40f, -1e-40f};
  for (std::size_t c = 0; c < codebook<B>::size; ++c) {
    x.push_back(table.values[c]);
    if (c + 1 < codebook<B>::size) {
      float const middle = 0.5f * table.values[c] + 0.5f * table.values[c + 1];
      for (float const v : {middle, std::nextafter(middle, inf), std::nextafter(middle, -inf)}) { x.push_back(v); }
    }
  }
  for (float const v : test::values(100, B)) { x.push_back(v); }
  return x;
}

template <int B>
void check(codebook_params<B> const& table) {
  auto const x = numbers<B>(table);
  std::vector<code> expected;
  for (float const v : x) { expected.push_back(codebook<B>::encode(v, table)); }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A> << ", " << B << " bits");
    std::vector<code> got(x.size());
    kernel::codebook_search<A, B> const search(table);
    kernel::encode_by_table(search, table, x.data(), static_cast<octavo::index>(x.size()), got.data());
    CHECK(got == expected);
  });
}

template <int B>
void check_tables() {
  auto random = test::values(octavo::index{1} << B, 40 + B);
  std::sort(random.begin(), random.end());
  codebook_params<B> table{};
  std::copy(random.begin(), random.end(), table.values);
  check<B>(table);
  for (std::size_t c = 0; c < random.size(); ++c) { table.values[c] = random[c - c % 3]; }  // runs of equal values
  check<B>(table);
  for (float& v : table.values) { v *= 1e-41f; }  // denormal
  check<B>(table);
  for (std::size_t c = 0; c < random.size(); ++c) { table.values[c] = random[random.size() - 1 - c]; }  // descending
  check<B>(table);
  for (float& v : table.values) { v = 0.25f; }
  check<B>(table);
  for (float& v : table.values) { v = std::nanf(""); }
  check<B>(table);
}

}  // namespace

TEST_CASE("a table is searched by vectors as by codebook::encode, borders and what is not finite among the numbers") {
  check_tables<2>();
  check_tables<3>();
  check_tables<4>();
  check_tables<5>();
  check_tables<8>();
}

TEST_CASE("a number in the middle has the lower code, one just above the next") {
  codebook_params<2> const table{{-1.0f, 0.0f, 0.0f, 2.0f}};
  std::vector<float> const x = {-0.5f, std::nextafter(-0.5f, 0.0f), 0.0f, 1.0f, std::nextafter(1.0f, 2.0f)};
  std::vector<code> const expected = {0, 1, 1, 1, 3};
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    std::vector<float> lanes(16);
    std::vector<code> got(16);
    std::copy(x.begin(), x.end(), lanes.begin());
    kernel::encode_by_table(kernel::codebook_search<A, 2>(table), table, lanes.data(), 16, got.data());
    INFO(arch_name<A>);
    CHECK(std::equal(expected.begin(), expected.end(), got.begin()));
  });
}
