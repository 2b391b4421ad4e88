// SPDX-License-Identifier: MIT
// attention_by<ways>(way, q, k, v, out): one of several schemes of attention, by a number that is known at run time.
#pragma once

#include <type_traits>

#include "octavo/ops/attention.hpp"

namespace octavo {
inline namespace v0 {

/// A way to run attention: attention<S, P>, with smooth_keys, smooth_queries, smooth_values as named behind.
template <class S = as_is, class P = as_is, class... Smoothing>
struct attention_way {
  static_assert(((std::is_same_v<Smoothing, smooth_keys> || std::is_same_v<Smoothing, smooth_queries> ||
                  std::is_same_v<Smoothing, smooth_values>)&&...),
                "Octavo: an attention_way names two schemes, then any of smooth_keys, smooth_queries, smooth_values. "
                "Options that carry data go to attention_by.");
};

/// Ways with numbers from 0, by custom the cheapest first: what calibration/attention_choice.hpp chooses from.
template <class... Ways>
struct attention_ways {
  static constexpr index count = sizeof...(Ways);
};

namespace detail {

template <class T>
inline constexpr bool is_attention_way = false;
template <class S, class P, class... Smoothing>
inline constexpr bool is_attention_way<attention_way<S, P, Smoothing...>> = true;
template <class T>
inline constexpr bool is_attention_ways = false;
template <class First, class... Ways>
inline constexpr bool is_attention_ways<attention_ways<First, Ways...>> = is_attention_way<First> &&
                                                                          (is_attention_way<Ways> && ...);

/// Whether an option that only some schemes know is for these.
template <class Way, class Option>
inline constexpr bool way_takes = true;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, smooth_keys> = !std::is_same_v<S, as_is>;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, key_shift> = !std::is_same_v<S, as_is>;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, smooth_queries> = !std::is_same_v<S, as_is>;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, query_shift> = !std::is_same_v<S, as_is>;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, smooth_values> =
    !std::is_same_v<P, as_is> && !is_float_scheme<P>;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, log_base> = has_log_base<P>;
template <class S, class P, class... Smoothing>
inline constexpr bool way_takes<attention_way<S, P, Smoothing...>, sulq_params> = has_sulq_params<P>;

/// The option, or a word that there was one.
template <class Way, class Option>
[[nodiscard, gnu::always_inline]] inline decltype(auto) taken_by(Option const& option) noexcept {
  if constexpr (way_takes<Way, Option>) {
    return (option);
  } else {
    return left_out<Option>{};
  }
}

template <class Default, class S, class P, class... Smoothing, class Q, class K, class V, class Out, class... Options>
void attend_way(attention_way<S, P, Smoothing...> way, Q const& q, K const& k, V const& v, Out&& out,
                Options const&... options) {
  detail::attend<Default, S, P>(q, k, v, out, Smoothing{}..., taken_by<decltype(way)>(options)...);
}

template <class Ways, class Option>
inline constexpr bool some_way_takes = false;
template <class... Ways, class Option>
inline constexpr bool some_way_takes<attention_ways<Ways...>, Option> = (way_takes<Ways, Option> || ...);

template <class Ways, class... Options>
consteval bool check_ways() {
  static_assert(is_attention_ways<Ways>,
                "Octavo: attention_by takes a list of ways, such as attention_ways<attention_way<q4, p8>, "
                "attention_way<q8>, attention_way<>>.");
  static_assert(!is_attention_ways<Ways> || (some_way_takes<Ways, Options> && ...),
                "Octavo: no way of attention_by has the schemes that one of its options is for. Leave it out.");
  return is_attention_ways<Ways>;
}

template <class Default, class... Ways, class Q, class K, class V, class Out, class... Options>
void attend_listed(attention_ways<Ways...>, index way, Q const& q, K const& k, V const& v, Out&& out,
                   Options const&... options) {
  index number = 0;
  bool const ran =
      ((number++ == way && (detail::attend_way<Default>(Ways{}, q, k, v, out, options...), true)) || ...);
  if (!ran) { fail_extents("attention_by", "the way is", way, "the ways are", number, "They are counted from 0."); }
}
template <class Default, class Ways, class Q, class K, class V, class Out, class... Options>
[[gnu::always_inline]] inline void attend_by(index way, Q const& q, K const& k, V const& v, Out&& out,
                                             Options const&... options) {
  if constexpr (check_ways<Ways, Options...>()) { attend_listed<Default>(Ways{}, way, q, k, v, out, options...); }
}

}  // namespace detail

/// attention<S, P>(q, k, v, out, options...) of way number `way` of a list, so that it is data which layer, or step of
/// a denoiser, runs by which scheme (SageAttention, Zhang et al. 2024).
///
///     using ways = attention_ways<attention_way<q4, p8, smooth_keys>, attention_way<q8, p8>, attention_way<q8>,
///                                 attention_way<>>;
///     attention_by<ways>(table.way(layer, step), q, k, v, out, causal{}, {.query_heads = 32, .kv_heads = 8});
///
/// Checks and bits are those of that call with the smoothing of the way. Options for some schemes only (smooth_keys,
/// key_shift, smooth_queries, query_shift, smooth_values, log_base, sulq_params) go to the ways that have these; others
/// run without. All ways are compiled. *Errors*: a number that no way has; then those of attention.
template <class Ways, class Q, class K, class V, class Out, class... Options, class Default = default_arch>
void attention_by(index way, Q const& q, K const& k, V const& v, Out&& out, Options const&... options) {
  detail::attend_by<Default, Ways>(way, q, k, v, out, options...);
}
/// The same with heads in braces, first or after one option.
template <class Ways, class Q, class K, class V, class Out, class... Options, class Default = default_arch>
void attention_by(index way, Q const& q, K const& k, V const& v, Out&& out, attention_heads const& heads,
                  Options const&... options) {
  detail::attend_by<Default, Ways>(way, q, k, v, out, heads, options...);
}
template <class Ways, class Q, class K, class V, class Out, class First, class... Options,
          class Default = default_arch>
void attention_by(index way, Q const& q, K const& k, V const& v, Out&& out, First const& first,
                  attention_heads const& heads, Options const&... options) {
  detail::attend_by<Default, Ways>(way, q, k, v, out, first, heads, options...);
}

}  // namespace v0
}  // namespace octavo
