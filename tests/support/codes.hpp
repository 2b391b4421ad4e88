// SPDX-License-Identifier: MIT
// What a quantizer makes of one group.
#pragma once

#include "octavo/format/concept.hpp"

#include <vector>

namespace test {

/// The weights of the worked examples.
inline std::vector<float> const worked = {0.9f, -0.31f, 0.02f, -1.2f, 0.55f, 0.77f, -0.08f, 0.4f};

template <class Q>
[[nodiscard]] std::vector<int> codes(std::vector<float> const& xs) {
  auto const p = Q::calibrate(xs);
  std::vector<int> v;
  for (float const x : xs) { v.push_back(Q::encode(x, p)); }
  return v;
}
/// In units of the scale.
template <class Q>
[[nodiscard]] std::vector<float> values_of_codes(std::vector<float> const& xs) {
  std::vector<float> v;
  for (int const c : codes<Q>(xs)) { v.push_back(Q::format::decode(static_cast<octavo::code>(c))); }
  return v;
}

}  // namespace test
