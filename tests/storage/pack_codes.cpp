// SPDX-License-Identifier: MIT
#include "octavo/storage/pack_codes.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/matrix.hpp"
#include "support/user_quantizer.hpp"

#include <cstring>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Whether the codes and params that the quantizer gives pack to the bytes of quantize().
template <class S>
bool packs_like_quantize(octavo::index rows, octavo::index cols) {
  using Q = typename S::quantizer;
  test::matrix<float> const w(rows, cols, 3);
  auto const expected = quantize<S>(w, on<scalar>());
  octavo::index const length = panel_layout<S>{rows, cols}.group();
  auto const packed = pack_codes<S>(rows, cols, [&](octavo::index r, octavo::index g, code* codes) {
    std::vector<float> group;
    for (auto c = g * length; c < cols && c < (g + 1) * length; ++c) { group.push_back(w(r, c)); }
    auto const p = Q::calibrate(group);
    for (float const x : group) { *codes++ = Q::encode(x, p); }
    return p;
  });
  return packed.rows() == rows && packed.cols() == cols && packed.size_bytes() == expected.size_bytes() &&
         std::memcmp(packed.data(), expected.data(), static_cast<std::size_t>(packed.size_bytes())) == 0;
}

}  // namespace

TEST_CASE("codes that exist pack to the bytes that quantize writes, for any shape") {
  for (octavo::index const rows : {1, 64, 67}) {
    for (octavo::index const cols : {1, 32, 70}) {
      INFO(rows << " x " << cols);
      CHECK(packs_like_quantize<w8>(rows, cols));
      CHECK(packs_like_quantize<w4_g32>(rows, cols));
      CHECK(packs_like_quantize<w4_affine_g<32>>(rows, cols));
      CHECK(packs_like_quantize<w4_min_g<32>>(rows, cols));
      CHECK(packs_like_quantize<w2_g64>(rows, cols));
      CHECK(packs_like_quantize<mxfp4>(rows, cols));
      CHECK(packs_like_quantize<fp8>(rows, cols));
      CHECK(packs_like_quantize<scheme<test::powers_of_two, per_group<20>>>(rows, cols));
    }
  }
}

TEST_CASE("groups come in the order of rows, and none where there are no elements") {
  std::vector<octavo::index> seen;
  auto const note = [&seen](octavo::index r, octavo::index g, code*) {
    seen.push_back(r * 10 + g);
    return w4_g32::quantizer::params{1.0f, 1.0f};
  };
  (void)pack_codes<w4_g32>(3, 33, note);
  CHECK(seen == std::vector<octavo::index>{0, 1, 10, 11, 20, 21});
  CHECK(pack_codes<w4_g32>(0, 33, note).size_bytes() == 0);
  CHECK(seen.size() == 6);
}

TEST_CASE("groups that should share a scale must have the same") {
  auto const pack = [](octavo::index odd, octavo::index cols) {
    return test::error_of([&] {
      (void)pack_codes<q6_k>(2, cols, [&](octavo::index r, octavo::index g, code*) {
        return q6_k::quantizer::params{r == 1 && g == odd ? 2.0f : 1.0f, 3, 0.0f};
      });
    });
  };
  CHECK(pack(16, 272) == "no error");  // the second sixteen have one group
  CHECK(pack(99, 272) == "no error");
  CHECK(pack(15, 272) ==
        "pack_codes: the row is 1, and the group that shares no scale with that before is 15. Groups that share a "
        "scale must have the same one.");
}
