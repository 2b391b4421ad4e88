// SPDX-License-Identifier: MIT
#include "octavo/core/heads_view.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/matrix.hpp"

#include <type_traits>

using namespace octavo;
using test::error_of;

TEST_CASE("heads_view finds channels of head-major and token-major tensors") {
  float data[24];
  heads_view<float> const hnd(data, 4, 2, 3, 12, 4);
  heads_view<float> const nhd(data, 4, 2, 3, 4, 8);
  CHECK(hnd.at(1, 2) == data + 20);
  CHECK(nhd.at(1, 2) == data + 20);
  CHECK(hnd.at(1, 0) == data + 12);
  CHECK(nhd.at(1, 0) == data + 4);
  CHECK(nhd.head_dim() == 4);
  CHECK(nhd.heads() == 2);
  CHECK(nhd.tokens() == 3);
  STATIC_REQUIRE(std::is_same_v<decltype(nhd.read()), heads_view<float const>>);
  CHECK(nhd.read().at(1, 2) == data + 20);
}

TEST_CASE("heads_view refuses what cannot be") {
  float data[24];
  float* const none = nullptr;
  CHECK(error_of([&] { heads_view<float>(data, 4, 2, -1, 12, 4); }) ==
        "heads_view: tokens are -1, heads are 2. Extents must not be negative.");
  CHECK(error_of([&] { heads_view<float>(data, -4, 2, 1, 12, 4); }) ==
        "heads_view: rows are -4, columns are 2. Extents must not be negative.");
  CHECK(error_of([&] { heads_view<float>(none, 4, 2, 3, 12, 4); }) ==
        "heads_view: the data pointer is null but rows are 4, columns are 2. Pass memory, or an extent of 0.");
  CHECK(error_of([&] { heads_view<float>(none, 4, 2, 0, 0, 4); }) == "no error");
  CHECK(error_of([&] { heads_view<float>(data, 4, 2, 3, 3, 8); }) ==
        "heads_view: the stride between heads is 3, the channels of a head are 4. Heads would overlap: pass a stride "
        "of at least the channels.");
  CHECK(error_of([&] { heads_view<float>(data, 4, 2, 3, 12, 3); }) ==
        "heads_view: the stride between tokens is 3, the channels of a head are 4. Tokens would overlap: pass a "
        "stride of at least the channels.");
}

TEST_CASE("a matrix is heads one after the other in the features of a token") {
  test::matrix<float> m(12, 5);
  auto const view = as_heads(m, 3);
  CHECK(view.head_dim() == 4);
  CHECK(view.tokens() == 5);
  CHECK(view.at(2, 4) == m.data() + 4 * 12 + 8);
  CHECK(as_heads(view, 7).heads() == 3);
  CHECK(
      error_of([&] { (void)as_heads(m, 5); }) ==
      "as_heads: an operand has features 12, heads are 5. Features must be a multiple of the heads: attention takes "
      "{.query_heads = ..., .kv_heads = ...}, a cache has them in its shape.");
  CHECK(error_of([&] { (void)as_heads(m, 0); }).starts_with("as_heads: an operand has features 12, heads are 0."));
}
