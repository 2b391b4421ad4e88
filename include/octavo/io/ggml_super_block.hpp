// SPDX-License-Identifier: MIT
// ggml_block<type> for blocks of 256 numbers: Q2_K to Q6_K, IQ4_XS, TQ1_0, TQ2_0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/io/ggml_block.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

// Groups have scales of their own, small integers times a float of the block: scales that are quantized themselves.
namespace detail {

/// Bits [shift, shift + bits) of byte i.
[[nodiscard]] inline int bits_of(std::byte const* from, index i, int shift, int bits) noexcept {
  return static_cast<int>(from[i]) >> shift & ((1 << bits) - 1);
}

/// The 12 bytes of scales and minima of Q4_K and Q5_K: eight of each, of 6 bits.
struct six_bit_pair {
  int scale;
  int minimum;
  six_bit_pair(std::byte const* b, index g) noexcept {
    if (g < 4) {
      scale = bits_of(b, g, 0, 6);
      minimum = bits_of(b, g + 4, 0, 6);
    } else {
      scale = bits_of(b, g + 4, 0, 4) | bits_of(b, g - 4, 6, 2) << 4;
      minimum = bits_of(b, g + 4, 4, 4) | bits_of(b, g, 6, 2) << 4;
    }
  }
};

/// scale = d * s and minimum = -dmin * m, for d and dmin in f16 at `at`.
template <class Scheme>
[[nodiscard]] auto two_level(std::byte const* at, int s, int m) noexcept {
  typename Scheme::quantizer::params p{};
  p.super = load<f16>(at);
  p.super_minimum = -static_cast<float>(load<f16>(at + 2));
  p.sub = Scheme::quantizer::scale_format::encode(static_cast<float>(s));
  p.sub_minimum = Scheme::quantizer::scale_format::encode(static_cast<float>(m));
  return p;
}
/// scale = d * s.
template <class Scheme>
[[nodiscard]] auto two_level(std::byte const* at, int s) noexcept {
  typename Scheme::quantizer::params p{};
  p.super = load<f16>(at);
  p.sub = Scheme::quantizer::scale_format::encode(static_cast<float>(s));
  return p;
}

/// d, dmin, then 12 bytes of scales and minima.
template <class Scheme>
struct six_bit_scales {
  using scheme = Scheme;
  static auto params(std::byte const* block, index g) noexcept {
    six_bit_pair const p(block + 4, g);
    return two_level<scheme>(block, p.scale, p.minimum);
  }
};

/// Two's complement of a few bits.
[[nodiscard]] inline code signed_code(int value, int bits) noexcept {
  return static_cast<code>(value & ((1 << bits) - 1));
}

}  // namespace detail

