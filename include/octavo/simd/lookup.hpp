// SPDX-License-Identifier: MIT
// Tables in registers: bytes by codes of 4, 6 and 8 bits, floats by 4-bit codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/table.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

using byte_table = octavo::detail::table<std::uint8_t, 256>;
using float_table = octavo::detail::table<float, 256>;

/// Entries of the table that codes of B bits need.
[[nodiscard]] consteval int lookup_size(int b) noexcept { return b <= 4 ? 16 : b <= 6 ? 64 : 256; }

/// Bytes by code: `lookup(codes)[i] = table[codes[i]]` for each of the bytes. Pre: codes < Size, Size 16, 64 or 256.
template <class A, int Size>
class byte_lookup {
 public:
  explicit byte_lookup(byte_table const& table) noexcept : table_(table) {}
  [[nodiscard]] ints<A> operator()(ints<A> codes) const noexcept {
    std::uint8_t b[4 * static_cast<std::size_t>(lanes<A>)];
    codes.store_unaligned(reinterpret_cast<std::int32_t*>(b));
    for (std::uint8_t& e : b) { e = table_[e]; }
    return load_ints<A>(b);
  }

 private:
  byte_table const& table_;
};

/// One shuffle on a table that stands in each 128-bit lane.
template <class A>
class byte_lookup<A, 16> {
  using native = native_of<A>;

 public:
  [[gnu::always_inline]] explicit byte_lookup(byte_table const& table) noexcept
      : table_(native::load_table(table.data())) {}
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> codes) const noexcept {
    return native::shuffle(table_, codes);
  }

 private:
  ints<A> table_;
};

/// Four shuffles, each of which gives 0 where a code belongs to another quarter: there its bit 7 is set.
template <class A>
  requires(!octavo::detail::is_scalar<A> && !octavo::detail::is_neon<A> && !octavo::detail::has<vbmi, A>)
class byte_lookup<A, 64> {
  using native = native_of<A>;

 public:
  [[gnu::always_inline]] explicit byte_lookup(byte_table const& table) noexcept {
    for (std::size_t i = 0; i < 4; ++i) { quarters_[i] = native::load_table(table.data() + 16 * i); }
  }
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> codes) const noexcept {
    auto const quarter = [&](std::size_t i) __attribute__((always_inline)) {
      ints<A> const own = bit_xor<A>(codes, static_cast<std::uint32_t>(i) * 0x10101010u);
      return native::shuffle(quarters_[i], own + ints<A>(0x70707070));
    };
    return bit_or<A>(bit_or<A>(quarter(0), quarter(1)), bit_or<A>(quarter(2), quarter(3)));
  }

 private:
  ints<A> quarters_[4];
};

/// Floats by 4-bit code: `lookup(lanes)[i] = table[lanes[i] & 15]`. It may refer to the sixteen floats.
template <class A>
class float_lookup {
 public:
  float_lookup() noexcept = default;
  explicit float_lookup(float const* sixteen) noexcept : table_(sixteen) {}
  explicit float_lookup(float_table const& table) noexcept : table_(table.data()) {}
  [[nodiscard]] floats<A> operator()(ints<A> codes) const noexcept {
    std::int32_t c[static_cast<std::size_t>(lanes<A>)];
    codes.store_unaligned(c);
    float v[static_cast<std::size_t>(lanes<A>)];
    for (int i = 0; i < lanes<A>; ++i) { v[i] = table_[c[i] & 15]; }
    return load_floats<A>(v);
  }

 private:
  float const* table_ = nullptr;
};

/// Floats by 5-bit code: `lookup(lanes)[i] = table[lanes[i] & 31]`, where two registers hold them.
template <class A>
class wide_float_lookup;
template <class A>
inline constexpr bool has_wide_float_lookup = octavo::detail::is_avx512<A>;

/// `gather(table, at)[i] = table[at[i]]`.
template <class A>
[[gnu::always_inline]] inline floats<A> gather(float const* table, ints<A> at) noexcept {
#if defined(__AVX512F__)
  if constexpr (octavo::detail::is_avx512<A>) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // as in avx512.hpp
    return floats<A>(_mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xffff, at, table, 4));
#pragma GCC diagnostic pop
  }
#endif
#if defined(__AVX2__)
  if constexpr (octavo::detail::is_avx2<A>) { return floats<A>(_mm256_i32gather_ps(table, at, 4)); }
