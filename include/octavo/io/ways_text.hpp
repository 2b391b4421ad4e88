// SPDX-License-Identifier: MIT
// ways_text<Ways>(): which ways a list of ways of attention has, as text for files; the same from every compiler.
#pragma once

#include <string>
#include <type_traits>

#include "octavo/fwd.hpp"
#include "octavo/io/scheme_text.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

/// `int4 x f32`: queries and keys by token, or probabilities, whose granularity attention prescribes.
template <class S>
[[nodiscard]] std::string operand_text() {
  if constexpr (std::is_same_v<S, as_is>) {
    return "as_is";
  } else {
    std::string const row = ", per_row";
    std::string const text = scheme_text<scheme<typename S::quantizer, per_row>>();
    return text.substr(0, text.size() - row.size());
  }
}
template <class S, class P, class... Smoothing>
[[nodiscard]] std::string way_text(attention_way<S, P, Smoothing...> const*) {
  std::string text = operand_text<S>() + "; " + operand_text<P>();
  if constexpr ((std::is_same_v<Smoothing, smooth_keys> || ...)) { text += "; smooth_keys"; }
  if constexpr ((std::is_same_v<Smoothing, smooth_queries> || ...)) { text += "; smooth_queries"; }
  if constexpr ((std::is_same_v<Smoothing, smooth_values> || ...)) { text += "; smooth_values"; }
  return text;
}
template <class First, class... Ways>
[[nodiscard]] std::string list_text(attention_ways<First, Ways...> const*) {
  std::string text = way_text(static_cast<First const*>(nullptr));
  ((text += " | " + way_text(static_cast<Ways const*>(nullptr))), ...);
  return text;
}

}  // namespace detail

/// `int4 x f32; uint8 x f32; smooth_keys | int8 x f32; uint8 x f32 | as_is; as_is`: of each way the scheme of queries
/// and keys, that of probabilities, and what it smooths; in their order. Schemes have the words of scheme_text, so
/// those that differ in calibration only (narrow, full) have one text. By it an attention_table
/// (calibration/attention_table.hpp) knows its list.
template <class Ways>
[[nodiscard]] std::string ways_text() {
  return detail::list_text(static_cast<Ways const*>(nullptr));
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
