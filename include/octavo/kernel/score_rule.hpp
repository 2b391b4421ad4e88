// SPDX-License-Identifier: MIT
// What happens to a score between Q K and the softmax, and which keys a query sees: one order for every attention.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/scalar.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/exp2.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Keys [0, first) and [begin, end), in order and apart; nothing lies in [0, first) unless first < begin.
struct visible_keys {
  index first;
  index begin;
  index end;

  [[nodiscard, gnu::always_inline]] constexpr bool none() const noexcept { return begin >= end; }
  /// The same within keys [from, from + n), counted from there.
  [[nodiscard, gnu::always_inline]] constexpr visible_keys within(index from, index n) const noexcept {
    auto const clipped = [&](index j) __attribute__((always_inline)) { return smaller(larger(j - from, 0), n); };
    visible_keys const v{clipped(first), clipped(begin), clipped(end)};
    if (v.none()) { return {0, 0, v.first}; }
    return v;
  }
  /// The smallest interval with all of them.
  [[nodiscard, gnu::always_inline]] constexpr index low() const noexcept { return first > 0 ? 0 : begin; }
};

/// Elements that are read as floats, whatever they are.
class element_pointer {
 public:
  [[gnu::always_inline]] constexpr element_pointer() = default;
  [[gnu::always_inline]] element_pointer(float const* p) noexcept : p_(p), kind_(kind::f32) {}
  [[gnu::always_inline]] element_pointer(bf16 const* p) noexcept : p_(p), kind_(kind::b16) {}
  [[gnu::always_inline]] element_pointer(f16 const* p) noexcept : p_(p), kind_(kind::h16) {}

  [[nodiscard, gnu::always_inline]] explicit operator bool() const noexcept { return p_ != nullptr; }
  /// lanes<A> elements from i; those from `end` on are 0 and not read.
  template <class A>
  [[nodiscard]] simd::floats<A> load(index i, index end) const noexcept {
    if (kind_ == kind::f32) { return load<A>(static_cast<float const*>(p_), i, end); }
    if (kind_ == kind::b16) { return load<A>(static_cast<bf16 const*>(p_), i, end); }
    return load<A>(static_cast<f16 const*>(p_), i, end);
  }

 private:
  enum class kind : unsigned char { f32, b16, h16 };
  template <class A, class T>
  [[nodiscard, gnu::always_inline]] static simd::floats<A> load(T const* p, index i, index end) noexcept {
    if (i + simd::lanes<A> <= end) { return simd::load_as_floats<A>(p + i); }
    return simd::load_first<A>(p + i, larger(end - i, 0));
  }
  void const* p_ = nullptr;
  kind kind_ = kind::f32;
};

/// A mask of blocks of `queries` x `keys`: data[key / keys + query / queries * query_stride + head * head_stride] is
/// true where a query sees a key.
struct block_rule {
  bool const* data = nullptr;
  index queries = 1, keys = 1;
  index query_stride = 0, head_stride = 0;

  /// What a query sees of all blocks of keys.
  [[nodiscard, gnu::always_inline]] bool const* row(index head, index query) const noexcept {
    return data + head * head_stride + query / queries * query_stride;
  }
};

/// Natural units in, units of log2 out: s = cap tanh(s / cap), s -= slope |distance|, s += bias; in this order, then
/// -infinity where masked. Q arrives multiplied by `factor`, so that nothing is left to do for a plain score.
struct score_rule {
  static constexpr float log2e = 0x1.715476p+0f;

  index keys = 0;
  index offset = 0;  ///< query i stands at offset + i, key 0 of its sequence at 0
  bool causal = false;
  index left = -1;  ///< keys before a query that it sees, -1: all; behind it; at the beginning in any case
  index right = -1;
  index first = 0;
  float scale = 0;
  float cap = 0;                  ///< 0: none
  float const* slopes = nullptr;  ///< [query head]
  element_pointer bias;           ///< [query head][query][key], by strides
  index bias_head = 0, bias_query = 0;
  bool const* mask = nullptr;  ///< the same: true where a query sees a key
  index mask_head = 0, mask_query = 0;
  block_rule blocks{};
  float const* sinks = nullptr;  ///< [query head]

  /// What Q is multiplied by.
  [[nodiscard, gnu::always_inline]] float factor() const noexcept { return cap > 0 ? scale / cap : scale * log2e; }
  /// Whether a score is ready as it comes.
  [[nodiscard, gnu::always_inline]] bool plain() const noexcept { return cap == 0 && slopes == nullptr && !bias; }
  /// Keys that causality and windows leave to a query.
  [[nodiscard, gnu::always_inline]] visible_keys visible(index query) const noexcept {
    index const here = offset + query;
    index end = causal ? smaller(keys, here + 1) : keys;
    index const always = smaller(first, larger(end, 0));
    if (right >= 0) { end = smaller(end, here + right + 1); }
    index const begin = left >= 0 ? larger(here - left, 0) : 0;
    if (begin <= always) { return {0, 0, larger(end, always)}; }
    if (begin >= end) { return {0, 0, always}; }
    return {always, begin, end};
  }

  /// Scores of keys key ... key + lanes - 1 for one query of one head, in units of log2.
  template <class A>
  [[nodiscard, gnu::always_inline]] simd::floats<A> apply(simd::floats<A> s, index head, index query,
                                                          index key) const noexcept {
    using simd::fused;
    if (cap > 0) { s = simd::opaque<A>(simd::tanh<A>(s) * simd::floats<A>(detail::opaque(cap * log2e))); }
    if (slopes != nullptr) {
      auto const distance = simd::ints<A>(static_cast<std::int32_t>(key - offset - query)) + simd::lane_numbers<A>();
      auto const size = simd::bit_and<A>(simd::as_ints<A>(simd::to_floats<A>(distance)), 0x7fffffffu);
      s = fused<A>(simd::floats<A>(detail::opaque(slopes[head] * -log2e)), simd::as_floats<A>(size), s);
    }
    if (bias) {
      index const row = head * bias_head + query * bias_query;
      s = fused<A>(bias.load<A>(row + key, row + keys), simd::floats<A>(log2e), s);
    }
    return s;
  }
  /// These scores, -infinity where `mask` hides. Pre: there is one.
  template <class A>
  [[nodiscard, gnu::always_inline]] simd::floats<A> masked(simd::floats<A> s, index head, index query,
                                                           index key) const noexcept {
    return simd::native_of<A>::where_less(simd::floats<A>(0.0f), seen<A>(head, query, key), s,
                                          simd::floats<A>(-__builtin_inff()));
  }

 private:
  /// 1 where the mask is true.
  template <class A>
  [[nodiscard]] simd::floats<A> seen(index head, index query, index key) const noexcept {
    bool const* const row = mask + head * mask_head + query * mask_query + key;
    if (key + simd::lanes<A> <= keys) { return simd::to_floats<A>(simd::load_bytes<A>(row)); }
    float values[static_cast<std::size_t>(simd::lanes<A>)];
    for (index i = 0; i < simd::lanes<A>; ++i) { values[i] = key + i < keys && row[i] ? 1.0f : 0.0f; }
    return simd::load_floats<A>(values);
  }
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
