// SPDX-License-Identifier: MIT
#include "octavo/kernel/channel_page_keys.hpp"

#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/caches.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Scores of two queries and all keys of a leaf that begins with key 512, as the order of channel_page_keys has them.
template <class A, class K>
void check_keys(octavo::index d) {
  using F = typename K::format;
  auto const cache = test::cache_of<K, k8>(700, d, 8);  // 28 or 60 of them open
  auto const q = test::values(4 * d, 3);
  kernel::channel_page_keys<A, q8::quantizer, float, K> keys({q.data(), d, 4, 1, d, d}, cache.keys(), 0.5f);
  std::vector<float> scratch(static_cast<std::size_t>(keys.scratch(4)));
  keys.use(scratch.data(), 4);
  keys.load_rows({1, 2}, 0, 2);  // heads 2 and 3
  keys.load_leaf(1, 512, 188);
  constexpr auto W = keys.width;
  std::vector<float> scores(2 * W);
  auto const side = cache.keys();
  auto const layout = side.layout();
  int wrong = 0;
  constexpr int T = keys.tokens < 2 ? 1 : 2;
  for (octavo::index b = 0; b < ceil_div(188, W); ++b) {
    keys.template multiply<T>(0, b, scores.data());
    for (octavo::index i = 0; i < T * W && b * W + i % W < 188; ++i) {
      float const* const x = q.data() + (2 + i / W) * d;
      octavo::index const token = 512 + b * W + i % W;
      double exact = 0;
      double size = 0;
      if (token >= side.closed()) {
        for (octavo::index c = 0; c < d; ++c) {
          exact += static_cast<double>(x[c]) * static_cast<double>(side(1, token, c));
          size += std::abs(static_cast<double>(x[c]));
        }
      } else {
        auto const* const page = side.page(1, token / 64);
        auto const at = [&](octavo::index c, int code_of) {
          return static_cast<double>(
              key_layout<K>::params_type::value(page + layout.params_at(token % 64 / layout.group),
                                                layout.scale_bytes(), c, static_cast<code>(code_of)));
        };
        std::vector<float> scaled;
        std::vector<double> scale;
        for (octavo::index c = 0; c < d; ++c) {
          float const s = detail::read_at<float>(page + layout.params_at(token % 64 / layout.group), c);
          scale.push_back(static_cast<double>(s));
          scaled.push_back(x[c] * s);
        }
        auto const p = q8::quantizer::calibrate(scaled);
        for (octavo::index c = 0; c < d; ++c) {
          auto const u = static_cast<std::size_t>(c);
          double const step = scale[u];
          double const zero =
              at(c, 0) - step * static_cast<double>(F::decode(0));  // -scale * zero point, or the minimum
          double const code_value = (static_cast<double>(side(1, token, c)) - zero) / step;
          double const byte = static_cast<double>(q8::quantizer::decode(q8::quantizer::encode(scaled[u], p), p));
          exact += byte * code_value;
          exact += has_minimum<typename K::quantizer> ? static_cast<double>(x[c]) * zero : byte * (zero / step);
          size += std::abs(byte * code_value) + std::abs(static_cast<double>(x[c]) * zero);
        }
      }
      wrong +=
          std::abs(static_cast<double>(scores[static_cast<std::size_t>(i)]) - exact) <= 1e-5 * (1 + size) ? 0 : 1;
      wrong += keys.factor(i / W) == 0.5f ? 0 : 1;
    }
  }
  INFO(arch_name<A> << ", " << d << " channels");
  CHECK(wrong == 0);
}

/// Scores of `row` of n queries, from block `first` of a leaf that ends within a page.
template <class A, class K>
[[nodiscard]] std::vector<std::uint32_t> scores_of(octavo::kv_cache<K, k8> const& cache, std::vector<float> const& q,
                                                   octavo::index n, octavo::index row, octavo::index first) {
  octavo::index const d = cache.keys().head_dim();
  octavo::index const all = static_cast<octavo::index>(q.size()) / d;
  kernel::channel_page_keys<A, q8::quantizer, float, K> keys({q.data(), d, all, 1, d, d}, cache.keys(), 0.5f);
  std::vector<float> scratch(static_cast<std::size_t>(keys.scratch(n)));
  keys.use(scratch.data(), n);
  keys.load_rows({1, all / 2}, 0, n);
  std::vector<std::uint32_t> bits;
  std::vector<float> scores(static_cast<std::size_t>(keys.width));
  for (octavo::index const leaf : {0, 512}) {
    octavo::index const size = leaf == 0 ? 512 : 188;
    keys.load_leaf(1, leaf, size);
    for (octavo::index b = first; b * keys.width < size; ++b) {
      keys.template multiply<1>(row, b, scores.data());
      for (float const x : scores) { bits.push_back(test::bits_of(x)); }
    }
  }
  return bits;
}
/// Few queries, which may get their operands for a leaf at once, and more, which do not.
template <class A, class K>
void check_few(octavo::index d) {
  auto const cache = test::cache_of<K, k8>(700, d, 8);
  constexpr octavo::index many = kernel::page_tile_rows<A> + 1;
  auto q = test::values(2 * many * d, 3);
  auto const at = [&](octavo::index row, octavo::index c) -> float& {
    return q[static_cast<std::size_t>((many + row) * d + c)];
  };
  for (octavo::index c = 0; c < d; ++c) { at(1, c) = 0; }
  if (many > 2) { at(2, d - 1) = __builtin_nanf(""); }
  if (many > 3) { at(3, 0) = 3e38f; }
  INFO(arch_name<A> << ", " << d << " channels");
  for (octavo::index row = 0; row < kernel::page_tile_rows<A>; ++row) {
    for (octavo::index const first : {0, 3}) {
      CHECK(scores_of<A, K>(cache, q, kernel::page_tile_rows<A>, row, first) ==
            scores_of<A, K>(cache, q, many, row, first));
    }
  }
}

}  // namespace

TEST_CASE("few queries get the operands of a leaf at once, with the bits of one group after the other") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const d : {64, 128}) {
      check_few<A, scheme<affine_min<uint2>, per_channel_group<32>>>(d);
      check_few<A, scheme<symmetric<int4>, per_channel_group<64>>>(d);
      check_few<A, scheme<affine_min<uint4>, per_channel_group<16>>>(d);
    }
  });
}

TEST_CASE("channel_page_keys give scores of keys by channel as they are stored") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const d : {1, 15, 63, 130}) {
      check_keys<A, scheme<affine_min<uint2>, per_channel_group<32>>>(d);
      check_keys<A, scheme<affine<octavo::uint8>, per_channel_group<16, 64>>>(d);
      check_keys<A, scheme<symmetric<int4>, per_channel_group<64>>>(d);
    }
  });
}
