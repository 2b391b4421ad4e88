// SPDX-License-Identifier: MIT
// Cosines and sines of rotary position embeddings, and the laws that stretch them to longer contexts.
#pragma once

#include <cstdint>

#include "octavo/core/buffer.hpp"
#include "octavo/core/log2.hpp"
#include "octavo/core/sine.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// 2^y for |y| < 1022; NaN for others.
[[nodiscard, gnu::always_inline]] constexpr double power_of_2(double y) noexcept {
  if (!(y > -1022 && y < 1022)) { return __builtin_nan(""); }
  auto n = static_cast<std::int64_t>(y);
  if (static_cast<double>(n) > y) { --n; }
  return exp2_of(y - static_cast<double>(n)) * __builtin_bit_cast(double, static_cast<std::uint64_t>(n + 1023) << 52);
}
/// base^(-2 i / dims): the angle, in radians, by which pair i turns from position to position (Su et al. 2021).
[[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(double log2_of_base, index i,
                                                                     index dims) noexcept {
  return power_of_2(-(log2_of_base * static_cast<double>(2 * i) / static_cast<double>(dims)));
}

}  // namespace detail

// A law is a type with `double inverse_frequency(index i, index dims) const`: radians from position to position of pair
// i of dims / 2. One may also have `double magnitude() const`, which cosines and sines are multiplied with. Your own is
// as good.

/// As trained: base^(-2 i / dims).
struct rope_plain {
  double base = 10000;
  [[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(index i, index dims) const noexcept {
    return detail::inverse_frequency(detail::log2_of(base), i, dims);
  }
};
/// Position interpolation (Chen et al. 2023): all angles / factor.
struct rope_linear {
  double base = 10000;
  double factor = 1;
  [[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(index i, index dims) const noexcept {
    return detail::inverse_frequency(detail::log2_of(base), i, dims) / factor;
  }
};
/// NTK-aware: base * factor^(dims / (dims - 2)). `dynamic` gives the factor of a length beyond the original one; keys
/// of before then have other angles.
struct rope_ntk {
  double base = 10000;
  double factor = 1;
  [[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(index i, index dims) const noexcept {
    double const stretch = dims > 2 ? static_cast<double>(dims) / static_cast<double>(dims - 2) : 1.0;
    double const add = detail::opaque(stretch * detail::log2_of(factor));
    return detail::inverse_frequency(detail::log2_of(base) + add, i, dims);
  }
  [[nodiscard, gnu::always_inline]] static constexpr rope_ntk dynamic(double base, double factor, index length,
                                                                      index original) noexcept {
    if (length <= original) { return {base, 1.0}; }
    double const ratio = static_cast<double>(length) / static_cast<double>(original);
    return {base, detail::opaque(factor * ratio) - (factor - 1)};
  }
};
/// YaRN (Peng et al. 2023, equations 17 to 22): pairs that turn often within the original length keep their angles,
/// those that turn less than once have them / factor, and a ramp lies between.
struct rope_yarn {
  double base = 10000;
  double factor = 1;
  index original_positions = 4096;
  double beta_fast = 32;
  double beta_slow = 1;
  double attention_factor = 0;  ///< 0: 0.1 ln factor + 1 (1 for a factor of at most 1)
  bool truncate = true;         ///< the ends of the ramp are whole pairs
  [[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(index i, index dims) const noexcept {
    double low = pair_that_turns(beta_fast, dims);
    double high = pair_that_turns(beta_slow, dims);
    if (truncate) {
      low = floor(low);
      high = -floor(-high);
    }
    low = low > 0 ? low : 0.0;
    high = high < static_cast<double>(dims - 1) ? high : static_cast<double>(dims - 1);
    if (low == high) { high += 0.001; }
    double const at = (static_cast<double>(i) - low) / (high - low);
    double const ramp = at < 0 ? 0.0 : at > 1 ? 1.0 : at;
    double const trained = detail::inverse_frequency(detail::log2_of(base), i, dims);
    return detail::opaque(trained / factor * ramp) + detail::opaque(trained * (1 - ramp));
  }
  [[nodiscard, gnu::always_inline]] constexpr double magnitude() const noexcept {
    if (attention_factor > 0) { return attention_factor; }
    return factor > 1 ? detail::opaque(0.1 * 0.6931471805599453 * detail::log2_of(factor)) + 1.0 : 1.0;
  }

 private:
  /// The pair, a fraction, that turns so many times within the original length.
  [[nodiscard, gnu::always_inline]] constexpr double pair_that_turns(double turns, index dims) const noexcept {
    double const length = static_cast<double>(original_positions) / (turns * 6.283185307179586);
    return static_cast<double>(dims) * detail::log2_of(length) / (2 * detail::log2_of(base));
  }
  [[nodiscard, gnu::always_inline]] static constexpr double floor(double x) noexcept {
    if (!(x > -0x1p62 && x < 0x1p62)) { return x; }
    auto const n = static_cast<double>(static_cast<std::int64_t>(x));
    return n > x ? n - 1 : n;
  }
};
/// Llama 3.1: wavelengths below original_positions / high_frequency_factor stay, those above original_positions /
/// low_frequency_factor are stretched by the factor, and those between in part.
struct rope_llama3 {
  double base = 500000;
  double factor = 8;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  index original_positions = 8192;
  [[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(index i, index dims) const noexcept {
    double const trained = detail::inverse_frequency(detail::log2_of(base), i, dims);
    double const turns = static_cast<double>(original_positions) * trained / 6.283185307179586;
    double const at = (turns - low_frequency_factor) / (high_frequency_factor - low_frequency_factor);
    double const keep = at < 0 ? 0.0 : at > 1 ? 1.0 : at;
    return detail::opaque((1 - keep) * trained / factor) + detail::opaque(keep * trained);
  }
};
/// Angles of each pair / a divisor of its own, dims / 2 of them: LongRoPE's factors, the tensor rope_freqs of GGUF.
struct rope_divided {
  double base = 10000;
  float const* divisors = nullptr;
  double attention_factor = 1;
  [[nodiscard, gnu::always_inline]] constexpr double inverse_frequency(index i, index dims) const noexcept {
    if (divisors == nullptr) { return __builtin_nan(""); }
    return detail::inverse_frequency(detail::log2_of(base), i, dims) / static_cast<double>(divisors[i]);
  }
  [[nodiscard, gnu::always_inline]] constexpr double magnitude() const noexcept { return attention_factor; }
};

/// Which channels of a head turn together: i and i + dims / 2 (Hugging Face, NeoX), or 2 i and 2 i + 1 (GPT-J, the
/// original Llama, GGUF).
enum class rope_pairs { halves, neighbours };

/// cos and sin of position * inverse_frequency for positions 0 ... positions - 1, computed in double precision by
/// functions of this library and rounded to float: the same bits everywhere, within 0.51 units in the last place and
/// 1e-15 position.
///
///     rope_table const table(128, 8192, rope_llama3{});
///     rope(q, position, table);
class rope_table {
 public:
  [[gnu::always_inline]] rope_table() = default;
  [[gnu::always_inline]] rope_table(rope_table const&) = default;
  [[gnu::always_inline]] rope_table(rope_table&&) noexcept = default;
  [[gnu::always_inline]] rope_table& operator=(rope_table const&) = default;
  [[gnu::always_inline]] rope_table& operator=(rope_table&&) noexcept = default;
  [[gnu::always_inline]] ~rope_table() = default;

  /// The first `dims` channels of a head turn, an even number; others stay. Memory: positions * dims floats, twice as
  /// many for neighbours. *Errors*: extents that do not fit; a law that gives no finite angles, or angles of 2^30 and
  /// more.
  template <class Law = rope_plain>
  [[gnu::always_inline]] rope_table(index dims, index positions, Law const& law = {},
                                    rope_pairs pairs = rope_pairs::halves)
      : dims_(dims), positions_(positions), pairs_(pairs) {
    if (dims < 0 || dims % 2 != 0) {
      detail::fail_extents("rope_table", "the channels that turn are", dims, "pairs of them are", dims / 2,
                           "They turn in pairs: pass an even number.");
    }
    if (positions < 0 || positions > (index{1} << 30)) {
      detail::fail_extents("rope_table", "positions are", positions, "the most are", index{1} << 30,
                           "Pass the positions that there may be.");
    }
    bytes_ = aligned_buffer(product(positions, width(), 2, sizeof(float)));
    double magnitude = 1;
    if constexpr (requires { law.magnitude(); }) { magnitude = law.magnitude(); }
    index const half = dims / 2;
    for (index i = 0; i < half; ++i) {
      double const radians = law.inverse_frequency(i, dims);
      double const most = radians * static_cast<double>(larger(positions - 1, 0));
      if (!(most > -0x1p30 && most < 0x1p30) || magnitude - magnitude != 0) {
        detail::fail_extents("rope_table", "the law has no angle for pair", i, "of", half,
                             "Its base, factors and divisors must be there, finite and above 0.");
      }
      for (index p = 0; p < positions; ++p) {
        auto const turn = detail::sine_cosine_of(static_cast<double>(p) * radians);
        auto const cosine = static_cast<float>(turn.cosine * magnitude);
        auto const sine = static_cast<float>(turn.sine * magnitude);
        float* const c = data() + 2 * p * width();
        float* const s = c + width();
        if (pairs == rope_pairs::halves) {
          c[i] = cosine;
          s[i] = sine;
        } else {
          c[2 * i] = c[2 * i + 1] = cosine;
          s[2 * i] = -sine;
          s[2 * i + 1] = sine;
        }
      }
    }
  }

  [[nodiscard, gnu::always_inline]] index dims() const noexcept { return dims_; }
  [[nodiscard, gnu::always_inline]] index positions() const noexcept { return positions_; }
  [[nodiscard, gnu::always_inline]] rope_pairs pairs() const noexcept { return pairs_; }
  /// One for each pair; of neighbours, one for each channel, sines of the first of them negative.
  [[nodiscard, gnu::always_inline]] float const* cosines(index position) const noexcept {
    return reinterpret_cast<float const*>(bytes_.data()) + 2 * position * width();
  }
  [[nodiscard, gnu::always_inline]] float const* sines(index position) const noexcept {
    return cosines(position) + width();
  }

 private:
  [[nodiscard, gnu::always_inline]] float* data() noexcept { return reinterpret_cast<float*>(bytes_.data()); }
  [[nodiscard, gnu::always_inline]] index width() const noexcept {
    return pairs_ == rope_pairs::halves ? dims_ / 2 : dims_;
  }

  index dims_ = 0;
  index positions_ = 0;
  rope_pairs pairs_ = rope_pairs::halves;
  aligned_buffer bytes_;
};

}  // namespace v0
}  // namespace octavo
