// SPDX-License-Identifier: MIT
#include "octavo/ops/quantize.hpp"

#include "octavo/ops/dequantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"
#include "support/user_quantizer.hpp"

#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Every element against the scalar quantizer, with the group that the granularity says.
template <class S>
int wrong_elements(octavo::index rows, octavo::index cols) {
  using Q = typename S::quantizer;
  using G = typename S::granularity;
  test::matrix<float> const w(rows, cols, 141);
  auto const q = quantize<S>(w);
  auto const view = q.view();
  int wrong = 0;
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index c = 0; c < cols; ++c) {
      std::vector<float> group;
      for (octavo::index i = 0; i < rows; ++i) {
        for (octavo::index j = 0; j < cols; ++j) {
          bool shares = std::is_same_v<G, per_tensor>;
          if constexpr (std::is_same_v<G, per_row>) { shares = i == r; }
          if constexpr (std::is_same_v<G, per_column>) { shares = j == c; }
          if constexpr (detail::is_per_group<G>) { shares = i == r && j / G::size == c / G::size; }
          if (shares) { group.push_back(w(i, j)); }
        }
      }
      auto const p = Q::calibrate(group);
      wrong += test::same_bits(view(r, c), Q::decode(Q::encode(w(r, c), p), p)) ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("quantize shares parameters as the granularity says") {
  CHECK(wrong_elements<w8>(19, 21) == 0);
  CHECK(wrong_elements<scheme<symmetric<int4>, per_group<8>>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<symmetric<int4>, per_column>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<affine<uint8>, per_column>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<symmetric<int8>, per_tensor>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<affine<uint4>, per_tensor>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<affine_min<uint4>, per_row>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<affine_min<uint8, scale_as<bf16>>, per_tensor>>(19, 21) == 0);
  CHECK(wrong_elements<fp8>(19, 21) == 0);
  CHECK(wrong_elements<nf4_g64>(5, 70) == 0);
  CHECK(wrong_elements<scheme<symmetric<int8, scale_as<e8m0, mx_ceil>>, per_group<8>>>(19, 21) == 0);
  CHECK(wrong_elements<ternary_g<8>>(19, 21) == 0);
  CHECK(wrong_elements<bitnet>(19, 21) == 0);
  CHECK(wrong_elements<w3_g<8>>(19, 21) == 0);
  CHECK(wrong_elements<mxint8>(5, 70) == 0);
  CHECK(wrong_elements<scheme<test::powers_of_two, per_group<8>>>(19, 21) == 0);
  CHECK(wrong_elements<scheme<test::coarse_int8, per_row>>(19, 21) == 0);
}

TEST_CASE("the executor does not change a byte, and scratch comes from the given memory") {
  auto const check = [](auto identity) {
    using S = typename decltype(identity)::type;
    test::matrix<float> const w(200, 70, 142);
    auto const expected = quantize<S>(w, on<scalar>());
    test::backwards const pool;
    test::counting_memory memory;
    auto const q = quantize<S>(w, on(pool).scratch(memory));
    CHECK(std::memcmp(q.data(), expected.data(), static_cast<std::size_t>(q.size_bytes())) == 0);
    CHECK(memory.allocations == 1);
    CHECK(memory.bytes_held == 0);
  };
  check(std::type_identity<w4_g32>{});
  check(std::type_identity<nf4_g64>{});
  check(std::type_identity<scheme<symmetric<int8>, per_tensor>>{});
}

TEST_CASE("matrices without elements quantize to nothing, impossible extents throw") {
  CHECK(quantize<w8>(test::matrix<float>(0, 5)).size_bytes() == 0);
  CHECK(quantize<w8>(test::matrix<float>(5, 0)).rows() == 5);
  float const one = 1.0f;
  constexpr octavo::index huge = std::numeric_limits<octavo::index>::max() / 4;
  matrix_view<float> const impossible(&one, huge, huge, 0, 0);
  CHECK_THROWS_AS((void)quantize<w8>(impossible), std::invalid_argument);
}
