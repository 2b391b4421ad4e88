// SPDX-License-Identifier: MIT
// allocate: which configuration each layer gets under a budget of bits (AdaQuant's and LQ-LoRA's integer program).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// What a layer costs in one of its configurations: a loss, any that adds up, and a size, such as bits.
struct configuration {
  double loss;
  std::int64_t size;
};

/// The choice of one configuration for each layer with the least sum of losses whose sizes add up to at most `budget`;
/// the earlier configuration in a tie.
///
/// Dynamic programming over what is left of the budget when all layers have their smallest size, in units of the
/// greatest common divisor of what larger ones add: exact. If those are more than `buckets`, the unit grows and sizes
/// are rounded up to it, so that the budget still holds. *Time*: configurations of all layers times buckets. *Memory*:
/// layers times buckets times 4 bytes. *Errors*: a layer without configurations, a negative size, a loss that is NaN, a
/// budget below all that fits.
[[nodiscard]] inline std::vector<int> allocate(std::span<std::vector<configuration> const> layers,
                                               std::int64_t budget, std::int64_t buckets = 10000) {
  std::vector<std::int64_t> least;
  std::int64_t needed = 0;
  std::int64_t unit = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (layers[l].empty()) {
      detail::fail_extents("allocate", "without configurations is layer", static_cast<index>(l), "of",
                           static_cast<index>(layers.size()), "Give each layer at least one.");
    }
    std::int64_t smallest = std::numeric_limits<std::int64_t>::max();
    for (auto const& c : layers[l]) {
      if (c.size < 0 || c.loss != c.loss) {
        detail::fail_extents("allocate", "a negative size, or a loss that is NaN, has layer", static_cast<index>(l),
                             "of", static_cast<index>(layers.size()), "Measure it again.");
      }
      smallest = c.size < smallest ? c.size : smallest;
    }
    for (auto const& c : layers[l]) { unit = std::gcd(unit, c.size - smallest); }
    least.push_back(smallest);
    if (__builtin_add_overflow(needed, smallest, &needed)) {
      detail::fail("allocate: the sizes add up to more than an integer holds. Count larger units.");
    }
  }
  if (needed > budget) {
    detail::fail_extents("allocate", "the smallest sizes add up to", static_cast<index>(needed), "the budget is",
                         static_cast<index>(budget), "Raise it, or offer smaller configurations.");
  }
  buckets = buckets < 1 ? 1 : buckets;
  unit = unit < 1 ? 1 : unit;
  std::int64_t const spare = budget - needed;
  if (spare / unit > buckets) { unit = spare / buckets + (spare % buckets != 0 ? 1 : 0); }
  auto const room = static_cast<std::size_t>(spare / unit);

  // losses[b]: the least sum of the layers so far that needs at most b units more than the smallest sizes.
  std::vector<double> losses(room + 1, 0.0);
  std::vector<std::vector<int>> choices;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    std::vector<double> next(room + 1, std::numeric_limits<double>::infinity());
    std::vector<int> choice(room + 1, -1);
    for (std::size_t k = 0; k < layers[l].size(); ++k) {
      std::int64_t const more = layers[l][k].size - least[l];
      auto const units = static_cast<std::size_t>(more / unit + (more % unit != 0 ? 1 : 0));
      for (std::size_t b = units; b <= room; ++b) {
        double const loss = losses[b - units] + layers[l][k].loss;
        if (choice[b] < 0 || loss < next[b]) {
          next[b] = loss;
          choice[b] = static_cast<int>(k);
        }
      }
    }
    losses.swap(next);
    choices.push_back(std::move(choice));
  }

  std::vector<int> result(layers.size());
  std::size_t left = room;
  for (std::size_t l = layers.size(); l-- > 0;) {
    result[l] = choices[l][left];
    std::int64_t const more = layers[l][static_cast<std::size_t>(result[l])].size - least[l];
    left -= static_cast<std::size_t>(more / unit + (more % unit != 0 ? 1 : 0));
  }
  return result;
}

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
