// SPDX-License-Identifier: MIT
// The progressive search of scale and zero point together (Wu 2024, AdaLog's FPCS): a coarse grid, then finer scales.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "octavo/calibration/clip_search.hpp"
#include "octavo/calibration/percentile.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// 128 pairs of a scale and a zero point: `zeros` zero points around the middle code, and 128 / zeros scales from
/// (Q(.9) - Q(.1)) to (Q(1) - Q(0)) over the number of steps between codes. The 16 best are kept, and five times each
/// is tried with 8 scales around its own, at a distance that shrinks by 7.5, of which the 16 best are kept; the best of
/// all wins. In a tie it is the earlier one, scales before zero points. The error is the sum of squares. Where the
/// extremes do better, as with values that are all alike, theirs are the params.
///
/// For quantizers with a zero point. It finds ranges that no shrinking of both ends does: one end may be cut more.
/// *Errors*: no values, NaN, infinity, zeros that do not divide 128.
struct progressive_search {
  int zeros = 0;  ///< 0: half of the codes, at most 16, as for weights. AdaLog has min(16, codes) for activations.

  template <quantizer Q>
  [[nodiscard]] typename Q::params fit(std::span<float const> xs) const {
    static_assert(has_zero_point<Q>,
                  "Octavo: progressive_search moves the zero point: use it with affine, and clip_search "
                  "with other quantizers.");
    using format = typename Q::format;
    constexpr int codes = code_count<format>;
    int const n = zeros != 0 ? zeros : std::min(16, codes / 2);
    if (n < 1 || n > codes || 128 % n != 0 || n == 128) {
      detail::fail_extents("progressive_search", "zero points are", n, "codes", codes,
                           "Take 1, 2, 4, ... 64 of the codes.");
    }
    std::vector<float> copy(xs.begin(), xs.end());
    double const narrow = quantile(copy, 0.9) - quantile(copy, 0.1);
    double const wide = quantile(copy, 1) - quantile(copy, 0);

    std::vector<candidate> best;
    int const scales = 128 / n;
    for (int z = codes / 2 - n / 2; z < codes / 2 - n / 2 + n; ++z) {
      for (int i = 0; i < scales; ++i) {
        best.push_back(tried<Q>(xs, (narrow + i * (wide - narrow) / (scales - 1)) / (codes - 1), z));
      }
    }
    keep(best);
    double distance = (wide - narrow) / (scales - 1) / (codes - 1);
    for (int round = 0; round < 5; ++round, distance /= 7.5) {
      std::vector<candidate> finer;
      for (auto const& c : best) {
        for (int k = 0; k < 8; ++k) { finer.push_back(tried<Q>(xs, c.scale + (k / 7.0 - 0.5) * distance, c.zero)); }
      }
      keep(finer);
      best.swap(finer);
    }
    auto const plain = Q::calibrate(xs);
    return omse.error<Q>(xs, plain) < best.front().error ? plain : params_at<Q>(best.front());
  }

 private:
  struct candidate {
    double scale;
    int zero;  // counted from the lowest code
    double error = 0;
  };

  template <quantizer Q>
  [[nodiscard]] static typename Q::params params_at(candidate const& c) {
    int const steps = code_count<typename Q::format> - 1;
    return params_of<Q>({static_cast<float>(-c.scale * c.zero), static_cast<float>(c.scale * (steps - c.zero))});
  }
  template <quantizer Q>
  [[nodiscard]] static candidate tried(std::span<float const> xs, double scale, int zero) {
    candidate c{std::max(scale, 0.0), zero};
    c.error = omse.error<Q>(xs, params_at<Q>(c));
    return c;
  }
  static void keep(std::vector<candidate>& all) {
    std::stable_sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.error < b.error; });
    all.resize(std::min<std::size_t>(all.size(), 16));
  }
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
