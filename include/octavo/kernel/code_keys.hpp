// SPDX-License-Identifier: MIT
// K and Q of attention as integer codes: scores are exact int32 sums.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/heads_view.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/channel_means.hpp"
#include "octavo/kernel/code_panels.hpp"
#include "octavo/kernel/dense_panels.hpp"
#include "octavo/kernel/pack.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// S = K Q by integers. Keys and queries are quantized by Quantizer, each with a scale of its own; a score is the exact
/// sum times the scale of its key, then that of its query.
///
/// Where packed bytes are what the tile reads, codes of fewer bits are stored as bytes too, and the tile looks for the
/// largest score while it has them.
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
      : q_(q),
        k_(k),
        factor_(factor),
        layout_{panel_rows, panels::filled(k.head_dim())},
        panel_bytes_(layout_.panel_bytes()) {}

  [[nodiscard]] index scratch(index rows) const {
    index const bytes = product(leaf_keys / panel_rows, layout_.panel_bytes()) +
                        product(rows, layout_.cols, sizeof(operand)) + product(rows, 4, 4);
    return round_up(ceil_div(bytes, 4) + leaf_keys + 2 * product(panel_rows, layout_.cols), 16) +
           round_up(product(panel_rows, k_.head_dim()), 16) + bias_floats();
  }
  void use(float* scratch, index rows) noexcept {
    leaf_ = reinterpret_cast<std::byte*>(scratch);
    room_ = reinterpret_cast<float*>(leaf_ + leaf_keys / panel_rows * layout_.panel_bytes());
    scales_ = room_ + 2 * panel_rows * layout_.cols;
    factors_ = scales_ + leaf_keys;
    start_ = reinterpret_cast<std::int32_t*>(factors_ + rows);
    units_ = reinterpret_cast<float*>(start_ + rows);
    heads_ = reinterpret_cast<std::int32_t*>(units_ + rows);
    rows_ = reinterpret_cast<operand*>(heads_ + rows);
    bias_ = scratch + this->scratch(rows) - bias_floats();
    shifted_ = bias_ - round_up(product(panel_rows, k_.head_dim()), 16);
  }
  void load_leaf(index head, index first, index n) noexcept {
    index const d = k_.head_dim();
    finite_ = true;
    for (index j = 0; j < n; j += panel_rows) {
      index const rows = smaller(panel_rows, n - j);
      std::byte* const panel = leaf_ + j / panel_rows * layout_.panel_bytes();
      if constexpr (raw) {
        pack_bytes(head, first, j, rows, panel);
      } else {
        float* const transposed = room_;
        float* const room = room_ + panel_rows * layout_.cols;
        K const* const from = k_.at(head, first + j);
        std::memset(transposed, 0, static_cast<std::size_t>(panel_rows * layout_.cols) * sizeof(float));
        if (shift_ == nullptr) {
          dense::template pack_rows<panel_rows>(from, k_.token_stride(), rows, d, transposed);
        } else {
          float* const shifted = shifted_;
          for (index i = 0; i < rows; ++i) {
            shifted_token<A>(from + i * k_.token_stride(), shift_of(head), d, shifted + i * d);
          }
          dense::template pack_rows<panel_rows>(shifted, d, rows, d, transposed);
        }
        packer<A, stored, float> const pack(matrix_view<float>(transposed, panel_rows, layout_.cols, 1, panel_rows),
                                            layout_, panel);
        pack.panels(0, 1, room);
        std::memcpy(scales_ + j, panel + layout_.params_at(0), panel_rows * sizeof(float));
        for (index i = 0; i < rows && query_shift_ != nullptr; ++i) {
          shifted_token<A>(from + i * k_.token_stride(), shift_ == nullptr ? nullptr : shift_of(head), d, shifted_);
          put_bias(head, shifted_, j + i);
        }
      }
      for (index i = 0; i < rows; ++i) { finite_ = finite_ && scales_[j + i] == scales_[j + i]; }
    }
    if (query_shift_ != nullptr) { clear_bias(n); }
  }
  /// n rows from `first`, which count from 0 here. They stay while leaves come and go.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    for (index i = 0; i < n; ++i) {
      if (i + ahead < n) {
        detail::ask_for(q_.at(rows.head(first + i + ahead), rows.query(first + i + ahead)), k_.head_dim());
      }
      std::int64_t sum;
      index const head = rows.head(first + i);
      Q const* const query = q_.at(head, rows.query(first + i));
      operand* const to = rows_ + i * layout_.cols;
      float const scale = query_shift_ == nullptr ? quantize(query, to, sum) : quantize_shifted(query, head, to, sum);
      start_[i] = static_cast<std::int32_t>(-panels::offset * sum);
      float const factor = detail::opaque(scale * factor_);
      factors_[i] = factor == 0 ? 0x1p-126f : factor;  // so that -infinity stays what it is
      if (query_shift_ == nullptr) { continue; }
      float const unit = detail::opaque(factor_ / factors_[i]);
      units_[i] = detail::is_finite(unit) ? unit : 0.0f;
      heads_[i] = static_cast<std::int32_t>(head - rows.kv_head * rows.per_kv);
    }
  }
  [[nodiscard, gnu::always_inline]] float factor(index i) const noexcept { return factors_[i]; }
  /// Whether no score of the leaf is NaN, unless its query is.
  [[nodiscard, gnu::always_inline]] bool finite() const noexcept { return finite_; }

  /// Whether multiply keeps the largest score so far of each row and lane, in largest[row][lane].
  static constexpr bool finds_largest = raw;
  template <int T>
  void multiply(index first, index b, float* scores, [[maybe_unused]] float* largest = nullptr) const noexcept {
    std::byte const* const panel = leaf_ + b * width / panel_rows * panel_bytes_;
    if constexpr (raw) {
      auto const products = [&](auto const& as) __attribute__((always_inline)) {
        byte_products<A, T, false>(session_, panel, layout_.cols / 4, rows_ + first * layout_.cols, layout_.cols,
                                   start_ + first, reinterpret_cast<std::int32_t*>(scores), false, as);
      };
      as_scores<A> const as{{scales_ + b * width}, largest};
      if (query_shift_ == nullptr) {
        products(as);
      } else {
        products(as_biased_scores<A>{as, bias_ + b * width, leaf_keys, heads_ + first, units_ + first});
      }
    } else {
      token_block<typename panels::weights> x{};
      x.data = rows_ + first * layout_.cols;
      x.token_stride = layout_.cols;
      x.start = start_ + first;
      panels::template multiply<T>(panel, layout_, b, 0, layout_.cols / layout::step, x, scores);
    }
  }

  /// Products share what the session knows.
  void join(product_session<A>& session) noexcept { session_ = &session; }
  /// Keys are to be quantized less data[channel + head * stride]: scores of a query then lack offset().
  void shift(float const* data, index stride) noexcept {
    shift_ = data;
    shift_stride_ = stride;
  }
  /// Queries are to be quantized less data[channel + head * stride]: scores then lack bias().
  void shift_queries(float const* data, index stride) noexcept {
    query_shift_ = data;
    query_shift_stride_ = stride;
  }
  /// What scores of row i of those that are loaded lack. Scores of packed bytes have it.
  [[nodiscard, gnu::always_inline]] score_bias bias(index i) const noexcept requires(!raw) {
    if (query_shift_ == nullptr) { return {nullptr, 0.0f}; }
    return {bias_ + heads_[i] * leaf_keys, units_[i]};
  }
  [[nodiscard]] float offset(index kv_head, index head, index query) const noexcept {
    if (shift_ == nullptr) { return 0; }
    return detail::opaque(simd::dot_of_16<A>(q_.at(head, query), shift_of(kv_head), k_.head_dim()) * factor_);
  }

 private:
  /// Tokens are asked for so many before they are read.
  static constexpr index ahead = 6;
  [[nodiscard]] float const* shift_of(index head) const noexcept { return shift_ + head * shift_stride_; }
  [[nodiscard]] float const* query_shift_of(index head) const noexcept {
    return query_shift_ + head * query_shift_stride_;
  }
  [[nodiscard]] index heads_of_kv() const noexcept { return k_.heads() == 0 ? 0 : q_.heads() / k_.heads(); }
  [[nodiscard]] index bias_floats() const { return query_shift_ == nullptr ? 0 : product(heads_of_kv(), leaf_keys); }
  /// bias_[query head of the kv head][j], of key j of the leaf, less its shift: products with what queries are shifted by.
  template <class T>
  void put_bias(index head, T const* key, index j) noexcept {
    for (index h = 0; h < heads_of_kv(); ++h) {
      float const b = simd::dot_of_16<A>(key, query_shift_of(head * heads_of_kv() + h), k_.head_dim());
      finite_ = finite_ && detail::is_finite(b);
      bias_[h * leaf_keys + j] = b;
    }
  }
  /// The same of keys that are not there.
  void clear_bias(index j) noexcept {
    for (index h = 0; h < heads_of_kv(); ++h) {
      for (index i = j; i < leaf_keys; ++i) { bias_[h * leaf_keys + i] = 0; }
    }
  }
  /// What is left of a query; of hardly anything, codes of 0 and a scale of 1, so that bias() has a unit.
  [[nodiscard]] float quantize_shifted(Q const* from, index head, operand* to, std::int64_t& sum) const noexcept {
    shifted_token<A>(from, query_shift_of(head), k_.head_dim(), shifted_);
    float const scale = quantize(shifted_, to, sum);
    if (!(scale < 0x1p-60f)) { return scale; }
    std::memset(shifted_, 0, static_cast<std::size_t>(k_.head_dim()) * sizeof(float));
    (void)quantize(shifted_, to, sum);
    return 1.0f;
  }
  /// Codes of one query or key and their sum; returns the scale.
  template <class T, class Byte>
  [[nodiscard]] float quantize(T const* from, Byte* to, std::int64_t& sum) const noexcept {
    index const d = k_.head_dim();
    token_source<A, T> const x{from, nullptr, d};
    auto const p = token_params<Quantizer>(x);
    sum = quantize_segment<A, Quantizer>(x, p, 0, d, layout_.cols, 0, nullptr, to);
    return Quantizer::scale(p);
  }
  /// Keys from key j of a leaf, a panel: codes key by key, then quads of them as elements of a matrix of floats.
  void pack_bytes(index head, index first, index j, index rows, std::byte* panel) noexcept {
    index const quads = layout_.cols / 4;
    auto* const codes = reinterpret_cast<std::int8_t*>(room_);
    float* const scales = scales_ + j;
    auto const pack = [&](auto const* key, index i) __attribute__((always_inline)) {
      std::int64_t sum;
      scales[i] = quantize(key, codes + i * layout_.cols, sum);
      if (query_shift_ != nullptr) { put_bias(head, key, j + i); }
    };
    for (index i = 0; i < rows; ++i) {
      K const* const key = k_.at(head, first + j + i);
      if (i + ahead < rows) { detail::ask_for(key + ahead * k_.token_stride(), k_.head_dim()); }
      if (shift_ == nullptr) {
        pack(key, i);
      } else {
        shifted_token<A>(key, shift_of(head), k_.head_dim(), shifted_);
        pack(shifted_, i);
      }
    }
    for (index i = rows; i < panel_rows; ++i) { scales[i] = 0; }
    for (index i = 0; i < panel_rows * quads; i += simd::lanes<A>) {
      auto* const at = reinterpret_cast<std::int32_t*>(room_ + i);
      simd::bit_xor<A>(simd::load_ints<A>(at), 0x80808080u).store_unaligned(at);
    }
    dense::template pack_rows<panel_rows>(room_, quads, rows, quads, reinterpret_cast<float*>(panel));
  }

  heads_view<Q const> q_;
  heads_view<K const> k_;
  float factor_;
  layout layout_;
  index panel_bytes_;
  bool finite_ = true;
  std::byte* leaf_ = nullptr;
  float* scales_ = nullptr;
  float* factors_ = nullptr;
  std::int32_t* start_ = nullptr;
  float* units_ = nullptr;
  std::int32_t* heads_ = nullptr;
  operand* rows_ = nullptr;
  float* room_ = nullptr;
  product_session<A>* session_ = nullptr;
  float* shifted_ = nullptr;
  float const* shift_ = nullptr;
  index shift_stride_ = 0;
  float const* query_shift_ = nullptr;
  index query_shift_stride_ = 0;
  float* bias_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
