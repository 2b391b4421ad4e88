// SPDX-License-Identifier: MIT
#include "octavo/io/ways_text.hpp"

#include "octavo/ops/attention_ways.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/quant/sulq.hpp"

#include "support/catch.hpp"

using namespace octavo;
using namespace octavo::schemes;
using octavo::io::ways_text;

TEST_CASE("the text of a list of ways names their schemes and what they smooth, in their order") {
  CHECK(ways_text<attention_ways<attention_way<>>>() == "as_is; as_is");
  CHECK(ways_text<attention_ways<attention_way<q4, p8, smooth_keys>, attention_way<q8, p8>, attention_way<q8>,
                                 attention_way<>>>() ==
        "int4 x f32; uint8 x f32; smooth_keys | int8 x f32; uint8 x f32 | int8 x f32; as_is | as_is; as_is");
  using p_fp8 = scheme<symmetric<e4m3>, per_tensor>;
  using p_adalog = scheme<adalog<4>, per_tensor>;
  using p_sulq = scheme<sulq<4>, per_tensor>;
  CHECK(
      ways_text<
          attention_ways<attention_way<as_is, p_fp8>, attention_way<q8, p_adalog>, attention_way<q8, p_sulq>>>() ==
      "as_is; e4m3 x f32 | int8 x f32; adalog of uint4, params of 8 bytes | int8 x f32; sulq of uint4, params of 12 "
      "bytes");
}

TEST_CASE("lists of other ways, or in another order, have other texts, but options in another order do not") {
  using both = attention_way<q4, p8, smooth_keys, smooth_values>;
  using turned = attention_way<q4, p8, smooth_values, smooth_keys>;
  CHECK(ways_text<attention_ways<both>>() == ways_text<attention_ways<turned>>());
  CHECK(ways_text<attention_ways<both>>() == "int4 x f32; uint8 x f32; smooth_keys; smooth_values");
  CHECK(ways_text<attention_ways<attention_way<q4, p8, smooth_queries>>>() ==
        "int4 x f32; uint8 x f32; smooth_queries");
  CHECK(ways_text<attention_ways<attention_way<>, both>>() != ways_text<attention_ways<both, attention_way<>>>());
  CHECK(ways_text<attention_ways<attention_way<scheme<symmetric<log2_format<4>>, per_token>>>>() !=
        ways_text<attention_ways<attention_way<scheme<symmetric<log_sqrt2_format<4>>, per_token>>>>());
}
