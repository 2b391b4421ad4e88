// SPDX-License-Identifier: MIT
// K, Q, P and V of attention as integer codes: exact int32 sums, the panels and register tile of weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/heads_view.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/byte_tile.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/channel_means.hpp"
#include "octavo/kernel/dense_panels.hpp"
#include "octavo/kernel/pack.hpp"
#include "octavo/kernel/probability_bytes.hpp"
#include "octavo/kernel/softmax.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Panels of 64 rows of scheme S (per_row), multiplied by signed bytes: blocks of `width` rows.
template <class A, class S, bool OperandZeros>
struct code_panels {
  using layout = panel_layout<S>;
  using packed = byte_weights<A, layout, OperandZeros>;
  using operand = typename packed::operand;
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = detail::is_avx512<A> ? 4 : L >= 8 ? 16 / L : 4;
  static constexpr index width = registers * L;
  /// Where a packed panel is what the expanded tile reads, it takes more tokens.
  static constexpr bool ready = expanded<packed, registers>::as_packed;
  using weights = std::conditional_t<ready, expanded<packed, registers>, packed>;
  static constexpr int tokens = detail::is_scalar<A> ? 1 : ready ? 6 : registers * L == 16 && L == 4 ? 2 : 4;
  /// What is subtracted from all bytes of the weights, less what the dot product subtracts.
  static constexpr std::int32_t offset = -lattice<typename S::format>.lowest - packed::offset;

  /// k filled up to whole steps of every tile.
  [[nodiscard, gnu::always_inline]] static constexpr index filled(index k) noexcept {
    return round_up(k, layout::step * units_together);
  }

  /// out[t][row] = scale of the row times the exact sum, for T tokens, `width` rows from block b of a panel, and steps
  /// [from, from + steps).
  template <int T>
  static void multiply(std::byte const* panel, layout const& of, index b, index from, index steps,
                       token_block<weights>& x, float* out) noexcept {
    index const first_row = b * width % panel_rows;
    weight_stream w{};
    w.codes = panel + from * layout::step_bytes;
    w.segments = 1;
    w.steps = steps;
    w.last_steps = steps;
    w.params = panel + of.params_at(0);
    w.last_params = w.params;
    w.ahead = w.codes;
    x.data += from * layout::step;
    std::memset(out, 0, static_cast<std::size_t>(T * width) * sizeof(float));
    tile<weights, T, registers>(w, x, first_row, out);
  }
};

/// S = K Q by integers. Keys and queries are quantized by Quantizer, each with a scale of its own; a score is the exact sum
/// times the scale of its key, then that of its query.
///
/// Where packed bytes are what the tile reads, codes of fewer bits are stored as bytes too, and scores stay integers until
/// the softmax reads them: their scales are in scales().
template <class A, class Quantizer, class Q, class K>
class code_keys {
  using byte_panels = code_panels<A, scheme<symmetric<int8>, per_row>, false>;
  static constexpr bool raw = byte_panels::ready;
  using stored = scheme<Quantizer, per_row>;
  using panels = std::conditional_t<raw, byte_panels, code_panels<A, stored, false>>;
  using layout = typename panels::layout;
  using operand = typename panels::operand;
  using dense = dense_panels<A>;

 public:
  static constexpr index width = panels::width;
  static constexpr int tokens = panels::tokens;

  code_keys(heads_view<Q const> const& q, heads_view<K const> const& k, float factor) noexcept
      : q_(q), k_(k), factor_(factor), layout_{panel_rows, panels::filled(k.head_dim())} {}

