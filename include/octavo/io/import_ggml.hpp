// SPDX-License-Identifier: MIT
// import_ggml: tensors of a GGUF file as packed matrices, code by code and scale by scale; nothing is rounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "octavo/core/views.hpp"
#include "octavo/io/gguf.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/pack_codes.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

template <class T>
[[nodiscard]] T load(std::byte const* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// 16 bytes of nibbles: element j in the low one of byte j, element j + 16 in the high one; `fifth` holds bit 4 of each.
inline void unpack_nibbles(std::byte const* from, std::uint32_t fifth, int offset, code* codes) noexcept {
  for (unsigned j = 0; j < 32; ++j) {
    auto const byte = static_cast<unsigned>(from[j % 16]);
    int const nibble = static_cast<int>((j < 16 ? byte : byte >> 4) & 15u);
    codes[j] = static_cast<code>(nibble + static_cast<int>(fifth >> j & 1u) * 16 - offset);
  }
}

}  // namespace detail

/// How a block becomes a group: `scheme`, and the params and the codes of a block. Value for value equal to ggml's own
/// decoding in f32.
template <ggml_type>
struct ggml_block {};

template <>
struct ggml_block<ggml_type::q8_0> {  // f16 d, int8 q[32]: d q
  using scheme = schemes::w8_g<32>;
  static auto params(std::byte const* block) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, code* codes) noexcept { std::memcpy(codes, block + 2, 32); }
};
template <>
struct ggml_block<ggml_type::q4_0> {  // f16 d, nibbles: d (q - 8)
  using scheme = schemes::w4_g<32>;
  static auto params(std::byte const* block) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, code* codes) noexcept {
    detail::unpack_nibbles(block + 2, 0, 8, codes);
    for (int j = 0; j < 32; ++j) { codes[j] &= 15; }
  }
};
template <>
struct ggml_block<ggml_type::q5_0> {  // f16 d, 32 fifth bits, nibbles: d (q - 16); stored in 8 bits
  using scheme = schemes::w8_g<32>;
  static auto params(std::byte const* block) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, code* codes) noexcept {
    detail::unpack_nibbles(block + 6, detail::load<std::uint32_t>(block + 2), 16, codes);
  }
};
template <>
struct ggml_block<ggml_type::q4_1> {  // f16 d, f16 m, nibbles: d q + m
  using scheme = schemes::w4_min_g<32>;
  static auto params(std::byte const* block) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), detail::load<f16>(block + 2), 0.0f};
  }
  static void unpack(std::byte const* block, code* codes) noexcept { detail::unpack_nibbles(block + 4, 0, 0, codes); }
};
template <>
struct ggml_block<ggml_type::q5_1> {  // f16 d, f16 m, 32 fifth bits, nibbles: d q + m; in 8 bits, as q5_0
  using scheme = octavo::scheme<affine_min<uint8, scale_as<f16>>, per_group<32>>;
  static auto params(std::byte const* block) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), detail::load<f16>(block + 2), 0.0f};
  }
  static void unpack(std::byte const* block, code* codes) noexcept {
    detail::unpack_nibbles(block + 8, detail::load<std::uint32_t>(block + 4), 0, codes);
  }
};
template <>
struct ggml_block<ggml_type::mxfp4> {  // e8m0 e, nibbles: 2^(e - 127) times e2m1, whose -0 ggml decodes as +0
  using scheme = schemes::mxfp4;
  static auto params(std::byte const* block) noexcept {
    return scheme::quantizer::params{detail::load<e8m0>(block), 0.0f};
  }
  static void unpack(std::byte const* block, code* codes) noexcept {
    detail::unpack_nibbles(block + 1, 0, 0, codes);
    for (int j = 0; j < 32; ++j) { codes[j] = codes[j] == 8 ? code{0} : codes[j]; }
  }
};

