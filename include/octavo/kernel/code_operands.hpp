// SPDX-License-Identifier: MIT
// K, Q, P and V of attention as integer codes: exact int32 sums, the panels and register tile of weights.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/heads_view.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/dense_panels.hpp"
#include "octavo/kernel/pack.hpp"
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
                       token_block<weights> x, float* out) noexcept {
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
template <class A, class Quantizer, class Q, class K>
class code_keys {
  using stored = scheme<Quantizer, per_row>;
  using panels = code_panels<A, stored, false>;
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
    return round_up(ceil_div(bytes, 4) + 2 * product(panel_rows, layout_.cols) + dense::room(layout_.cols), 16);
  }
  void use(float* scratch, index rows) noexcept {
    leaf_ = reinterpret_cast<std::byte*>(scratch);
    room_ = reinterpret_cast<float*>(leaf_ + leaf_keys / panel_rows * layout_.panel_bytes());
    factors_ = room_ + 2 * panel_rows * layout_.cols + dense::room(layout_.cols);
    start_ = reinterpret_cast<std::int32_t*>(factors_ + rows);
    rows_ = reinterpret_cast<operand*>(start_ + rows);
  }
  void load_leaf(index head, index first, index n) noexcept {
    index const d = k_.head_dim();
    float* const transposed = room_;
    float* const room = room_ + panel_rows * layout_.cols;
    std::memset(transposed, 0, static_cast<std::size_t>(panel_rows * layout_.cols) * sizeof(float));
    for (index j = 0; j < n; j += panel_rows) {
      index const rows = smaller(panel_rows, n - j);
      dense::template pack_rows<panel_rows>(k_.at(head, first + j), k_.token_stride(), rows, d, room, transposed);
      packer<A, stored, float> const pack(matrix_view<float>(transposed, panel_rows, layout_.cols, 1, panel_rows),
                                          layout_, leaf_ + j / panel_rows * layout_.panel_bytes());
      pack.panels(0, 1, room);
    }
  }
  /// n rows from `first`, which count from 0 here. They stay while leaves come and go.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    constexpr index L = simd::lanes<A>;
    index const d = k_.head_dim();
    for (index i = 0; i < n; ++i) {
      token_source<A, Q> const x{q_.at(rows.head(first + i), rows.query(first + i)), nullptr, d};
      range_tracker<A, Quantizer> range;
      index c = 0;
      for (; c + L <= d; c += L) { range.add(x.load(c)); }
      if (c < d) { range.add(x.load(c, d - c)); }
      auto const p = range.params();
      auto const sum = quantize_segment<A, Quantizer>(x, p, 0, d, layout_.cols, 0, nullptr, rows_ + i * layout_.cols);
      start_[i] = static_cast<std::int32_t>(-panels::offset * sum);
      float const factor = detail::opaque(Quantizer::scale(p) * factor_);
      factors_[i] = factor == 0 ? 0x1p-126f : factor;  // so that -infinity stays what it is
    }
  }
  [[nodiscard, gnu::always_inline]] float factor(index i) const noexcept { return factors_[i]; }

  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    token_block<typename panels::weights> x{};
    x.data = rows_ + first * layout_.cols;
    x.token_stride = layout_.cols;
    x.start = start_ + first;
    panels::template multiply<T>(leaf_ + b * width / panel_rows * layout_.panel_bytes(), layout_, b, 0,
                                 layout_.cols / layout::step, x, scores);
  }

 private:
  heads_view<Q const> q_;
  heads_view<K const> k_;
  float factor_;
  layout layout_;
  std::byte* leaf_ = nullptr;
  float* factors_ = nullptr;
  std::int32_t* start_ = nullptr;
  operand* rows_ = nullptr;
  float* room_ = nullptr;
};

/// Weights of at most 1 as bytes: nearest to 255 p, ties to even, less 128, so that they are signed. They count as 255 p.
template <class A, class Operand>
struct byte_writer {
  using weight = Operand;
  static constexpr int degree = 3;
  static constexpr bool exact = true;
  static constexpr float unit = 255.0f;

  [[gnu::always_inline]] static simd::floats<A> put(Operand* to, simd::floats<A> p) noexcept {
    // 1.5 * 2^23 has its last bit at 1: the sum is rounded, and its low bits are the integer.
    constexpr float magic = 0x1.8p23f;
    auto const sum = simd::fused<A>(p, simd::floats<A>(unit), simd::floats<A>(magic));
    simd::store_narrow<A>(to, simd::as_ints<A>(sum) - simd::ints<A>(__builtin_bit_cast(std::int32_t, magic) + 128));
    return sum - simd::floats<A>(magic);
  }
};

/// O = V P by integers: V int8 with a scale for each channel of a leaf, P unsigned bytes relative to the largest score of
/// the leaf; sums over the leaf are exact.
template <class A, class V>
class code_values {
  using stored = scheme<symmetric<int8>, per_row>;
  using panels = code_panels<A, stored, true>;
  using layout = typename panels::layout;
  /// Keys whose bytes are summed together.
  static constexpr index step_keys = 16;

 public:
  using writer = byte_writer<A, typename panels::operand>;
  using weight = typename writer::weight;
  static constexpr index width = panels::width;
  static constexpr int tokens = panels::tokens;

  explicit code_values(heads_view<V const> const& v) noexcept : v_(v), layout_{v.head_dim(), 0} {}

  [[nodiscard]] index scratch() const {
    layout const all{v_.head_dim(), leaf_keys};
    index const bytes =
        product(all.panels(), all.panel_bytes()) + product(all.panels(), panel_rows, leaf_keys / step_keys + 1, 4);
    return round_up(bytes / 4 + leaf_keys * (panel_rows + v_.head_dim()), 16);
  }
  void use(float* scratch) noexcept {
    layout const all{v_.head_dim(), leaf_keys};
    leaf_ = reinterpret_cast<std::byte*>(scratch);
    sums_ = reinterpret_cast<std::int32_t*>(leaf_ + all.panels() * all.panel_bytes());
    room_ = reinterpret_cast<float*>(sums_ + all.panels() * panel_rows * (leaf_keys / step_keys + 1));
    for (std::int32_t& z : zeros_) { z = -128; }
  }
  void load_leaf(index head, index first, index n) noexcept {
    layout_.cols = round_up(n, step_keys);
    V const* const from = v_.at(head, first);
    if (layout_.cols == n) {
      pack(matrix_view<V>(from, layout_.rows, n, 1, v_.token_stride()));
    } else {  // whole steps need keys of zeros
      float* const copy = room_ + leaf_keys * panel_rows;
      std::memset(copy, 0, static_cast<std::size_t>(layout_.cols * layout_.rows) * sizeof(float));
      for (index j = 0; j < n; ++j) {
        for (index c = 0; c < layout_.rows; ++c) {
          copy[j * layout_.rows + c] = static_cast<float>(from[j * v_.token_stride() + c]);
        }
      }
      pack(matrix_view<float>(copy, layout_.rows, layout_.cols, 1, layout_.rows));
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

 private:
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
  std::int32_t start_[group_rows] = {};
  std::int32_t zeros_[group_rows] = {};
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
