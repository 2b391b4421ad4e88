// SPDX-License-Identifier: MIT
// kv_cache<K, V>: keys and values of one sequence, token by token, as attention reads them; forks share memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/heads_view.hpp"
#include "octavo/storage/cache_blocks.hpp"
#include "octavo/storage/cache_codebooks.hpp"
#include "octavo/storage/cache_side.hpp"

namespace octavo {
inline namespace v0 {

/// Extents of a cache. `capacity` is an upper bound of tokens; memory comes with them, block by block.
struct cache_shape {
  index head_dim = 0;
  index kv_heads = 1;
  index capacity = 0;
  index value_head_dim = -1;  ///< -1: head_dim
  /// Tokens that memory comes for at once, and that a fork copies when it changes one: a multiple of 64. Of a block,
  /// all tokens of a head stand together: longer blocks are longer runs of memory for attention, shorter ones waste
  /// less.
  index block = 512;
};

/// Keys stored by K, values by V: schemes with a granularity of a cache, or float, bf16, f16 as they are.
///
///     using k8 = scheme<symmetric<int8, scale_as<f16>>, per_token>;
///     kv_cache<k8, k8> cache({.head_dim = 128, .kv_heads = 8, .capacity = 32768});
///     cache.append(new_keys, new_values);
///     attention<q8, p8>(q, cache.keys(), cache.values(), out, causal{}, {.query_heads = 32});
///
/// - A block is [head][pages of keys, pages of values], a page has 64 tokens. Blocks come from `Memory`:
///   heap_blocks, or a pointer to anything with allocate(bytes, alignment) and deallocate(p, bytes, alignment), such as
///   a std::pmr::memory_resource, which outlives the cache and its forks, and is safe for their threads.
/// - Each token is quantized alone, once, when it is appended; nothing is quantized again. So the bytes of a token do
///   not depend on how many were appended together, nor on what was truncated or forked before.
/// - Keys by per_channel_group<G, R> are quantized R tokens at a time, when the last of them comes; until then they are
///   f32, for attention too, in memory of the cache itself: kv_heads * R * head_dim floats, which a fork copies. Their
///   bytes do not depend on how many were appended together either. truncate(n) into R tokens that were closed opens
///   them again: those that stay count as the floats they were decoded to (nothing that attention sees changes), and
///   are quantized again, from these, with the ones that come. NaN or infinity in a key makes that channel NaN in all
///   keys of its group.
/// - with_outliers<K, N> keeps N channels of each token and head apart, whose codes then do not set its scales.
/// - Keys or values by affine_codebook<codebook<B>> have a codebook known when the program runs
///   (calibration/cache_codebook.hpp finds one for a layer), which the cache copies: kv_cache<K, V> cache(shape,
///   {.keys = book}).
/// - first_in_float<K, N> keeps the first N tokens as f32, kv_heads * N * head_dim floats that a fork copies. Of keys
///   by channel they take no part in the parameters of their group, which takes them for equal to token N.
/// - A fork has the same tokens and shares their blocks; whoever appends to a block that others have gets a copy first.
/// - Errors: shapes that do not fit, more tokens than `capacity`: the one error handler; the cache stays as it was.
///   What the allocator throws passes through, and leaves the tokens as they were.
template <class K, class V, class Memory = heap_blocks>
class kv_cache {
 public:
  using key_scheme = K;
  using value_scheme = V;

  [[gnu::always_inline]] explicit kv_cache(cache_shape const& shape, Memory* memory = nullptr)
      : kv_cache(shape, detail::no_codebooks<K, V>(), memory) {}
  [[gnu::always_inline]] kv_cache(cache_shape const& shape, cache_codebooks<K, V> const& books,
                                  Memory* memory = nullptr)
      : shape_(checked(shape)),
        books_(books),
        blocks_(product(shape_.kv_heads, page_bytes(), block_pages()), ceil_div(shape_.capacity, shape_.block),
                memory),
        open_(layout_of_keys(), shape_.kv_heads),
        first_keys_(shape_.kv_heads, shape_.head_dim),
        first_values_(shape_.kv_heads, shape_.value_head_dim),
        room_(product(larger(shape_.head_dim, shape_.value_head_dim), sizeof(float) + sizeof(code))) {
    if (!std::is_same_v<Memory, heap_blocks> && memory == nullptr) {
      octavo::detail::fail("kv_cache: the pointer to the memory is null. Pass one, or leave out the type.");
    }
  }
  kv_cache(kv_cache const&) = delete;  // fork() says what happens
  [[gnu::always_inline]] kv_cache(kv_cache&& other) noexcept
      : shape_(other.shape_),
        tokens_(other.tokens_),
        books_(static_cast<books_type&&>(other.books_)),
        blocks_(static_cast<detail::cache_blocks<Memory>&&>(other.blocks_)),
        open_(static_cast<open_type&&>(other.open_)),
        first_keys_(static_cast<detail::first_floats<K>&&>(other.first_keys_)),
        first_values_(static_cast<detail::first_floats<V>&&>(other.first_values_)),
        room_(static_cast<aligned_buffer&&>(other.room_)) {
    other.tokens_ = 0;
    other.shape_.capacity = 0;
  }
  kv_cache& operator=(kv_cache const&) = delete;
  [[gnu::always_inline]] kv_cache& operator=(kv_cache&& other) noexcept {
    if (this != &other) {
      shape_ = other.shape_;
      tokens_ = other.tokens_;
      books_ = static_cast<books_type&&>(other.books_);
      blocks_ = static_cast<detail::cache_blocks<Memory>&&>(other.blocks_);
      open_ = static_cast<open_type&&>(other.open_);
      first_keys_ = static_cast<detail::first_floats<K>&&>(other.first_keys_);
      first_values_ = static_cast<detail::first_floats<V>&&>(other.first_values_);
      room_ = static_cast<aligned_buffer&&>(other.room_);
      other.tokens_ = 0;
      other.shape_.capacity = 0;
    }
    return *this;
  }
  [[gnu::always_inline]] ~kv_cache() = default;

  [[nodiscard, gnu::always_inline]] cache_shape const& shape() const noexcept { return shape_; }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return tokens_; }
  [[nodiscard, gnu::always_inline]] cache_keys<K> keys() const noexcept {
    return {places(), layout_of_keys(), shape_.kv_heads, tokens_};
  }
  [[nodiscard, gnu::always_inline]] cache_values<V> values() const noexcept {
    return {places(), layout_of_values(), shape_.kv_heads, tokens_};
  }
  [[nodiscard, gnu::always_inline]] cache_codebooks<K, V> codebooks() const noexcept { return books_.get(); }

  /// Tokens behind those that are there: heads_views, or matrices with a column for each token, whose features are
  /// those of kv_heads heads.
  template <class Keys, class Values>
  [[gnu::always_inline]] void append(Keys const& new_keys, Values const& new_values) {
    append_by<detail::plain_encoder>(new_keys, new_values);
  }
  /// The same with what quantizes by vectors, to the same bits: append(cache, keys, values) of ops/append.hpp.
  template <class Encoder, class Keys, class Values>
  [[gnu::always_inline]] void append_by(Keys const& new_keys, Values const& new_values) {
    auto const ks = as_heads(new_keys, shape_.kv_heads);
    auto const vs = as_heads(new_values, shape_.kv_heads);
    check("keys have head_dim", ks.head_dim(), "the cache", shape_.head_dim);
    check("values have head_dim", vs.head_dim(), "the cache", shape_.value_head_dim);
    check("keys have heads", ks.heads(), "the cache", shape_.kv_heads);
    check("values have heads", vs.heads(), "the cache", shape_.kv_heads);
    check("keys have tokens", ks.tokens(), "values", vs.tokens());
    if (ks.tokens() > shape_.capacity - tokens_) {
      octavo::detail::fail_extents("kv_cache::append", "there is room for tokens", shape_.capacity - tokens_,
                                   "given are", ks.tokens(), "Truncate, or make a cache of more capacity.");
    }
    index const n = ks.tokens();
    if (n == 0) { return; }
    blocks_.grow(ceil_div(tokens_ + n, shape_.block));
    auto* const x = reinterpret_cast<float*>(room_.data());
    auto* const codes = reinterpret_cast<code*>(x + larger(shape_.head_dim, shape_.value_head_dim));
    auto const k = layout_of_keys();
    auto const v = layout_of_values();
    for (index t = 0; t < n;) {
      index const first = tokens_ + t;
      index const here = smaller(n - t, page_tokens - first % page_tokens);
      // Groups that close may have begun in a block before.
      for (index b = (first - first % residual) / shape_.block; b <= first / shape_.block; ++b) {
        (void)blocks_.own(b);
      }
      detail::cache_places const to = places();
      for (index h = 0; h < shape_.kv_heads; ++h) {
        if (h + 1 < shape_.kv_heads) {
          detail::ask_for(ks.at(h + 1, t), k.head_dim);
          detail::ask_for(vs.at(h + 1, t), v.head_dim);
        }
        [[maybe_unused]] std::byte* const key_page = to.keys(h, first / page_tokens);
        std::byte* const value_page = to.values(h, first / page_tokens);
        for (index i = 0; i < here; ++i) {
          index const slot = first % page_tokens + i;
          if constexpr (detail::first_of<K> != 0) {
            if (first + i < detail::first_of<K>) {
              Encoder::load(ks.at(h, t + i), k.head_dim, first_key(h, first + i));
            }
          }
          if constexpr (residual > 1) {
            Encoder::load(ks.at(h, t + i), k.head_dim, open_.at(h, first + i));
            if (first + i == residual - 1) {
              hide_firsts(
                  k.head_dim, [&](index j) __attribute__((always_inline)) { return open_.at(h, j); });
            }
            open_.template put<Encoder>(
                h, first + i, [&](index p) __attribute__((always_inline)) { return to.keys(h, p); });
          } else if (first + i < detail::first_of<K>) {
            k.clear(key_page, slot);
          } else {
            Encoder::load(ks.at(h, t + i), k.head_dim, x);
            k.template put<Encoder>(key_page, slot, x, codes);
          }
          if constexpr (detail::first_of<V> != 0) {
            if (first + i < detail::first_of<V>) {
              Encoder::load(vs.at(h, t + i), v.head_dim, first_value(h, first + i));
              v.clear(value_page, slot);
              continue;
            }
          }
          Encoder::load(vs.at(h, t + i), v.head_dim, x);
          v.template put<Encoder>(value_page, slot, x, codes);
        }
      }
      t += here;
    }
    tokens_ += n;
  }

  /// Only the first n tokens stay; blocks without any go back to their memory.
  [[gnu::always_inline]] void truncate(index n) {
    if (n < 0 || n > tokens_) {
      octavo::detail::fail_extents("kv_cache::truncate", "tokens to stay are", n, "the cache has", tokens_,
                                   "Pass 0 to as many as it has.");
    }
    if constexpr (residual > 1) {
      auto const from = places();
      open_.reopen(
          shape_.kv_heads, tokens_,
          n, [&](index h, index p) __attribute__((always_inline)) { return from.keys(h, p); });
    }
    tokens_ = n;
    blocks_.shrink(ceil_div(n, shape_.block));
  }

  /// Tokens first ... first + n - 1 go away, those behind them move up, bit for bit, keys as they are: those without
  /// positions, or with positions that count on as before. shift() of ops/shift.hpp turns keys to where they then
  /// stand. The bytes are those of a cache that never had the tokens. Of n whole blocks, no more than first % block
  /// tokens are copied. Where keys are quantized R tokens at a time, first and n are multiples of R and of 64. Tokens
  /// that are first_in_float stay, unless no token does behind them.
  [[gnu::always_inline]] void drop(index first, index n) {
    if (first < 0 || n < 0 || first > tokens_ || n > tokens_ - first) {
      octavo::detail::fail_extents("kv_cache::drop", "the tokens that are left from the first one are",
                                   tokens_ - first, "to be dropped are", n, "Pass some of those that it has.");
    }
    index const kept = tokens_ - n;
    if (first == kept) { return truncate(kept); }
    if (n == 0) { return; }
    if (first < larger(detail::first_of<K>, detail::first_of<V>)) {
      octavo::detail::fail_extents("kv_cache::drop", "the first token is", first, "tokens that stay floats are",
                                   larger(detail::first_of<K>, detail::first_of<V>), "Drop tokens behind those.");
    }
    if constexpr (residual > 1) {
      if (first % residual != 0 || n % residual != 0 || first % page_tokens != 0 || n % page_tokens != 0) {
        octavo::detail::fail_extents("kv_cache::drop", "the first token is", first, "to be dropped are", n,
                                     "Keys by channel go by whole groups: pass multiples of the residual and of 64.");
      }
    }
    if (n % shape_.block == 0) {
      index const b = first / shape_.block;
      index const gone = n / shape_.block;
      if (first % shape_.block != 0) {
        (void)blocks_.own(b + gone);
        copy_tokens(b * shape_.block + n, b * shape_.block, first % shape_.block);
      }
      blocks_.erase(b, gone);
    } else {
      own(first);
      bool const pages = first % page_tokens == 0 && n % page_tokens == 0;
      copy_tokens(first, first + n, pages ? round_up(kept - first, page_tokens) : kept - first);
    }
    tokens_ = kept;
    blocks_.shrink(ceil_div(kept, shape_.block));
  }

  /// No fork shares the tokens from `first` on any more: what throws throws here, before they change.
  [[gnu::always_inline]] void own(index first) {
    for (index b = first / shape_.block; b < blocks_.count(); ++b) { (void)blocks_.own(b); }
  }
  /// Keys of tokens from `first` on become what change(x) makes of them, head_dim floats, encoded anew. Where keys are
  /// quantized R tokens at a time, first is a multiple of 64.
  template <class Encoder = detail::plain_encoder, class Change>
  [[gnu::always_inline]] void change_keys(index first, Change const& change) {
    auto const ks = keys();
    auto const& k = ks.layout();
    index const coded = larger(first, ks.firsts());
    if constexpr (detail::first_of<K> != 0) {
      for (index h = 0; h < shape_.kv_heads; ++h) {
        for (index t = first; t < ks.firsts(); ++t) { change(first_key(h, t)); }
      }
    }
    if constexpr (residual > 1) {
      constexpr index group = key_layout<K>::group;
      aligned_buffer floats(product(group, k.head_dim, sizeof(float)));
      aligned_buffer codes(product(group, k.code_stride()));
      own(first);
      for (index h = 0; h < shape_.kv_heads; ++h) {
        for (index t = first; t < ks.closed(); t += group) {
          std::byte* const page = places().keys(h, t / page_tokens);
          auto* const x = reinterpret_cast<float*>(floats.data());
          for (index i = 0; i < group; ++i) {
            for (index c = 0; c < k.head_dim; ++c) { x[i * k.head_dim + c] = k.value(page, t % page_tokens + i, c); }
            change(x + i * k.head_dim);
          }
          if (t == 0) {
            hide_firsts(
                k.head_dim, [&](index j) __attribute__((always_inline)) { return x + j * k.head_dim; });
          }
          k.template close<Encoder>(page, t % page_tokens / group, x, reinterpret_cast<code*>(codes.data()));
        }
        for (index t = larger(first, ks.closed()); t < tokens_; ++t) { change(open_.at(h, t)); }
      }
    } else {
      own(first);
      auto* const x = reinterpret_cast<float*>(room_.data());
      auto* const codes = reinterpret_cast<code*>(x + larger(shape_.head_dim, shape_.value_head_dim));
      for (index t = coded; t < tokens_; ++t) {
        for (index h = 0; h < shape_.kv_heads; ++h) {
          std::byte* const page = places().keys(h, t / page_tokens);
          for (index c = 0; c < k.head_dim; ++c) { x[c] = k.value(page, t % page_tokens, c); }
          change(x);
          k.template put<Encoder>(page, t % page_tokens, x, codes);
        }
      }
    }
  }

  /// Another sequence that begins with the same tokens.
  [[nodiscard, gnu::always_inline]] kv_cache fork() const { return kv_cache(forked{}, *this); }

  /// Bytes that the tokens take: whole blocks, shared ones too.
  [[nodiscard, gnu::always_inline]] index bytes() const noexcept { return blocks_.count() * blocks_.block_bytes(); }
  [[nodiscard, gnu::always_inline]] index block_bytes() const noexcept { return blocks_.block_bytes(); }
  /// What a cache of a shape asks its memory for at once.
  [[nodiscard, gnu::always_inline]] static index allocation_bytes(cache_shape const& shape) {
    cache_shape const s = checked(shape);
    index const page = key_layout<K>{s.head_dim}.bytes() + value_layout<V>{s.value_head_dim}.bytes();
    return detail::cache_blocks<Memory>::allocation(product(s.kv_heads, page, s.block / page_tokens));
  }
  /// Block b as it is stored, and how many sequences have it. Behind the last token anything may stand.
  [[nodiscard, gnu::always_inline]] std::byte const* block(index b) const noexcept { return blocks_.table()[b]; }
  [[nodiscard, gnu::always_inline]] index block_users(index b) const noexcept { return blocks_.users_of(b); }
  /// Other codebooks, of a cache without tokens.
  [[gnu::always_inline]] void use_codebooks(cache_codebooks<K, V> const& books) {
    if (tokens_ != 0) {
      octavo::detail::fail_extents("kv_cache::use_codebooks", "the tokens by other codebooks are", tokens_,
                                   "the capacity is", shape_.capacity, "Truncate to 0 before.");
    }
    books_.set(books);
  }
  /// Replaces all tokens by n, whose pages fill(head, page, keys, values) writes: keys().layout().bytes() and those of
  /// values. What is read from a file comes in here; any bytes are safe. Keys that are open then are what open_key() is
  /// given, and first tokens that are floats what first_key() and first_value() are.
  template <class Fill>
  [[gnu::always_inline]] void assign(index n, Fill const& fill) {
    if (n < 0 || n > shape_.capacity) {
      octavo::detail::fail_extents("kv_cache::assign", "tokens are", n, "the capacity is", shape_.capacity,
                                   "Make a cache of more capacity.");
    }
    truncate(0);
    blocks_.grow(ceil_div(n, shape_.block));
    for (index p = 0; p < ceil_div(n, page_tokens); ++p) {
      (void)blocks_.own(p / block_pages());
      for (index h = 0; h < shape_.kv_heads; ++h) { fill(h, p, places().keys(h, p), places().values(h, p)); }
    }
    tokens_ = n;
  }
  /// Replaces all tokens by n whose blocks the memory has already: allocate() gives them as they are, in order. Any
  /// bytes are safe. No keys are open then.
  [[gnu::always_inline]] void adopt(index n) {
    static_assert(detail::first_of<K> == 0 && detail::first_of<V> == 0,
                  "Octavo: adopt takes blocks, and tokens that are first_in_float lie beside them.");
    if (n < 0 || n > shape_.capacity || n % residual != 0) {
      octavo::detail::fail_extents("kv_cache::adopt", "tokens are", n, "the capacity is", shape_.capacity,
                                   "Make a cache of more capacity; of keys by channel all groups must be closed.");
    }
    truncate(0);
    blocks_.adopt(ceil_div(n, shape_.block));
    tokens_ = n;
  }
  /// The floats of a key whose group is open: token from keys().closed() on.
  [[nodiscard, gnu::always_inline]] float* open_key(index head, index token) noexcept
      requires(detail::residual_of<key_layout<K>> > 1) {
    return open_.at(head, token);
  }
  /// The floats of token 0 ... N - 1 of first_in_float<K, N>, and of V.
  [[nodiscard, gnu::always_inline]] float* first_key(index head, index token) noexcept
      requires(detail::first_of<K> > 0) {
    return first_keys_.at(head, token);
  }
  [[nodiscard, gnu::always_inline]] float* first_value(index head, index token) noexcept
      requires(detail::first_of<V> > 0) {
    return first_values_.at(head, token);
  }

 private:
  using books_type = detail::codebook_memory<K, V>;
  using open_type = detail::open_keys<key_layout<K>>;
  static constexpr index residual = detail::residual_of<key_layout<K>>;

  struct forked {};
  [[gnu::always_inline]] kv_cache(forked, kv_cache const& other)
      : shape_(other.shape_),
        tokens_(other.tokens_),
        books_(other.books_),
        blocks_(other.blocks_),
        open_(other.open_),
        first_keys_(other.first_keys_),
        first_values_(other.first_values_),
        room_(product(larger(shape_.head_dim, shape_.value_head_dim), sizeof(float) + sizeof(code))) {
    open_.use(layout_of_keys());
  }

  [[nodiscard, gnu::always_inline]] static cache_shape checked(cache_shape shape) {
    if (shape.value_head_dim == -1) { shape.value_head_dim = shape.head_dim; }
    if (shape.head_dim < 0 || shape.value_head_dim < 0) {
      octavo::detail::fail_extents("kv_cache", "head_dim is", shape.head_dim, "value_head_dim", shape.value_head_dim,
                                   "Extents must not be negative.");
    }
    if (shape.kv_heads < 0 || shape.capacity < 0) {
      octavo::detail::fail_extents("kv_cache", "kv_heads are", shape.kv_heads, "the capacity is", shape.capacity,
                                   "Extents must not be negative.");
    }
    if (shape.capacity < shape.block) { shape.block = larger(round_up(shape.capacity, page_tokens), page_tokens); }
    if (shape.block < page_tokens || shape.block % page_tokens != 0) {
      octavo::detail::fail_extents("kv_cache", "a block has tokens", shape.block, "pages have", page_tokens,
                                   "Pass a multiple of 64.");
    }
    // A bound of all that is computed of any tokens, with a margin for parameters, so that nothing overflows.
    (void)product(shape.head_dim + panel_rows, shape.capacity + shape.block, 16 + alignment, shape.kv_heads + 1, 2);
    (void)product(shape.value_head_dim + panel_rows, shape.capacity + shape.block, 16 + alignment, shape.kv_heads + 1,
                  2);
    return shape;
  }
  [[nodiscard, gnu::always_inline]] key_layout<K> layout_of_keys() const noexcept {
    key_layout<K> k{shape_.head_dim};
    books_.lend_keys(k);
    return k;
  }
  [[nodiscard, gnu::always_inline]] value_layout<V> layout_of_values() const noexcept {
    value_layout<V> v{shape_.value_head_dim};
    books_.lend_values(v);
    return v;
  }
  [[nodiscard, gnu::always_inline]] index block_pages() const noexcept { return shape_.block / page_tokens; }
  /// Of keys and values of a head.
  [[nodiscard, gnu::always_inline]] index page_bytes() const noexcept {
    return key_layout<K>{shape_.head_dim}.bytes() + value_layout<V>{shape_.value_head_dim}.bytes();
  }
  /// Bytes of a page before its parameters, or all of them.
  template <class Layout>
  [[nodiscard, gnu::always_inline]] static index codes_of(Layout const& of) noexcept {
    if constexpr (requires { of.params_at(index{}); }) { return of.params_at(0); }
    return of.bytes();
  }
  [[nodiscard, gnu::always_inline]] detail::cache_places places() const noexcept {
    return {blocks_.table(),
            block_pages(),
            key_layout<K>{shape_.head_dim}.bytes(),
            value_layout<V>{shape_.value_head_dim}.bytes(),
            open_.data(),
            first_keys_.data(),
            first_values_.data(),
            codes_of(key_layout<K>{shape_.head_dim}),
            codes_of(value_layout<V>{shape_.value_head_dim})};
  }
  /// Of a group of keys by channel that has first tokens, those become equal to the one behind them.
  template <class At>
  [[gnu::always_inline]] static void hide_firsts(index head_dim, At const& at) noexcept {
    for (index j = 0; j < detail::first_of<K> && head_dim > 0; ++j) {
      std::memcpy(at(j), at(detail::first_of<K>), static_cast<std::size_t>(head_dim) * sizeof(float));
    }
  }
  /// Tokens from `to` on get the bits of those from `from` on, n of them, all heads, page by page where they are pages.
  [[gnu::always_inline]] void copy_tokens(index to, index from, index n) noexcept {
    for (index t = 0; t < n;) {
      if ((to + t) % page_tokens == 0 && (from + t) % page_tokens == 0 && n - t >= page_tokens) {
        copy_page((to + t) / page_tokens, (from + t) / page_tokens);
        t += page_tokens;
        continue;
      }
      if constexpr (residual == 1) { copy_token(to + t, from + t); }
      ++t;
    }
  }
  /// Token `to` gets the bits of token `from`, all heads.
  [[gnu::always_inline]] void copy_token(index to, index from) noexcept {
    key_layout<K> const k{shape_.head_dim};
    value_layout<V> const v{shape_.value_head_dim};
    auto const at = places();
    for (index h = 0; h < shape_.kv_heads; ++h) {
      k.copy(at.keys(h, to / page_tokens), to % page_tokens, at.keys(h, from / page_tokens), from % page_tokens);
      v.copy(at.values(h, to / page_tokens), to % page_tokens, at.values(h, from / page_tokens), from % page_tokens);
    }
  }
  [[gnu::always_inline]] void copy_page(index to, index from) noexcept {
    auto const at = places();
    for (index h = 0; h < shape_.kv_heads; ++h) {
      if (at.key_bytes > 0) { std::memcpy(at.keys(h, to), at.keys(h, from), static_cast<std::size_t>(at.key_bytes)); }
      if (at.value_bytes > 0) {
        std::memcpy(at.values(h, to), at.values(h, from), static_cast<std::size_t>(at.value_bytes));
      }
    }
  }
  [[gnu::always_inline]] static void check(char const* what, index a, char const* other, index b) {
    if (a != b) { octavo::detail::fail_extents("kv_cache::append", what, a, other, b, "They must be equal."); }
  }

  cache_shape shape_;
  index tokens_ = 0;
  [[no_unique_address]] books_type books_;
  detail::cache_blocks<Memory> blocks_;
  [[no_unique_address]] open_type open_;
  [[no_unique_address]] detail::first_floats<K> first_keys_;
  [[no_unique_address]] detail::first_floats<V> first_values_;
  aligned_buffer room_;
};

}  // namespace v0
}  // namespace octavo
