// SPDX-License-Identifier: MIT
// import_compressed: W8A8, W4A16, FP8 weights of safetensors by compressed-tensors, as packed matrices, exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "octavo/io/safetensors.hpp"
#include "octavo/io/scheme_text.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/pack_codes.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

/// The tensors of one linear layer, `prefix.weight_scale` and so on, and the first thing that is wrong with them.
template <class S>
class compressed_layer {
  using layout = panel_layout<S>;
  using Q = typename S::quantizer;
  static constexpr bool zeros = has_zero_point<Q>;
  static constexpr int bits = S::format::bits;
  static constexpr bool fp8 = std::is_same_v<typename S::format, e4m3>;
  static constexpr index per_word = 32 / bits;
  static_assert(
      layout::linear && !layout::by_column &&
          (fp8 || ((bits == 8 || bits == 4) && lattice<typename S::format>.exact &&
                   lattice<typename S::format>.step == 1.0f)),
      "Octavo: compressed-tensors files hold integers of 4 or 8 bits or e4m3: a scheme of symmetric<int4, int8 or "
      "e4m3> or affine<uint4 or uint8>, per_tensor, per_row or per_group<G>.");

 public:
  compressed_layer(safetensors const& file, std::string prefix, index block_rows)
      : file_(file), prefix_(std::move(prefix)), block_rows_(block_rows) {}

  [[nodiscard]] std::optional<quantized_matrix<S>> read(std::string& error) {
    bool const ok = find_weight() && find_scale() && find_zeros() && check_order();
    if (ok) {
      index const length = layout{rows_, cols_}.group();
      auto result = pack_codes<S>(rows_, cols_, [this, length](index r, index g, code* codes) {
        index const first = g * length;
        for (index k = first; k < cols_ && k < first + length; ++k) { codes[k - first] = code_at(r, k); }
        return params(r, g);
      });
      if (why_.empty()) { return result; }
    }
    error = shown(prefix_) + why_;
    return std::nullopt;
  }

 private:
  [[nodiscard]] bool refuse(std::string why) {
    if (why_.empty()) { why_ = std::move(why); }
    return false;
  }
  [[nodiscard]] safetensors_tensor const* find(char const* name) const { return file_.find(prefix_ + name); }
  [[nodiscard]] static bool has_shape(safetensors_tensor const& t, index rows, index cols) {
    return t.shape.size() == 2 && t.shape[0] == rows && t.shape[1] == cols;
  }
  template <class T>
  [[nodiscard]] static T at(safetensors_tensor const& t, index i) {
    T value;
    std::memcpy(&value, t.data.data() + i * static_cast<index>(sizeof value), sizeof value);
    return value;
  }

  /// `weight`: int8 or e4m3 as it is. `weight_packed`: words of codes + 2^(bits - 1), the first in the low bits.
  [[nodiscard]] bool find_weight() {
    if (auto const* const plain = find(".weight")) {
      if ((plain->dtype != "I8" && plain->dtype != "F8_E4M3") || plain->shape.size() != 2) {
        return refuse(".weight is " + shown(*plain) + "; I8 and F8_E4M3 are supported here, of two dimensions");
      }
      if (bits != 8 || zeros || fp8 != (plain->dtype == "F8_E4M3")) {
        return refuse(".weight is " + shown(*plain) + ", " + not_wanted());
      }
      rows_ = plain->shape[0];
      cols_ = plain->shape[1];
      weight_ = plain;
      return rows_ * cols_ > 0 || refuse(".weight has no elements");
    }
    weight_ = find(".weight_packed");
    packed_ = true;
    if (weight_ == nullptr) { return refuse(" has neither .weight nor .weight_packed"); }
    if (fp8) { return refuse(".weight_packed is " + shown(*weight_) + ", " + not_wanted()); }
    auto const* const shape = find(".weight_shape");
    bool const wide = shape != nullptr && shape->dtype == "I64";
    if (shape == nullptr || shape->shape != std::vector<index>{2} || !(wide || shape->dtype == "I32")) {
      return refuse(".weight_shape must be there, as two integers");
    }
    rows_ = wide ? static_cast<index>(at<std::int64_t>(*shape, 0)) : at<std::int32_t>(*shape, 0);
    cols_ = wide ? static_cast<index>(at<std::int64_t>(*shape, 1)) : at<std::int32_t>(*shape, 1);
    // The words that are there bound the columns: nothing below can overflow.
    if (weight_->dtype != "I32" || weight_->shape.size() != 2 || rows_ <= 0 || cols_ <= 0 ||
        weight_->shape[0] != rows_ || weight_->shape[1] != ceil_div(cols_, per_word)) {
      return refuse(".weight_packed is " + shown(*weight_) + ", which does not hold " + std::to_string(rows_) +
                    " x " + std::to_string(cols_) + " codes of " + std::to_string(bits) + " bits as I32");
    }
    return true;
  }

