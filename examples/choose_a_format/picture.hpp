// SPDX-License-Identifier: MIT
// The measured candidates as an SVG picture: error against speed, and the frontier.
#pragma once

#include "measure.hpp"

#include <string>
#include <vector>

namespace example {

/// Where a label or a dot is, in pixels.
struct box {
  double left, top, width, height;
  [[nodiscard]] bool meets(box const& b) const {
    return left < b.left + b.width && b.left < left + width && top < b.top + b.height && b.top < top + height;
  }
};

/// A panel for each speed. Pre: all speeds are measured. Where the labels went is added to `labels`.
[[nodiscard]] std::string draw(std::vector<measurement> const& all, std::string const& title, index tokens,
                               std::vector<box>* labels = nullptr);

}  // namespace example
