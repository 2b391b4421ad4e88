// SPDX-License-Identifier: MIT
#include "octavo/storage/panel.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"
#include "support/user_quantizer.hpp"

#include <limits>
#include <set>
#include <stdexcept>
#include <utility>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Every bit of every (row, k) has a place of its own among the codes of its group, and groups do not touch parameters.
template <class S>
bool positions_are_distinct(octavo::index cols) {
  panel_layout<S> const layout{64, cols};
  std::set<std::pair<octavo::index, int>> seen;
  for (octavo::index row = 0; row < 64; ++row) {
    for (octavo::index k = 0; k < cols; ++k) {
      auto const p = layout.at(row, k);
      octavo::index const g = k / layout.group();
      auto const take = [&](octavo::index byte, int shift, int bits) {
        if (byte < layout.codes_at(g) || byte >= layout.params_at(g)) { return false; }
        if (shift < 0 || shift + bits > 8) { return false; }
        for (int b = 0; b < bits; ++b) {
          if (!seen.insert({byte, shift + b}).second) { return false; }
        }
        return true;
      };
      if (!take(p.byte, p.shift, layout.planes.low)) { return false; }
      if (layout.planes.high() != 0 && !take(p.high_byte, p.high_shift, layout.planes.high())) { return false; }
    }
  }
  octavo::index const minima = layout.two_level && layout.minima ? layout.groups() * 64 : 0;
  return layout.shared_count() * layout.shared_bytes + minima == layout.codes_at(0) &&
         layout.params_at(layout.groups() - 1) + layout.param_bytes == layout.panel_bytes();
}

template <class F, int G>
using by_groups = scheme<symmetric<F>, per_group<G>>;

}  // namespace

TEST_CASE("positions of codes are distinct and inside of their group") {
  for (octavo::index const cols : {1, 5, 16, 63, 64, 65, 129}) {
    INFO(cols);
    CHECK(positions_are_distinct<w8>(cols));
    CHECK(positions_are_distinct<w4_g32>(cols));
    CHECK(positions_are_distinct<w2_g64>(cols));
    CHECK(positions_are_distinct<fp8>(cols));
    CHECK(positions_are_distinct<w4_affine_g<32>>(cols));
    CHECK(positions_are_distinct<w4_min_g<32>>(cols));
    CHECK(positions_are_distinct<scheme<symmetric<int4>, per_group<20>>>(cols));
    CHECK(positions_are_distinct<q4_k>(cols));
    CHECK(positions_are_distinct<nvfp4>(cols));
    CHECK(positions_are_distinct<by_groups<sint<3>, 32>>(cols));
    CHECK(positions_are_distinct<by_groups<sint<5>, 64>>(cols));
    CHECK(positions_are_distinct<by_groups<sint<6>, 16>>(cols));
    CHECK(positions_are_distinct<scheme<symmetric<minifloat<3, 2, specials::none>>, per_row>>(cols));
  }
}

TEST_CASE("codes take as many bits as they have, or 2 or 8") {
  STATIC_REQUIRE(panel_layout<by_groups<octavo::uint<1>, 32>>::bits == 2);
  STATIC_REQUIRE(panel_layout<by_groups<sint<3>, 16>>::bits == 3);
  STATIC_REQUIRE(panel_layout<by_groups<sint<7>, 32>>::bits == 8);
  // Bytes of 64 rows and 32 k, less 256 of scales.
  CHECK(panel_layout<by_groups<sint<3>, 32>>{64, 32}.panel_bytes() == 64 * 12 + 256);
  CHECK(panel_layout<by_groups<sint<5>, 32>>{64, 32}.panel_bytes() == 64 * 20 + 256);
  CHECK(panel_layout<by_groups<sint<6>, 32>>{64, 32}.panel_bytes() == 64 * 24 + 256);
  CHECK(panel_layout<by_groups<sint<3>, 16>>{64, 16}.panel_bytes() == 64 * 6 + 256);
}

