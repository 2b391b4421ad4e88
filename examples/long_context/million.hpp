// SPDX-License-Identifier: MIT
// A step over very many tokens of a 2-bit cache, of the shape of SmolLM2-135M: 30 layers, 9 query heads on 3 of 64
// channels.
#pragma once

#include <octavo/octavo.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace example {

inline void million(octavo::index tokens) {
  using namespace octavo::schemes;
  using octavo::heads_view;
  using octavo::index;
  using clock = std::chrono::steady_clock;
  using cache = octavo::kv_cache<k2, v2>;
  constexpr index layers = 30, heads = 9, kv_heads = 3, d = 64, chunk = 512;
  auto const since = [](clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  };

  std::vector<float> x(static_cast<std::size_t>(chunk * kv_heads * d));
  std::uint32_t state = 1;
  for (float& f : x) {
    state = 1664525 * state + 1013904223;
    f = static_cast<float>(state >> 8) * 0x1p-23f - 1;
  }
  heads_view<float const> const some(x.data(), d, kv_heads, chunk, d, kv_heads * d);
  cache pattern({.head_dim = d, .kv_heads = kv_heads, .capacity = chunk});
  auto start = clock::now();
  octavo::append(pattern, some, some);
  double const appended = since(start) / static_cast<double>(chunk);

  // All other tokens are copies of these, each in memory of its own.
  tokens = octavo::round_up(tokens, chunk);
  std::vector<std::unique_ptr<cache>> all;
  double bytes = 0;
  for (index l = 0; l < layers; ++l) {
    all.push_back(
        std::make_unique<cache>(octavo::cache_shape{.head_dim = d, .kv_heads = kv_heads, .capacity = tokens}));
    auto const copy = [](std::byte* to, auto const& side, index h, index p) {
      std::memcpy(to, side.page(h, p % (chunk / octavo::page_tokens)),
                  static_cast<std::size_t>(side.layout().bytes()));
    };
    all.back()->assign(tokens, [&](index h, index p, std::byte* keys, std::byte* values) {
      copy(keys, pattern.keys(), h, p);
      copy(values, pattern.values(), h, p);
    });
    bytes += static_cast<double>(all.back()->bytes());
  }

  // The roof: all bytes read once.
  double roof = 1e30;
  std::uint64_t sums[4] = {0, 0, 0, 0};
  double step = 1e30;
  float out[heads * d];
  for (int run = 0; run < 3; ++run) {
    start = clock::now();
    for (auto const& c : all) {
      for (index b = 0; b < c->bytes() / c->block_bytes(); ++b) {
        std::byte const* const p = c->block(b);
        for (index i = 0; i + 32 <= c->block_bytes(); i += 32) {
          std::uint64_t words[4];
          std::memcpy(words, p + i, sizeof words);
          for (int j = 0; j < 4; ++j) { sums[j] += words[j]; }
        }
      }
    }
    roof = std::min(roof, since(start));
    start = clock::now();
    for (auto const& c : all) {
      octavo::attention<q8, p8>(heads_view<float const>(x.data(), d, heads, 1, d, heads * d), c->keys(), c->values(),
                                heads_view<float>(out, d, heads, 1, d, heads * d), octavo::causal{});
    }
    step = std::min(step, since(start));
  }
  std::printf(
      "%td tokens, %td layers, %td query heads on %td of %td channels, keys and values of 2 bits:\n"
      "%.2f GB, %.0f bytes a token (f16: %td); appended at %.1f us a token and layer\n"
      "attention of one token, all layers: %.1f ms, %.1f GB/s; reading all bytes: %.1f ms (sum %llx)\n"
      "of_memory %.2f\n",
      tokens, layers, heads, kv_heads, d, bytes * 1e-9, bytes / static_cast<double>(tokens),
      layers * kv_heads * d * 4, appended * 1e6, step * 1e3, bytes * 1e-9 / step, roof * 1e3,
      static_cast<unsigned long long>(sums[0] + sums[1] + sums[2] + sums[3]), roof / step);
}

}  // namespace example