  /// A column for each group; or one for all, or one number for the whole tensor, or a row for so many rows of a block.
  [[nodiscard]] bool find_scale() {
    auto const* const other = find(".weight_scale_inv");  // as some checkpoints call it; a factor as well
    scale_ = find(".weight_scale");
    if (scale_ != nullptr && other != nullptr) { return refuse(" has both .weight_scale and .weight_scale_inv"); }
    if (scale_ == nullptr && other == nullptr) { return refuse(" has no .weight_scale"); }
    if (scale_ == nullptr) {
      scale_ = other;
      scale_text_ = ".weight_scale_inv";
    }
    if (block_rows_ < 1) { return refuse(": a block has " + std::to_string(block_rows_) + " rows, but must have 1"); }
    auto const unwanted = [this] { return refuse(scale_text_ + " is " + shown(*scale_) + ", " + not_wanted()); };
    groups_ = layout{rows_, cols_}.groups();
    if (!has_shape(*scale_, rows_, groups_)) {
      bool const single = scale_->data.size() > 0 && scale_->shape == std::vector<index>(scale_->shape.size(), 1);
      bool const column = scale_->shape == std::vector<index>{rows_};
      bool const blocks = has_shape(*scale_, ceil_div(rows_, block_rows_), groups_);
      if (octavo::detail::is_per_group<typename S::granularity> ? !blocks : !(single || column)) {
        return unwanted();
      }
      if (!single && !column) { rows_of_scale_ = block_rows_; }
      if (single) { rows_of_scale_ = rows_; }
    }
    using T = typename layout::scale_type;
    bool const narrow = scale_->dtype == scale_name<T>();
    bool const widens = std::is_same_v<T, float> && (scale_->dtype == "F16" || scale_->dtype == "BF16");
    return narrow || widens || unwanted();
  }
  template <class T>
  [[nodiscard]] static constexpr char const* scale_name() {
    return std::is_same_v<T, float> ? "F32" : std::is_same_v<T, f16> ? "F16" : std::is_same_v<T, bf16> ? "BF16" : "-";
  }

  /// `weight_zero_point`: packed along the rows; all zeros where the scheme has none.
  [[nodiscard]] bool find_zeros() {
    zero_ = find(".weight_zero_point");
    if (!zeros) {
      if (zero_ == nullptr) { return true; }
      for (std::byte const b : zero_->data) {
        if (b != std::byte{0}) { return refuse(".weight_zero_point is not zero, " + not_wanted()); }
      }
      return true;
    }
    if (zero_ == nullptr || zero_->dtype != "I32" || !has_shape(*zero_, ceil_div(rows_, per_word), groups_)) {
      return refuse(".weight_zero_point is " + (zero_ == nullptr ? "not there" : shown(*zero_)) + ", " +
                    not_wanted());
    }
    return true;
  }

