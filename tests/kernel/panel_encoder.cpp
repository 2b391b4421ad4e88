// SPDX-License-Identifier: MIT
#include "octavo/kernel/panel_encoder.hpp"

#include "octavo/quant/schemes.hpp"
#include "octavo/storage/panel_writer.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

float number(octavo::index row, octavo::index k) {
  return 0.01f * static_cast<float>((row * 37 + k * 101) % 211) - 1.0f;
}

/// The bytes of a group of n columns of which rows [0, rows) have params, against those that a panel_writer writes one
/// code after the other by the scalar law.
template <class A, class S, class Q>
bool same_bytes(octavo::index rows, octavo::index n, octavo::index stride, typename Q::params const& p) {
  using layout_type = panel_layout<S>;
  using encoder = kernel::panel_encoder<A, S, Q>;
  layout_type const layout{rows, n};
  auto const size = static_cast<std::size_t>(layout.panel_bytes());
  aligned_buffer expected(static_cast<octavo::index>(size));
  aligned_buffer written(static_cast<octavo::index>(size));
  std::memset(expected.data(), 0, size);
  std::memset(written.data(), 0, size);
  std::vector<float> columns(static_cast<std::size_t>(n * stride));
  typename encoder::params in_lanes;
  detail::panel_writer<S> const writer(layout, expected.data());
  for (octavo::index row = 0; row < panel_rows; ++row) {
    in_lanes.put_row(row, row < rows ? p : encoder::zero_params());
    writer.put_padding(row, 0, row < rows ? n : 0);
    for (octavo::index k = 0; k < n && row < rows; ++k) {
      float const x = number(row, k);
      columns[static_cast<std::size_t>(k * stride + row)] = x;
      writer.put_code(layout.at(row, 0, k), Q::encode(x, p));
    }
  }
  kernel::runs_ahead<float> nothing(columns.data(), 1, 0, 0);
  encoder::encode({columns.data(), stride}, n, in_lanes, written.data() + layout.codes_at(0), false, nothing);
  return std::memcmp(expected.data(), written.data(), size) == 0;
}

}  // namespace

TEST_CASE("codes of a panel by vectors are those of the law one by one") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const rows : {1, 15, 17, 63, 64}) {
      for (octavo::index const n : {1, 3, 4, 15, 16, 17, 32}) {
        INFO(rows << " rows, " << n << " columns");
        using four = scheme<symmetric<int4>, per_group<32>>;
        CHECK(same_bytes<A, four, symmetric<int4>>(rows, n, 64, symmetric<int4>::from_absmax(1.0f)));
        using six = scheme<symmetric<int6>, per_group<32>>;
        CHECK(same_bytes<A, six, symmetric<int6>>(rows, n, 80, symmetric<int6>::from_absmax(0.9f)));
        using above = scheme<affine_min<uint4>, per_group<32>>;
        CHECK(same_bytes<A, above, affine_min<uint4>>(rows, n, 64, affine_min<uint4>::from_range(-0.9f, 1.0f)));
      }
    }
  });
}

TEST_CASE("codes of a panel by the base of a law whose scales are quantized") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    // The layout of q6_k: its own params stand elsewhere.
    CHECK(same_bytes<A, q6_k, signed_max<int6>>(33, 13, 64, signed_max<int6>::from_extreme(-1.0f)));
    CHECK(same_bytes<A, q6_k, signed_max<int6>>(64, 16, 64, signed_max<int6>::from_extreme(0.5f)));
  });
}
