// SPDX-License-Identifier: MIT
// attention_table: the number of the way in which each layer, at each step, runs its attention, as floats of a file.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "octavo/core/error.hpp"
#include "octavo/core/views.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// layers x steps numbers of ways of a list (ops/attention_ways.hpp); a language model has one step, a denoiser many.
/// It is saved as floats beside the weights (io/packed.hpp), a column for each step:
///
///     file.add("attention.ways", table.values(), table.layers(), table.steps());
///     // ...
///     auto const floats = file->floats("attention.ways", error);
///     auto const table = calibration::attention_table::read(*floats, ways::count, error);
///     // ...
///     attention_by<ways>(table->way(layer, step), q, k, v, out);
///
/// Numbers mean ways of the list that the table was made for: another list needs another table.
class attention_table {
 public:
  attention_table() = default;
  /// All of them `way`.
  attention_table(index layers, index steps, index way = 0) : layers_(layers), steps_(steps) {
    if (layers < 0 || steps < 0) {
      octavo::detail::fail_extents("attention_table", "layers are", layers, "steps are", steps,
                                   "Extents must not be negative.");
    }
    values_.resize(static_cast<std::size_t>(product(layers, steps)));
    for (float& v : values_) { v = checked(way); }
  }

  /// Nothing, and why in `error`, where a number is none of a way of a list of `ways`.
  [[nodiscard]] static std::optional<attention_table> read(tokens_view<float const> const& floats, index ways,
                                                           std::string& error) {
    attention_table result(floats.features(), floats.tokens());
    for (index step = 0; step < floats.tokens(); ++step) {
      for (index layer = 0; layer < floats.features(); ++layer) {
        float const v = floats.token(step)[layer];
        bool const inside = v >= 0 && v < static_cast<float>(smaller(ways, most_ways));  // not NaN
        if (!inside || v != static_cast<float>(static_cast<int>(v))) {
          error = "the way of layer " + std::to_string(layer) + " at step " + std::to_string(step) + " is " +
                  std::to_string(v) + ", but must be an integer from 0 to " + std::to_string(ways - 1) +
                  "; find the table again for this list of ways";
          return std::nullopt;
        }
        result.set(layer, step, static_cast<index>(v));
      }
    }
    return result;
  }

  [[nodiscard]] index layers() const noexcept { return layers_; }
  [[nodiscard]] index steps() const noexcept { return steps_; }
  [[nodiscard]] index way(index layer, index step = 0) const { return static_cast<index>(values_[at(layer, step)]); }
  void set(index layer, index step, index way) { values_[at(layer, step)] = checked(way); }
  /// What is saved, layer by layer of a step, then the next step.
  [[nodiscard]] std::span<float const> values() const noexcept { return values_; }

  friend bool operator==(attention_table const&, attention_table const&) = default;

 private:
  static constexpr index most_ways = index{1} << 24;  // numbers that are floats
  [[nodiscard]] static float checked(index way) {
    if (way < 0 || way >= most_ways) {
      octavo::detail::fail_extents("attention_table", "a way is", way, "the last is at most", most_ways - 1,
                                   "Ways are counted from 0.");
    }
    return static_cast<float>(way);
  }
  [[nodiscard]] std::size_t at(index layer, index step) const {
    if (layer < 0 || layer >= layers_) {
      octavo::detail::fail_extents("attention_table", "the layer is", layer, "layers are", layers_,
                                   "They are counted from 0.");
    }
    if (step < 0 || step >= steps_) {
      octavo::detail::fail_extents("attention_table", "the step is", step, "steps are", steps_,
                                   "They are counted from 0.");
    }
    return static_cast<std::size_t>(layer + step * layers_);
  }

  index layers_ = 0;
  index steps_ = 0;
  std::vector<float> values_;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
