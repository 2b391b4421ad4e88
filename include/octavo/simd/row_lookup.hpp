// SPDX-License-Identifier: MIT
// Tables of floats of which every lane has its own: four codes of each lane at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octavo/core/table.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// Where codes of B bits are in tables of bytes that each lane has of its own, `parts` registers: of four lanes in each
/// 128 bits, the byte for lane l and code c is number i % 16 of those in register i / 16, i = l % 4 * 2^B + c. The
/// codes come sorted: byte 4 j + l of 128 bits is of lane l. Bits above those of a code are ignored.
///
/// One shuffle for each register, which gives 0 where another has the byte: there bit 7 is set.
template <class A, int B>
class byte_places {
 public:
  static constexpr int parts = 1 << (B - 2);
  [[gnu::always_inline]] explicit byte_places(ints<A> codes) noexcept {
    constexpr std::uint32_t own = ((1u << B) - 1) * 0x01010101u;
    auto const all = choose_bits<A>(own, codes, ints<A>(static_cast<std::int32_t>(0x03020100u << B)));
    octavo::detail::unroll<parts>([&](int i) __attribute__((always_inline)) {
      at_[i] = parts == 1 ? all : bit_xor<A>(all, static_cast<std::uint32_t>(i) * 0x10101010u) + ints<A>(0x70707070);
    });
  }
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> const* table) const noexcept {
    auto found = native_of<A>::shuffle(table[0], at_[0]);
    octavo::detail::unroll<parts - 1>([&](int i) __attribute__((always_inline)) {
      found = bit_or<A>(found, native_of<A>::shuffle(table[i + 1], at_[i + 1]));
    });
    return found;
  }

 private:
  ints<A> at_[static_cast<std::size_t>(parts)];
};

#if defined(__AVX512VBMI__) && defined(__AVX512BW__)

/// vpermi2b, one for each two registers: seven bits say which of them, which 128 bits, and which byte. Each but the
/// first leaves the bytes of other lanes alone.
template <class A, int B>
  requires(octavo::detail::has<vbmi, A>&& B > 2)
class byte_places<A, B> {
 public:
  static constexpr int parts = 1 << (B - 2);
  [[gnu::always_inline]] explicit byte_places(ints<A> codes) noexcept {
    static constexpr auto place_of_lane = [] {
      octavo::detail::table<std::uint8_t, 64> t{};
      for (std::size_t i = 0; i < 64; ++i) {
        std::size_t const first = i % 4 << B;
        t[i] = static_cast<std::uint8_t>((first & 15) | i / 16 << 4 | (first >> 4 & 1) << 6);
      }
      return t;
    }();
    if constexpr (B == 5) {  // bit 4 says which register
      at_ = choose_bits<A>(0x40404040u, shift_left<2, A>(codes), codes);
      at_ = choose_bits<A>(0x4f4f4f4fu, at_, load_ints<A>(place_of_lane.data()));
    } else {
      at_ = choose_bits<A>(((1u << B) - 1) * 0x01010101u, codes, load_ints<A>(place_of_lane.data()));
    }
  }
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> const* table) const noexcept {
    if constexpr (parts == 2) {
      return ints<A>(_mm512_permutex2var_epi8(table[0], at_, table[1]));
    } else {
      __m512i found = at_;
      octavo::detail::unroll<parts / 2>([&](auto i) __attribute__((always_inline)) {
        constexpr std::uint64_t lanes = (parts == 4 ? 3ull : 1ull) << (parts == 4 ? 2 * i() : i());
        found =
            _mm512_mask2_permutex2var_epi8(table[2 * i()], found, lanes * 0x1111111111111111ull, table[2 * i() + 1]);
      });
      return ints<A>(found);
    }
  }

 private:
  ints<A> at_;
};

#endif
#if defined(__aarch64__)

/// tbl on all registers of a table, up to four.
template <class A, int B>
  requires octavo::detail::is_neon<A>
class byte_places<A, B> {
 public:
  static constexpr int parts = 1 << (B - 2);
  [[gnu::always_inline]] explicit byte_places(ints<A> codes) noexcept
      : at_(vreinterpretq_u8_s32(choose_bits<A>(((1u << B) - 1) * 0x01010101u, codes,
                                                ints<A>(static_cast<std::int32_t>(0x03020100u << B))))) {}
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> const* table) const noexcept {
    auto const part = [table](int i) __attribute__((always_inline)) { return vreinterpretq_u8_s32(table[i]); };
    if constexpr (parts == 1) {
      return of(vqtbl1q_u8(part(0), at_));
    } else if constexpr (parts == 2) {
      return of(vqtbl2q_u8({{part(0), part(1)}}, at_));
    } else {
      auto const low = vqtbl4q_u8({{part(0), part(1), part(2), part(3)}}, at_);
      if constexpr (parts == 4) { return of(low); }
      return of(vqtbx4q_u8(low, {{part(4), part(5), part(6), part(7)}}, vsubq_u8(at_, vdupq_n_u8(64))));
    }
  }

 private:
  [[gnu::always_inline]] static ints<A> of(uint8x16_t x) noexcept { return ints<A>(vreinterpretq_s32_u8(x)); }
  uint8x16_t at_;
};