namespace detail {

/// f(element()) for the types whose elements stay where they are; false for others.
template <class F>
bool with_element(ggml_type type, F const& f) {
  switch (type) {
    case ggml_type::f32:
      f(float());
      return true;
    case ggml_type::f16:
      f(f16());
      return true;
    case ggml_type::bf16:
      f(bf16());
      return true;
    default:
      return false;
  }
}
/// f(std::integral_constant<ggml_type, type>) for the types that become packed matrices; false for others.
template <class F>
bool with_block(ggml_type type, F const& f) {
  switch (type) {
    case ggml_type::q8_0:
      f(std::integral_constant<ggml_type, ggml_type::q8_0>());
      return true;
    case ggml_type::q4_0:
      f(std::integral_constant<ggml_type, ggml_type::q4_0>());
      return true;
    case ggml_type::q5_0:
      f(std::integral_constant<ggml_type, ggml_type::q5_0>());
      return true;
    case ggml_type::q4_1:
      f(std::integral_constant<ggml_type, ggml_type::q4_1>());
      return true;
    case ggml_type::q5_1:
      f(std::integral_constant<ggml_type, ggml_type::q5_1>());
      return true;
    case ggml_type::mxfp4:
      f(std::integral_constant<ggml_type, ggml_type::mxfp4>());
      return true;
    default:
      return false;
  }
}
template <ggml_type Type>
using scheme_of = typename ggml_block<Type>::scheme;
template <ggml_type Type>
inline constexpr index block_bytes = find_ggml_layout(static_cast<std::uint32_t>(Type))->bytes;

[[nodiscard]] inline std::string unsupported(gguf_tensor const& t) {
  return shown(t.name) + ": type " + ggml_type_text(t.type) +
         " is not supported; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and MXFP4 are";
}

/// What every group needs to be a number: its scale, and its minimum if it has one.
template <class P>
[[nodiscard]] bool all_finite(P const& p) noexcept {
  bool ok = octavo::detail::is_finite(p.scale);
  if constexpr (requires { p.minimum; }) { ok = ok && octavo::detail::is_finite(p.minimum); }
  return ok;
}

/// What is wrong with a tensor of blocks; "" if nothing is. Of a block it reads what params() reads.
template <ggml_type Type>
[[nodiscard]] std::string fault_of_blocks(gguf_tensor const& t) {
  if (t.data.empty()) { return shown(t.name) + " has no elements"; }
  std::byte const* block = t.data.data();
  for (index r = 0; r < t.rows(); ++r) {
    for (index c = 0; c < t.cols(); c += 32, block += block_bytes<Type>) {
      if (all_finite(ggml_block<Type>::params(block))) { continue; }
      return shown(t.name) + ": the scale or minimum of row " + std::to_string(r) + ", columns " + std::to_string(c) +
             " to " + std::to_string(c + 31) + ", is not a finite number";
    }
  }
  return "";
}
/// Whether a tensor can become a packed matrix, and why not in `error`.
[[nodiscard]] inline bool check_blocks(gguf_tensor const& t, std::string& error) {
  std::string fault;
  if (!with_block(t.type, [&](auto type) { fault = fault_of_blocks<type()>(t); })) { fault = unsupported(t); }
  if (!fault.empty()) { error = fault; }
  return fault.empty();
}

}  // namespace detail

/// Whether a tensor of this type can become a matrix of scheme S.
template <class S>
[[nodiscard]] bool holds_ggml(ggml_type type) {
  bool result = false;
  (void)detail::with_block(type, [&](auto t) { result = std::is_same_v<S, detail::scheme_of<t()>>; });
  return result;
}

