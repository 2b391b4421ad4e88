// SPDX-License-Identifier: MIT
// attention_table: the number of the way in which each layer, at each step, runs its attention, as floats of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octavo/core/error.hpp"
#include "octavo/core/fnv1a.hpp"
#include "octavo/core/views.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// layers x steps numbers of ways of a list (ops/attention_ways.hpp); a language model has one step, a denoiser many. It knows
/// its list by the hash of a text (ways_text<ways>() of io/ways_text.hpp, or words of yours for ways of your own).
/// It is saved as floats beside the weights (io/packed.hpp):
///
///     file.add("attention.ways", table.values(), table.size());
///     // ...
///     auto const floats = file->floats("attention.ways", error);
///     auto const table = calibration::attention_table::read(*floats, ways::count, io::ways_text<ways>(), error);
///     // ...
///     attention_by<ways>(table->way(layer, step), q, k, v, out);
///
/// Format, version 2: -2, layers, steps, the number of ways of the list, four times 16 bits of the FNV-1a of its text, the lowest
/// first; then the ways, layer by layer of a step. Floats of version 1 were ways alone, and are refused: numbers mean ways of one
/// list, and do not say of which.
class attention_table {
 public:
  /// All of them `way`. *Errors*: extents that are negative, or not below 2^24; a way that the list does not have.
  attention_table(index layers, index steps, index ways, std::string_view list, index way = 0)
      : layers_(layers), steps_(steps), ways_(ways) {
    if (layers < 0 || steps < 0 || layers >= most || steps >= most) {
      octavo::detail::fail_extents("attention_table", "layers are", layers, "steps are", steps,
                                   "Extents must not be negative, and are below 2^24.");
    }
    if (ways < 1 || ways >= most) {
      octavo::detail::fail_extents("attention_table", "ways are", ways, "the most are", most - 1,
                                   "Pass the number of ways of the list, ways::count.");
    }
    auto const all = static_cast<std::size_t>(product(layers, steps));
    values_ = header(layers, steps, ways, hash_of(list));
    values_.resize(values_.size() + all, checked(way));
  }

  /// Nothing, and why in `error`, for floats of another version, for a table of another list, and where a number is none of a
  /// way of this one, which has `ways` ways and the text `list`.
  [[nodiscard]] static std::optional<attention_table> read(tokens_view<float const> const& floats, index ways,
                                                           std::string_view list, std::string& error) {
    float const* const x = floats.features() > 0 && floats.tokens() > 0 ? floats.token(0) : nullptr;
    if (x == nullptr || *x != version) {
      error =
          x != nullptr && *x >= 0
              ? "the table of ways is of version 1, which does not say of which list; find it again, for this list"
              : "these floats are no table of ways of attention, or one of a newer version";
      return std::nullopt;
    }
    bool sound = floats.tokens() == 1 && floats.features() >= header_size;
    for (index i = 1; sound && i < header_size; ++i) { sound = is_number(x[i], i < 4 ? most : index{1} << 16); }
    if (!sound || static_cast<index>(x[1]) * static_cast<index>(x[2]) != floats.features() - header_size) {
      error = "a table of ways of attention has " + std::to_string(floats.features()) +
              " floats, which do not fit its layers and steps";
      return std::nullopt;
    }
    auto const wanted = header(static_cast<index>(x[1]), static_cast<index>(x[2]), ways, hash_of(list));
    for (index i = 3; i < header_size; ++i) {
      if (x[i] != wanted[static_cast<std::size_t>(i)]) {
        error = "the table is for another list of " + std::to_string(static_cast<index>(x[3])) +
                " ways, not for the " + std::to_string(ways) + " of '" + std::string(list) +
                "'; find it again, for this list";
        return std::nullopt;
      }
    }
    attention_table result(static_cast<index>(x[1]), static_cast<index>(x[2]), ways, list);
    for (index step = 0; step < result.steps_; ++step) {
      for (index layer = 0; layer < result.layers_; ++layer) {
        float const v = x[header_size + layer + step * result.layers_];
        if (!is_number(v, ways)) {
          error = "the way of layer " + std::to_string(layer) + " at step " + std::to_string(step) + " is " +
                  std::to_string(v) + ", but must be an integer from 0 to " + std::to_string(ways - 1);
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
  /// Of the list.
  [[nodiscard]] index ways() const noexcept { return ways_; }
  /// What is saved: size() floats.
  [[nodiscard]] std::span<float const> values() const noexcept { return values_; }
  [[nodiscard]] index size() const noexcept { return static_cast<index>(values_.size()); }

  friend bool operator==(attention_table const&, attention_table const&) = default;

 private:
  static constexpr float version = -2;
  static constexpr index header_size = 8;
  static constexpr index most = index{1} << 24;  // numbers below it are floats

  [[nodiscard]] static std::uint64_t hash_of(std::string_view list) {
    octavo::detail::fnv1a hash;
    for (char const c : list) { hash.add(static_cast<std::uint8_t>(c)); }
    return hash.value();
  }
  [[nodiscard]] static std::vector<float> header(index layers, index steps, index ways, std::uint64_t hash) {
    std::vector<float> result = {version, static_cast<float>(layers), static_cast<float>(steps),
                                 static_cast<float>(ways)};
    for (int i = 0; i < 4; ++i) { result.push_back(static_cast<float>(hash >> (16 * i) & 0xffffu)); }
    return result;
  }
  /// Whether x is 0, 1, ... below `end`; not NaN.
  [[nodiscard]] static bool is_number(float x, index end) {
    return x >= 0 && x < static_cast<float>(end) && x == static_cast<float>(static_cast<std::int32_t>(x));
  }
  [[nodiscard]] float checked(index way) const {
    if (way < 0 || way >= ways_) {
      octavo::detail::fail_extents("attention_table", "a way is", way, "the ways are", ways_,
                                   "They are counted from 0.");
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
    return static_cast<std::size_t>(header_size + layer + step * layers_);
  }

  index layers_;
  index steps_;
  index ways_;
  std::vector<float> values_;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