#endif

/// Floats by codes of B bits, 2 to 5, from tables of the lanes' own: `lookup(codes, four)` makes lane i of four[j] the
/// value of lane i for the code in byte j of lane i; bits of the byte above the code are ignored. It is made of
/// 2^B registers, values[c] being what code c means to each lane.
template <class A, int B>
class row_lookup {
 public:
  row_lookup() noexcept = default;
  explicit row_lookup(floats<A> const* values) noexcept {
    for (int c = 0; c < size; ++c) { values_[c] = values[c]; }
  }
  void operator()(ints<A> codes, floats<A>* four) const noexcept {
    std::uint8_t c[4 * static_cast<std::size_t>(lanes<A>)];
    codes.store_unaligned(reinterpret_cast<std::int32_t*>(c));
    for (int j = 0; j < 4; ++j) {
      float found[static_cast<std::size_t>(lanes<A>)];
      for (int i = 0; i < lanes<A>; ++i) {
        float each[static_cast<std::size_t>(lanes<A>)];
        values_[c[4 * i + j] & (size - 1)].store_unaligned(each);
        found[i] = each[i];
      }
      four[j] = load_floats<A>(found);
    }
  }
  template <int N>
  void look_up(ints<A> const* codes, floats<A>* values) const noexcept {
    for (int i = 0; i < N; ++i) { (*this)(codes[i], values + 4 * i); }
  }

 private:
  static constexpr int size = 1 << B;
  floats<A> values_[static_cast<std::size_t>(size)];
};

/// Bytes are looked up: a float is four planes of them, which interleaving joins. On Zen 5 that is 17 shuffles for 64
/// values of four bits, 9 cycles, where a gather of 16 takes 20.
template <class A, int B>
  requires(!octavo::detail::is_scalar<A>)
class row_lookup<A, B> {
  static_assert(B >= 2 && B <= 5);
  static constexpr int size = 1 << B;
  static constexpr int parts = byte_places<A, B>::parts;

 public:
  [[gnu::always_inline]] row_lookup() noexcept = default;
  [[gnu::always_inline]] explicit row_lookup(floats<A> const* values) noexcept {
    using octavo::detail::unroll;
    unroll<(size + 15) / 16>([&](int sixteen) __attribute__((always_inline)) {
      constexpr int quads = size < 16 ? size / 4 : 4;
      ints<A> bytes[4][static_cast<std::size_t>(quads)];  // of a plane and lane: those of four codes
      unroll<quads>([&](int q) __attribute__((always_inline)) {
        ints<A> plane[4];
        split(values + 16 * sixteen + 4 * q, plane);
        unroll<4>([&](int p) __attribute__((always_inline)) { bytes[p][q] = plane[p]; });
      });
      unroll<4>([&](int p) __attribute__((always_inline)) {
        auto const* const from = bytes[p];
        if constexpr (quads == 1) {
          planes_[p][0] = from[0];
        } else if constexpr (quads == 2) {
          planes_[p][0] = interleave_low<4, A>(from[0], from[1]);
          planes_[p][1] = interleave_high<4, A>(from[0], from[1]);
        } else {
          auto const low01 = interleave_low<4, A>(from[0], from[1]);
          auto const high01 = interleave_high<4, A>(from[0], from[1]);
          auto const low23 = interleave_low<4, A>(from[2], from[3]);
          auto const high23 = interleave_high<4, A>(from[2], from[3]);
          constexpr int stride = size / 16;
          planes_[p][sixteen] = interleave_low<8, A>(low01, low23);
          planes_[p][sixteen + stride] = interleave_high<8, A>(low01, low23);
          planes_[p][sixteen + 2 * stride] = interleave_low<8, A>(high01, high23);
          planes_[p][sixteen + 3 * stride] = interleave_high<8, A>(high01, high23);
        }
      });
    });
  }

