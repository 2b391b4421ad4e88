// SPDX-License-Identifier: MIT
#include "octavo/kernel/float_weights.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/codebook.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/quant/sulq.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/user_quantizer.hpp"

#include <array>
#include <cstddef>

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class F>
using by_groups = scheme<symmetric<F>, per_group<32>>;

/// Numbers that are neither integers nor bf16.
template <int B>
struct cubes_book {
  static constexpr auto values = [] {
    std::array<float, std::size_t{1} << B> v{};
    for (std::size_t i = 0; i < v.size(); ++i) {
      float const x = (static_cast<float>(i) + 0.3f) / 32.0f - static_cast<float>(v.size()) / 64.0f;
      v[i] = x * x * x;
    }
    return v;
  }();
};
template <int B>
using cubes = codebook_format<cubes_book<B>>;

/// A packed 64 x cols matrix in which every code stands at every k of a step, in some row.
template <class S>
quantized_matrix<S> all_codes(octavo::index cols) {
  auto q = quantize<S>(test::matrix<float>(64, cols, 71), on<scalar>());
  auto const layout = q.view().layout();
  for (octavo::index r = 0; r < 64; ++r) {
    for (octavo::index k = 0; k < cols; ++k) {
      auto const p = layout.at(r, k);
      int const c = static_cast<int>(r + k / layout.step * 64 + k) & (code_count<typename S::format> - 1);
      // put() sets bits of zeros; the code that is there becomes them.
      int const differ = layout.get(q.data(), p) ^ c;
      q.data()[p.byte] ^= static_cast<std::byte>((differ & ((1 << layout.planes.low) - 1)) << p.shift);
      q.data()[p.high_byte] ^= static_cast<std::byte>(differ >> layout.planes.low << p.high_shift);
    }
  }
  return q;
}

/// Decoded values that differ from the scalar definition.
template <class A, class S>
int wrong_values() {
  using layout_type = panel_layout<S>;
  using decoder = kernel::value_decoder<A, layout_type>;
  constexpr int L = simd::lanes<A>;
  auto const q = all_codes<S>(64);
  auto const view = q.view();
  auto const& layout = view.layout();
  decoder const decode;
  int wrong = 0;
  for (octavo::index k = 0; k < 64; k += layout_type::step) {
    octavo::index const g = k / layout.group();
    octavo::index const at =
        g * layout.group_bytes() + k % layout.group() / layout_type::step * layout_type::step_bytes;
    for (octavo::index row = 0; row < 64; row += L) {
      typename decoder::packed const packed(view.panel(0) + at + row * 4, row);
      auto const group = decoder::load_group(view.panel(0) + layout.params_at(g), row);
      detail::unroll<static_cast<int>(layout_type::step)>([&](auto kk) {
        float values[16];
        decode.template get<kk()>(packed, group).store_unaligned(values);
        for (octavo::index i = 0; i < L; ++i) {
          octavo::index const r = row + i;
          float expected = 0;
          if constexpr (layout_type::linear) {
            expected = S::format::decode(view.code_at(r, k + kk())) - static_cast<float>(view.zero_at(r, g));
          } else {
            expected = view(r, k + kk());
          }
          wrong += test::same_bits(values[i], expected) ? 0 : 1;
        }
      });
      if constexpr (exact_in_bf16<typename S::format> && layout_type::linear) {
        detail::unroll<static_cast<int>(layout_type::step / 2)>([&](auto p) {
          std::uint16_t pairs[32];
          decode.template get_pair<p()>(packed, group).store_unaligned(reinterpret_cast<std::int32_t*>(pairs));
          for (octavo::index i = 0; i < 2 * L; ++i) {
            octavo::index const r = row + i / 2;
            float const expected =
                S::format::decode(view.code_at(r, k + 2 * p() + i % 2)) - static_cast<float>(view.zero_at(r, g));
            wrong += test::same_bits(detail::from_bf16_bits(pairs[i]), expected) ? 0 : 1;
          }
        });
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("decoders give the value of every code, and bf16 pairs where those are exact") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_values<A, w8>() == 0);
    CHECK(wrong_values<A, w4_g32>() == 0);
    CHECK(wrong_values<A, w2_g64>() == 0);
    CHECK(wrong_values<A, fp8>() == 0);
    CHECK(wrong_values<A, fp8_e5m2>() == 0);
    CHECK(wrong_values<A, nf4_g64>() == 0);
    CHECK(wrong_values<A, mxfp4>() == 0);
    CHECK(wrong_values<A, w4_affine_g<32>>() == 0);
    CHECK(wrong_values<A, scheme<test::powers_of_two, per_group<32>>>() == 0);
    CHECK(wrong_values<A, by_groups<sint<3>>>() == 0);
    CHECK(wrong_values<A, by_groups<sint<5>>>() == 0);
    CHECK(wrong_values<A, by_groups<octavo::uint<6>>>() == 0);
    CHECK(wrong_values<A, by_groups<minifloat<2, 3, specials::none>>>() == 0);
    CHECK(wrong_values<A, by_groups<minifloat<3, 2, specials::none>>>() == 0);
    CHECK(wrong_values<A, by_groups<cubes<5>>>() == 0);
    CHECK(wrong_values<A, by_groups<cubes<6>>>() == 0);
    CHECK(wrong_values<A, by_groups<cubes<3>>>() == 0);
    CHECK(wrong_values<A, scheme<codebook<4>, per_tensor>>() == 0);
    CHECK(wrong_values<A, scheme<codebook<4>, per_row>>() == 0);
    CHECK(wrong_values<A, scheme<codebook<5>, per_group<32>>>() == 0);
    CHECK(wrong_values<A, scheme<codebook<3>, per_group<32>>>() == 0);
    CHECK(wrong_values<A, scheme<codebook<2>, per_row>>() == 0);
    CHECK(wrong_values<A, scheme<codebook<6>, per_row>>() == 0);
    CHECK(wrong_values<A, scheme<sulq<4>, per_group<32>>>() == 0);
    CHECK(wrong_values<A, scheme<sulq<3>, per_row>>() == 0);
  });
}

TEST_CASE("formats whose upper codes are the negatives of the lower ones") {
  STATIC_REQUIRE(kernel::sign_symmetric<e4m3>);
  STATIC_REQUIRE(kernel::sign_symmetric<e5m2>);
  STATIC_REQUIRE_FALSE(kernel::sign_symmetric<int8>);
  STATIC_REQUIRE_FALSE(kernel::sign_symmetric<e2m1>);  // four bits
}
