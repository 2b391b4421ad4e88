// SPDX-License-Identifier: MIT
// cache_codebooks<K, V>: the tables of a cache whose codes mean what is known only when the program runs.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "octavo/core/buffer.hpp"
#include "octavo/core/error.hpp"
#include "octavo/core/scalar.hpp"
#include "octavo/quant/scheme.hpp"

namespace octavo {
inline namespace v0 {

/// Of a side of a cache that needs no table.
struct no_codebook {};

namespace detail {

/// What codes of Q mean, and which code a number gets.
template <class Q>
struct book_of {
  [[nodiscard, gnu::always_inline]] static code encode(float x, typename Q::params const& p) noexcept {
    return Q::encode(x, p);
  }
  [[nodiscard, gnu::always_inline]] static float decode(code c) noexcept { return Q::format::decode(c); }
};
template <has_book Q>
struct book_of<Q> {
  using book = typename Q::book;
  book const* table = nullptr;  ///< of the cache

  [[nodiscard, gnu::always_inline]] code encode(float x, typename Q::params const& p) const noexcept {
    return Q::encode(x, p, *table);
  }
  [[nodiscard, gnu::always_inline]] float decode(code c) const noexcept { return table->values.values[c]; }
};

/// The quantizer that says where codes and parameters lie, the same whatever they mean.
template <class Q>
struct law_in_pages {
  using type = Q;
};
template <has_book Q>
struct law_in_pages<Q> {
  using type = typename Q::even;
};
template <class Q>
using stored_law = typename law_in_pages<Q>::type;

/// What a side of a cache by S has beside its tokens.
template <class S>
struct codebook_of {
  using type = no_codebook;
};
template <class S>
  requires requires { requires has_book<typename S::quantizer>; }
struct codebook_of<S> {
  using type = typename S::quantizer::book;
};
template <class S>
inline constexpr bool needs_codebook = !std::is_same_v<typename codebook_of<S>::type, no_codebook>;

}  // namespace detail

/// The tables of a cache: a range_codebook<B> for each side that is scheme<affine_codebook<codebook<B>, ...>, ...>.
///
///     kv_cache<nuq2, nuq4> cache(shape, {.keys = key_book, .values = value_book});
template <class K, class V>
struct cache_codebooks {
  typename detail::codebook_of<K>::type keys = {};
  typename detail::codebook_of<V>::type values = {};
};

namespace detail {

/// Those of a cache that needs none.
template <class K, class V>
[[nodiscard, gnu::always_inline]] inline cache_codebooks<K, V> no_codebooks() noexcept {
  static_assert(!needs_codebook<K> && !needs_codebook<V>,
                "Octavo: this cache has codebooks that are known when the program runs: kv_cache<K, V> cache(shape, "
                "{.keys = book, .values = book}), each side whose quantizer is affine_codebook<codebook<B>>.");
  return {};
}

[[gnu::always_inline]] inline void check_book(char const*, no_codebook const&) noexcept {}
template <class Book>
[[gnu::always_inline]] inline void check_book(char const* what, Book const& book) {
  if (!book.is_valid()) { fail(what); }
}

/// Tables in memory of the cache, which stay where they are when it moves.
template <class K, class V>
class codebook_memory {
 public:
  [[gnu::always_inline]] explicit codebook_memory(cache_codebooks<K, V> const&) noexcept {}
  [[gnu::always_inline]] void set(cache_codebooks<K, V> const&) noexcept {}
  [[nodiscard, gnu::always_inline]] cache_codebooks<K, V> get() const noexcept { return {}; }
  template <class Layout>
  [[gnu::always_inline]] void lend_keys(Layout&) const noexcept {}
  template <class Layout>
  [[gnu::always_inline]] void lend_values(Layout&) const noexcept {}
};
template <class K, class V>
  requires(needs_codebook<K> || needs_codebook<V>)
class codebook_memory<K, V> {
  using all = cache_codebooks<K, V>;
  static_assert(std::is_trivially_copyable_v<all>);

 public:
  [[gnu::always_inline]] explicit codebook_memory(all const& books) { set(books); }
  [[gnu::always_inline]] codebook_memory(codebook_memory const&) = default;
  [[gnu::always_inline]] codebook_memory(codebook_memory&&) noexcept = default;
  [[gnu::always_inline]] codebook_memory& operator=(codebook_memory const&) = default;
  [[gnu::always_inline]] codebook_memory& operator=(codebook_memory&&) noexcept = default;
  [[gnu::always_inline]] ~codebook_memory() = default;

  [[gnu::always_inline]] void set(all const& books) {
    check_book("kv_cache: the codebook of keys must be finite numbers that ascend.", books.keys);
    check_book("kv_cache: the codebook of values must be finite numbers that ascend.", books.values);
    if (bytes_.size() == 0) { bytes_ = aligned_buffer(static_cast<index>(sizeof books)); }  // it was moved from
    std::memcpy(bytes_.data(), &books, sizeof books);
  }
  [[nodiscard, gnu::always_inline]] all get() const noexcept { return *here(); }
  template <class Layout>
  [[gnu::always_inline]] void lend_keys(Layout& layout) const noexcept {
    if constexpr (needs_codebook<K>) { layout.book.table = &here()->keys; }
  }
  template <class Layout>
  [[gnu::always_inline]] void lend_values(Layout& layout) const noexcept {
    if constexpr (needs_codebook<V>) { layout.book.table = &here()->values; }
  }

 private:
  [[nodiscard, gnu::always_inline]] all const* here() const noexcept {
    return reinterpret_cast<all const*>(bytes_.data());
  }

  aligned_buffer bytes_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
