// SPDX-License-Identifier: MIT
// Values of a cache, multiplied where they are stored: their scales go into the weights, sums are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/page_tile.hpp"
#include "octavo/kernel/softmax.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Pages of a leaf.
inline constexpr index leaf_pages = leaf_keys / page_tokens;

/// O = V P by integers: values of a cache by scheme V, each key with a scale of its own (for each group of channels),
/// which is multiplied into its weight before that becomes a byte.
///
/// For each query row, page of 64 keys and group of channels: w = weight * scale of the key, W the largest w, byte =
/// nearest(w * (255 / W)), ties to even; the sum of byte * (code - zero) over the page is exact; then acc = fma(sum, W
/// / 255, acc), and acc += sum of weight * minimum, page after page. Sums of weights themselves are those of the f32
/// weights.
template <class A, class V>
class page_values {
  using page_layout = value_layout<V>;
  using layout = typename page_layout::panel_type;
  /// Whether bytes of weights are the unsigned side of products, or, less 128, the signed one.
  static constexpr bool unsigned_bytes = detail::is_avx512<A> && detail::has<vnni, A>;
  using weights = std::conditional_t<unsigned_bytes, signed_codes<A, layout>, byte_weights<A, layout, false>>;
  using operand = typename weights::operand;
  using scale_type = typename page_layout::scale_type;
  static constexpr index L = simd::lanes<A>;
  static_assert(
      detail::is_symmetric<typename V::quantizer> || detail::is_affine<typename V::quantizer> || page_layout::minima,
      "Octavo: attention<q8, p8> over a cache multiplies the scales of values into weights that are unsigned bytes, "
      "so scales must not be negative: values by symmetric, affine or affine_min. Without the second template "
      "argument it takes any.");
  /// Channels that surely share parameters, as far as a tile goes.
  static constexpr index together() noexcept {
    if constexpr (detail::is_per_token_group<typename V::granularity>) {
      constexpr index size = V::granularity::size;
      static_assert(
          size % 16 == 0,
          "Octavo: attention<q8, p8> over a cache takes values per_token, or per_token_group<G> with G a multiple "
          "of 16. Without the second template argument it takes any.");
      return size % 64 == 0 ? 64 : size % 32 == 0 ? 32 : 16;
    }
    return 64;
  }
  static constexpr int registers = short_registers<A>;
  /// Registers of a tile that share parameters.
  static constexpr int shared = static_cast<int>(smaller(registers, larger(together() / L, 1)));
  static_assert(shared * L <= together());
  /// Rows of bytes: those of a group, and one of ones behind those of a tile.
  static constexpr index byte_rows = group_rows + 1;

 public:
  using writer = float_writer<A>;
  using weight = float;
  static constexpr index width = registers * L;
  static constexpr int tokens = page_tile_rows<A>;

  explicit page_values(cache_values<V> const& v) noexcept : v_(v) {}

