// SPDX-License-Identifier: MIT
// A kv_cache as bytes: cache_bytes saves its tokens, load_cache brings them back, with the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "octavo/io/cursor.hpp"
#include "octavo/io/scheme_text.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {

/// The first 64 bytes; then the schemes of keys and values as text; then their codebooks, if there are any, of each the
/// centres and the values; then pages of 64 tokens; then keys whose groups are open, and first tokens that are in
/// float, as floats:
///
///     header | text of K | text of V | codebook of K | codebook of V
///     | page 0: keys of head 0, values of head 0, keys of head 1 ... | page 1 ...
///     | open keys of head 0, token by token | of head 1 ... | first keys of head 0 ... | first values of head 0 ...
struct cache_header {
  std::array<char, 8> magic;
  std::uint32_t byte_order;
  std::uint32_t layout;
  std::int64_t head_dim;
  std::int64_t value_head_dim;
  std::int64_t kv_heads;
  std::int64_t tokens;
  std::uint64_t bytes;
  std::uint32_t key_text;
  std::uint32_t value_text;
};
static_assert(sizeof(cache_header) == 64);
inline constexpr std::array<char, 8> cache_magic = {'o', 'c', 't', 'k', 'v', '\n', '\r', 1};
inline constexpr std::uint32_t cache_byte_order = 0x01020304;

template <class S>
[[nodiscard]] std::string cache_text() {
  if constexpr (element<S>) {
    return scale_text<S>;
  } else if constexpr (octavo::detail::first_of<S> > 0) {
    return cache_text<typename S::coded>() + ", first_in_float<" + std::to_string(S::first) + ">";
  } else if constexpr (octavo::detail::has_outliers<S>) {
    return cache_text<typename S::dense>() + ", with_outliers<" + std::to_string(S::outliers) + ">";
  } else if constexpr (octavo::detail::needs_codebook<S>) {
    using even = scheme<octavo::detail::stored_law<typename S::quantizer>, typename S::granularity>;
    std::string const text = cache_text<even>();
    return "codebook<" + std::to_string(S::format::bits) + ">" + text.substr(text.find(" x "));
  } else if constexpr (octavo::detail::is_per_channel_group<typename S::granularity>) {
    using G = typename S::granularity;
    std::string const row = ", per_row";
    std::string const text = scheme_text<scheme<typename S::quantizer, per_row>>();
    return text.substr(0, text.size() - row.size()) + ", per_channel_group<" + std::to_string(G::size) + ", " +
           std::to_string(G::residual) + ">";
  } else {
    return scheme_text<typename key_layout<S>::stored>();  // a token is a row
  }
}

/// Bytes of the codebook of a side: centres, then values.
template <class S>
inline constexpr std::size_t book_bytes = [] {
  if constexpr (octavo::detail::needs_codebook<S>) { return sizeof(typename S::quantizer::book); }
  return std::size_t{0};
}();
/// Of both sides; what they are in a file.
template <class K, class V>
inline constexpr std::size_t books_bytes = book_bytes<K> + book_bytes<V>;
template <class K, class V>
void write_books(cache_codebooks<K, V> const& books, std::byte* to) noexcept {
  std::memcpy(to, &books.keys, book_bytes<K>);
  std::memcpy(to + book_bytes<K>, &books.values, book_bytes<V>);
}
[[nodiscard]] inline bool read_book(std::span<std::byte const>, no_codebook&) noexcept { return true; }
/// Whether it may be one.
template <class Book>
[[nodiscard]] bool read_book(std::span<std::byte const> from, Book& to) noexcept {
  static_assert(std::is_trivially_copyable_v<Book>);
  std::memcpy(&to, from.data(), sizeof to);
  return to.is_valid();
}
/// Of keys and values of a head.
template <class Cache>
[[nodiscard]] index page_bytes(Cache const& cache) {
  return cache.keys().layout().bytes() + cache.values().layout().bytes();
}
/// Of pages, of open keys and of first tokens, of so many tokens.
template <class Cache>
[[nodiscard]] index token_bytes(Cache const& cache, index tokens) {
  using keys = decltype(cache.keys());
  using values = decltype(cache.values());
  index const key_floats = (tokens % keys::residual + smaller(tokens, keys::first)) * cache.shape().head_dim;
  index const value_floats = smaller(tokens, values::first) * cache.shape().value_head_dim;
  index const floats = (key_floats + value_floats) * static_cast<index>(sizeof(float));
  return (ceil_div(tokens, page_tokens) * page_bytes(cache) + floats) * cache.shape().kv_heads;
}

}  // namespace detail

