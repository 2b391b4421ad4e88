// SPDX-License-Identifier: MIT
#include "recorded_attention.hpp"

namespace test {

namespace {

constexpr octavo::index window = 256;
constexpr octavo::index heads = 6;
constexpr octavo::index kv_heads = 2;
constexpr octavo::index d = 32;

}  // namespace

recorded_attention const& shipped_attention() {
  static recorded_attention const recorded = [] {
    recorded_attention r(heads, kv_heads, octavo::rope_table(d, window));
    auto const& layers = shipped_models().llama;
    for (std::size_t l = 0; l < layers.size(); l += 4) {
      for (bool const to_test : {false, true}) {
        matrix const& x = to_test ? layers[l].later : layers[l].x;
        for (octavo::index first = 0; first + window <= x.cols(); first += window) {
          matrix const qkv = layers[l].weights * x.middleCols(first, window);
          r.add(to_test, qkv.topRows(heads * d), qkv.middleRows(heads * d, kv_heads * d),
                qkv.bottomRows(kv_heads * d), l / 4);
        }
      }
    }
    return r;
  }();
  return recorded;
}

}  // namespace test
