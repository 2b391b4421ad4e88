// SPDX-License-Identifier: MIT
// Packing a dense matrix whose scales are quantized themselves: floats of all groups that share, then what is stored.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/core/views.hpp"
#include "octavo/storage/panel_writer.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Packs panels of one matrix by the scalar law of a two_level quantizer. Panels are independent of each other.
template <class A, class S, class T>
class two_level_packer {
  using layout_type = panel_layout<S>;
  using Q = typename S::quantizer;
  static constexpr bool by_matrix = detail::is_per_tensor<typename Q::scale_granularity>;

 public:
  two_level_packer(matrix_view<T> const& weights, layout_type const& layout, std::byte* out) noexcept
      : weights_(weights), layout_(layout), out_(out) {}

  /// Of one piece of work: the values of a group, then scales and minima of those that share.
  [[nodiscard]] index scratch_floats() const noexcept {
    return layout_.group() + 2 * layout_type::sharing_rows * sharing();
  }
  /// Of begin(): scales and minima of all groups, if all of them share.
  [[nodiscard]] index shared_floats() const noexcept {
    return by_matrix ? product(layout_.rows, layout_.groups(), 2) : 0;
  }

  /// What all rows share, if they do: of the scales that are numbers.
  void begin([[maybe_unused]] float* scales, [[maybe_unused]] float* room) const {
    if constexpr (by_matrix) {
      float* const drops = scales + layout_.rows * layout_.groups();
      index n = 0;
      for (index r = 0; r < layout_.rows; ++r) {
        for (index g = 0; g < layout_.groups(); ++g) {
          auto const group = fit(r, g, room);
          if (!detail::is_finite(group.scale)) { continue; }
          scales[n] = group.scale;
          drops[n++] = group.drop;
        }
      }
      shared_ = Q::share(scales, drops, n);
    }
  }

  void panels(index from, index to, float* room) const noexcept {
    for (index p = from; p < to; ++p) {
      std::byte* const panel = out_ + p * layout_.panel_bytes();
      std::memset(panel, 0, static_cast<std::size_t>(layout_.panel_bytes()));
      for (index row = 0; row < panel_rows; row += layout_type::sharing_rows) {
        for (index g = 0; g < layout_.groups(); g += sharing()) {
          sharing_groups(p * panel_rows + row, g, smaller(g + sharing(), layout_.groups()), room, panel);
        }
      }
    }
  }

 private:
  [[nodiscard]] index sharing() const noexcept {
    return layout_type::sharing_groups != 0 ? index{layout_type::sharing_groups} : layout_.groups();
  }

  /// The values of a group to `room`.
  void load(index r, index g, float* room) const noexcept {
    for (index k = 0; k < layout_.group_length(g); ++k) { room[k] = weights_(r, g * layout_.group() + k); }
  }
  [[nodiscard]] typename Q::ends fit(index r, index g, float* room) const noexcept {
    load(r, g, room);
    return Q::fit(room, room + layout_.group_length(g));
  }

  /// Groups [from, to) of the rows from `first`, which share.
  void sharing_groups(index first, index from, index to, float* room, std::byte* panel) const noexcept {
    detail::panel_writer<S> const writer(layout_, panel);
    index const end = smaller(first + layout_type::sharing_rows, layout_.rows);
    float* const scales = room + layout_.group();
    float* const drops = scales + layout_type::sharing_rows * (to - from);
    bool finite = true;
    index n = 0;
    for (index r = first; r < end; ++r) {
      for (index g = from; g < to; ++g, ++n) {
        auto const group = fit(r, g, room);
        scales[n] = group.scale;
        drops[n] = group.drop;
        finite = finite && detail::is_finite(group.scale);
      }
    }
    auto const shared = by_matrix && finite ? shared_ : Q::share(scales, drops, n);
    n = 0;
    for (index r = first; r < first + layout_type::sharing_rows; ++r) {
      index const row = r % panel_rows;
      for (index g = from; g < to; ++g) {
        if (r >= end) {
          writer.put_padding(row, g, 0);
          continue;  // codes of scales are 0 as allocated
        }
        auto const p = Q::settle({scales[n], drops[n]}, shared);
        ++n;
        writer.put_params(row, g, p);
        load(r, g, room);
        for (index k = 0; k < layout_.group_length(g); ++k) {
          writer.put_code(layout_.at(row, g, k), Q::encode(room[k], p));
        }
        writer.put_padding(row, g, layout_.group_length(g));
      }
    }
  }

  matrix_view<T> weights_;
  layout_type layout_;
  std::byte* out_;
  mutable typename Q::shared shared_{};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
