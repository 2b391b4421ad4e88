// SPDX-License-Identifier: MIT
// cache_batch: the caches of several sequences as the keys and values of one call of attention.
#pragma once

#include <type_traits>

#include "octavo/core/error.hpp"
#include "octavo/core/index.hpp"
#include "octavo/ops/attention_run.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace detail {

/// The keys or the values of the caches of a batch, as attention takes them.
template <class Cache, bool Values>
class batch_side {
 public:
  /// Those of one cache.
  using side =
      std::conditional_t<Values, cache_values<typename Cache::value_scheme>, cache_keys<typename Cache::key_scheme>>;

  [[gnu::always_inline]] batch_side(Cache const* const* caches, index count) noexcept
      : caches_(caches), count_(count) {}

  [[nodiscard, gnu::always_inline]] index caches() const noexcept { return count_; }
  [[nodiscard, gnu::always_inline]] side at(index s) const noexcept {
    if constexpr (Values) {
      return caches_[s]->values();
    } else {
      return caches_[s]->keys();
    }
  }
  [[nodiscard, gnu::always_inline]] index tokens(index s) const noexcept { return caches_[s]->tokens(); }
  /// Of the longest.
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept {
    index most = 0;
    for (index s = 0; s < count_; ++s) { most = larger(most, tokens(s)); }
    return most;
  }
  /// Of all of them; 0 where there are none.
  [[nodiscard, gnu::always_inline]] index head_dim() const noexcept { return count_ == 0 ? 0 : at(0).head_dim(); }
  [[nodiscard, gnu::always_inline]] index heads() const noexcept { return count_ == 0 ? 0 : at(0).heads(); }
  [[nodiscard, gnu::always_inline]] batch_side const& read() const noexcept { return *this; }

 private:
  Cache const* const* caches_;
  index count_;
};

template <class T>
inline constexpr bool is_batch_side = false;
template <class Cache, bool Values>
inline constexpr bool is_batch_side<batch_side<Cache, Values>> = true;

/// A batch of no caches, whose shape nobody knows.
template <class Operand>
[[nodiscard, gnu::always_inline]] inline bool is_empty_batch(Operand const& operand) noexcept {
  if constexpr (is_batch_side<Operand>) {
    return operand.caches() == 0;
  } else {
    return false;
  }
}

/// Sequences of a call are those of the caches, with one query each where ragged does not tell.
template <class Side>
[[gnu::always_inline]] inline void use_caches(Side const& k, bool told, ops::attention_sequences& sequences) {
  if (told && sequences.count != k.caches()) {
    fail_extents("attention", "ragged has sequences", sequences.count, "the caches are", k.caches(),
                 "They must be equal.");
  }
  if (told && sequences.key_offsets != nullptr) {
    fail("attention: ragged has offsets of keys, but caches know how many they hold. Leave `keys` out.");
  }
  if (!told && sequences.queries != k.caches()) {
    fail_extents("attention", "Q has queries", sequences.queries, "the caches are", k.caches(),
                 "Without ragged each cache has one.");
  }
  sequences.count = k.caches();
  if (!told) { sequences.queries = 1; }
}

}  // namespace detail

/// Caches of one type and shape, each of a sequence of its own, in the order of the queries. Their lengths differ, and
/// may be 0. Nothing is copied: pointers and caches stay where they are while the batch is used, and tokens may be
/// appended.
///
///     kv_cache<k4, v4> const* const caches[] = {&a, &b, &c};
///     cache_batch const batch(caches, 3);
///     attention<q8, p8>(q, batch.keys(), batch.values(), out, {.query_heads = 32});  // a token of each
///     attention<q8, p8>(q, batch.keys(), batch.values(), out, causal{}, {.query_heads = 32},
///                       ragged{.queries = offsets, .sequences = 3});                  // or as many as offsets tell
///
/// - Bits are those of a call for each cache with its queries, for any executor: all of the work is dealt to its
///   threads.
/// - Without caches there are no queries, and attention does nothing. A cache without tokens gives 0.
/// - Errors: a null pointer; head_dim, value_head_dim or kv_heads that differ.
template <class Cache>
class cache_batch {
 public:
  [[gnu::always_inline]] cache_batch(Cache const* const* caches, index count) : caches_(caches), count_(count) {
    if (count < 0) { detail::fail("cache_batch: there are less than 0 caches."); }
    if (count > 0 && caches == nullptr) {
      detail::fail("cache_batch: the array of caches is null. Pass a pointer to each.");
    }
    for (index s = 0; s < count; ++s) {
      if (caches[s] == nullptr) {
        detail::fail_extents("cache_batch", "null is the pointer to cache", s, "the caches are", count,
                             "They are counted from 0: pass a pointer to each.");
      }
      check("a cache has head_dim", caches[s]->shape().head_dim, caches[0]->shape().head_dim);
      check("a cache has value_head_dim", caches[s]->shape().value_head_dim, caches[0]->shape().value_head_dim);
      check("a cache has kv_heads", caches[s]->shape().kv_heads, caches[0]->shape().kv_heads);
    }
  }

  [[nodiscard, gnu::always_inline]] index caches() const noexcept { return count_; }
  [[nodiscard, gnu::always_inline]] detail::batch_side<Cache, false> keys() const noexcept {
    return {caches_, count_};
  }
  [[nodiscard, gnu::always_inline]] detail::batch_side<Cache, true> values() const noexcept {
    return {caches_, count_};
  }

 private:
  [[gnu::always_inline]] static void check(char const* what, index a, index first) {
    if (a != first) { detail::fail_extents("cache_batch", what, a, "the first has", first, "They must be equal."); }
  }

  Cache const* const* caches_;
  index count_;
};

/// An operand of attention that knows its heads.
template <class Cache, bool Values>
[[nodiscard, gnu::always_inline]] inline detail::batch_side<Cache, Values> as_heads(
    detail::batch_side<Cache, Values> const& side, index) noexcept {
  return side;
}

namespace ops {

/// Base reads the keys of one cache; this those of sequence after sequence.
template <class Base, class Side>
class batch_keys : public Base {
 public:
  template <class Q>
  batch_keys(Q const& q, Side const& k, float factor) noexcept : Base(q, k.at(0), factor), batch_(k) {}

  void choose(index sequence) noexcept { Base::read(batch_.at(sequence)); }
  [[nodiscard]] index length(index sequence) const noexcept { return batch_.tokens(sequence); }

 private:
  Side batch_;
};
/// The same of values.
template <class Base, class Side>
class batch_values : public Base {
 public:
  explicit batch_values(Side const& v) noexcept : Base(v.at(0)), batch_(v) {}

  void choose(index sequence) noexcept { Base::read(batch_.at(sequence)); }

 private:
  Side batch_;
};

/// What reads an operand: Base, or one sequence of a batch after the other by Base.
template <class Base, class Operand>
struct reader_of {
  using type = Base;
};
template <class Base, class Cache>
struct reader_of<Base, detail::batch_side<Cache, false>> {
  using type = batch_keys<Base, detail::batch_side<Cache, false>>;
};
template <class Base, class Cache>
struct reader_of<Base, detail::batch_side<Cache, true>> {
  using type = batch_values<Base, detail::batch_side<Cache, true>>;
};

}  // namespace ops
}  // namespace v0
}  // namespace octavo