/// The tokens of a cache. The bytes are the same however the tokens came into it, and on every machine.
template <class K, class V, class Memory>
[[nodiscard]] std::vector<std::byte> cache_bytes(kv_cache<K, V, Memory> const& cache) {
  auto const& shape = cache.shape();
  auto const keys = cache.keys();
  auto const values = cache.values();
  index const pages = ceil_div(cache.tokens(), page_tokens);
  std::string const texts = detail::cache_text<K>() + detail::cache_text<V>();
  detail::cache_header header{detail::cache_magic,
                              detail::cache_byte_order,
                              panel_layout_version,
                              shape.head_dim,
                              shape.value_head_dim,
                              shape.kv_heads,
                              cache.tokens(),
                              0,
                              static_cast<std::uint32_t>(detail::cache_text<K>().size()),
                              static_cast<std::uint32_t>(detail::cache_text<V>().size())};
  constexpr std::size_t books = detail::books_bytes<K, V>;
  header.bytes =
      sizeof header + texts.size() + books + static_cast<std::uint64_t>(detail::token_bytes(cache, cache.tokens()));
  std::vector<std::byte> result(static_cast<std::size_t>(header.bytes));
  std::byte* to = result.data();
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + sizeof header, texts.data(), texts.size());
  to += sizeof header + texts.size();
  if constexpr (books != 0) {
    detail::write_books(cache.codebooks(), to);
    to += books;
  }
  auto const put = [&](auto const& side, index h, index p) {
    if (side.layout().bytes() == 0) { return; }
    std::memcpy(to, side.page(h, p), static_cast<std::size_t>(side.layout().bytes()));
    for (index slot = larger(side.closed() - p * page_tokens, 0); slot < page_tokens; ++slot) {
      side.layout().clear(to, slot);  // tokens that were truncated, or are open
    }
    to += side.layout().bytes();
  };
  for (index p = 0; p < pages; ++p) {
    for (index h = 0; h < shape.kv_heads; ++h) {
      put(keys, h, p);
      put(values, h, p);
    }
  }
  auto const put_floats = [&](auto const& token_of, index head_dim, index from, index end) {
    for (index h = 0; h < shape.kv_heads && head_dim > 0; ++h) {
      for (index t = from; t < end; ++t) {
        auto const n = static_cast<std::size_t>(head_dim) * sizeof(float);
        std::memcpy(to, token_of(h, t), n);
        to += n;
      }
    }
  };
  if constexpr (decltype(keys)::residual > 1) {
    put_floats([&](index h, index t) { return keys.open(h, t); }, shape.head_dim, keys.closed(), cache.tokens());
  }
  put_floats([&](index h, index t) { return keys.first_token(h, t); }, shape.head_dim, 0, keys.firsts());
  put_floats([&](index h, index t) { return values.first_token(h, t); }, shape.value_head_dim, 0, values.firsts());
  return result;
}