#endif
  std::int32_t each[static_cast<std::size_t>(lanes<A>)];
  at.store_unaligned(each);
  float v[static_cast<std::size_t>(lanes<A>)];
  for (int i = 0; i < lanes<A>; ++i) { v[i] = table[each[i]]; }
  return load_floats<A>(v);
}
/// Floats by 8-bit code: `gather_floats(table, lanes)[i] = table[lanes[i] & 255]`.
template <class A>
[[gnu::always_inline]] inline floats<A> gather_floats(float_table const& table, ints<A> codes) noexcept {
  return gather<A>(table.data(), bit_and<A>(codes, 0xffu));
}

/// Codes in pair order (storage/panel.hpp) back to quads: four consecutive k of a row per lane.
template <class A>
[[gnu::always_inline]] inline ints<A> pairs_to_quads(ints<A> codes) noexcept {
  static constexpr std::uint8_t order[16] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
  return native_of<A>::shuffle(codes, native_of<A>::load_table(order));
}

/// Quads to pair order.
template <class A>
[[gnu::always_inline]] inline ints<A> quads_to_pairs(ints<A> codes) noexcept {
  static constexpr std::uint8_t order[16] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
  return native_of<A>::shuffle(codes, native_of<A>::load_table(order));
}

/// bf16 numbers by codes below Size, 64 or 256, from codes in pair order (storage/panel.hpp). If the numbers of c and
/// c + 128 differ only in sign (`Symmetric`), half of a table of 256 does.
template <class A, int Size, bool Symmetric>
class pair_lookup;

/// bf16 numbers by codes of at most 5 bits, from bytes that may hold more than one.
template <class A>
class short_pair_lookup;

#if defined(__AVX512F__)

/// vpermps: the low four bits of a lane choose one of sixteen.
template <class A>
  requires octavo::detail::is_avx512<A>
class float_lookup<A> {
 public:
  [[gnu::always_inline]] float_lookup() noexcept = default;
  [[gnu::always_inline]] explicit float_lookup(float const* sixteen) noexcept : table_(_mm512_loadu_ps(sixteen)) {}
  [[gnu::always_inline]] explicit float_lookup(float_table const& table) noexcept : float_lookup(table.data()) {}
  [[nodiscard, gnu::always_inline]] floats<A> operator()(ints<A> codes) const noexcept {
    return floats<A>(_mm512_maskz_permutexvar_ps(0xffff, codes, table_));
  }

 private:
  __m512 table_;
};

/// vpermt2ps.
template <class A>
  requires octavo::detail::is_avx512<A>
class wide_float_lookup<A> {
 public:
  [[gnu::always_inline]] explicit wide_float_lookup(float_table const& table) noexcept
      : low_(_mm512_loadu_ps(table.data())), high_(_mm512_loadu_ps(table.data() + 16)) {}
  [[nodiscard, gnu::always_inline]] floats<A> operator()(ints<A> codes) const noexcept {
    return floats<A>(_mm512_permutex2var_ps(low_, codes, high_));
  }

 private:
  __m512 low_;
  __m512 high_;
};

#endif
#if defined(__AVX512BW__)

/// vpermw: the low five bits of a word choose one of 32.
template <class A>
  requires octavo::detail::is_avx512<A>
class short_pair_lookup<A> {
 public:
  using table = octavo::detail::table<std::uint16_t, 32>;
  [[gnu::always_inline]] explicit short_pair_lookup(table const& t) noexcept : table_(_mm512_loadu_si512(t.data())) {}
  /// Of the four bytes of each lane, 0 and 1 (P = 0) or 2 and 3 (P = 1): the pair of table[bits of the byte from
  /// `Shift` on]. Which entry depends on five bits; some of them may belong to other codes, as the table allows.
  template <int P, int Shift>
  [[nodiscard, gnu::always_inline]] ints<A> get(ints<A> bytes) const noexcept {
    // A byte in both halves of a word, so that bits from beyond it are its own.
    static constexpr std::uint8_t first[16] = {0, 0, 1, 1, 4, 4, 5, 5, 8, 8, 9, 9, 12, 12, 13, 13};
    static constexpr std::uint8_t second[16] = {2, 2, 3, 3, 6, 6, 7, 7, 10, 10, 11, 11, 14, 14, 15, 15};
    using native = native_of<A>;
    __m512i words = native::shuffle(bytes, native::load_table(P == 0 ? first : second));
    if constexpr (Shift != 0) { words = _mm512_srli_epi16(words, Shift); }
    return ints<A>(_mm512_maskz_permutexvar_epi16(~__mmask32{}, words, table_));
  }

 private:
  __m512i table_;
};

#endif
#if defined(__AVX512VBMI__) && defined(__AVX512BW__)