  /// `weight_g_idx`: only where it says what is so without it.
  [[nodiscard]] bool check_order() {
    auto const* const order = find(".weight_g_idx");
    if (order == nullptr) { return true; }
    bool ok = order->dtype == "I32" && order->shape == std::vector<index>{cols_};
    for (index k = 0; ok && k < cols_; ++k) { ok = at<std::int32_t>(*order, k) == k / layout{rows_, cols_}.group(); }
    return ok || refuse(".weight_g_idx: columns in another order (actorder) are not supported");
  }

  [[nodiscard]] code code_at(index r, index k) const {
    if (!packed_) { return at<std::uint8_t>(*weight_, r * cols_ + k); }
    auto const word = at<std::uint32_t>(*weight_, r * weight_->shape[1] + k / per_word);
    auto const u = word >> (k % per_word * bits) & ((1u << bits) - 1);
    // Codes of int4 and int8 are two's complement: the offset flips their sign bit. With zero points both keep it.
    return static_cast<code>(zeros ? u : u ^ 1u << (bits - 1));
  }

  [[nodiscard]] typename Q::params params(index r, index g) {
    index const i = r / rows_of_scale_ * groups_ + g;
    typename Q::params p{};
    p.scale = scale_->dtype == "F32"   ? at<float>(*scale_, i)
              : scale_->dtype == "F16" ? static_cast<float>(at<f16>(*scale_, i))
                                       : static_cast<float>(at<bf16>(*scale_, i));
    if (!octavo::detail::is_finite(p.scale)) {
      (void)refuse(scale_text_ + " of row " + std::to_string(r) + ", group " + std::to_string(g) +
                   ", is not a finite number");
    }
    if constexpr (zeros) {
      auto const word = at<std::uint32_t>(*zero_, r / per_word * groups_ + g);
      p.zero_point = static_cast<int>(word >> (r % per_word * bits) & ((1u << bits) - 1));
    }
    return p;
  }

  [[nodiscard]] static std::string not_wanted() { return "but '" + scheme_text<S>() + "' was asked for"; }

  safetensors const& file_;
  std::string prefix_;
  std::string why_;
  safetensors_tensor const* weight_ = nullptr;
  safetensors_tensor const* scale_ = nullptr;
  safetensors_tensor const* zero_ = nullptr;
  index rows_ = 0;
  index cols_ = 0;
  index groups_ = 0;
  index block_rows_;
  index rows_of_scale_ = 1;
  std::string scale_text_ = ".weight_scale";
  bool packed_ = false;
};

}  // namespace detail

/// The weights of the layer `prefix` in scheme S, code by code and scale by scale. Nothing, and why in `error`, if the
/// file holds another scheme, other types (e5m2, e8m0 scales, act-order), shapes that do not fit, or scales that are no
/// finite numbers.
///
///     W8A8   .weight I8, .weight_scale              schemes::w8, whose f32 holds scales of any type
///     W4A16  .weight_packed, _scale, _shape         scheme<symmetric<int4, scale_as<bf16>>, per_group<128>>
///            and .weight_zero_point                 scheme<affine<uint4, scale_as<bf16>>, per_group<128>>
///     FP8    .weight F8_E4M3, .weight_scale         schemes::fp8, scheme<symmetric<e4m3, scale_as<bf16>>, per_tensor>
///            .weight F8_E4M3, .weight_scale_inv     scheme<symmetric<e4m3>, per_group<128>>
///
/// The type of the scales is that of the file, or float. Scales of blocks (`weight_block_size` of the checkpoint's
/// config, by either name of the tensor: DeepSeek, Qwen) are repeated for the rows of a block, `block_rows`; its
/// columns are the group. Codes of e4m3 that are NaN, S.1111.111, are NaN here, too, and make their output NaN. Scales
/// of activations (`input_scale`) are not read.
template <class S>
[[nodiscard]] std::optional<quantized_matrix<S>> import_compressed(safetensors const& file, std::string prefix,
                                                                   std::string& error, index block_rows = 128) {
  return detail::compressed_layer<S>(file, std::move(prefix), block_rows).read(error);
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
