// SPDX-License-Identifier: MIT
#include "measure_part.hpp"
#include "schemes.hpp"

#include <array>
#include <utility>

namespace example {

std::vector<measurement> measure(layer_sample const& layer, measure_settings const& settings,
                                 std::function<void(char const*)> const& say) {
  measured_layer const all{layer, layer.weights.cast<double>() * layer.tokens.cast<double>()};
  constexpr auto of_part = []<std::size_t... P>(std::index_sequence<P...>) { return std::array{&measure_one<P>...}; }
  (std::make_index_sequence<parts>());
  auto const names = std::apply([](auto... c) { return std::array{c.name...}; }, candidates);
  std::vector<measurement> result;
  for (std::size_t i = 0; i < candidate_count; ++i) {
    say(names[i]);
    result.push_back(of_part[i % parts](i, all, settings));
  }
  return result;
}

}  // namespace example
