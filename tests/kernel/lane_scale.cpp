// SPDX-License-Identifier: MIT
#include "octavo/kernel/lane_scale.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Extents of every size, those next to powers of two and to 7, 6 and 448 of them, and what is no number.
std::vector<float> extents() {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> xs = {0.0f, 0x1p-149f, inf, std::nanf(""), std::numeric_limits<float>::max()};
  test::random next(31);
  for (int i = 0; i < 20000; ++i) { xs.push_back(std::fabs(std::bit_cast<float>(next.bits()))); }
  for (int e = -149; e < 128; ++e) {
    for (float const m : {1.0f, 1.41421356f, 1.5f, 1.75f, 1.9375f}) {
      float const x = std::ldexp(m, e);
      for (float const y : {std::nextafter(x, 0.0f), x, std::nextafter(x, inf), 3 * x, std::nextafter(3 * x, 0.0f)}) {
        xs.push_back(y);
      }
    }
  }
  xs.resize((xs.size() + 15) / 16 * 16, 1.0f);
  return xs;
}

/// Scales, inverses, and stored scales that are not those of fit_scale.
template <class T, class Rule = mx_floor>
int wrong_scales(float steps, float top_step) {
  auto const xs = extents();
  int wrong = 0;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
    for (std::size_t i = 0; i + L <= xs.size(); i += L) {
      auto const fit = kernel::fit_lanes<A, T, Rule>(simd::load_floats<A>(xs.data() + i), steps, top_step);
      float scale[L];
      float inverse[L];
      T stored[L];
      fit.scale.store_unaligned(scale);
      fit.inverse.store_unaligned(inverse);
      kernel::store_scales<A, T>(stored, fit.scale);
      for (std::size_t j = 0; j < L; ++j) {
        auto const expected = detail::fit_scale<T, Rule>(xs[i + j], steps, top_step);
        auto const as_stored = static_cast<T>(expected.scale);
        wrong += test::same_bits(scale[j], expected.scale) ? 0 : 1;
        wrong += test::same_bits(inverse[j], expected.inverse) ? 0 : 1;
        wrong += std::memcmp(&stored[j], &as_stored, sizeof as_stored) == 0 ? 0 : 1;
      }
    }
  });
  return wrong;
}

}  // namespace

TEST_CASE("scales in lanes are those of fit_scale to the bit, for every stored type and rule") {
  for (float const steps : {6.0f, 127.5f, 0.25f, 448.0f}) {
    INFO(steps);
    float const top_step = steps == 6.0f ? 2.0f : 1.0f;
    CHECK(wrong_scales<float>(steps, top_step) == 0);
    CHECK(wrong_scales<bf16>(steps, top_step) == 0);
    CHECK(wrong_scales<f16>(steps, top_step) == 0);
    CHECK(wrong_scales<ue4m3>(steps, top_step) == 0);
    CHECK(wrong_scales<e8m0, mx_floor>(steps, top_step) == 0);
    CHECK(wrong_scales<e8m0, mx_ceil>(steps, top_step) == 0);
    CHECK(wrong_scales<e8m0, mx_even>(steps, top_step) == 0);
    CHECK(wrong_scales<e8m0, mx_nearest>(steps, top_step) == 0);
  }
}
