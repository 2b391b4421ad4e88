// SPDX-License-Identifier: MIT
// Any bytes as the file of a cache: what a cache of one of these schemes takes comes out as it was, attention reads it,
// and it grows.
#include "octavo/io/cache_file.hpp"
#include "octavo/ops/append.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/quant/affine_codebook.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/files.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

using namespace octavo;

namespace {

constexpr octavo::index dim = 8;
constexpr octavo::index heads = 2;

using nuq_keys = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_channel_group<16>>;
using nuq_values = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_token>;

template <class K, class V>
void use(std::span<std::byte const> bytes, cache_codebooks<K, V> const& books = {}) {
  kv_cache<K, V> cache({.head_dim = dim, .kv_heads = heads, .capacity = 130, .block = 64}, books);
  std::string error;
  auto const empty = io::cache_bytes(cache);
  if (!io::load_cache(bytes, cache, error)) {
    if (error.empty() || io::cache_bytes(cache) != empty) { __builtin_trap(); }
    return;
  }
  // Behind the last token anything may stand in the file: it is 0 in what is saved.
  auto const saved = io::cache_bytes(cache);
  kv_cache<K, V> other({.head_dim = dim, .kv_heads = heads, .capacity = 130, .block = 128}, books);
  if (saved.size() != bytes.size() || !io::load_cache(saved, other, error) || io::cache_bytes(other) != saved) {
    __builtin_trap();
  }
  std::vector<float> const x(dim * heads, 1.0f);
  std::vector<float> out(dim * heads);
  heads_view<float const> const one(x.data(), dim, heads, 1, dim, dim);
  // The scratch of operations is as large as one token of this shape needs, whatever the file: what is allocated is the
  // file's.
  static std::array<std::byte, std::size_t{1} << 20> room;
  std::pmr::monotonic_buffer_resource scratch(room.data(), room.size(), std::pmr::null_memory_resource());
  auto const here = on<scalar>().scratch(scratch);
  if (other.tokens() < 130) { append(other, one, one, here); }
  auto const to = heads_view<float>(out.data(), dim, heads, 1, dim, dim);
  attention(one, other.keys(), other.values(), to, here);
  if constexpr (!element<K> && !element<V> && !detail::needs_codebook<K>) {
    attention<schemes::q8, schemes::p8>(one, other.keys(), other.values(), to, here);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::file_bytes const bytes({reinterpret_cast<char const*>(data), size});
  use<schemes::k8, schemes::k8>(bytes.span());
  use<schemes::k4, schemes::k4>(bytes.span());
  use<first_in_float<schemes::k4, 2>, schemes::k4>(bytes.span());
  use<f16, bf16>(bytes.span());
  codebook_params<2> const book{{-0.7f, -0.2f, 0.2f, 0.7f}};
  use<nuq_keys, nuq_values>(bytes.span(), {.keys = book, .values = book});
  return 0;
}
