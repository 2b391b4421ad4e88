// SPDX-License-Identifier: MIT
// Which candidates are worth a look: the Pareto frontier of error and time.
#pragma once

#include "measure.hpp"

#include <cstddef>
#include <vector>

namespace example {

/// Those of which no other errs less and takes less time, by speed `which`; the first, the baseline, is not asked.
[[nodiscard]] inline std::vector<bool> frontier(std::vector<measurement> const& all, speed measurement::*which) {
  std::vector<bool> result(all.size());
  for (std::size_t i = 1; i < all.size(); ++i) {
    result[i] = true;
    for (std::size_t j = 1; j < all.size(); ++j) {
      double const mine = (all[i].*which).measured;
      double const other = (all[j].*which).measured;
      bool const as_good = all[j].nmse <= all[i].nmse && other <= mine;
      if (as_good && (all[j].nmse < all[i].nmse || other < mine)) { result[i] = false; }
    }
  }
  return result;
}

}  // namespace example
