// SPDX-License-Identifier: MIT
// V and P of attention as integer codes: sums over a leaf are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/heads_view.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/channel_means.hpp"
#include "octavo/kernel/code_panels.hpp"
#include "octavo/kernel/pack.hpp"
#include "octavo/kernel/probability_borders.hpp"
#include "octavo/kernel/probability_planes.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Weights are bytes of 1/255: no table says what they mean.
struct no_levels {};

/// O = V P by integers: V int8 with a scale for each channel of a leaf, P unsigned bytes relative to the largest score
/// of the leaf; sums over the leaf are exact. Or (weight_levels, border_levels) P logarithmic codes, two planes of
/// bytes (probability_planes.hpp, probability_borders.hpp): o = fma(that of plane 1, ratio, that of plane 0).
template <class A, class V, class Levels = no_levels>
class code_values {
  using stored = scheme<symmetric<int8>, per_row>;
  using panels = code_panels<A, stored, true>;
  /// Packed bytes are what the tile reads: values are its signed bytes then, and weights need no correction.
  static constexpr bool ready = panels::ready;
  using layout = typename panels::layout;
  /// Keys whose bytes are summed together.
  static constexpr index step_keys = detail::has<amx, A> ? 64 : 16;
  static constexpr int planes = std::is_same_v<Levels, no_levels> ? 1 : 2;

 public:
  using weight_byte = std::conditional_t<ready, std::uint8_t, typename panels::operand>;
  using writer = std::conditional_t<planes == 1, byte_writer<A, weight_byte>, plane_writer<A, weight_byte, Levels>>;
  using weight = typename writer::weight;
  static constexpr index width = panels::width;
  static constexpr int tokens = panels::tokens;

  explicit code_values(heads_view<V const> const& v) noexcept : v_(v), layout_{v.head_dim(), 0} {}

  /// Other values of the same shape.
  void read(heads_view<V const> const& v) noexcept { v_ = v; }
  [[nodiscard]] index scratch() const {
    layout const all{v_.head_dim(), leaf_keys};
    index const bytes =
        product(all.panels(), all.panel_bytes()) + product(all.panels(), panel_rows, leaf_keys / step_keys + 1, 4);
    return round_up(bytes / 4 + leaf_keys * (panel_rows + v_.head_dim()) + all.panels() * panel_rows +
                        (planes - 1) * most_near_rows * width,
                    16);
  }
  void use(float* scratch) noexcept {
    layout const all{v_.head_dim(), leaf_keys};
    leaf_ = reinterpret_cast<std::byte*>(scratch);
    sums_ = reinterpret_cast<std::int32_t*>(leaf_ + all.panels() * all.panel_bytes());
    room_ = reinterpret_cast<float*>(sums_ + all.panels() * panel_rows * (leaf_keys / step_keys + 1));
    means_ = room_ + leaf_keys * (panel_rows + v_.head_dim());
    second_ = means_ + all.panels() * panel_rows;
    std::memset(means_, 0, static_cast<std::size_t>(all.panels() * panel_rows) * sizeof(float));
    for (std::int32_t& z : zeros_) { z = -128; }
  }
  void load_leaf(index head, index first, index n) noexcept {
    layout_.cols = round_up(n, step_keys);
    panel_bytes_ = layout_.panel_bytes();
    params_at_ = layout_.params_at(0);
    V const* const from = v_.at(head, first);
    if (layout_.cols == n && !smooth_) {
      pack(matrix_view<V>(from, layout_.rows, n, 1, v_.token_stride()));
    } else {  // whole steps need keys of zeros
      if (smooth_) { channel_means<A>(from, v_.token_stride(), n, layout_.rows, means_); }
      float* const copy = room_ + leaf_keys * panel_rows;
      std::memset(copy + n * layout_.rows, 0,
                  static_cast<std::size_t>((layout_.cols - n) * layout_.rows) * sizeof(float));
      for (index j = 0; j < n; ++j) {
        shifted_token<A>(from + j * v_.token_stride(), smooth_ ? means_ : nullptr, layout_.rows,
                         copy + j * layout_.rows);
      }
      pack(matrix_view<float>(copy, layout_.rows, layout_.cols, 1, layout_.rows));
    }
    if constexpr (ready) {
      for (index p = 0; p < layout_.panels(); ++p) {
        std::byte* const panel = leaf_ + p * layout_.panel_bytes();
        for (index i = 0; i < layout_.cols * panel_rows; i += 4 * simd::lanes<A>) {
          simd::bit_xor<A>(simd::load_ints<A>(panel + i), 0x80808080u)
              .store_unaligned(reinterpret_cast<std::int32_t*>(panel + i));
        }
      }
      return;
    }
    // sums_[panel][step][row]: of the bytes of all keys before the step.
    constexpr index steps = step_keys / layout::step;
    for (index p = 0; p < layout_.panels(); ++p) {
      std::int32_t* to = sums_ + p * panel_rows * (leaf_keys / step_keys + 1);
      std::memset(to, 0, panel_rows * sizeof(std::int32_t));
      weight_stream w{};
      w.codes = leaf_ + p * layout_.panel_bytes();
      w.segments = 1;
      w.last_steps = steps;
      for (index s = 0; s < layout_.cols / step_keys; ++s) {
        weight_byte_sums<typename panels::packed>(w, to + panel_rows);
        for (index r = 0; r < panel_rows; ++r) { to[panel_rows + r] += to[r]; }
        to += panel_rows;
        w.codes += steps * layout::step_bytes;
      }
    }
  }
  [[nodiscard]] float settle(index i, weight* weights, index low, index high, float sum) noexcept {
    row_sums_[i] = sum;
    if constexpr (ready) {
      return sum;
    } else {
      for (int p = 0; p < planes; ++p) {
        start_[p][i] = sum == sum ? -panels::offset * bytes_of(p, sum) : 0;
        order_quads<A>(weights + p * plane_stride + low, high - low);
      }
      return sum;
    }
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }

