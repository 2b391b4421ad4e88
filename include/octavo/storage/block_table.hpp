// SPDX-License-Identifier: MIT
// block_table_keys, block_table_values: keys and values in numbered blocks of tokens, as servers on GPUs keep them.
#pragma once

#include "octavo/core/error.hpp"
#include "octavo/core/index.hpp"
#include "octavo/core/scalar.hpp"

namespace octavo {
inline namespace v0 {

/// Where the tokens of a sequence are (Kwon et al. 2023): token t is in block table[t / block_tokens] of a pool, at
/// place t % block_tokens. -1: the block is absent.
struct block_table {
  index const* table = nullptr;
  index block_tokens = 16;
  index tokens = 0;
  index pool_blocks = 0;  ///< numbers in the table are below this

  /// The place of a token in the pool, counted in tokens.
  [[nodiscard, gnu::always_inline]] index slot(index token) const noexcept {
    return table[token / block_tokens] * block_tokens + token % block_tokens;
  }
};

namespace detail {

[[gnu::always_inline]] inline block_table const& checked(block_table const& t, void const* data, index head_dim,
                                                         index heads) {
  if (t.block_tokens < 1 || t.tokens < 0 || head_dim < 0 || heads < 0) {
    fail_extents("block_table", "a block has tokens", t.block_tokens, "tokens are", t.tokens,
                 "Blocks have at least one token, and extents must not be negative.");
  }
  if (t.tokens > 0 && (t.table == nullptr || (data == nullptr && head_dim > 0 && heads > 0))) {
    fail("block_table: a pointer is null. Pass the table and the pool.");
  }
  for (index b = 0; b < ceil_div(t.tokens, t.block_tokens); ++b) {
    if (t.table[b] < 0 || t.table[b] >= t.pool_blocks) {
      fail_extents("block_table", "a block of the sequence has number", t.table[b], "the pool has", t.pool_blocks,
                   "A sequence with absent blocks cannot be read as a whole.");
    }
  }
  return t;
}

}  // namespace detail

/// Keys [block][head][head_dim / run][token of the block][run]: `run` neighbouring channels of a token together (16
/// bytes of them in vLLM).
template <element T>
class block_table_keys {
 public:
  [[gnu::always_inline]] block_table_keys(T const* data, block_table const& table, index head_dim, index heads,
                                          index run = 16 / static_cast<index>(sizeof(T)))
      : data_(data),
        table_(detail::checked(table, data, head_dim, heads)),
        head_dim_(head_dim),
        heads_(heads),
        run_(run) {
    if (run < 1 || head_dim % run != 0) {
      detail::fail_extents("block_table_keys", "head_dim is", head_dim, "a run of channels is", run,
                           "head_dim must be a multiple of the run.");
    }
  }
  [[nodiscard, gnu::always_inline]] index head_dim() const noexcept { return head_dim_; }
  [[nodiscard, gnu::always_inline]] index heads() const noexcept { return heads_; }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return table_.tokens; }
  [[nodiscard, gnu::always_inline]] float operator()(index head, index token, index channel) const noexcept {
    index const slot = table_.slot(token);
    index const b = table_.block_tokens;
    index const group = (slot / b * heads_ + head) * (head_dim_ / run_) + channel / run_;
    return static_cast<float>(data_[(group * b + slot % b) * run_ + channel % run_]);
  }
  /// The head_dim() channels of a token.
  [[gnu::always_inline]] void row(index head, index token, float* to) const noexcept {
    index const slot = table_.slot(token);
    index const b = table_.block_tokens;
    T const* from = data_ + ((slot / b * heads_ + head) * (head_dim_ / run_) * b + slot % b) * run_;
    for (index c = 0; c < head_dim_; c += run_) {
      for (index i = 0; i < run_; ++i) { to[c + i] = static_cast<float>(from[i]); }
      from += b * run_;
    }
  }

 private:
  T const* data_;
  block_table table_;
  index head_dim_;
  index heads_;
  index run_;
};

/// Values [block][head][channel][token of the block].
template <element T>
class block_table_values {
 public:
  [[gnu::always_inline]] block_table_values(T const* data, block_table const& table, index head_dim, index heads)
      : data_(data), table_(detail::checked(table, data, head_dim, heads)), head_dim_(head_dim), heads_(heads) {}
  [[nodiscard, gnu::always_inline]] index head_dim() const noexcept { return head_dim_; }
  [[nodiscard, gnu::always_inline]] index heads() const noexcept { return heads_; }
  [[nodiscard, gnu::always_inline]] index tokens() const noexcept { return table_.tokens; }
  [[nodiscard, gnu::always_inline]] float operator()(index head, index token, index channel) const noexcept {
    index const slot = table_.slot(token);
    index const b = table_.block_tokens;
    return static_cast<float>(data_[((slot / b * heads_ + head) * head_dim_ + channel) * b + slot % b]);
  }
  /// The head_dim() channels of a token.
  [[gnu::always_inline]] void row(index head, index token, float* to) const noexcept {
    index const slot = table_.slot(token);
    index const b = table_.block_tokens;
    T const* const from = data_ + (slot / b * heads_ + head) * head_dim_ * b + slot % b;
    for (index c = 0; c < head_dim_; ++c) { to[c] = static_cast<float>(from[c * b]); }
  }

 private:
  T const* data_;
  block_table table_;
  index head_dim_;
  index heads_;
};

}  // namespace v0
}  // namespace octavo