TEST_CASE("positions as the picture of the layout shows them") {
  // 8 bits: row r | k0 | k1 | k2 | k3 |, 16 rows to a vector, four vectors to a step.
  panel_layout<w8> const l8{64, 16};
  CHECK(l8.at(0, 0).byte == 0);
  CHECK(l8.at(0, 3).byte == 3);
  CHECK(l8.at(1, 0).byte == 4);
  CHECK(l8.at(15, 3).byte == 63);
  CHECK(l8.at(16, 0).byte == 64);
  CHECK(l8.at(63, 3).byte == 255);
  CHECK(l8.at(0, 4).byte == 256);
  CHECK(l8.at(17, 9).byte == 512 + 64 + 4 + 1);
  // 4 bits: row r | k4 k0 | k5 k1 | k6 k2 | k7 k3 |.
  panel_layout<w4> const l4{64, 16};
  CHECK(l4.at(0, 0).byte == 0);
  CHECK(l4.at(0, 0).shift == 0);
  CHECK(l4.at(0, 4).byte == 0);
  CHECK(l4.at(0, 4).shift == 4);
  CHECK(l4.at(2, 7).byte == 11);
  CHECK(l4.at(2, 7).shift == 4);
  CHECK(l4.at(0, 8).byte == 256);
  CHECK(l4.at(0, 8).shift == 0);
  // 2 bits: row r | k12 k8 k4 k0 | ... | k15 k11 k7 k3 |.
  panel_layout<w2> const l2{64, 32};
  CHECK(l2.at(0, 12).byte == 0);
  CHECK(l2.at(0, 12).shift == 6);
  CHECK(l2.at(1, 11).byte == 7);
  CHECK(l2.at(1, 11).shift == 4);
  CHECK(l2.at(0, 16).byte == 256);
  // 6 bits: two words of the low 4 bits, then one of the high 2; quad 3 of k = 13.
  panel_layout<by_groups<sint<6>, 32>> const l6{64, 32};
  CHECK(l6.at(2, 13).byte == 256 + 8 + 1);
  CHECK(l6.at(2, 13).shift == 4);
  CHECK(l6.at(2, 13).high_byte == 512 + 8 + 1);
  CHECK(l6.at(2, 13).high_shift == 6);
  CHECK(l6.at(0, 16).byte == 768);
  // 3 bits: a word of the low 2 bits, then half a word: quad 3 of k = 12, rows 16 and 48 in the high halves of bytes.
  panel_layout<by_groups<sint<3>, 32>> const l3{64, 32};
  CHECK(l3.at(1, 12).byte == 4);
  CHECK(l3.at(1, 12).shift == 6);
  CHECK(l3.at(1, 12).high_byte == 256 + 4);
  CHECK(l3.at(1, 12).high_shift == 3);
  CHECK(l3.at(17, 12).byte == 64 + 4);
  CHECK(l3.at(17, 12).high_byte == 256 + 4);
  CHECK(l3.at(17, 12).high_shift == 7);
  CHECK(l3.at(33, 12).high_byte == 256 + 64 + 4);
  CHECK(l3.at(0, 16).byte == 384);
  // 5 bits: two words of the low 4 bits, then half a word.
  panel_layout<by_groups<sint<5>, 32>> const l5{64, 32};
  CHECK(l5.at(0, 15).byte == 256 + 3);
  CHECK(l5.at(0, 15).shift == 4);
  CHECK(l5.at(0, 15).high_byte == 512 + 3);
  CHECK(l5.at(0, 15).high_shift == 3);
  CHECK(l5.at(63, 16).high_byte == 640 + 512 + 64 + 60);
  CHECK(l5.at(63, 16).high_shift == 4);
  // e4m3: r0k0 r0k1 r1k0 r1k1 r2k0 r2k1 r3k0 r3k1, then k2 k3 of the same rows.
  panel_layout<fp8> const lf{64, 8};
  CHECK(lf.at(0, 1).byte == 1);
  CHECK(lf.at(1, 0).byte == 2);
  CHECK(lf.at(3, 1).byte == 7);
  CHECK(lf.at(0, 2).byte == 8);
  CHECK(lf.at(3, 3).byte == 15);
  CHECK(lf.at(4, 0).byte == 16);
  CHECK(lf.at(16, 0).byte == 64);
  CHECK(lf.at(0, 4).byte == 256);
}

