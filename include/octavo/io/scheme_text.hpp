// SPDX-License-Identifier: MIT
// scheme_text<Scheme>(): what the bytes of a packed matrix mean, as text for files; the same from every compiler.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <string>
#include <type_traits>

#include "octavo/core/fnv1a.hpp"
#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

/// Whether every code means the same in both formats, NaN included.
template <class F, class G>
[[nodiscard]] bool same_values() {
  if constexpr (F::bits == G::bits) {
    for (int c = 0; c < code_count<F>; ++c) {
      auto const i = static_cast<std::size_t>(c);
      float const a = value_table<F>[i];
      float const b = value_table<G>[i];
      if (std::bit_cast<std::uint32_t>(a) != std::bit_cast<std::uint32_t>(b) && (a == a || b == b)) { return false; }
    }
    return true;
  }
  return false;
}

/// `int4`, `e2m1`; for values without a name their hash, FNV-1a of the bits.
template <class F>
[[nodiscard]] std::string format_text() {
  if (same_values<F, sint<(F::bits > 1 ? F::bits : 2)>>()) { return "int" + std::to_string(F::bits); }
  if (same_values<F, uint<F::bits>>()) { return "uint" + std::to_string(F::bits); }
  if (same_values<F, ternary>()) { return "ternary"; }
  if (same_values<F, e4m3>()) { return "e4m3"; }
  if (same_values<F, e5m2>()) { return "e5m2"; }
  if (same_values<F, e3m2>()) { return "e3m2"; }
  if (same_values<F, e2m3>()) { return "e2m3"; }
  if (same_values<F, e2m1>()) { return "e2m1"; }
  if (same_values<F, nf4>()) { return "nf4"; }
  if (same_values<F, nf3>()) { return "nf3"; }
  if (same_values<F, nf2>()) { return "nf2"; }
  if (same_values<F, fixed<8, 6>>()) { return "fixed<8, 6>"; }
  octavo::detail::fnv1a hash;
  for (float const v : value_table<F>) {
    auto const bits = v == v ? std::bit_cast<std::uint32_t>(v) : 0x7fc00000u;
    for (unsigned shift = 0; shift < 32; shift += 8) { hash.add(static_cast<std::uint8_t>(bits >> shift)); }
  }
  char text[32];
  std::snprintf(text, sizeof text, "values%d:%016llx", F::bits, static_cast<unsigned long long>(hash.value()));
  return text;
}

template <class T>
inline constexpr char const* scale_text = std::is_same_v<T, float>  ? "f32"
                                          : std::is_same_v<T, bf16> ? "bf16"
                                          : std::is_same_v<T, f16>  ? "f16"
                                          : std::is_same_v<T, e8m0> ? "e8m0"
                                                                    : "ue4m3";

}  // namespace detail

/// `int4 x f16, per_group<32>`, `(uint4 - zero) x f32, per_row`, `e2m1 x e8m0, per_group<32>`.
///
/// Scales that are quantized themselves have a text of their own: `int6 x (int8 x f16, per_group<16>), per_group<16>`.
///
/// It says how codes and parameters are stored and decoded, not how they were chosen: schemes that differ in
/// calibration only (narrow, full, an own law) have one text, and read each other's files. A quantizer without
/// `scale(params)` decodes by its own code, so it must say which: `static constexpr char const* name`, another for
/// another law.
template <class Scheme>
[[nodiscard]] std::string scheme_text() {
  using layout = panel_layout<Scheme>;
  using Q = typename Scheme::quantizer;
  using G = typename Scheme::granularity;
  std::string text = detail::format_text<typename Q::format>();
  if constexpr (!layout::linear) {
    static_assert(
        requires { std::string(Q::name); },
        "Octavo: a quantizer without scale(params) needs `static constexpr char const* name` to be saved, so "
        "that a file says how its codes are decoded.");
    text = Q::name + (" of " + text) + ", params of " + std::to_string(sizeof(typename Q::params)) + " bytes";
  } else {
    if constexpr (has_zero_point<Q>) { text = "(" + text + " - zero)"; }
    if constexpr (has_quantized_scales<Q>) {
      text += " x (" + scheme_text<typename Q::scale_scheme>() + ")";
    } else {
      text += std::string(" x ") + detail::scale_text<typename layout::scale_type>;
    }
    if constexpr (layout::real_zeros) {
      text += ", real zeros";
    } else if constexpr (requires(typename Q::params p) { Q::minimum(p); }) {
      text += " + minimum";
    }
  }
  if constexpr (octavo::detail::is_per_group<G>) { return text + ", per_group<" + std::to_string(G::size) + ">"; }
  if constexpr (octavo::detail::is_per_tile<G>) {
    return text + ", per_tile<" + std::to_string(G::rows) + ", " + std::to_string(G::size) + ">";
  }
  if constexpr (octavo::detail::is_per_column<G>) { return text + ", per_column"; }
  if constexpr (layout::one_table) { return text + ", per_tensor"; }
  return text + ", per_row";  // per_tensor stores its scale in each row
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
