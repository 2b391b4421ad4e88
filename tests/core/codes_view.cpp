// SPDX-License-Identifier: MIT
#include "octavo/core/codes_view.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <Eigen/Dense>
#include <cstdint>
#include <type_traits>

using namespace octavo;

TEST_CASE("codes_view sees bytes of the caller and Eigen matrices of them") {
  std::uint8_t bytes[] = {1, 2, 3, 0, 4, 5, 6};
  codes_view<std::uint8_t> const v(bytes, 3, 2, 4);
  CHECK(v.features() == 3);
  CHECK(v.tokens() == 2);
  CHECK(v.stride() == 4);
  CHECK(v.token(1)[2] == 6);
  v.token(0)[1] = 9;
  CHECK(bytes[1] == 9);
  CHECK(as_codes(v).data() == bytes);

  Eigen::Matrix<std::int8_t, Eigen::Dynamic, Eigen::Dynamic> m(5, 4);
  m.setZero();
  m(2, 3) = -7;
  auto const whole = as_codes(m);
  static_assert(std::is_same_v<decltype(whole), codes_view<std::int8_t> const>);
  CHECK(whole.token(3)[2] == -7);
  auto const part = as_codes(m.block(1, 1, 3, 3));
  CHECK(part.features() == 3);
  CHECK(part.stride() == 5);
  CHECK(part.token(2)[1] == -7);
  auto const& fixed = m;
  static_assert(std::is_same_v<decltype(as_codes(fixed)), codes_view<std::int8_t const>>);
  CHECK(as_codes(fixed).tokens() == 4);

  Eigen::Matrix<std::uint8_t, 1, Eigen::Dynamic> row(6);
  row << 1, 2, 3, 4, 5, 6;
  CHECK(as_codes(row).tokens() == 1);
  CHECK(as_codes(row).token(0)[5] == 6);
}

TEST_CASE("codes_view refuses extents that are no extents") {
  std::int8_t bytes[8] = {};
  CHECK(test::error_of([&] { codes_view<std::int8_t>(bytes, -1, 2, 4); }) ==
        "codes_view: rows are -1, columns are 2. Extents must not be negative.");
  CHECK(test::error_of([&] {
          codes_view<std::int8_t>(nullptr, 1, 2, 4);
        }).starts_with("codes_view: the data pointer is null"));
  CHECK(test::error_of([&] { codes_view<std::int8_t>(bytes, 4, 2, 3); }) ==
        "codes_view: the stride between tokens is 3, features are 4. Tokens would overlap: pass a stride of at least "
        "the features.");
  CHECK(codes_view<std::int8_t>().features() == 0);
}