/// The tensors, all with as many columns, one below the other in one matrix of scheme S. Nothing, and why in `error`, if
/// one has another type than S holds, or a scale (or minimum) that is no finite number.
///
///     Q8_0, Q5_0   schemes::w8_g<32>      Q4_0   schemes::w4_g<32>      MXFP4   schemes::mxfp4
///     Q4_1   schemes::w4_min_g<32>      Q5_1   the same with uint8
template <class S>
[[nodiscard]] std::optional<quantized_matrix<S>> import_ggml(std::span<gguf_tensor const* const> parts,
                                                             std::string& error) {
  using params = typename S::quantizer::params;
  index rows = 0;
  for (auto const* const t : parts) {
    if (!holds_ggml<S>(t->type)) {
      bool const known = detail::with_block(t->type, [](auto) {});
      error = known
                  ? shown(t->name) + ": type " + ggml_type_text(t->type) + " needs another scheme than was asked for"
                  : detail::unsupported(*t);
      return std::nullopt;
    }
    if (!detail::check_blocks(*t, error)) { return std::nullopt; }
    if (t->cols() != parts[0]->cols()) {
      error = shown(t->name) + " has " + std::to_string(t->cols()) + " columns, " + shown(parts[0]->name) + " has " +
              std::to_string(parts[0]->cols()) + "; one matrix has rows of one length";
      return std::nullopt;
    }
    rows += t->rows();
  }
  index const cols = parts.empty() ? 0 : parts[0]->cols();
  return pack_codes<S>(rows, cols, [&](index r, index g, code* codes) {
    std::size_t part = 0;
    while (r >= parts[part]->rows()) { r -= parts[part++]->rows(); }
    auto const& t = *parts[part];
    params p{};
    (void)detail::with_block(t.type, [&](auto type) {
      if constexpr (std::is_same_v<S, detail::scheme_of<type()>>) {
        auto const* const block = t.data.data() + (r * (cols / 32) + g) * detail::block_bytes<type()>;
        ggml_block<type()>::unpack(block, codes);
        p = ggml_block<type()>::params(block);
      }
    });
    return p;
  });
}
template <class S>
[[nodiscard]] std::optional<quantized_matrix<S>> import_ggml(gguf_tensor const& t, std::string& error) {
  gguf_tensor const* const one = &t;
  return import_ggml<S>(std::span(&one, 1), error);
}

/// An F32, F16 or BF16 tensor where it is: T is float, f16 or bf16, and must be its type.
template <element T>
[[nodiscard]] std::optional<matrix_view<T>> view_ggml(gguf_tensor const& t, std::string& error) {
  constexpr auto wanted = std::is_same_v<T, float> ? ggml_type::f32
                          : std::is_same_v<T, f16> ? ggml_type::f16
                                                   : ggml_type::bf16;
  if (t.type != wanted) {
    error = shown(t.name) + ": type " + ggml_type_text(t.type) + ", but " + ggml_type_text(wanted) + " is needed";
    return std::nullopt;
  }
  if (reinterpret_cast<std::uintptr_t>(t.data.data()) % alignof(T) != 0) {
    error = shown(t.name) + " is not aligned to its elements; its file must be mapped or aligned";
    return std::nullopt;
  }
  return matrix_view<T>(reinterpret_cast<T const*>(t.data.data()), t.rows(), t.cols(), t.cols(), 1);
}

/// Calls f with what holds the tensor exactly: a matrix_view of float, f16 or bf16, or a quantized_matrix. False, and
/// why in `error`, if there is none: `blk.0.ffn_up.weight: type Q4_K (12) is not supported; ...`
template <class F>
[[nodiscard]] bool visit_ggml(gguf_tensor const& t, std::string& error, F&& f) {
  bool ok = false;
  auto const pass = [&](auto const& made) {
    ok = made.has_value();
    if (ok) { f(*made); }
  };
  if (!detail::with_element(t.type, [&](auto x) { pass(view_ggml<decltype(x)>(t, error)); }) &&
      !detail::with_block(t.type, [&](auto type) { pass(import_ggml<detail::scheme_of<type()>>(t, error)); })) {
    error = detail::unsupported(t);
  }
  return ok;
}
/// Whether visit_ggml would call f, and why not in `error`. Packs nothing: it reads the scales of a tensor at most.
[[nodiscard]] inline bool can_visit_ggml(gguf_tensor const& t, std::string& error) {
  bool ok = false;
  bool const floats =
      detail::with_element(t.type, [&](auto x) { ok = view_ggml<decltype(x)>(t, error).has_value(); });
  return floats ? ok : detail::check_blocks(t, error);
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
