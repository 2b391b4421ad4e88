// SPDX-License-Identifier: MIT
#include "octavo/quant/affine_codebook.hpp"

#include "octavo/format/codebook.hpp"
#include "octavo/quant/scheme.hpp"

#include "support/catch.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// KVQuant's example: a channel whose range is [-1.5, 4.5] and the codebook of its worked k-means.
struct worked_book {
  static constexpr std::array<float, 4> values{-0.866666667f, -0.1875f, 0.108333333f, 0.9125f};
};
/// One whose ends are those of the range.
struct whole_book {
  static constexpr std::array<float, 4> values{-1.0f, -0.25f, 0.125f, 1.0f};
};

}  // namespace

TEST_CASE("affine_codebook is KVQuant's codebook * range + offset") {
  using Q = affine_codebook<codebook_format<worked_book>>;
  STATIC_REQUIRE(check_quantizer<Q>());
  STATIC_REQUIRE(has_minimum<Q>);
  auto const p = Q::calibrate(std::vector<float>{4.5f, -1.5f, 0.0f});
  CHECK(Q::scale(p) == 3.0f);
  CHECK(Q::minimum(p) == 1.5f);
  float const lut[] = {-1.1f, 0.9375f, 1.825f, 4.2375f};
  for (int c = 0; c < 4; ++c) { CHECK(std::abs(Q::decode(static_cast<code>(c), p) - lut[c]) < 1e-6f); }
  CHECK(Q::encode(4.0f, p) == 3);
  CHECK(Q::encode(-1.4f, p) == 0);
  CHECK(Q::encode(6.25f, p) == 3);
  CHECK(Q::encode(-3.0f, p) == 0);
}

TEST_CASE("affine_codebook maps the ends of a range to those of the codebook") {
  using Q = affine_codebook<codebook_format<whole_book>>;
  auto const p = Q::calibrate(std::vector<float>{2.0f, 4.5f, -1.5f});
  CHECK(Q::scale(p) == 3.0f);
  CHECK(Q::minimum(p) == 1.5f);
  CHECK(Q::decode(Q::encode(4.5f, p), p) == 4.5f);
  CHECK(Q::decode(Q::encode(-1.5f, p), p) == -1.5f);
  CHECK(Q::encode(2.0f, p) == 2);
  using H = affine_codebook<codebook_format<whole_book>, scale_as<f16>>;
  auto const h = H::calibrate(std::vector<float>{0.1f, 0.3f});
  CHECK(H::scale(h) == static_cast<float>(f16(0.15f - 0.05f)));
  CHECK(H::minimum(h) == static_cast<float>(f16(0.2f)));
}

TEST_CASE("affine_codebook: one value is exact, none is 0, no overflow of the sum, NaN and infinity give NaN") {
  using Q = affine_codebook<nf4>;
  CHECK(Q::decode(Q::encode(-3.7f, Q::calibrate(std::vector<float>(7, -3.7f))),
                  Q::calibrate(std::vector<float>(7, -3.7f))) == -3.7f);
  CHECK(Q::decode(0, Q::calibrate(std::vector<float>{})) == 0.0f);
  auto const wide = Q::calibrate(std::vector<float>{-3e38f, 3e38f});
  CHECK(Q::scale(wide) == 3e38f);
  CHECK(Q::minimum(wide) == 0.0f);
  using H = affine_codebook<nf4, scale_as<f16>>;
  CHECK(H::minimum(H::calibrate(std::vector<float>{-1e6f, -1e6f})) == -65504.0f);
  for (float const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    CHECK(std::isnan(Q::scale(Q::calibrate(std::vector<float>{1.0f, bad}))));
  }
}
