// SPDX-License-Identifier: MIT
// import_ggml: tensors of a GGUF file as packed matrices, code by code and scale by scale; nothing is rounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "octavo/core/views.hpp"
#include "octavo/io/ggml_block.hpp"
#include "octavo/io/ggml_super_block.hpp"
#include "octavo/io/gguf.hpp"
#include "octavo/storage/pack_codes.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

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
/// The types that become packed matrices.
inline constexpr ggml_type block_types[] = {ggml_type::q4_0,  ggml_type::q4_1,  ggml_type::q5_0,   ggml_type::q5_1,
                                            ggml_type::q8_0,  ggml_type::q2_k,  ggml_type::q3_k,   ggml_type::q4_k,
                                            ggml_type::q5_k,  ggml_type::q6_k,  ggml_type::iq4_nl, ggml_type::iq4_xs,
                                            ggml_type::tq1_0, ggml_type::tq2_0, ggml_type::mxfp4,  ggml_type::nvfp4};

/// f(std::integral_constant<ggml_type, type>) for one of them; false for others.
template <class F>
bool with_block(ggml_type type, F const& f) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((type == block_types[I] && (f(std::integral_constant<ggml_type, block_types[I]>()), true)) || ...);
  }
  (std::make_index_sequence<std::size(block_types)>());
}
template <ggml_type Type>
using scheme_of = typename ggml_block<Type>::scheme;
template <ggml_type Type>
inline constexpr ggml_layout layout_of = *find_ggml_layout(static_cast<std::uint32_t>(Type));
/// Numbers that share a scale, and how often there are so many in a block.
template <ggml_type Type>
inline constexpr index group_size = scheme_of<Type>::granularity::size;
template <ggml_type Type>
inline constexpr index block_groups = layout_of<Type>.elements / group_size<Type>;

[[nodiscard]] inline std::string unsupported(gguf_tensor const& t) {
  std::string known = "F32, F16, BF16";
  for (auto const type : block_types) {
    known += type == block_types[std::size(block_types) - 1] ? " and " : ", ";
    known += find_ggml_layout(static_cast<std::uint32_t>(type))->name;
  }
  return shown(t.name) + ": type " + ggml_type_text(t.type) + " is not supported; " + known + " are";
}

/// What every group needs to be a number: its scale, and its minimum if it has one.
template <class Q>
[[nodiscard]] bool all_finite(typename Q::params const& p) noexcept {
  bool ok = octavo::detail::is_finite(Q::scale(p));
  if constexpr (has_minimum<Q>) { ok = ok && octavo::detail::is_finite(Q::minimum(p)); }
  return ok;
}

/// What is wrong with a tensor of blocks; "" if nothing is. Of a block it reads what params() reads.
template <ggml_type Type>
[[nodiscard]] std::string fault_of_blocks(gguf_tensor const& t) {
  if (t.data.empty()) { return shown(t.name) + " has no elements"; }
  std::byte const* block = t.data.data();
  index const blocks = t.rows() * (t.cols() / layout_of<Type>.elements);
  for (index i = 0; i < blocks; ++i, block += layout_of<Type>.bytes) {
    for (index g = 0; g < block_groups<Type>; ++g) {
      if (all_finite<typename scheme_of<Type>::quantizer>(ggml_block<Type>::params(block, g))) { continue; }
      index const first = i * layout_of<Type>.elements + g * group_size<Type>;
      index const c = first % t.cols();
      return shown(t.name) + ": the scale or minimum of row " + std::to_string(first / t.cols()) + ", columns " +
             std::to_string(c) + " to " + std::to_string(c + group_size<Type> - 1) + ", is not a finite number";
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

/// The tensors, all with as many columns, one below the other in one matrix of scheme S. Nothing, and why in `error`,
/// if one has another type than S holds, or a scale (or minimum) that is no finite number.
///
///     Q8_0   schemes::w8_g<32>       Q4_0   schemes::w4_g<32>       Q5_0   schemes::w5_g<32>
///     Q4_1   schemes::w4_min_g<32>   Q5_1   schemes::w5_min_g<32>   MXFP4, Q2_K ...   schemes::mxfp4, q2_k ...
///     NVFP4  schemes::nvfp4_blocks   TQ1_0, TQ2_0   schemes::tq
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
        index const i = r * (cols / detail::group_size<type()>)+g;
        auto const* const block = t.data.data() + i / detail::block_groups<type()> * detail::layout_of<type()>.bytes;
        ggml_block<type()>::unpack(block, i % detail::block_groups<type()>, codes);
        p = ggml_block<type()>::params(block, i % detail::block_groups<type()>);
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
/// why in `error`, if there is none: `blk.0.ffn_up.weight: type IQ1_S (19) is not supported; ...`
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
