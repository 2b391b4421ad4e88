// SPDX-License-Identifier: MIT
#include "octavo/storage/quantized_tokens.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <utility>

using namespace octavo;
using octavo::schemes::a8;

TEST_CASE("quantized_tokens hold what is written, and views read it") {
  quantized_tokens<a8> q(70, 3);
  CHECK(q.features() == 70);
  CHECK(q.tokens() == 3);
  for (octavo::index t = 0; t < 3; ++t) {
    CHECK(reinterpret_cast<std::uintptr_t>(q.codes(t)) % 64 == 0);
    CHECK(q.view().scale(t) == 0);
    for (octavo::index k = 0; k < 70; ++k) { q.codes(t)[k] = static_cast<std::int8_t>(k - 35 + t); }
    q.scale(t) = 0.5f * static_cast<float>(t + 1);
    q.zero(t) = static_cast<std::int32_t>(t);
  }
  auto const copy = q;
  auto const moved = std::move(q);
  for (auto const& each : {copy.view(), moved.view()}) {
    CHECK(each(0, 0) == -17.5f);
    CHECK(each(69, 2) == 1.5f * 34);
    CHECK(each.codes(1)[1] == -33);
    CHECK(each.scale(1) == 1.0f);
    CHECK(each.zero(2) == 2);
    CHECK(each.tokens() == 3);
  }
}

TEST_CASE("quantized_tokens refuse extents that are no extents") {
  CHECK(test::error_of([] { quantized_tokens<a8>(-1, 3); }) ==
        "quantized_tokens: features are -1, tokens are 3. Extents must not be negative.");
  CHECK(test::error_of([] { quantized_tokens<a8>(octavo::index{1} << 62, 8); }).starts_with("extents: "));
  CHECK(test::error_of([] {
          quantized_tokens_view<a8>(nullptr, nullptr, nullptr, 3, 3, 3);
        }).starts_with("quantized_tokens_view: the data pointer is null"));
  std::int8_t const codes[8] = {};
  float const scales[2] = {};
  std::int32_t const zeros[2] = {};
  constexpr char const* none =
      "quantized_tokens_view: the scales or the zero points are null. Pass one of each for each token.";
  CHECK(test::error_of([&] { quantized_tokens_view<a8>(codes, nullptr, zeros, 4, 2, 4); }) == none);
  CHECK(test::error_of([&] { quantized_tokens_view<a8>(codes, scales, nullptr, 4, 2, 4); }) == none);
  CHECK(test::error_of([&] {
          quantized_tokens_view<a8>(codes, scales, zeros, 4, 2, 3);
        }).starts_with("quantized_tokens_view: the stride between tokens is 3, features are 4."));
  CHECK(quantized_tokens_view<a8>(codes, scales, zeros, 4, 2, 4).tokens() == 2);
  CHECK(quantized_tokens<a8>(0, 5).view().features() == 0);
  CHECK(quantized_tokens<a8>(5, 0).view().tokens() == 0);
}
