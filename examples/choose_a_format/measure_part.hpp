// SPDX-License-Identifier: MIT
// What measure.cpp and measure_part.cpp share.
#pragma once

#include "measure.hpp"

namespace example {

/// The sample, and the outputs that are the measure of all others: W X in double.
struct measured_layer : layer_sample {
  Eigen::MatrixXd outputs;
};

/// Candidate i, which is one of this part.
template <std::size_t Part>
[[nodiscard]] measurement measure_one(std::size_t i, measured_layer const& layer, measure_settings const& settings);

}  // namespace example
