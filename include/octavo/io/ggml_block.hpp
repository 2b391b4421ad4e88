// SPDX-License-Identifier: MIT
// ggml_block<type>: how a block of 16, 32 or 64 numbers of a GGUF tensor becomes groups of a scheme.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "octavo/io/ggml_type.hpp"
#include "octavo/quant/schemes.hpp"

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

/// 16 bytes of nibbles: element j in the low one of byte j, element j + 16 in the high one; `fifth` holds bit 4 of
/// each.
inline void unpack_nibbles(std::byte const* from, std::uint32_t fifth, int offset, code* codes) noexcept {
  for (unsigned j = 0; j < 32; ++j) {
    auto const byte = static_cast<unsigned>(from[j % 16]);
    int const nibble = static_cast<int>((j < 16 ? byte : byte >> 4) & 15u);
    codes[j] = static_cast<code>(nibble + static_cast<int>(fifth >> j & 1u) * 16 - offset);
  }
}

}  // namespace detail

/// How a block becomes groups: `scheme`, and the params and the codes of group g of a block. Value for value equal to
/// ggml's own decoding in f32.
template <ggml_type>
struct ggml_block {};

template <>
struct ggml_block<ggml_type::q8_0> {  // f16 d, int8 q[32]: d q
  using scheme = schemes::w8_g<32>;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept { std::memcpy(codes, block + 2, 32); }
};
template <>
struct ggml_block<ggml_type::q4_0> {  // f16 d, nibbles: d (q - 8)
  using scheme = schemes::w4_g<32>;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    detail::unpack_nibbles(block + 2, 0, 8, codes);
    for (int j = 0; j < 32; ++j) { codes[j] &= 15; }
  }
};
template <>
struct ggml_block<ggml_type::q5_0> {  // f16 d, 32 fifth bits, nibbles: d (q - 16)
  using scheme = schemes::w5_g<32>;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    detail::unpack_nibbles(block + 6, detail::load<std::uint32_t>(block + 2), 16, codes);
    for (int j = 0; j < 32; ++j) { codes[j] &= 31; }
  }
};
template <>
struct ggml_block<ggml_type::q4_1> {  // f16 d, f16 m, nibbles: d q + m
  using scheme = schemes::w4_min_g<32>;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), detail::load<f16>(block + 2), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    detail::unpack_nibbles(block + 4, 0, 0, codes);
  }
};
template <>
struct ggml_block<ggml_type::q5_1> {  // f16 d, f16 m, 32 fifth bits, nibbles: d q + m
  using scheme = schemes::w5_min_g<32>;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), detail::load<f16>(block + 2), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    detail::unpack_nibbles(block + 8, detail::load<std::uint32_t>(block + 4), 0, codes);
  }
};
template <>
struct ggml_block<ggml_type::mxfp4> {  // e8m0 e, nibbles: 2^(e - 127) times e2m1, whose -0 ggml decodes as +0
  using scheme = schemes::mxfp4;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<e8m0>(block), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    detail::unpack_nibbles(block + 1, 0, 0, codes);
    for (int j = 0; j < 32; ++j) { codes[j] = codes[j] == 8 ? code{0} : codes[j]; }
  }
};
template <>
struct ggml_block<ggml_type::iq4_nl> {  // f16 d, nibbles: d table[q]
  using scheme = schemes::iq4_nl;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    detail::unpack_nibbles(block + 2, 0, 0, codes);
  }
};
template <>
struct ggml_block<ggml_type::nvfp4> {  // unsigned e4m3 d[4], nibbles of 16 numbers each: d times e2m1
  using scheme = schemes::nvfp4_blocks;
  /// ggml reads the code of NaN as 0.
  static auto params(std::byte const* block, index g) noexcept {
    auto const d = static_cast<code>(block[g]);
    return scheme::quantizer::params{(d & 127) == 127 ? 0.0f : e4m3::decode(d & 127), 0.0f};
  }
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    for (index j = 0; j < 16; ++j) {
      auto const c = static_cast<int>(block[4 + 8 * g + j % 8]) >> (j < 8 ? 0 : 4) & 15;
      codes[j] = static_cast<code>(c == 8 ? 0 : c);
    }
  }
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
