// SPDX-License-Identifier: MIT
#include "octavo/kernel/segments.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/catch.hpp"

using namespace octavo;
using namespace octavo::schemes;

TEST_CASE("groups are segments, the last one may be short") {
  panel_layout<w4_g32> const layout{64, 75};
  kernel::segmentation<panel_layout<w4_g32>> const s(layout, longest_leaf);
  CHECK(s.count == 3);
  CHECK(s.length == 32);
  CHECK(s.first(layout, 2) == 64);
  CHECK(s.present(layout, 1) == 32);
  CHECK(s.present(layout, 2) == 11);
  CHECK(s.steps(layout, 1) == 4);
  CHECK(s.steps(layout, 2) == 2);
}

TEST_CASE("a long row is cut where int32 would end, unless nothing limits it") {
  using layout_type = panel_layout<w8>;
  layout_type const layout{3, 2 * 32768 + 5};
  kernel::segmentation<layout_type> const cut(layout, longest_leaf);
  CHECK(cut.count == 3);
  CHECK(cut.length == 32768);
  CHECK(cut.first(layout, 1) == 32768);
  CHECK(cut.present(layout, 2) == 5);
  CHECK(cut.steps(layout, 2) == 2);
  kernel::segmentation<layout_type> const whole(layout, layout.cols + 1);
  CHECK(whole.count == 1);
  CHECK(whole.present(layout, 0) == layout.cols);
  CHECK(kernel::segmentation<layout_type>(layout_type{3, 32768}, longest_leaf).count == 1);
  CHECK(kernel::segmentation<layout_type>(layout_type{3, 0}, longest_leaf).count == 0);
}

TEST_CASE("a stream points at the codes and parameters of its segments") {
  using layout_type = panel_layout<w4_g32>;
  layout_type const layout{64, 75};
  kernel::segmentation<layout_type> const s(layout, longest_leaf);
  aligned_buffer const memory(layout.panel_bytes());
  std::byte const* const panel = memory.data();
  auto const w = kernel::packed_stream(layout, s, panel);
  CHECK(w.segments == 3);
  CHECK(w.segment_bytes == layout.group_bytes());
  CHECK(w.steps == 4);
  CHECK(w.last_steps == 2);
  CHECK(w.params_of(0) - panel == layout.params_at(0));
  CHECK(w.params_of(1) - panel == layout.params_at(1));
  CHECK(w.params_of(2) - panel == layout.params_at(2));

  panel_layout<w8> const row{64, 40000};
  kernel::segmentation<panel_layout<w8>> const leaves(row, longest_leaf);
  aligned_buffer const long_memory(row.panel_bytes());
  auto const long_row = kernel::packed_stream(row, leaves, long_memory.data());
  CHECK(long_row.segments == 2);
  CHECK(long_row.segment_bytes == 32768 / 4 * 256);
  CHECK(long_row.params_of(0) - long_memory.data() == row.params_at(0));  // shared
  CHECK(long_row.params_of(1) - long_memory.data() == row.params_at(0));
}