  [[nodiscard]] index scratch(index rows) const {
    index const bytes = product(leaf_keys / panel_rows, layout_.panel_bytes()) +
                        product(rows, layout_.cols, sizeof(operand)) + product(rows, 2, 4);
    return round_up(
               ceil_div(bytes, 4) + leaf_keys + 2 * product(panel_rows, layout_.cols) + dense::room(layout_.cols),
               16) +
           round_up(product(panel_rows, k_.head_dim()), 16);
  }
  void use(float* scratch, index rows) noexcept {
    leaf_ = reinterpret_cast<std::byte*>(scratch);
    room_ = reinterpret_cast<float*>(leaf_ + leaf_keys / panel_rows * layout_.panel_bytes());
    scales_ = room_ + 2 * panel_rows * layout_.cols + dense::room(layout_.cols);
    factors_ = scales_ + leaf_keys;
    start_ = reinterpret_cast<std::int32_t*>(factors_ + rows);
    rows_ = reinterpret_cast<operand*>(start_ + rows);
    shifted_ = scratch + this->scratch(rows) - round_up(product(panel_rows, k_.head_dim()), 16);
  }
  void load_leaf(index head, index first, index n) noexcept {
    index const d = k_.head_dim();
    finite_ = true;
    for (index j = 0; j < n; j += panel_rows) {
      index const rows = smaller(panel_rows, n - j);
      std::byte* const panel = leaf_ + j / panel_rows * layout_.panel_bytes();
      if constexpr (raw) {
        pack_bytes(head, first + j, rows, scales_ + j, panel);
      } else {
        float* const transposed = room_;
        float* const room = room_ + panel_rows * layout_.cols;
        K const* const from = k_.at(head, first + j);
        std::memset(transposed, 0, static_cast<std::size_t>(panel_rows * layout_.cols) * sizeof(float));
        if (shift_ == nullptr) {
          dense::template pack_rows<panel_rows>(from, k_.token_stride(), rows, d, room, transposed);
        } else {
          float* const shifted = shifted_;
          for (index i = 0; i < rows; ++i) {
            shifted_token<A>(from + i * k_.token_stride(), shift_of(head), d, shifted + i * d);
          }
          dense::template pack_rows<panel_rows>(shifted, d, rows, d, room, transposed);
        }
        packer<A, stored, float> const pack(matrix_view<float>(transposed, panel_rows, layout_.cols, 1, panel_rows),
                                            layout_, panel);
        pack.panels(0, 1, room);
        std::memcpy(scales_ + j, panel + layout_.params_at(0), panel_rows * sizeof(float));
      }
      for (index i = 0; i < rows; ++i) { finite_ = finite_ && scales_[j + i] == scales_[j + i]; }
    }
  }
  /// n rows from `first`, which count from 0 here. They stay while leaves come and go.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    for (index i = 0; i < n; ++i) {
      std::int64_t sum;
      float const scale = quantize(q_.at(rows.head(first + i), rows.query(first + i)), rows_ + i * layout_.cols, sum);
      start_[i] = static_cast<std::int32_t>(-panels::offset * sum);
      float const factor = detail::opaque(scale * factor_);
      factors_[i] = factor == 0 ? 0x1p-126f : factor;  // so that -infinity stays what it is
    }
  }
  [[nodiscard, gnu::always_inline]] float factor(index i) const noexcept { return factors_[i]; }
  /// What the integers that are scores are to be multiplied by, for each key of the leaf; null where that is done.
  [[nodiscard, gnu::always_inline]] float const* scales() const noexcept { return raw ? scales_ : nullptr; }
  /// Whether no score of the leaf is NaN, unless its query is.
  [[nodiscard, gnu::always_inline]] bool finite() const noexcept { return finite_; }

  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    std::byte const* const panel = leaf_ + b * width / panel_rows * layout_.panel_bytes();
    if constexpr (raw) {
      byte_tile<A, T, false>(panel, layout_.cols / 4, rows_ + first * layout_.cols, layout_.cols, start_ + first,
                             reinterpret_cast<std::int32_t*>(scores));
    } else {
      token_block<typename panels::weights> x{};
      x.data = rows_ + first * layout_.cols;
      x.token_stride = layout_.cols;
      x.start = start_ + first;
      panels::template multiply<T>(panel, layout_, b, 0, layout_.cols / layout::step, x, scores);
    }
  }

  /// Keys are to be quantized less data[channel + head * stride]: scores of a query then lack offset().
  void shift(float const* data, index stride) noexcept {
    shift_ = data;
    shift_stride_ = stride;
  }
  [[nodiscard]] float offset(index kv_head, index head, index query) const noexcept {
    if (shift_ == nullptr) { return 0; }
    return detail::opaque(shift_product<A>(q_.at(head, query), shift_of(kv_head), k_.head_dim()) * factor_);
  }

 private:
  [[nodiscard]] float const* shift_of(index head) const noexcept { return shift_ + head * shift_stride_; }
  /// Codes of one query or key and their sum; returns the scale.
  template <class T, class Byte>
  [[nodiscard]] float quantize(T const* from, Byte* to, std::int64_t& sum) const noexcept {
    constexpr index L = simd::lanes<A>;
    index const d = k_.head_dim();
    token_source<A, T> const x{from, nullptr, d};
    range_tracker<A, Quantizer> range;
    index c = 0;
    for (; c + L <= d; c += L) { range.add(x.load(c)); }
    if (c < d) { range.add(x.load(c, d - c)); }
    auto const p = range.params();
    sum = quantize_segment<A, Quantizer>(x, p, 0, d, layout_.cols, 0, nullptr, to);
    return Quantizer::scale(p);
  }
  /// A panel of keys: codes key by key, then quads of them as elements of a matrix of floats.
  void pack_bytes(index head, index first, index rows, float* scales, std::byte* panel) const noexcept {
    index const quads = layout_.cols / 4;
    auto* const codes = reinterpret_cast<std::int8_t*>(room_);
    float* const room = room_ + panel_rows * quads;
    for (index i = 0; i < rows; ++i) {
      std::int64_t sum;
      K const* const key = k_.at(head, first + i);
      if (shift_ == nullptr) {
        scales[i] = quantize(key, codes + i * layout_.cols, sum);
      } else {
        shifted_token<A>(key, shift_of(head), k_.head_dim(), shifted_);
        scales[i] = quantize(shifted_, codes + i * layout_.cols, sum);
      }
    }
    for (index i = rows; i < panel_rows; ++i) { scales[i] = 0; }
    for (index i = 0; i < panel_rows * quads; i += simd::lanes<A>) {
      auto* const at = reinterpret_cast<std::int32_t*>(room_ + i);
      simd::bit_xor<A>(simd::load_ints<A>(at), 0x80808080u).store_unaligned(at);
    }
    dense::template pack_rows<panel_rows>(room_, quads, rows, quads, room, reinterpret_cast<float*>(panel));
  }

  heads_view<Q const> q_;
  heads_view<K const> k_;
  float factor_;
  layout layout_;
  bool finite_ = true;
  std::byte* leaf_ = nullptr;
  float* scales_ = nullptr;
  float* factors_ = nullptr;
  std::int32_t* start_ = nullptr;
  operand* rows_ = nullptr;
  float* room_ = nullptr;
  float* shifted_ = nullptr;
  float const* shift_ = nullptr;
  index shift_stride_ = 0;
};

