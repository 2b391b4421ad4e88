// SPDX-License-Identifier: MIT
// What a register tile reads: a stream of packed weights in segments of k, and the activations prepared for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Units that an expanded tile takes together; kernel/expand.hpp fills up with zeros.
inline constexpr index units_together = 2;

/// Bytes that one stream asks for ahead of itself.
inline constexpr index near_distance = 8192;

/// Whether a register of weights unpacks eight units at once, `get_eight`: then their products come before others.
template <class Weights>
inline constexpr bool unpacks_by_eights = [] {
  if constexpr (requires { Weights::by_eights; }) { return Weights::by_eights; }
  return false;
}();

/// Where accumulators end. One segment per group; a longer run of integers is cut after 32 768 k.
template <class Layout>
struct segmentation {
  index count;
  index length;  ///< padded k of all but the last
  [[gnu::always_inline]] constexpr segmentation(Layout const& layout, index longest) noexcept
      : count(layout.groups()), length(layout.padded_group()) {
    if (!Layout::grouped && layout.cols > longest) {
      length = longest;
      count = ceil_div(layout.cols, longest);
    }
  }
  /// First k of segment s, its k that exist, and its steps of `step` k.
  [[nodiscard, gnu::always_inline]] constexpr index first(Layout const& layout, index s) const noexcept {
    return Layout::grouped ? s * layout.group() : s * length;
  }
  [[nodiscard, gnu::always_inline]] constexpr index present(Layout const& layout, index s) const noexcept {
    index const size = Layout::grouped ? layout.group() : length;
    index const left = layout.cols - first(layout, s);
    return left < size ? left : size;
  }
  [[nodiscard, gnu::always_inline]] constexpr index steps(Layout const& layout, index s,
                                                          index step = Layout::step) const noexcept {
    return ceil_div(ceil_div(present(layout, s), Layout::step) * Layout::step, step);
  }
};

/// Asks for the lines of parameters that stand as far behind these as a stream is asked for: no step of codes passes by them.
template <class Layout>
[[gnu::always_inline]] inline void ask_for_params(std::byte const* params) noexcept {
  constexpr index lines = ceil_div(Layout::param_bytes, 64);
  for (index i = 0; i < lines; ++i) { __builtin_prefetch(params + near_distance + i * 64); }
}

/// A run of segments of one panel.
struct weight_stream {
  std::byte const* codes;  ///< first segment
  index segment_bytes;     ///< from segment to segment
  index segments;
  index steps;              ///< of a segment
  index last_steps;         ///< of the last one
  std::byte const* params;  ///< scales of row 0 of the panel in the first segment
  index param_stride;       ///< from segment to segment; 0 when all share them
  std::byte const* last_params;
  std::byte const* shared;  ///< what groups share, of the first panel: that of group 0
  std::byte const* minima;  ///< of group 0, where those of all groups stand together
  index first;              ///< number of the first segment in its panel
  index panel_stride;       ///< to the codes and parameters of the next panel
  index step_lines;         ///< cache lines of a step
  /// What a tile asks memory for: the lines of a step, `ahead_stride` apart, at each step; then `ahead_step` further.
  /// An expanded tile asks for one each `units_together`.
  std::byte const* ahead;
  index ahead_stride;
  index ahead_step;
  index ahead_group;  ///< further at the end of a segment: what a tile passes by that asks for its own lines

  /// A copy, field by field: of a struct that was just written, whole registers would wait until the writes of all
  /// before have reached the cache (10 per cent of attention by integers).
  [[nodiscard, gnu::always_inline]] weight_stream copy() const noexcept {
    return {codes,        segment_bytes, segments,     steps,      last_steps, params,
            param_stride, last_params,   shared,       minima,     first,      panel_stride,
            step_lines,   ahead,         ahead_stride, ahead_step, ahead_group};
  }
  [[nodiscard, gnu::always_inline]] std::byte const* params_of(index s) const noexcept {
    return s + 1 < segments ? params + s * param_stride : last_params;
  }
  /// What segment s shares with others.
  template <class Layout>
  [[nodiscard, gnu::always_inline]] std::byte const* shared_of(index s) const noexcept {
    if constexpr (!Layout::two_level) { return shared; }
    return shared + Layout::shared_at(first + s);
  }
  template <class Layout>
  [[nodiscard, gnu::always_inline]] std::byte const* minima_of(index s) const noexcept {
    if constexpr (Layout::two_level) { return minima + (first + s) * Layout::scale_bytes; }
    return params_of(s) + Layout::scale_bytes;
  }
  /// What is n panels behind in place of this.
  [[gnu::always_inline]] void next_panels(index n) noexcept {
    codes += n * panel_stride;
    params += n * panel_stride;
    last_params += n * panel_stride;
    shared += n * panel_stride;
    minima += n * panel_stride;
  }