  [[nodiscard]] index scratch() const {
    return product(byte_rows, leaf_pages * groups(), page_tokens * static_cast<index>(sizeof(operand)) / 4) +
           product(byte_rows, leaf_pages * groups() + 16, 3) + 16;
  }
  void use(float* scratch) noexcept {
    groups_ = groups();
    auto const& at = v_.places();
    ahead_ = pages_between(at.key_bytes);  // as many pages as keys do
    key_share_ = round_up(ceil_div(at.key_bytes, larger(blocks(), 1)), 64);
    value_share_ = round_up(ceil_div(at.value_bytes, larger(blocks(), 1)), 64);
    index const all = leaf_pages * groups_ * byte_rows;
    bytes_ = reinterpret_cast<operand*>(scratch);
    start_ = reinterpret_cast<std::int32_t*>(bytes_ + all * page_tokens);
    factors_ = reinterpret_cast<float*>(start_ + byte_rows * row_params());
    minima_ = factors_ + byte_rows * row_params();
  }
  /// Another cache of the same shape.
  void read(cache_values<V> const& v) noexcept { v_ = v; }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    pages_ = ceil_div(n, page_tokens);
    v_.places().values(head, page_, pages_, at_);
  }
  /// The leaf that will be loaded after this one begins with key `first` of `head`; -1: nobody knows.
  void expect(index head, index first) noexcept {
    next_head_ = first < v_.tokens() ? head : -1;
    next_page_ = first / page_tokens;
    next_pages_ = 0;
    next_ = {};
    if (next_head_ >= 0) {
      next_pages_ = smaller(ceil_div(v_.tokens(), page_tokens) - next_page_, leaf_pages);
      v_.places().keys(head, next_page_, next_pages_, next_keys_);
      next_values_ = v_.page(head, next_page_);
      next_ = pages_ahead::run(next_values_, next_page_, next_pages_, v_.places().block_pages,
                               v_.layout().bytes() - v_.layout().params_at(0));
    }
  }
  /// Bytes of row i, whose weights cover keys [low, high). NaN if a weight that is not 0 meets a value that is not
  /// finite.
  [[nodiscard]] float settle(index i, float* row, index low, index high, float sum) noexcept {
    index const first = low / page_tokens;
    index const last = ceil_div(high, page_tokens);
    for (index j = first * page_tokens; j < low; ++j) { row[j] = 0.0f; }
    for (index j = high; j < last * page_tokens; ++j) { row[j] = 0.0f; }
    bool finite = true;
    if constexpr (settles_together) {
      if (v_.layout().groups() == groups_) { return settle_together(i, row, first, last) ? sum : __builtin_nanf(""); }
    }
    for (index p = first; p < last; ++p) {
      std::byte const* const page = at_[p];
      page_weights const w(row + p * page_tokens);
      for (index g = 0; g < v_.layout().groups(); ++g) {
        finite = settle_group(w, page + v_.layout().params_at(g), at(p, g, i), param_at(p, g, i)) && finite;
      }
      for (index g = v_.layout().groups(); g < groups_; ++g) {  // channels that nobody asks for
        start_[param_at(p, g, i)] = 0;
        factors_[param_at(p, g, i)] = minima_[param_at(p, g, i)] = 0.0f;
      }
    }
    return finite ? sum : __builtin_nanf("");
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }

  template <int T>
  [[gnu::noinline]] void multiply(index first, weight const*, index, index b, index low, index high,
                                  float* out) const noexcept {
    index const begin = low / page_tokens;
    for (index p = begin; p < ceil_div(high, page_tokens); ++p) { multiply_page<T>(first, b, p, p == begin, out); }
  }
  /// All blocks of channels, `stride` floats apart: of tiles that take whole pages, which are then one stream.
  template <int T>
  [[gnu::noinline]] void multiply_all(index first, index low, index high, float* out, index stride) const noexcept
      requires(takes_pages<A>) {
    index const begin = low / page_tokens;
    for (index p = begin; p < ceil_div(high, page_tokens); ++p) {
      for (index b = 0; b < blocks(); ++b) { multiply_page<T>(first, b, p, p == begin, out + b * stride); }
    }
  }

 private:
  /// Channels of block b and keys of page p: what `out` holds of pages before, unless it is the first, and theirs.
  template <int T>
  [[gnu::always_inline]] void multiply_page(index first, index b, index p, bool is_first, float* out) const noexcept {
    using detail::unroll;
    constexpr int R = registers;
    // Of bytes less 128, one row more, of ones, counts what that is of: all sums are integers below 2^24.
    constexpr int rows = unsigned_bytes ? T : T + 1;
    constexpr int lines = static_cast<int>(larger(layout::step_bytes / 64 * width / page_tokens, 1));
    index const panel = b * width / panel_rows * page_layout::panel_bytes;
    index const first_row = b * width % panel_rows;
    index const group = b * width / v_.layout().group();
    weights const unpack;
    index const row = at(p, group, first);
    // Row t of the group of register r.
    auto const row_of = [row](int t, int r) __attribute__((always_inline)) {
      return row + r / shared * byte_rows + t;
    };
    index const params = param_at(p, group, first);
    auto const params_of = [ params, stride = row_params() ](int t, int r) __attribute__((always_inline)) {
      return params + r / shared + t * stride;
    };
    if constexpr (!unsigned_bytes) {
      for (int r = 0; r < R; r += shared) {
        for (index j = 0; j < page_tokens; ++j) { bytes_[row_of(T, r) * page_tokens + j] = 1; }
        start_[params_of(T, r)] = 0;
      }
    }
    simd::ints<A> total[static_cast<std::size_t>(rows * R)];
    unroll<rows * R>([&](int i) __attribute__((always_inline)) {
      total[i] = simd::ints<A>(start_[params_of(i / R, i % R)]);
    });
    if constexpr (takes_pages<A> &&
                  !asks_for_leaves<A, layout>) {  // parameters are what is wanted first of the next leaf
      if (first == 0 && b == 0 && next_head_ >= 0 && p < next_pages_) {
        index const from = v_.layout().params_at(0);
        index const size = v_.layout().bytes();
        lines_ahead::run(next_values_ + p * size + from, size - from).far();
      }
    }
    auto ahead = next_keys(b, p);
    if (first != 0) { static_cast<lines_ahead&>(ahead) = {bytes_as_lines(), bytes_as_lines()}; }
    page_sums<weights, lines, rows, R, shared>(unpack, at_[p] + panel + first_row * 4, first_row,
                                               page_tokens / layout::step, bytes_ + row * page_tokens, page_tokens,
                                               ahead, total, byte_rows * page_tokens);
    ahead.template rest<A>();
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      index const of = params_of(i / R, i % R);
      auto sum = simd::to_floats<A>(total[i]);
      if constexpr (!unsigned_bytes) {
        sum = simd::fused<A>(simd::to_floats<A>(total[T * R + i % R]), simd::floats<A>(128.0f), sum);
      }
      float* const to = out + i / R * width + i % R * L;
      auto const before = is_first ? simd::floats<A>(0.0f) : simd::load_floats<A>(to);
      auto acc = simd::fused<A>(sum, simd::floats<A>(factors_[of]), before);
      if constexpr (page_layout::minima) { acc = acc + simd::floats<A>(minima_[of]); }
      acc.store_unaligned(to);
    });
  }
  /// Groups of whole tiles.
  [[nodiscard, gnu::always_inline]] index groups() const noexcept {
    return ceil_div(blocks() * width, v_.layout().group());
  }
  /// Where row i is.
  [[nodiscard, gnu::always_inline]] index at(index p, index g, index i) const noexcept {
    return (p * groups_ + g) * byte_rows + i;
  }
  /// Where its start, factor and minimum are: those of a row stand together, and 16 may be written at once.
  [[nodiscard, gnu::always_inline]] index row_params() const noexcept { return leaf_pages * groups_ + 16; }
  [[nodiscard, gnu::always_inline]] index param_at(index p, index g, index i) const noexcept {
    return i * row_params() + p * groups_ + g;
  }
  /// What is asked for while block b of page p is multiplied: as much of the values of the next leaf (see pages_ahead);
  /// or its part of the page that is read 8 KB later, at last of the first keys of the next leaf; or (see lines_ahead)
  /// as much of all keys of the next leaf.
  [[nodiscard, gnu::always_inline]] auto next_keys(index b, index p) const noexcept {
    if constexpr (asks_for_leaves<A, layout>) {
      if (next_.pages == 0) { return far_lines_ahead{next_in_turn(b, p)}; }
      if (p >= next_.pages) { return far_lines_ahead{{bytes_as_lines(), bytes_as_lines()}}; }
      return next_.part_of_rest(p * blocks() + b, page_layout::panel_bytes);
    } else {
      return next_in_turn(b, p);
    }
  }
  [[nodiscard, gnu::always_inline]] lines_ahead next_in_turn(index b, index p) const noexcept {
    if constexpr (takes_pages<A>) {
      index const next = p + ahead_;
      if (next < pages_) { return lines_ahead::part_of(at_[next], b, value_share_, v_.places().value_bytes); }
      if (next - pages_ >= next_pages_) { return {bytes_as_lines(), bytes_as_lines()}; }
      return lines_ahead::part_of(next_keys_[next - pages_], b, key_share_, v_.places().key_bytes);
    }
    index const bytes = v_.places().key_bytes;
    index const share = bytes / blocks();
    index const part = b * pages_ + p;
    if (next_head_ < 0 || share == 0 || (next_page_ + part * share / bytes) * page_tokens >= v_.tokens()) {
      return {bytes_as_lines(), bytes_as_lines()};
    }
    return lines_ahead::part(
        part, share,
        bytes, [&](index i) __attribute__((always_inline)) { return v_.places().keys(next_head_, next_page_ + i); });
  }
  /// Something near to ask for, where nothing is to come.
  [[nodiscard, gnu::always_inline]] std::byte const* bytes_as_lines() const noexcept {
    return reinterpret_cast<std::byte const*>(bytes_);
  }

  static constexpr int registers_of_page = page_tokens / L;
  /// Weights of a page, in registers where that is few of them.
  struct page_weights {
    static constexpr bool near = registers_of_page <= 4;
    float const* from;
    simd::floats<A> w[static_cast<std::size_t>(near ? registers_of_page : 1)];

    [[gnu::always_inline]] explicit page_weights(float const* weights) noexcept : from(weights) {
      if constexpr (near) {
        detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
          w[r] = simd::load_floats<A>(from + r * L);
        });
      }
    }
    [[nodiscard, gnu::always_inline]] simd::floats<A> load(int r) const noexcept {
      if constexpr (near) { return w[r]; }
      return simd::load_floats<A>(from + r * L);
    }
  };

  /// What the sum of bytes, or of bytes times zero points, is subtracted times.
  static constexpr std::int32_t c0 =
      page_layout::zero_points ? 1 : -lattice<typename page_layout::format>.lowest - weights::offset;
  /// 1.5 * 2^23 has its last bit at 1: a sum with it is rounded, and its low bits are the integer.
  static constexpr float magic = 0x1.8p23f;

  /// Whether groups of channels settle sixteen at a time: what is one number for a group is then a lane.
  static constexpr bool settles_together = unsigned_bytes && L == 16;
  /// Groups that are on their way to become bytes.
  struct settling {
    std::byte const* params[16];
    float const* weights[16];                      ///< of the page
    alignas(64) float scaled[16 * page_tokens];    ///< weights times scales
    alignas(64) std::int32_t lanes[16 * 16];       ///< the largest of them, then counted bytes, lane by lane
    alignas(64) float minima[16 * 16];             ///< weights times minima, lane by lane
    [[gnu::always_inline]] settling() noexcept {}  // NOLINT: what is not written is not read
  };
  /// As settle_group of all groups of pages [first, last).
  [[nodiscard, gnu::noinline]] bool settle_together(index i, float const* row, index first, index last) noexcept {
    settling s;
    index n = 0;
    index done = first * groups_;
    bool finite = true;
    for (index p = first; p < last; ++p) {
      page_weights const w(row + p * page_tokens);
      bool const asks = asks_for_leaves<A, layout> && i == 0 && p < next_.pages;
      auto ahead = next_.first_part(p, next_.params);
      std::byte const* const params = at_[p] + v_.layout().params_at(0);
      for (index g = 0; g < groups_; ++g) {
        if (asks) {
          constexpr auto lines = static_cast<int>(page_layout::params_type::bytes / 64);
          detail::unroll<lines>([&](int) __attribute__((always_inline)) { ahead.template line<A>(); });
        }
        s.weights[n] = row + p * page_tokens;
        s.params[n] = params + g * page_layout::params_type::bytes;
        scale_weights(w, n, s);
        if (++n == 16) {
          finite = settle_lanes(i, done, n, s) && finite;
          done += n;
          n = 0;
        }
      }
    }
    return (n == 0 || settle_lanes(i, done, n, s)) && finite;
  }
  /// Weights of a page by the parameters of group n. Those of keys that nobody sees are taken for numbers here.
  [[gnu::always_inline]] static void scale_weights(page_weights const& w, index n, settling& s) noexcept {
    std::byte const* const params = s.params[n];
    simd::ints<A> most;
    simd::floats<A> sum(0.0f);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const scaled = w.load(r) * simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + r * L);
      scaled.store_unaligned(s.scaled + n * page_tokens + r * L);
      auto const bits = simd::as_ints<A>(scaled);
      most = r == 0 ? bits : simd::native_of<A>::maximum_unsigned(most, bits);
      if constexpr (page_layout::minima) {
        auto const* const minima = reinterpret_cast<scale_type const*>(params + page_layout::scale_bytes);
        sum = simd::fused<A>(w.load(r), simd::load_as_floats<A>(minima + r * L), sum);
      }
    });
    most.store_unaligned(s.lanes + n * L);
    if constexpr (page_layout::minima) { sum.store_unaligned(s.minima + n * L); }
  }
  /// Row i of n groups, from group `first` of the leaf.
  [[nodiscard, gnu::always_inline]] bool settle_lanes(index i, index first, index n, settling& s) noexcept {
    using native = simd::native_of<A>;
    using ints = simd::ints<A>;
    using floats = simd::floats<A>;
    auto const fold_ints = [&](auto const& op) __attribute__((always_inline)) {
      ints all[16];
      detail::unroll<16>([&](int j) __attribute__((always_inline)) { all[j] = simd::load_ints<A>(s.lanes + j * L); });
      return native::fold(all, op);
    };
    for (index j = n; j < 16; ++j) {
      ints(0).store_unaligned(s.lanes + j * L);
      if constexpr (page_layout::minima) { floats(0.0f).store_unaligned(s.minima + j * L); }
    }
    index const at = i * row_params() + first;  // what is written behind the last group is not read
    index const row = first * byte_rows + i;
    auto const bits =
        fold_ints([](ints a, ints b) __attribute__((always_inline)) { return native::maximum_unsigned(a, b); });
    bool plain = !native::reaches(bits, 0x7f800000u);
    if constexpr (page_layout::minima) {
      floats all[16];
      detail::unroll<16>([&](int j)
                             __attribute__((always_inline)) { all[j] = simd::load_floats<A>(s.minima + j * L); });
      auto const sums = native::fold(all, simd::sum_of());
      plain = plain && !native::reaches(simd::bit_and<A>(simd::as_ints<A>(sums), 0x7fffffffu), 0x7f800000u);
      sums.store_unaligned(minima_ + at);
    }
    if (!plain) {  // something is not finite or below 0: perhaps only what nobody sees
      bool finite = true;
      for (index j = 0; j < n; ++j) {
        finite = settle_group(page_weights(s.weights[j]), s.params[j], row + j * byte_rows, at + j) && finite;
      }
      return finite;
    }
    floats const zero(0.0f);
    floats const infinity(__builtin_inff());
    auto const largest = simd::as_floats<A>(bits);
    auto const inverse = simd::divide<A>(floats(255.0f), largest);
    auto const factor = simd::divide<A>(largest, floats(255.0f / lattice<typename page_layout::format>.step));
    alignas(64) float inverses[16];
    native::where_less(inverse, infinity, inverse, zero).store_unaligned(inverses);
    native::where_less(inverse, infinity, factor, zero).store_unaligned(factors_ + at);
    for (index j = 0; j < n; ++j) {
      ints codes[4];
      detail::unroll<4>([&](int r) __attribute__((always_inline)) {
        auto const scaled = simd::load_floats<A>(s.scaled + j * page_tokens + r * L);
        auto const rounded = simd::fused<A>(scaled, floats(inverses[j]), floats(magic));
        codes[r] = simd::bit_and<A>(simd::as_ints<A>(rounded), 0xffu);
      });
      auto const bytes = native::pack_bytes(codes[0], codes[1], codes[2], codes[3]);
      bytes.store_unaligned(reinterpret_cast<std::int32_t*>(bytes_ + (row + j * byte_rows) * page_tokens));
      if constexpr (c0 != 0) {
        ints by(0x01010101);
        if constexpr (page_layout::zero_points) {
          by = simd::load_ints<A>(s.params[j] + page_layout::scale_bytes);
          if constexpr (weights::offset != 0) { by = simd::bit_xor<A>(by, 0x80808080u); }
        }
        ints(weights::dot::add(ints(0), bytes, by)).store_unaligned(s.lanes + j * L);
      }
    }
    ints start(0);
    if constexpr (c0 != 0) { start = ints(0) - simd::multiply<A>(fold_ints(simd::sum_of()), ints(c0)); }
    start.store_unaligned(start_ + at);
    return true;
  }

  /// Bytes of row `row`, start and factor at `at`, of 64 weights by the parameters of one group of channels.
  [[nodiscard, gnu::always_inline]] bool settle_group(page_weights const& from, std::byte const* params, index row,
                                                      index at) noexcept {
    simd::floats<A> const zero(0.0f);
    simd::floats<A> scaled[static_cast<std::size_t>(registers_of_page)];
    simd::ints<A> bits(0);
    simd::lanes_of_16<A> added(0.0f);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const w = from.load(r);
      auto const s = simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + r * L);
      // Parameters of keys that nobody sees may be anything.
      scaled[r] = simd::native_of<A>::where_less(zero, w, simd::opaque<A>(w * s), zero);
      bits = simd::maximum<A>(bits, simd::bit_and<A>(simd::as_ints<A>(scaled[r]), 0x7fffffffu));
      if constexpr (page_layout::minima) {
        auto const* const minima = reinterpret_cast<scale_type const*>(params + page_layout::scale_bytes);
        auto const m = simd::native_of<A>::where_less(zero, w, simd::load_as_floats<A>(minima + r * L), zero);
        added.of(r) = simd::fused<A>(w, m, added.of(r));
      }
    });
    std::int32_t const most = simd::largest<A>(bits);
    float const largest = __builtin_bit_cast(float, most);
    bool const finite = most < 0x7f800000;
    float const inverse = 255.0f / largest;
    bool const none = !finite || !detail::is_finite(inverse);
    factors_[at] = none ? 0.0f : largest / (255.0f / lattice<typename page_layout::format>.step);
    if constexpr (page_layout::minima) { minima_[at] = added.reduce(simd::sum_of()); }
    operand* const to = bytes_ + row * page_tokens;
    if (none) {
      for (index j = 0; j < page_tokens; ++j) { to[j] = static_cast<operand>(unsigned_bytes ? 0 : -128); }
      start_[at] = 0;
      return finite;
    }
    simd::ints<A> counted(0);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const rounded = simd::fused<A>(scaled[r], simd::floats<A>(inverse), simd::floats<A>(magic));
      auto const code = simd::as_ints<A>(rounded) - simd::ints<A>(__builtin_bit_cast(std::int32_t, magic));
      simd::store_narrow<A>(to + r * L, unsigned_bytes ? code : code - simd::ints<A>(128));  // AVX-512 truncates
      if constexpr (page_layout::zero_points) {
        auto const z =
            simd::load_bytes<A>(params + page_layout::scale_bytes + r * L) - simd::ints<A>(weights::offset);
        if constexpr (unsigned_bytes) {  // one instruction, and codes are below 256
          counted = simd::ints<A>(weights::dot::add(counted, code, z));
        } else {
          counted = counted + simd::multiply<A>(code, z);
        }
      } else {
        counted = counted + code;
      }
    });
    start_[at] = c0 == 0 ? 0 : -c0 * simd::sum<A>(counted);
    order_quads<A>(to, page_tokens);
    return finite;
  }

 protected:
  cache_values<V> v_;
  index head_ = 0;
  index page_ = 0;  ///< the first of the leaf

 private:
  index pages_ = 0;
  index next_head_ = -1;
  index next_page_ = 0;
  index next_pages_ = 0;
  index groups_ = 0;
  index ahead_ = 1;
  index key_share_ = 0;
  index value_share_ = 0;
  std::byte const* at_[static_cast<std::size_t>(leaf_pages)] = {};         ///< pages of the leaf
  std::byte const* next_keys_[static_cast<std::size_t>(leaf_pages)] = {};  ///< of the next one
  std::byte const* next_values_ = nullptr;
  pages_ahead next_ = {};
  operand* bytes_ = nullptr;
  std::int32_t* start_ = nullptr;
  float* factors_ = nullptr;
  float* minima_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