/// O = V P by integers: V int8 with a scale for each channel of a leaf, P unsigned bytes relative to the largest score of
/// the leaf; sums over the leaf are exact.
template <class A, class V>
class code_values {
  using stored = scheme<symmetric<int8>, per_row>;
  using panels = code_panels<A, stored, true>;
  /// Packed bytes are what the tile reads: values are its signed bytes then, and weights need no correction.
  static constexpr bool ready = panels::ready;
  using layout = typename panels::layout;
  /// Keys whose bytes are summed together.
  static constexpr index step_keys = 16;

 public:
  using writer = byte_writer<A, std::conditional_t<ready, std::uint8_t, typename panels::operand>>;
  using weight = typename writer::weight;
  static constexpr index width = panels::width;
  static constexpr int tokens = panels::tokens;

  explicit code_values(heads_view<V const> const& v) noexcept : v_(v), layout_{v.head_dim(), 0} {}

  [[nodiscard]] index scratch() const {
    layout const all{v_.head_dim(), leaf_keys};
    index const bytes =
        product(all.panels(), all.panel_bytes()) + product(all.panels(), panel_rows, leaf_keys / step_keys + 1, 4);
    return round_up(bytes / 4 + leaf_keys * (panel_rows + v_.head_dim()) + all.panels() * panel_rows, 16);
  }
  void use(float* scratch) noexcept {
    layout const all{v_.head_dim(), leaf_keys};
    leaf_ = reinterpret_cast<std::byte*>(scratch);
    sums_ = reinterpret_cast<std::int32_t*>(leaf_ + all.panels() * all.panel_bytes());
    room_ = reinterpret_cast<float*>(sums_ + all.panels() * panel_rows * (leaf_keys / step_keys + 1));
    means_ = room_ + leaf_keys * (panel_rows + v_.head_dim());
    std::memset(means_, 0, static_cast<std::size_t>(all.panels() * panel_rows) * sizeof(float));
    for (std::int32_t& z : zeros_) { z = -128; }
  }
  void load_leaf(index head, index first, index n) noexcept {
    layout_.cols = round_up(n, step_keys);
    V const* const from = v_.at(head, first);
    if (layout_.cols == n && !smooth_) {
      pack(matrix_view<V>(from, layout_.rows, n, 1, v_.token_stride()));
    } else {  // whole steps need keys of zeros
      if (smooth_) { channel_means<A>(from, v_.token_stride(), n, layout_.rows, means_); }
      float* const copy = room_ + leaf_keys * panel_rows;
      std::memset(copy, 0, static_cast<std::size_t>(layout_.cols * layout_.rows) * sizeof(float));
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
    if constexpr (ready) { return sum; }
    start_[i] = sum == sum ? -panels::offset * static_cast<std::int32_t>(sum) : 0;
    if constexpr (sizeof(weight) == 2) {  // quads as (k0 k2)(k1 k3), see simd/dot.hpp
      for (index j = low; j < high; j += 4) {
        weight const k1 = weights[j + 1];
        weights[j + 1] = weights[j + 2];
        weights[j + 2] = k1;
      }
    }
    return sum;
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }

  template <int T>
  void multiply(index first, weight const* weights, index stride, index b, index low, index high,
                float* out) const noexcept {
    index const panel = b * width / panel_rows;
    index const end = smaller(round_up(high, step_keys), layout_.cols);
    if constexpr (ready) {
      std::byte const* const codes = leaf_ + panel * layout_.panel_bytes();
      alignas(64) std::int32_t sums[static_cast<std::size_t>(T * panel_rows)];
      byte_tile<A, T, true>(codes + low * panel_rows, (end - low) / 4, weights + low, stride, nullptr, sums);
      auto const* const scales = reinterpret_cast<float const*>(codes + layout_.params_at(0));
      for (index i = 0; i < T * panel_rows; i += simd::lanes<A>) {
        auto const scale = simd::load_floats<A>(scales + i % panel_rows);
        simd::fused<A>(simd::to_floats<A>(simd::load_ints<A>(sums + i)), scale, simd::floats<A>(0.0f))
            .store_unaligned(out + i);
      }
    } else {
      std::int32_t const* const sums = sums_ + panel * panel_rows * (leaf_keys / step_keys + 1);
      alignas(64) std::int32_t between[panel_rows];
      for (index r = 0; r < panel_rows; ++r) {
        between[r] = sums[end / step_keys * panel_rows + r] - sums[low / step_keys * panel_rows + r];
      }
      token_block<typename panels::weights> x{};
      x.data = weights;
      x.token_stride = stride;
      x.start = start_ + first;
      x.zeros = zeros_;
      x.weight_sums = between;
      panels::template multiply<T>(leaf_ + panel * layout_.panel_bytes(), layout_, b, low / layout::step,
                                   (end - low) / layout::step, x, out);
    }
    if (smooth_) { add_means<T>(first, b, out); }
  }
  /// Values are to be quantized less their means over the leaf, which come back times the exact sum of the weights.
  void smooth() noexcept { smooth_ = true; }

 private:
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
  std::byte* leaf_ = nullptr;
  std::int32_t* sums_ = nullptr;
  float* room_ = nullptr;
  float* means_ = nullptr;
  bool smooth_ = false;
  float row_sums_[group_rows] = {};
  std::int32_t start_[group_rows] = {};
  std::int32_t zeros_[group_rows] = {};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
