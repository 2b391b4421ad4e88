// SPDX-License-Identifier: MIT
#include "octavo/kernel/page_tile.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/storage/cache_layout.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

namespace {

/// Sums of all rows against T rows of operands, of any bytes as codes. With `Together`, each so many registers have
/// operands of their own.
template <class Weights, int T = 3, int Together = kernel::short_registers<typename Weights::arch>>
void check_sums(int lowest, bool unsigned_operands) {
  using A = typename Weights::arch;
  using layout = typename Weights::layout;
  constexpr int R = kernel::short_registers<A>;
  constexpr octavo::index L = simd::lanes<A>;
  constexpr octavo::index steps = 9;
  constexpr octavo::index k = steps * layout::step;
  layout const of{64, k};
  test::random next(3);
  std::vector<std::byte> codes(static_cast<std::size_t>(of.panel_bytes()));
  for (auto& b : codes) { b = static_cast<std::byte>(next.byte()); }
  constexpr octavo::index all = R / Together * T * k;
  std::vector<std::int32_t> x(all);
  std::vector<typename Weights::operand> operands(all);
  for (octavo::index i = 0; i < all; ++i) {
    auto const at = static_cast<std::size_t>(i);
    x[at] = static_cast<std::int32_t>(next.below(256)) - (unsigned_operands ? 0 : 128);
    octavo::index const j = i % 4;
    bool const wide = sizeof(typename Weights::operand) == 2;  // quads as (k0 k2)(k1 k3)
    auto const to = static_cast<std::size_t>(i - j + (wide ? j % 2 * 2 + j / 2 : j));
    operands[to] = static_cast<typename Weights::operand>(x[at]);
  }
  Weights const unpack;
  for (octavo::index first_row = 0; first_row < 64; first_row += R * L) {
    simd::ints<A> total[static_cast<std::size_t>(T * R)];
    for (auto& t : total) { t = simd::ints<A>(11); }
    kernel::lines_ahead ahead{codes.data(), codes.data()};
    kernel::page_sums<Weights, 1, T, R, Together>(unpack, codes.data() + first_row * 4, first_row, steps,
                                                  operands.data(), k, ahead, total, T * k);
    int wrong = 0;
    for (int t = 0; t < T; ++t) {
      for (octavo::index r = 0; r < R * L; ++r) {
        std::int32_t expected = 11;
        for (octavo::index i = 0; i < k; ++i) {
          int const packed = layout::get(codes.data(), of.at(first_row + r, i));
          octavo::index const row = r / L / Together * T + t;
          expected += (packed - lowest) * x[static_cast<std::size_t>(row * k + i)];
        }
        std::int32_t lanes[16];
        total[t * R + r / L].store_unaligned(lanes);
        wrong += lanes[r % L] == expected ? 0 : 1;
      }
    }
    INFO(arch_name<A> << ", rows from " << first_row);
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("page_sums are exact sums of codes where they are stored") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    using eight = panel_layout<scheme<symmetric<int8>, per_row>>;
    using four = panel_layout<scheme<symmetric<int4>, per_row>>;
    using two = panel_layout<scheme<symmetric<uint2>, per_row>>;
    check_sums<kernel::byte_weights<A, eight, false>>(kernel::byte_weights<A, eight, false>::offset, false);
    check_sums<kernel::byte_weights<A, four, false>>(kernel::byte_weights<A, four, false>::offset, false);
    check_sums<kernel::byte_weights<A, two, false>>(kernel::byte_weights<A, two, false>::offset, false);
    // One row: codes stay where they stand in their bytes.
    check_sums<kernel::byte_weights<A, four, false>, 1>(kernel::byte_weights<A, four, false>::offset, false);
    check_sums<kernel::byte_weights<A, two, false>, 1>(kernel::byte_weights<A, two, false>::offset, false);
    check_sums<kernel::byte_weights<A, two, false>, 1, 1>(kernel::byte_weights<A, two, false>::offset, false);
    if constexpr (detail::is_avx512<A> && detail::has<vnni, A>) {
      check_sums<kernel::signed_codes<A, two>, 1, 2>(0, true);
      check_sums<kernel::signed_codes<A, eight>>(128, true);
      check_sums<kernel::signed_codes<A, four>>(0, true);
    }
  });
}

TEST_CASE("parts of what is asked for ahead are all of it and no more") {
  std::vector<std::byte> const codes(5 * 64);
  std::byte const* at = codes.data();
  for (octavo::index i = 0; i < 4; ++i) {
    auto const part = kernel::lines_ahead::part_of(codes.data(), i, 128, 5 * 64);
    CHECK(part.next == at);
    CHECK(part.end == (at += i < 2 ? 128 : i == 2 ? 64 : 0));
  }
}