  [[gnu::always_inline]] void operator()(ints<A> codes, floats<A>* four) const noexcept { look_up<1>(&codes, four); }
  /// The same for N registers of codes at once, so that tables are loaded once: values[4 i + j] for byte j of codes[i].
  template <int N>
  [[gnu::always_inline]] void look_up(ints<A> const* codes, floats<A>* values) const noexcept {
    using octavo::detail::unroll;
    if constexpr (by_halves && N % 2 == 0) {
      unroll<N / 2>([&](int i) __attribute__((always_inline)) { look_up_two(codes + 2 * i, values + 8 * i); });
    } else if constexpr (N > 1 && octavo::detail::is_avx2<A>) {  // few registers
      unroll<N>([&](int i) __attribute__((always_inline)) { look_up<1>(codes + i, values + 4 * i); });
    } else {
      static constexpr std::uint8_t by_j[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
      constexpr auto n = static_cast<std::size_t>(N);
      ints<A> bytes[4][n];
      unroll<N>([&](int i) __attribute__((always_inline)) {
        byte_places<A, B> const at(native_of<A>::shuffle(codes[i], native_of<A>::load_table(by_j)));
        unroll<4>([&](int p) __attribute__((always_inline)) { bytes[p][i] = at(planes_[p]); });
      });
      unroll<N>([&](int i) __attribute__((always_inline)) {
        join(bytes[0][i], bytes[1][i], bytes[2][i], bytes[3][i], values + 4 * i);
      });
    }
  }

 private:
  /// Whether two registers of codes change halves, so that each lookup has all its bytes in two registers of a table.
  static constexpr bool by_halves = octavo::detail::has<vbmi, A> && B == 4;

  /// Floats of bytes 0 ... 3 of each, of the bytes of 128 bits four floats at a time.
  [[gnu::always_inline]] static void join(ints<A> p0, ints<A> p1, ints<A> p2, ints<A> p3, floats<A>* four) noexcept {
    auto const low01 = interleave_low<1, A>(p0, p1);
    auto const low23 = interleave_low<1, A>(p2, p3);
    auto const high01 = interleave_high<1, A>(p0, p1);
    auto const high23 = interleave_high<1, A>(p2, p3);
    four[0] = as_floats<A>(interleave_low<2, A>(low01, low23));
    four[1] = as_floats<A>(interleave_high<2, A>(low01, low23));
    four[2] = as_floats<A>(interleave_low<2, A>(high01, high23));
    four[3] = as_floats<A>(interleave_high<2, A>(high01, high23));
  }

#if defined(__AVX512VBMI__) && defined(__AVX512BW__)
  /// Lanes 0 and 1 of each four, of both, then lanes 2 and 3: half as many lookups for eight more shuffles that have
  /// more pipes, and no masks, of which clang makes moves.
  [[gnu::always_inline]] void look_up_two(ints<A> const* codes, floats<A>* values) const noexcept {
    static constexpr std::uint8_t by_half[16] = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
    static constexpr auto places = [] {
      octavo::detail::table<std::uint8_t, 64> t{};
      for (std::size_t i = 0; i < 64; ++i) { t[i] = static_cast<std::uint8_t>(i / 16 << 4 | i % 2 << 6); }
      return t;
    }();
    auto const sorted = [&](int i) __attribute__((always_inline)) {
      auto const c = native_of<A>::shuffle(codes[i], native_of<A>::load_table(by_half));
      return choose_bits<A>(0x0f0f0f0fu, c, load_ints<A>(places.data()));
    };
    auto const a = sorted(0);
    auto const b = sorted(1);
    floats<A> halves[2][4];
    octavo::detail::unroll<2>([&](int half) __attribute__((always_inline)) {
      auto const at = half == 0 ? interleave_low<2, A>(a, b) : interleave_high<2, A>(a, b);
      auto const bytes = [&](int p) __attribute__((always_inline)) {
        return ints<A>(_mm512_permutex2var_epi8(planes_[p][2 * half], at, planes_[p][2 * half + 1]));
      };
      join(bytes(0), bytes(1), bytes(2), bytes(3), halves[half]);
    });
    octavo::detail::unroll<4>([&](int j) __attribute__((always_inline)) {
      auto const low = as_ints<A>(halves[0][j]);
      auto const high = as_ints<A>(halves[1][j]);
      values[j] = as_floats<A>(interleave_low<8, A>(low, high));
      values[4 + j] = as_floats<A>(interleave_high<8, A>(low, high));
    });
  }
#endif

  /// Planes of bytes of four registers: byte i of a lane of plane[p] is byte p of that lane of values[i].
  [[gnu::always_inline]] static void split(floats<A> const* values, ints<A>* plane) noexcept {
    ints<A> even[2];
    ints<A> odd[2];
    octavo::detail::unroll<2>([&](int i) __attribute__((always_inline)) {
      auto const x = as_ints<A>(values[2 * i]);
      auto const y = as_ints<A>(values[2 * i + 1]);
      even[i] = choose_bits<A>(0x00ff00ffu, x, shift_left<8, A>(y));
      odd[i] = choose_bits<A>(0x00ff00ffu, shift_right<8, A>(x), y);
    });
    plane[0] = choose_bits<A>(0xffffu, even[0], shift_left<16, A>(even[1]));
    plane[1] = choose_bits<A>(0xffffu, odd[0], shift_left<16, A>(odd[1]));
    plane[2] = choose_bits<A>(0xffffu, shift_right<16, A>(even[0]), even[1]);
    plane[3] = choose_bits<A>(0xffffu, shift_right<16, A>(odd[0]), odd[1]);
  }

  alignas(64) ints<A> planes_[4][static_cast<std::size_t>(parts)];
};

}  // namespace simd
}  // namespace v0
}  // namespace octavo