/// vpermb takes the low six bits of a byte.
template <class A>
  requires octavo::detail::has<vbmi, A>
class byte_lookup<A, 64> {
 public:
  [[gnu::always_inline]] explicit byte_lookup(byte_table const& table) noexcept
      : table_(_mm512_loadu_si512(table.data())) {}
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> codes) const noexcept {
    return ints<A>(_mm512_maskz_permutexvar_epi8(~__mmask64{}, codes, table_));
  }

 private:
  __m512i table_;
};

/// Two vpermi2b for the halves of the table, one blend by the top bit.
template <class A>
  requires octavo::detail::has<vbmi, A>
class byte_lookup<A, 256> {
 public:
  [[gnu::always_inline]] explicit byte_lookup(byte_table const& table) noexcept {
    for (int i = 0; i < 4; ++i) { quarter_[i] = _mm512_loadu_si512(table.data() + 64 * i); }
  }
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> codes) const noexcept {
    __m512i const low = _mm512_permutex2var_epi8(quarter_[0], codes, quarter_[1]);
    __m512i const high = _mm512_permutex2var_epi8(quarter_[2], codes, quarter_[3]);
    return ints<A>(_mm512_mask_mov_epi8(low, _mm512_movepi8_mask(codes), high));
  }

 private:
  __m512i quarter_[4];
};

template <class A, int Size, bool Symmetric>
  requires octavo::detail::has<vbmi, A>
class pair_lookup<A, Size, Symmetric> {
 public:
  [[gnu::always_inline]] explicit pair_lookup(byte_table const& low, byte_table const& high) noexcept
      : low_(low), high_(high) {}
  /// Pairs of k: P = 0 for (k0, k1), P = 1 for (k2, k3), of sixteen rows.
  template <int P>
  [[nodiscard, gnu::always_inline]] ints<A> get(ints<A> codes) const noexcept {
    __m512i const low = low_(codes);
    __m512i high = high_(codes);
    if constexpr (Symmetric) {
      high = _mm512_ternarylogic_epi32(high, codes, _mm512_set1_epi32(static_cast<int>(0x80808080u)), 0xf8);
    }
    return ints<A>(P == 0 ? _mm512_unpacklo_epi8(low, high) : _mm512_unpackhi_epi8(low, high));
  }

 private:
  struct half_lookup {
    __m512i first;
    __m512i second;
    [[gnu::always_inline]] explicit half_lookup(byte_table const& t) noexcept
        : first(_mm512_loadu_si512(t.data())), second(_mm512_loadu_si512(t.data() + 64)) {}
    [[gnu::always_inline]] __m512i operator()(__m512i codes) const noexcept {
      return _mm512_permutex2var_epi8(first, codes, second);
    }
  };
  using lookup = std::conditional_t<Symmetric, half_lookup, byte_lookup<A, Size>>;
  lookup low_;
  lookup high_;
};

#endif
#if defined(__AVX2__)

/// Two vpermps for the halves of the table, one blend by bit 3.
template <class A>
  requires octavo::detail::is_avx2<A>
class float_lookup<A> {
 public:
  [[gnu::always_inline]] float_lookup() noexcept = default;
  [[gnu::always_inline]] explicit float_lookup(float const* sixteen) noexcept
      : low_(_mm256_loadu_ps(sixteen)), high_(_mm256_loadu_ps(sixteen + 8)) {}
  [[gnu::always_inline]] explicit float_lookup(float_table const& table) noexcept : float_lookup(table.data()) {}
  [[nodiscard, gnu::always_inline]] floats<A> operator()(ints<A> codes) const noexcept {
    __m256 const low = _mm256_permutevar8x32_ps(low_, codes);
    __m256 const high = _mm256_permutevar8x32_ps(high_, codes);
    return floats<A>(_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28))));
  }

 private:
  __m256 low_;
  __m256 high_;
};

#endif
#if defined(__aarch64__)

/// tbl on four registers.
template <class A>
  requires octavo::detail::is_neon<A>
class byte_lookup<A, 64> {
 public:
  [[gnu::always_inline]] explicit byte_lookup(byte_table const& table) noexcept : table_(vld1q_u8_x4(table.data())) {}
  [[nodiscard, gnu::always_inline]] ints<A> operator()(ints<A> codes) const noexcept {
    return ints<A>(vreinterpretq_s32_u8(vqtbl4q_u8(table_, vreinterpretq_u8_s32(codes))));
  }

 private:
  uint8x16x4_t table_;
};

#endif

}  // namespace simd
}  // namespace v0
}  // namespace octavo
