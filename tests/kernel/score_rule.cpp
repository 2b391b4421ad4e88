// SPDX-License-Identifier: MIT
#include "octavo/kernel/score_rule.hpp"

#include "octavo/reference/attention.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <limits>

using namespace octavo;

TEST_CASE("visible keys are those of the reference, whole and within any leaf") {
  int wrong = 0;
  for (octavo::index keys : {1, 5, 12}) {
    for (octavo::index queries : {1, 4, 14}) {
      for (octavo::index left : {-1, 0, 2, 30}) {
        for (octavo::index right : {-1, 0, 3}) {
          for (octavo::index first : {0, 1, 6}) {
            for (bool const causal : {false, true}) {
              kernel::score_rule rule;
              rule.keys = keys;
              rule.offset = keys - queries;
              rule.causal = causal;
              rule.left = left;
              rule.right = right;
              rule.first = first;
              reference::attention_problem p;
              p.keys = keys;
              p.queries = queries;
              p.causal = causal;
              p.left = left;
              p.right = right;
              p.first = first;
              for (octavo::index i = 0; i < queries; ++i) {
                for (octavo::index from = 0; from < keys; from += 4) {
                  octavo::index const n = octavo::smaller(4, keys - from);
                  auto const v = rule.visible(i).within(from, n);
                  for (octavo::index j = 0; j < n; ++j) {
                    bool const seen = j < v.first || (j >= v.begin && j < v.end);
                    wrong += seen == p.visible(0, i, from + j) ? 0 : 1;
                    wrong += !seen || (j >= v.low() && j < v.end && !v.none()) ? 0 : 1;
                  }
                  wrong += v.first == 0 || v.first < v.begin ? 0 : 1;
                }
              }
            }
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("scores go through soft-cap, slopes, bias and mask in this order") {
  float const slopes[2] = {0.25f, 0.5f};
  float const bias[20] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  bool mask[20];
  for (int i = 0; i < 20; ++i) { mask[i] = i % 3 != 0; }
  kernel::score_rule rule;
  rule.keys = 10;
  rule.offset = 7;
  rule.scale = 0.5f;
  rule.cap = 50;
  CHECK_FALSE(rule.plain());
  CHECK(rule.factor() == 0.01f);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const score = [&](float s, octavo::index head, octavo::index query, octavo::index key) {
      float out[16];
      auto ready = rule.template apply<A>(simd::floats<A>(s * rule.factor()), head, query, key);
      if (rule.mask != nullptr) { ready = rule.template masked<A>(ready, head, query, key); }
      ready.store_unaligned(out);
      return static_cast<double>(out[0]) / 1.4426950408889634;
    };
    rule.slopes = nullptr;
    rule.bias = {};
    rule.mask = nullptr;
    CHECK(std::abs(score(200, 0, 0, 0) - 48.20137900) < 1e-5);
    CHECK(std::abs(score(-160, 0, 0, 0) + 46.08342772) < 1e-5);
    rule.slopes = slopes;
    CHECK(std::abs(score(200, 1, 1, 2) - (48.20137900 - 0.5 * 6)) < 1e-5);
    rule.bias = kernel::element_pointer(bias);
    rule.bias_query = 10;
    CHECK(std::abs(score(200, 1, 1, 2) - (48.20137900 - 3 + 12)) < 1e-5);
    CHECK(std::abs(score(200, 1, 1, 9) - (48.20137900 - 0.5 + 19)) < 1e-5);  // lanes behind the last key are not read
    rule.mask = mask;
    rule.mask_query = 10;
    CHECK(score(200, 1, 1, 2) == -std::numeric_limits<double>::infinity());
    CHECK(std::abs(score(200, 1, 1, 9) - (48.20137900 - 0.5 + 19)) < 1e-5);
  });
}
