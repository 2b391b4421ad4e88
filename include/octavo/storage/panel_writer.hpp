// SPDX-License-Identifier: MIT
// Writes single codes and parameters into the bytes of a packed matrix, where panel64_v1 wants them.
#pragma once

#include <cstddef>
#include <cstring>

#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// Of one panel, whose bytes are zero at first. Rows count from 0 to 63.
template <class Scheme>
class panel_writer {
 public:
  using layout_type = panel_layout<Scheme>;
  using quantizer = typename Scheme::quantizer;
  using format = typename quantizer::format;
  using params = typename quantizer::params;

  [[gnu::always_inline]] panel_writer(layout_type const& layout, std::byte* panel) noexcept
      : layout_(layout), panel_(panel) {}

  [[gnu::always_inline]] void put_code(typename layout_type::position where, code c) const noexcept {
    layout_type::put(panel_, where, c ^ layout_type::flip);
  }
  /// The code of 0 for k of group g that do not exist, from `from` on.
  [[gnu::always_inline]] void put_padding(index row, index g, index from) const noexcept {
    index const end = layout_.group_steps(g) * layout_type::step;
    for (index k = from; k < end; ++k) { put_code(layout_.at(row, g, k), zero_code<format>); }
  }
  [[gnu::always_inline]] void put_params(index row, index g, params const& p) const noexcept {
    std::byte* const to = panel_ + layout_.params_at(g);
    if constexpr (layout_type::two_level) {
      using F = typename quantizer::scale_format;
      put_shared(row, g, 0, p.super);
      if constexpr (layout_type::offsets) { put_shared(row, g, layout_type::offset_at, p.offset); }
      to[row] = byte_of(F::decode(p.sub));
      if constexpr (layout_type::minima) {
        put_shared(row, g, layout_type::shared_scale_bytes, p.super_minimum);
        if constexpr (layout_type::offsets) {
          put_shared(row, g, layout_type::shared_scale_bytes + layout_type::offset_at, p.minimum_offset);
        }
        panel_[layout_.minima_at(g) + row] = byte_of(F::decode(p.sub_minimum));
      }
    } else if constexpr (layout_type::linear) {
      auto const scale = static_cast<typename layout_type::scale_type>(quantizer::scale(p));
      std::memcpy(to + row * static_cast<index>(sizeof scale), &scale, sizeof scale);
      if constexpr (layout_type::zero_points) {
        to[layout_type::scale_bytes + row] = static_cast<std::byte>(quantizer::zero(p) - lattice<format>.lowest);
      }
      if constexpr (layout_type::minima) {
        auto const minimum = static_cast<typename layout_type::scale_type>(quantizer::minimum(p));
        std::memcpy(to + layout_type::scale_bytes + row * static_cast<index>(sizeof minimum), &minimum,
                    sizeof minimum);
      }
    } else {
      std::memcpy(to + row * layout_type::row_params, &p, sizeof p);
    }
  }

 private:
  [[nodiscard, gnu::always_inline]] static std::byte byte_of(float value) noexcept {
    return static_cast<std::byte>(typename layout_type::scale_type(value).bits);
  }
  [[gnu::always_inline]] void put_shared(index row, index g, index offset, float value) const noexcept {
    auto const shared = static_cast<typename layout_type::shared_type>(value);
    std::memcpy(panel_ + layout_type::shared_at(g) + offset +
                    row / layout_type::sharing_rows * static_cast<index>(sizeof shared),
                &shared, sizeof shared);
  }

  layout_type layout_;
  std::byte* panel_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