  /// The only tile of a panel: it asks for what it will read `near_distance` later, which goes on in the next panel.
  [[gnu::always_inline]] void ask_for_own(index step_bytes) noexcept {
    ahead = codes + near_distance;
    ahead_stride = 64;
    ahead_step = step_bytes;
    ahead_group = segment_bytes - steps * step_bytes;
  }

  /// A tile's share of the `bytes` from `next` that are read after the last tile: `part` of `parts`, from the
  /// `done`-th. A panel then comes from a near cache (w8, 512 tokens: 0.917 of the peak without, 0.945 with it). Fewer
  /// than four tiles are bound by memory and ask in as many places as a step has lines.
  [[gnu::always_inline]] void ask_for(std::byte const* next, index bytes, index done, index part,
                                      index parts) noexcept {
    index const steps_of_tile = (segments - 1) * steps + last_steps;
    if (parts < 4 * part) {
      ahead_stride = bytes / (64 * step_lines) * 64;
      ahead = next + ahead_stride * done / parts;
      ahead_step = smaller(ahead_stride * part / (parts * steps_of_tile), 64);
    } else {
      ahead_stride = 64;
      ahead = next + bytes * done / parts;
      ahead_step = bytes * part / (parts * steps_of_tile);
    }
  }
};

/// The packed stream of a panel, whole.
template <class Layout>
[[nodiscard, gnu::always_inline]] constexpr weight_stream packed_stream(Layout const& layout,
                                                                        segmentation<Layout> const& s,
                                                                        std::byte const* panel) noexcept {
  weight_stream w{};
  w.codes = panel + layout.codes_at(0);
  w.shared = panel;
  w.minima = panel + layout.minima_at(0);
  w.segment_bytes = Layout::grouped ? layout.group_bytes() : s.length / Layout::step * Layout::step_bytes;
  w.segments = s.count;
  w.steps = s.length / Layout::step;
  w.last_steps = s.count == 0 ? 0 : s.steps(layout, s.count - 1);
  w.params = panel + layout.params_at(0);
  w.param_stride = Layout::grouped ? layout.group_bytes() : 0;
  w.last_params = panel + layout.params_at(layout.groups() - 1);
  w.panel_stride = layout.panel_bytes();
  w.step_lines = Layout::step_bytes / 64;
  return w;
}

/// Prepared activations of a block of tokens, segment by segment: [segment][token][padded k].
template <class Weights>
struct token_block {
  typename Weights::operand const* data;
  index token_stride;
  index segment_stride;
  typename Weights::start const* start;  ///< [segment][token]: what accumulators begin with
  index start_stride;                    ///< between segments
  float const* sums;                     ///< [segment][token]: sums of the activations, if the weights have minima
  std::int32_t const* zeros;             ///< [token]: zero points of the codes, if Weights::operand_zeros
  std::int32_t const* weight_sums;       ///< [segment][64]: sums of the weight bytes, if Weights::operand_zeros

  [[nodiscard, gnu::always_inline]] token_block copy() const noexcept {
    return {data, token_stride, segment_stride, start, start_stride, sums, zeros, weight_sums};
  }
  void next_segments(index n) noexcept {
    data += n * segment_stride;
    if (start != nullptr) { start += n * start_stride; }
    if (sums != nullptr) { sums += n * start_stride; }
    if (weight_sums != nullptr) { weight_sums += n * panel_rows; }
  }
  void advance(index tokens) noexcept {
    data += tokens * token_stride;
    if (start != nullptr) { start += tokens; }
    if (sums != nullptr) { sums += tokens; }
    zeros += tokens;
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