/// Replaces the tokens of a cache by those of cache_bytes(). False, the cache as it was, and why in `error`, if these
/// are no such bytes, or are of another version, other schemes or another shape, or more than its capacity. Codebooks
/// come with the tokens, finite and ascending. Codes and scales are not looked at: attention takes any.
template <class K, class V, class Memory>
[[nodiscard]] bool load_cache(std::span<std::byte const> bytes, kv_cache<K, V, Memory>& cache, std::string& error) {
  auto const& shape = cache.shape();
  detail::cache_header header{};
  cursor at(bytes);
  std::string_view key_text;
  std::string_view value_text;
  auto const differ = [&error](char const* what, std::int64_t there, index here) {
    error = std::string("the file has ") + what + " " + std::to_string(there) + ", the cache " + std::to_string(here);
  };
  auto const stores = [&error](char const* what, std::string_view there, std::string const& here) {
    error = std::string("the file has ") + what + " as '" + shown(there) + "', the cache stores '" + here + "'";
  };
  if (!at.read(header) || header.magic != detail::cache_magic) {
    error = "this is no file of a cache, or one of a newer version";
  } else if (header.byte_order != detail::cache_byte_order) {
    error = "the file has another byte order";
  } else if (header.layout != static_cast<std::uint32_t>(panel_layout_version)) {
    error = "the file has layout panel64_v" + std::to_string(header.layout) + ", this version reads panel64_v" +
            std::to_string(panel_layout_version);
  } else if (header.bytes != bytes.size()) {
    error = "the file says that it has " + std::to_string(header.bytes) + " bytes, but has " +
            std::to_string(bytes.size()) + "; it is truncated, or was changed";
  } else if (!at.text(header.key_text, key_text) || !at.text(header.value_text, value_text)) {
    error = "the file ends in the names of its schemes";
  } else if (key_text != detail::cache_text<K>()) {
    stores("keys", key_text, detail::cache_text<K>());
  } else if (value_text != detail::cache_text<V>()) {
    stores("values", value_text, detail::cache_text<V>());
  } else if (header.head_dim != shape.head_dim) {
    differ("head_dim", header.head_dim, shape.head_dim);
  } else if (header.value_head_dim != shape.value_head_dim) {
    differ("value_head_dim", header.value_head_dim, shape.value_head_dim);
  } else if (header.kv_heads != shape.kv_heads) {
    differ("kv_heads", header.kv_heads, shape.kv_heads);
  } else if (header.tokens < 0 || header.tokens > shape.capacity) {
    error = "the file has " + std::to_string(header.tokens) + " tokens, but the capacity of the cache is " +
            std::to_string(shape.capacity);
  } else {
    // Tokens are at most the capacity, so that the product holds.
    index const tokens = static_cast<index>(header.tokens);
    std::span<std::byte const> key_book;
    std::span<std::byte const> value_book;
    if (!at.take(detail::book_bytes<K>, key_book) || !at.take(detail::book_bytes<V>, value_book)) {
      error = "the file ends in its codebooks";
      return false;
    }
    auto const needed = static_cast<std::uint64_t>(detail::token_bytes(cache, tokens));
    if (at.left() != needed) {
      error = "the file has " + std::to_string(at.left()) + " bytes of tokens, but " + std::to_string(tokens) +
              " tokens need " + std::to_string(needed);
      return false;
    }
    if constexpr (detail::books_bytes<K, V> != 0) {
      auto books = cache.codebooks();
      if (!detail::read_book(key_book, books.keys)) {
        error = "the codebook of keys is not finite, or does not ascend";
        return false;
      }
      if (!detail::read_book(value_book, books.values)) {
        error = "the codebook of values is not finite, or does not ascend";
        return false;
      }
      cache.truncate(0);
      cache.use_codebooks(books);
    }
    std::span<std::byte const> from;
    auto const take = [&](void* to, index n) {
      if (n != 0 && at.take(static_cast<std::uint64_t>(n), from)) { std::memcpy(to, from.data(), from.size()); }
    };
    cache.assign(tokens, [&](index, index, std::byte* key_page, std::byte* value_page) {
      take(key_page, cache.keys().layout().bytes());
      take(value_page, cache.values().layout().bytes());
    });
    auto const take_floats = [&](auto const& token_of, index head_dim, index first, index end) {
      for (index h = 0; h < shape.kv_heads; ++h) {
        for (index t = first; t < end; ++t) { take(token_of(h, t), head_dim * static_cast<index>(sizeof(float))); }
      }
    };
    if constexpr (cache_keys<K>::residual > 1) {
      take_floats([&](index h, index t) { return cache.open_key(h, t); }, shape.head_dim, cache.keys().closed(),
                  tokens);
    }
    if constexpr (cache_keys<K>::first > 0) {
      take_floats([&](index h, index t) { return cache.first_key(h, t); }, shape.head_dim, 0, cache.keys().firsts());
    }
    if constexpr (cache_values<V>::first > 0) {
      take_floats([&](index h, index t) { return cache.first_value(h, t); }, shape.value_head_dim, 0,
                  cache.values().firsts());
    }
    return true;
  }
  return false;
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
