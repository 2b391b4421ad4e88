// SPDX-License-Identifier: MIT
// Weights of the float paths: packed codes to f32 registers, or to bf16 pairs, one fma chain over k per row.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/row_tables.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// table[packed code] = value; bits beyond those of the format are ignored, so unmasked indices are fine.
template <number_format F, int Flip>
inline constexpr simd::float_table float_values = [] {
  simd::float_table t{};
  for (int c = 0; c < 256; ++c) {
    t[static_cast<std::size_t>(c)] = value_table<F>[static_cast<std::size_t>((c ^ Flip) & (code_count<F> - 1))];
  }
  return t;
}();

/// Byte B of the bf16 number of each code.
template <number_format F, int B>
inline constexpr simd::byte_table bf16_bytes = [] {
  simd::byte_table t{};
  for (int c = 0; c < 256; ++c) {
    auto const bits = detail::to_bf16_bits(value_table<F>[static_cast<std::size_t>(c & (code_count<F> - 1))]);
    t[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(bits >> (8 * B));
  }
  return t;
}();

/// The bf16 numbers of codes of at most five bits; bits above those of a code are ignored.
template <number_format F, int Flip>
inline constexpr octavo::detail::table<std::uint16_t, 32> bf16_values = [] {
  octavo::detail::table<std::uint16_t, 32> t{};
  for (int c = 0; c < 32; ++c) {
    auto const value = value_table<F>[static_cast<std::size_t>((c ^ Flip) & (code_count<F> - 1))];
    t[static_cast<std::size_t>(c)] = detail::to_bf16_bits(value);
  }
  return t;
}();

/// Whether code c + 128 is the negative of code c.
template <number_format F>
inline constexpr bool sign_symmetric = [] {
  if (F::bits != 8) { return false; }
  for (std::size_t c = 0; c < 128; ++c) {
    auto const plus = detail::to_bf16_bits(F::decode(static_cast<code>(c)));
    auto const minus = detail::to_bf16_bits(F::decode(static_cast<code>(c + 128)));
    if ((plus ^ 0x8000u) != minus) { return false; }
  }
  return true;
}();

/// Codes of one packed register to values, k by k. Tables of rows or groups (row_tables.hpp), be they params or what a
/// quantizer without scale() says, are looked up by bytes, four k at a time; one of a matrix of at most 16 values stays
/// in registers; others are gathered from. Without any, values are computed (lane_decode.hpp), or a quantizer is asked for
/// each.
template <class A, class L>
class value_decoder {
  using F = typename L::format;
  using Q = typename L::quantizer;
  static constexpr bool direct = L::bits > 4 && consecutive_flip<F> >= 0;
  static constexpr bool by_pairs =
      L::bits > 4 && !direct && L::linear && !L::zero_points && exact_in_bf16<F> && detail::has<vbmi, A>;
  static constexpr bool by_short_pairs =
      L::bits <= 4 && L::linear && !L::zero_points && exact_in_bf16<F> && detail::is_avx512<A>;

  template <int>
  struct nothing {
    template <class... Tables>
    [[gnu::always_inline]] explicit nothing(Tables const&...) noexcept {}
  };
  using table_type = std::conditional_t<(L::bits <= 4), simd::float_lookup<A>, nothing<0>>;
  static auto pairs_type_of() {
    if constexpr (by_pairs) {
      return std::type_identity<simd::pair_lookup<A, simd::lookup_size(L::bits), sign_symmetric<F>>>{};
    } else {
      return std::type_identity<nothing<1>>{};
    }
  }
  static auto short_pairs_type_of() {
    if constexpr (by_short_pairs) {
      return std::type_identity<simd::short_pair_lookup<A>>{};
    } else {
      return std::type_identity<nothing<2>>{};
    }
  }

 public:
  /// What a group adds: zero points as floats, or the params of rows whose quantizer has no scale().
  struct zero_group {
    simd::floats<A> zero;
  };
  struct params_group {
    std::byte const* params;  ///< of the first row of the register
  };
  using decoder = lane_decoder<A, Q>;
  struct decoder_group : params_group {
    decoder decode;
  };
  struct table_group {
    simd::float_lookup<A> table;
  };
  struct rows_group {
    simd::row_lookup<A, table_bits<L>> tables;
  };
  struct no_group {};
  static constexpr bool table_in_registers = L::one_table && L::bits <= 4;
  static constexpr bool row_tables = has_row_tables<L>;
  static constexpr bool decodes_lanes = !L::linear && !L::tables && !row_tables && decoder::there;
  static auto group_type_of() {
    if constexpr (table_in_registers) {
      return std::type_identity<table_group>{};
    } else if constexpr (row_tables) {
      return std::type_identity<rows_group>{};
    } else if constexpr (decodes_lanes) {
      return std::type_identity<decoder_group>{};
    } else if constexpr (!L::linear) {
      return std::type_identity<params_group>{};
    } else {
      return std::type_identity<std::conditional_t<L::zero_points, zero_group, no_group>>{};
    }
  }
  using group = typename decltype(group_type_of())::type;

  using packed = packed_step<A, L>;

  [[gnu::always_inline]] value_decoder() noexcept
      : table_(float_values<F, L::flip>),
        pairs_(bf16_bytes<F, 0>, bf16_bytes<F, 1>),
        short_pairs_(bf16_values<F, L::flip>) {}

  [[nodiscard, gnu::always_inline]] static group load_group(std::byte const* params, index row) noexcept {
    if constexpr (table_in_registers) {
      if constexpr (L::bits == 4) { return {simd::float_lookup<A>(reinterpret_cast<float const*>(params))}; }
      alignas(64) float sixteen[16] = {};  // fewer values, as often as it takes: what is above their codes is ignored
      for (int c = 0; c < 16; ++c) { sixteen[c] = reinterpret_cast<float const*>(params)[c % code_count<F>]; }
      return {simd::float_lookup<A>(sixteen)};
    } else if constexpr (row_tables) {
      group g;
      make_tables(params, row, g);
      return g;
    } else if constexpr (decodes_lanes) {
      std::byte const* const own = params + row * L::row_params;
      return {{own}, decoder(own)};
    } else if constexpr (!L::linear) {
      return {params + row * L::row_params};
    } else if constexpr (L::zero_points) {
      auto const zero = simd::load_bytes<A>(params + L::scale_bytes + row);
      return {simd::to_floats<A>(zero + simd::ints<A>(lattice<F>.lowest))};
    } else {
      return {};
    }
  }

  /// load_group where the group is: a call, since it is long, and no copy. Pre: row_tables.
  [[gnu::noinline]] static void make_tables(std::byte const* params, index row, group& g) noexcept {
    row_values<A, L> const rows(params + row * L::row_params);
    g.tables = simd::row_lookup<A, table_bits<L>>(rows.values);
  }

  /// Value of k = K of the step for each row, without its scale.
  template <int K>
  [[nodiscard, gnu::always_inline]] simd::floats<A> get(packed const& step, group const& g) const noexcept {
    if constexpr (table_in_registers) {
      return g.table(step.template code<K>());
    } else if constexpr (row_tables) {
      simd::floats<A> four[4];
      g.tables(step.template quad_codes<K / 4>(), four);
      return four[K % 4];
    } else if constexpr (L::tables) {
      auto const* const tables = reinterpret_cast<float const*>(g.params);
      return simd::gather<A>(tables, table_places(step.template code<K>()));
    } else if constexpr (decodes_lanes) {
      auto const codes = step.template code<K>();
      if (!g.decode.exact()) { return decode_each(codes, g); }
      return g.decode(simd::bit_xor<A>(simd::bit_and<A>(codes, code_count<F> - 1), L::flip));
    } else if constexpr (!L::linear) {
      return decode_each(step.template code<K>(), g);
    } else {
      auto value = table_value<K>(step);
      if constexpr (L::zero_points) { value = value - g.zero; }
      return value;
    }
  }

  /// Values of k = 8 E ... 8 E + 7 of the step. Pre: row_tables.
  template <int E>
  [[gnu::always_inline]] void get_eight(packed const& step, group const& g, simd::floats<A>* values) const noexcept {
    simd::ints<A> const codes[] = {step.template quad_codes<2 * E>(), step.template quad_codes<2 * E + 1>()};
    g.tables.template look_up<2>(codes, values);
  }

  /// The bf16 pair of k = 2 P and 2 P + 1. Pre: values are bf16 numbers.
  template <int P>
  [[nodiscard, gnu::always_inline]] simd::ints<A> get_pair(packed const& step, group const& g) const noexcept {
    if constexpr (by_pairs) {
      return pair<P>(step);
    } else if constexpr (by_short_pairs) {
      return short_pairs_.template get<P % 2, packed::template shift_of<P / 2>>(step.template bytes_of<P / 2>());
    } else {
      auto const even = simd::as_ints<A>(get<2 * P>(step, g));
      auto const odd = simd::as_ints<A>(get<2 * P + 1>(step, g));
      return simd::bit_or<A>(simd::shift_right<16, A>(even), simd::bit_and<A>(odd, 0xffff0000u));
    }
  }

 private:
  template <int P>
  [[nodiscard, gnu::always_inline]] simd::ints<A> pair(packed const& step) const noexcept {
    auto codes = step.template quad<P / 2>();
    if constexpr (!L::pair_order) { codes = simd::quads_to_pairs<A>(codes); }
    return pairs_.template get<P % 2>(codes);
  }
  template <int K>
  [[nodiscard, gnu::always_inline]] simd::floats<A> table_value(packed const& step) const noexcept {
    if constexpr (by_pairs) {
      auto const both = pair<K / 2>(step);
      if constexpr (K % 2 == 0) { return simd::as_floats<A>(simd::shift_left<16, A>(both)); }
      return simd::as_floats<A>(simd::bit_and<A>(both, 0xffff0000u));
    } else if constexpr (direct) {
      auto const byte = simd::bit_and<A>(step.template code<K>(), 0xffu);
      auto const integer = simd::to_floats<A>(byte + simd::ints<A>(lattice<F>.lowest));
      if constexpr (lattice<F>.step == 1.0f) { return integer; }
      return integer * simd::floats<A>(lattice<F>.step);
    } else if constexpr (L::bits > 4) {
      return simd::gather_floats<A>(float_values<F, L::flip>, step.template code<K>());
    } else {
      return table_(step.template code<K>());
    }
  }
  /// Where the values of codes are, in floats from there.
  [[nodiscard, gnu::always_inline]] static simd::ints<A> table_places(simd::ints<A> codes) noexcept {
    auto const c = simd::bit_and<A>(codes, static_cast<std::uint32_t>(code_count<F> - 1));
    if constexpr (L::one_table) { return c; }
    return c + simd::shift_left<F::bits, A>(simd::lane_numbers<A>());
  }
  [[nodiscard, gnu::always_inline]] static float decode_one(int stored, std::byte const* params, int row) noexcept {
    typename Q::params p;
    std::memcpy(&p, params + static_cast<std::size_t>(row) * sizeof p, sizeof p);
    return Q::decode(static_cast<code>((stored ^ L::flip) & (code_count<F> - 1)), p);
  }
  // A call: what a quantizer does would be inlined for each k and row of each tile.
  [[nodiscard, gnu::noinline]] static simd::floats<A> decode_each(simd::ints<A> codes,
                                                                  params_group const& g) noexcept {
    std::int32_t c[static_cast<std::size_t>(simd::lanes<A>)];
    codes.store_unaligned(c);
    float values[static_cast<std::size_t>(simd::lanes<A>)];
    for (int i = 0; i < simd::lanes<A>; ++i) { values[i] = decode_one(c[i], g.params, i); }
    return simd::load_floats<A>(values);
  }

  [[no_unique_address]] table_type table_;
  [[no_unique_address]] typename decltype(pairs_type_of())::type pairs_;
  [[no_unique_address]] typename decltype(short_pairs_type_of())::type short_pairs_;
};

/// What the float paths share: accumulators begin at 0 (or, per_column with zero points, at the start of the token),
/// and the scale of a quantizer without scale() is in its values.
template <class A, class L>
struct float_accumulation {
  using arch = A;
  using layout = L;
  using accumulator = simd::floats<A>;
  using sum = accumulator;
  using start = float;
  static constexpr bool operand_zeros = false;
  static constexpr bool as_packed = false;
  static constexpr bool is_expanded = false;
  static constexpr index step_bytes = L::step_bytes;
  static constexpr int burst = 0;
  /// Whether a register unpacks eight units at once, by get_eight.
  static constexpr bool by_eights = false;
  static constexpr float scale_factor = 1.0f;
  /// Whether accumulators begin elsewhere than at 0.
  static constexpr bool has_start = L::by_column && has_zero_point<typename L::quantizer>;

  [[nodiscard, gnu::always_inline]] static accumulator flush(accumulator const&, accumulator acc) noexcept {
    return acc;
  }
  [[nodiscard, gnu::always_inline]] static accumulator finish(accumulator acc) noexcept { return acc; }

  template <class Block>
  [[nodiscard, gnu::always_inline]] static accumulator initial(Block const& x, index t, index, std::byte const*,
                                                               index) noexcept {
    if constexpr (has_start) { return accumulator(x.start[t]); }
    return accumulator(0.0f);
  }
};

/// Products of f32, one k at a time.
template <class A, class L>
struct float_products : float_accumulation<A, L> {
  using operand = float;
  using weight = simd::floats<A>;
  static constexpr int unit_operands = 1;

  [[nodiscard, gnu::always_inline]] static simd::floats<A> load(float const* p) noexcept {
    return simd::floats<A>(*p);
  }
  [[nodiscard, gnu::always_inline]] static simd::floats<A> add(simd::floats<A> acc, simd::floats<A> w,
                                                               simd::floats<A> a) noexcept {
    return simd::fused<A>(w, a, acc);
  }
};

/// f32 weights. With `Swap`, k runs 1 0 3 2 ...: the order of bf16_dot where the instruction set has no such product.
template <class A, class L, bool Swap>
class float_weights : public float_products<A, L>, private value_decoder<A, L> {
  using decoder = value_decoder<A, L>;

 public:
  using weight = simd::floats<A>;
  using group = typename decoder::group;
  using packed = typename decoder::packed;
  static constexpr int units = static_cast<int>(L::step);
  static constexpr bool by_eights = decoder::row_tables;
  using decoder::get_eight;
  using decoder::load_group;
  using decoder::make_tables;

  template <int U>
  [[nodiscard, gnu::always_inline]] weight get(packed const& step, group const& g) const noexcept {
    return decoder::template get<(Swap ? U ^ 1 : U)>(step, g);
  }
};

/// bf16 pairs for vdpbf16ps.
template <class A, class L>
class pair_weights : public float_accumulation<A, L>, private value_decoder<A, L> {
  using decoder = value_decoder<A, L>;

 public:
  using operand = std::uint16_t;
  using weight = simd::ints<A>;
  using group = typename decoder::group;
  using packed = typename decoder::packed;
  static constexpr int units = static_cast<int>(L::step) / 2;
  static constexpr int unit_operands = 2;
  using decoder::load_group;

  template <int U>
  [[nodiscard, gnu::always_inline]] weight get(packed const& step, group const& g) const noexcept {
    return decoder::template get_pair<U>(step, g);
  }
  [[nodiscard, gnu::always_inline]] static simd::ints<A> load(operand const* p) noexcept {
    return simd::broadcast4<A>(p);
  }
  [[nodiscard, gnu::always_inline]] static simd::floats<A> add(simd::floats<A> acc, simd::ints<A> w,
                                                               simd::ints<A> a) noexcept {
    return simd::dot_bf16<A>(acc, w, a);
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