  /// Packed panels: their sums are integers until the last run.
  static constexpr bool takes_runs = ready;
  template <int T>
  void multiply(index first, weight const* weights, index stride, index b, index low, index high, float* out,
                [[maybe_unused]] bool more = false, [[maybe_unused]] bool last = true) const noexcept {
    index const panel = b * width / panel_rows;
    index const end = smaller(round_up(high, step_keys), layout_.cols);
    if constexpr (ready) {
      std::byte const* const codes = leaf_ + panel * panel_bytes_;
      auto const products = [&](int p, auto const& as) __attribute__((always_inline)) {
        byte_products<A, T, true>(session_, codes + low * panel_rows, (end - low) / 4,
                                  weights + p * plane_stride + low, stride, nullptr,
                                  reinterpret_cast<std::int32_t*>(p == 0 ? out : second_), more, as);
      };
      if (!last) {
        for (int p = 0; p < planes; ++p) { products(p, as_sums<simd::ints<A>>()); }
        return;
      }
      as_products<A> const scaled{reinterpret_cast<float const*>(codes + params_at_)};
      for (int p = 0; p < planes; ++p) { products(p, scaled); }
      if constexpr (planes == 2) { add_second<T>(out); }
    } else {
      std::int32_t const* const sums = sums_ + panel * panel_rows * (leaf_keys / step_keys + 1);
      alignas(64) std::int32_t between[panel_rows];
      for (index r = 0; r < panel_rows; ++r) {
        between[r] = sums[end / step_keys * panel_rows + r] - sums[low / step_keys * panel_rows + r];
      }
      token_block<typename panels::weights> x{};
      for (int p = 0; p < planes; ++p) {
        x.data = weights + p * plane_stride;
        x.token_stride = stride;
        x.start = start_[p] + first;
        x.zeros = zeros_;
        x.weight_sums = between;
        panels::template multiply<T>(leaf_ + panel * layout_.panel_bytes(), layout_, b, low / layout::step,
                                     (end - low) / layout::step, x, p == 0 ? out : second_);
      }
      if constexpr (planes == 2) { add_second<T>(out); }
    }
    if (smooth_) { add_means<T>(first, b, out); }
  }
  /// Products share what the session knows.
  void join(product_session<A>& session) noexcept { session_ = &session; }
  /// Values are to be quantized less their means over the leaf, which come back times the exact sum of the weights.
  void smooth() noexcept { smooth_ = true; }
  /// What codes of weights mean, where they are logarithmic.
  void quantize_weights(Levels const& levels) noexcept { writer_.levels = levels; }
  [[nodiscard, gnu::always_inline]] writer const& writes() const noexcept { return writer_; }
  /// What a weight of 1 counts as.
  [[nodiscard]] float unit() const noexcept {
    if constexpr (planes == 1) {
      return writer::unit;
    } else {
      return writer_.levels.unit;
    }
  }

 private:
  static constexpr index plane_stride = most_near_rows * weight_stride;
  static_assert(planes * sizeof(weight) <= sizeof(float), "attention_run has room for floats");
  /// The sum of the bytes of a plane of the row that was written last.
  [[nodiscard]] std::int32_t bytes_of([[maybe_unused]] int plane, [[maybe_unused]] float sum) const noexcept {
    if constexpr (planes == 1) {
      return static_cast<std::int32_t>(sum);
    } else {
      return writer_.sums[plane];
    }
  }
  template <int T>
  void add_second(float* out) const noexcept {
    for (index i = 0; i < T * width; i += simd::lanes<A>) {
      simd::fused<A>(simd::load_floats<A>(second_ + i), simd::floats<A>(writer_.levels.ratio),
                     simd::load_floats<A>(out + i))
          .store_unaligned(out + i);
    }
  }
  template <int T>
  void add_means(index first, index b, float* out) const noexcept {
    for (index i = 0; i < T; ++i) {
      simd::floats<A> const sum(row_sums_[first + i]);
      for (index r = 0; r < width; r += simd::lanes<A>) {
        float* const at = out + i * width + r;
        simd::fused<A>(sum, simd::load_floats<A>(means_ + b * width + r), simd::load_floats<A>(at))
            .store_unaligned(at);
      }
    }
  }
  template <class T>
  void pack(matrix_view<T> const& v) const noexcept {
    packer<A, stored, T> const pack(v, layout_, leaf_);
    pack.panels(0, layout_.panels(), room_);
  }

  heads_view<V const> v_;
  layout layout_;
  index panel_bytes_ = 0;
  index params_at_ = 0;
  std::byte* leaf_ = nullptr;
  std::int32_t* sums_ = nullptr;
  float* room_ = nullptr;
  product_session<A>* session_ = nullptr;
  float* means_ = nullptr;
  float* second_ = nullptr;  ///< sums of plane 1
  writer writer_{};
  bool smooth_ = false;
  float row_sums_[group_rows] = {};
  std::int32_t start_[static_cast<std::size_t>(planes)][group_rows] = {};
  std::int32_t zeros_[group_rows] = {};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
