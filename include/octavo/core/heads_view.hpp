// SPDX-License-Identifier: MIT
// heads_view: the operand of attention, a run of channels for each head and token, head-major or token-major.
#pragma once

#include <type_traits>

#include "octavo/core/views.hpp"

namespace octavo {
inline namespace v0 {

/// head_dim x heads x tokens. T is const for operands that are read.
///
///     heads_view(p, d, heads, tokens, tokens * d, d)    [heads][tokens][d], PyTorch's HND
///     heads_view(p, d, heads, tokens, d, heads * d)     [tokens][heads][d], NHD: what a linear layer writes
template <class T>
  requires element<std::remove_const_t<T>>
class heads_view {
 public:
  [[gnu::always_inline]] constexpr heads_view() = default;

  /// Channel c of head h and token t is data[c + h * head_stride + t * token_stride].
  [[gnu::always_inline]] constexpr heads_view(T* data, index head_dim, index heads, index tokens, index head_stride,
                                              index token_stride)
      : data_(data),
        head_dim_(head_dim),
        heads_(heads),
        tokens_(tokens),
        head_stride_(head_stride),
        token_stride_(token_stride) {
    if (tokens < 0) {
      detail::fail_extents("heads_view", "tokens are", tokens, "heads are", heads, "Extents must not be negative.");
    }
    detail::check_view("heads_view", data, head_dim, tokens == 0 && heads > 0 ? 0 : heads);
    if (heads > 1 && tokens > 0 && head_stride < head_dim) {
      detail::fail_extents("heads_view", "the stride between heads is", head_stride, "the channels of a head are",
                           head_dim, "Heads would overlap: pass a stride of at least the channels.");
    }
    if (tokens > 1 && heads > 0 && token_stride < head_dim) {
      detail::fail_extents("heads_view", "the stride between tokens is", token_stride, "the channels of a head are",
                           head_dim, "Tokens would overlap: pass a stride of at least the channels.");
    }
  }

  [[nodiscard, gnu::always_inline]] constexpr index head_dim() const noexcept { return head_dim_; }
  [[nodiscard, gnu::always_inline]] constexpr index heads() const noexcept { return heads_; }
  [[nodiscard, gnu::always_inline]] constexpr index tokens() const noexcept { return tokens_; }
  [[nodiscard, gnu::always_inline]] constexpr index head_stride() const noexcept { return head_stride_; }
  [[nodiscard, gnu::always_inline]] constexpr index token_stride() const noexcept { return token_stride_; }
  [[nodiscard, gnu::always_inline]] constexpr T* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] constexpr T* at(index head, index token) const noexcept {
    return data_ + head * head_stride_ + token * token_stride_;
  }
  /// The same for reading.
  [[nodiscard, gnu::always_inline]] constexpr heads_view<T const> read() const {
    return {data_, head_dim_, heads_, tokens_, head_stride_, token_stride_};
  }

 private:
  T* data_ = nullptr;
  index head_dim_ = 0;
  index heads_ = 0;
  index tokens_ = 0;
  index head_stride_ = 0;
  index token_stride_ = 0;
};

namespace detail {
template <class T>
inline constexpr bool is_heads_view = false;
template <class T>
inline constexpr bool is_heads_view<heads_view<T>> = true;
}  // namespace detail

/// What attention and caches call on an operand: a heads_view stays; anything else is tokens (as_tokens) whose features
/// are those of `heads` heads, one after the other.
template <class M>
[[nodiscard, gnu::always_inline]] constexpr auto as_heads(M&& m, index heads) {
  if constexpr (detail::is_heads_view<std::remove_cvref_t<M>>) {
    return m;
  } else {
    auto const x = as_tokens(m);
    using T = std::remove_pointer_t<decltype(x.data())>;
    if (heads < 1 || x.features() % heads != 0) {
      detail::fail_extents(
          "as_heads", "an operand has features", x.features(), "heads are", heads,
          "Features must be a multiple of the heads: attention takes {.query_heads = ..., .kv_heads = "
          "...}, a cache has them in its shape.");
    }
    index const head_dim = x.features() / heads;
    return heads_view<T>(x.data(), head_dim, heads, x.tokens(), head_dim, x.stride());
  }
}

}  // namespace v0
}  // namespace octavo
