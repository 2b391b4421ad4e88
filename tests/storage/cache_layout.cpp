// SPDX-License-Identifier: MIT
#include "octavo/storage/cache_layout.hpp"

#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

namespace {

/// Tokens that are put in any order, over others, read back as the quantizer itself decodes them.
template <class Layout, class S>
void check_layout(octavo::index head_dim) {
  Layout const layout{head_dim};
  std::vector<std::byte> page(static_cast<std::size_t>(layout.bytes()), std::byte{0xa5});
  std::vector<code> room(static_cast<std::size_t>(head_dim));
  auto const x = test::values(64 * head_dim, static_cast<std::uint64_t>(head_dim));
  auto const token = [&](octavo::index slot) { return x.data() + slot * head_dim; };
  for (octavo::index i = 0; i < 64; ++i) {
    layout.put(page.data(), i, token((i + 7) % 64), room.data());
    layout.put(page.data(), 63 - i, token(i), room.data());
  }
  for (octavo::index i = 0; i < 64; ++i) { layout.put(page.data(), i * 37 % 64, token(i * 37 % 64), room.data()); }
  int wrong = 0;
  for (octavo::index slot = 0; slot < 64; ++slot) {
    for (octavo::index c = 0; c < head_dim; ++c) {
      float expected = token(slot)[c];
      if constexpr (element<S>) {
        expected = static_cast<float>(S(expected));
      } else {
        using Q = typename S::quantizer;
        octavo::index const size = detail::channel_group<typename S::granularity>(head_dim);
        octavo::index const first = c / size * size;
        octavo::index const n = smaller(size, head_dim - first);
        auto const p = Q::calibrate({token(slot) + first, static_cast<std::size_t>(n)});
        expected = Q::decode(Q::encode(expected, p), p);
      }
      wrong += test::same_bits(layout.value(page.data(), slot, c), expected) ? 0 : 1;
    }
  }
  INFO(head_dim << " channels");
  CHECK(wrong == 0);

  // What is cleared is as if it had never been there.
  std::vector<std::byte> fresh(page.size(), std::byte{0});
  for (octavo::index i = 0; i < 64; i += 2) { layout.put(fresh.data(), i, token(i), room.data()); }
  std::vector<std::byte> cleared(page.size(), std::byte{0});
  for (octavo::index i = 0; i < 64; ++i) { layout.put(cleared.data(), i, token(i), room.data()); }
  for (octavo::index i = 1; i < 64; i += 2) { layout.clear(cleared.data(), i); }
  CHECK(fresh == cleared);
}

template <class S>
void check_both() {
  for (octavo::index const head_dim : {1, 3, 15, 16, 63, 65, 80, 128}) {
    check_layout<key_layout<S>, S>(head_dim);
    check_layout<value_layout<S>, S>(head_dim);
  }
}

}  // namespace

TEST_CASE("tokens of a page read back as their quantizer decodes them, whatever was there") {
  check_both<schemes::k8>();
  check_both<schemes::k4>();
  check_both<scheme<symmetric<int4>, per_token>>();
  check_both<scheme<affine_min<uint2, scale_as<f16>>, per_token_group<32>>>();
  check_both<scheme<affine<int8>, per_token_group<16>>>();
  check_both<scheme<symmetric<e4m3, scale_as<f16>>, per_token>>();
  check_both<scheme<symmetric<e2m1, scale_as<e8m0>>, per_token_group<32>>>();
  check_both<scheme<symmetric<nf4, scale_as<bf16>>, per_token_group<64>>>();
  check_both<float>();
  check_both<f16>();
  check_both<bf16>();
}

TEST_CASE("a page takes codes, parameters and nothing else, up to whole lines") {
  CHECK(key_layout<schemes::k8>{128}.bytes() == 64 * (128 + 2));
  CHECK(value_layout<schemes::v8>{128}.bytes() == 64 * (128 + 2));
  CHECK(key_layout<schemes::k4>{128}.bytes() == 64 * (64 + 2 * 3));
  CHECK(value_layout<schemes::v4>{128}.bytes() == 64 * (64 + 2 * 3));
  CHECK(key_layout<f16>{80}.bytes() == 64 * 80 * 2);
  CHECK(value_layout<f16>{80}.bytes() == 64 * 128 * 2);  // whole panels
  CHECK(key_layout<schemes::k8>{0}.bytes() == 0);
}