template <>
struct ggml_block<
    ggml_type::q2_k> {  // scales and minima of 4 bits [16], codes of 2 bits [64], d, dmin: d s q - dmin m
  using scheme = schemes::q2_k;
  static auto params(std::byte const* block, index g) noexcept {
    return detail::two_level<scheme>(block + 80, detail::bits_of(block, g, 0, 4), detail::bits_of(block, g, 4, 4));
  }
  /// Number 128 h + 32 j + l is in byte 32 h + l at bit 2 j.
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    for (index i = 0; i < 16; ++i) {
      index const e = g * 16 + i;
      codes[i] = static_cast<code>(
          detail::bits_of(block, 16 + e / 128 * 32 + e % 32, static_cast<int>(e % 128 / 32 * 2), 2));
    }
  }
};
template <>
struct ggml_block<
    ggml_type::q3_k> {  // high bits [32], codes of 2 bits [64], scales of 6 bits [12], d: d (s - 32) (q - 4)
  using scheme = schemes::q3_k;
  static auto params(std::byte const* block, index g) noexcept {
    std::byte const* const b = block + 96;
    int const low = detail::bits_of(b, g % 8, g < 8 ? 0 : 4, 4);
    int const high = detail::bits_of(b, 8 + g % 4, static_cast<int>(g / 4 * 2), 2);
    return detail::two_level<scheme>(block + 108, (low | high << 4) - 32);
  }
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    for (index i = 0; i < 16; ++i) {
      index const e = g * 16 + i;
      int const low = detail::bits_of(block, 32 + e / 128 * 32 + e % 32, static_cast<int>(e % 128 / 32 * 2), 2);
      int const high = detail::bits_of(block, e % 32, static_cast<int>(e / 32), 1);
      codes[i] = detail::signed_code((low | high << 2) - 4, 3);
    }
  }
};
/// d, dmin, scales and minima of 6 bits [12], nibbles [128]: d s q - dmin m.
template <>
struct ggml_block<ggml_type::q4_k> : detail::six_bit_scales<schemes::q4_k> {
  /// Groups 2 c and 2 c + 1 are the low and the high nibbles of bytes 32 c ... 32 c + 31.
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    for (index i = 0; i < 32; ++i) {
      codes[i] = static_cast<code>(detail::bits_of(block, 16 + g / 2 * 32 + i, g % 2 == 0 ? 0 : 4, 4));
    }
  }
};
/// As Q4_K, with the fifth bits [32] before the nibbles.
template <>
struct ggml_block<ggml_type::q5_k> : detail::six_bit_scales<schemes::q5_k> {
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    for (index i = 0; i < 32; ++i) {
      codes[i] = static_cast<code>(detail::bits_of(block, 48 + g / 2 * 32 + i, g % 2 == 0 ? 0 : 4, 4) |
                                   detail::bits_of(block, 16 + i, static_cast<int>(g), 1) << 4);
    }
  }
};
template <>
struct ggml_block<ggml_type::q6_k> {  // low nibbles [128], high 2 bits [64], int8 scales [16], d: d s (q - 32)
  using scheme = schemes::q6_k;
  static auto params(std::byte const* block, index g) noexcept {
    return detail::two_level<scheme>(block + 208, static_cast<std::int8_t>(block[192 + g]));
  }
  /// Number 128 h + 32 j + l: nibble j / 2 of byte 64 h + 32 (j % 2) + l, and bits 2 j of byte 32 h + l above it.
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    for (index i = 0; i < 16; ++i) {
      index const e = g * 16 + i;
      index const h = e / 128;
      index const j = e % 128 / 32;
      int const low = detail::bits_of(block, 64 * h + 32 * (j % 2) + e % 32, j < 2 ? 0 : 4, 4);
      int const high = detail::bits_of(block, 128 + 32 * h + e % 32, static_cast<int>(2 * j), 2);
      codes[i] = detail::signed_code((low | high << 4) - 32, 6);
    }
  }
};
template <>
struct ggml_block<
    ggml_type::iq4_xs> {  // d, high 2 bits [2] and low 4 bits [4] of scales, nibbles [128]: d (s - 32) table[q]
  using scheme = schemes::iq4_xs;
  static auto params(std::byte const* block, index g) noexcept {
    int const low = detail::bits_of(block, 4 + g / 2, g % 2 == 0 ? 0 : 4, 4);
    int const high = detail::bits_of(block, 2 + g / 4, static_cast<int>(g % 4 * 2), 2);
    return detail::two_level<scheme>(block, (low | high << 4) - 32);
  }
  static void unpack(std::byte const* block, index g, code* codes) noexcept {
    detail::unpack_nibbles(block + 8 + g * 16, 0, 0, codes);
  }
};
template <>
struct ggml_block<ggml_type::tq2_0> {  // codes of 2 bits [64], d: d (q - 1)
  using scheme = schemes::tq;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block + 64), 0.0f};
  }
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    for (index e = 0; e < 256; ++e) {
      codes[e] =
          static_cast<code>(detail::bits_of(block, e / 128 * 32 + e % 32, static_cast<int>(e % 128 / 32 * 2), 2));
    }
  }
};
template <>
struct ggml_block<ggml_type::tq1_0> {  // five trits in each of 48 bytes, four in each of 4, d: d (q - 1)
  using scheme = schemes::tq;
  static auto params(std::byte const* block, index) noexcept {
    return scheme::quantizer::params{detail::load<f16>(block + 52), 0.0f};
  }
  /// Trit n of a byte b is the first digit of the fraction 3^n b / 256 in base 3. Runs of 32, 16 and 4 bytes follow
  /// each other; within a run, all first trits come before all second ones.
  static void unpack(std::byte const* block, index, code* codes) noexcept {
    auto const run = [&](index from, index size, int trits) {
      for (unsigned n = 0, power = 1; n < static_cast<unsigned>(trits); ++n, power *= 3) {
        for (index m = 0; m < size; ++m) {
          *codes++ = static_cast<code>((static_cast<unsigned>(block[from + m]) * power & 255u) * 3u >> 8);
        }
      }
    };
    run(0, 32, 5);
    run(32, 16, 5);
    run(48, 4, 4);
  }
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