TEST_CASE("groups are padded to whole steps and followed by their parameters") {
  panel_layout<w4_g32> const l{65, 40};
  CHECK(l.groups() == 2);
  CHECK(l.group_length(0) == 32);
  CHECK(l.group_length(1) == 8);
  CHECK(l.group_bytes() == 4 * 256 + 128);
  CHECK(l.params_at(0) == 1024);
  CHECK(l.params_at(1) == 1152 + 256);
  CHECK(l.panel_bytes() == 1152 + 256 + 128);
  CHECK(l.panels() == 2);
  CHECK(l.size_bytes() == 2 * (1152 + 256 + 128));

  panel_layout<scheme<symmetric<int4>, per_group<20>>> const odd{64, 20};
  CHECK(odd.padded_group() == 24);
  CHECK(odd.group_bytes() == 3 * 256 + 256);

  panel_layout<w4_affine_g<64>> const zeros{64, 64};
  CHECK(zeros.param_bytes == 128 + 64);

  panel_layout<w4_min_g<64>> const minima{64, 64};
  CHECK(minima.param_bytes == 128 + 128);

  panel_layout<scheme<test::powers_of_two, per_row>> const user{64, 8};
  CHECK(user.param_bytes == 256);

  panel_layout<scheme<affine<uint4>, per_column>> const columns{64, 24};
  CHECK(columns.column_bytes() == 192);
  CHECK(columns.size_bytes() == 3 * 256 + 256 + 192);
}

TEST_CASE("what groups share stands before the first group, then the minima of all, their own scales are bytes") {
  panel_layout<q4_k> const l{65, 300};  // ten groups of 32, eight of which share
  CHECK(l.shared_count() == 2);
  CHECK(l.shared_bytes == 2 * 128);
  CHECK(l.shared_at(7) == 0);
  CHECK(l.shared_at(8) == 256);
  CHECK(l.minima_at(0) == 512);
  CHECK(l.minima_at(9) == 512 + 9 * 64);
  CHECK(l.codes_at(0) == 512 + 640);
  CHECK(l.at(0, 0).byte == 1152);
  CHECK(l.param_bytes == 64);
  CHECK(l.params_at(1) == 1152 + (1024 + 64) + 1024);
  CHECK(l.panel_bytes() == 1152 + 9 * (1024 + 64) + 2 * 256 + 64);
  panel_layout<nvfp4> const one{64, 300};
  CHECK(one.shared_count() == 1);
  CHECK(one.shared_at(18) == 0);
  CHECK(one.codes_at(0) == 256);
  CHECK(one.param_bytes == 64);
  CHECK(panel_layout<nvfp4>{64, 0}.shared_count() == 0);
}

TEST_CASE("matrices without elements have no bytes, panels start on cache lines") {
  CHECK(panel_layout<w8>{0, 100}.size_bytes() == 0);
  CHECK(panel_layout<w8>{100, 0}.size_bytes() == 0);
  for (octavo::index const cols : {1, 7, 33, 100}) {
    CHECK(panel_layout<w4_affine_g<32>>{64, cols}.panel_bytes() % 64 == 0);
    CHECK(panel_layout<w4_min_g<32>>{64, cols}.panel_bytes() % 64 == 0);
    CHECK(panel_layout<mxfp4>{64, cols}.panel_bytes() % 64 == 0);
    CHECK(panel_layout<fp8>{64, cols}.panel_bytes() % 64 == 0);
    CHECK(panel_layout<q6_k>{64, cols}.panel_bytes() % 64 == 0);
  }
}

TEST_CASE("extents that are negative or too large are refused") {
  constexpr octavo::index most = std::numeric_limits<octavo::index>::max();
  CHECK_THROWS_AS((panel_layout<w8>{most / 4, most / 4}.size_bytes()), std::invalid_argument);
  CHECK_THROWS_AS((panel_layout<w2>{octavo::index{1} << 40, octavo::index{1} << 30}.size_bytes()),
                  std::invalid_argument);
  CHECK_THROWS_AS((panel_layout<w8>{-1, 4}.size_bytes()), std::invalid_argument);
  CHECK_THROWS_AS((panel_layout<w8>{4, -1}.size_bytes()), std::invalid_argument);
  CHECK_NOTHROW(panel_layout<w8>{1 << 20, 1 << 20}.size_bytes());
}
