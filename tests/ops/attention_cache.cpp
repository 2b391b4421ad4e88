// SPDX-License-Identifier: MIT
// attention over a kv_cache: near the reference of what its pages hold, the same bits however tokens came and are asked
// for.
#include "octavo/ops/attention.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/kv_cache.hpp"

#include "support/check_cache_attention.hpp"
#include "support/errors.hpp"
#include "support/executors.hpp"

using namespace octavo;
using namespace octavo::schemes;
using test::attend_cache;
using test::attention_case;
using test::cache_of;
using test::check_codes;
using test::check_floats;
using test::differences;
using test::filled;
using test::output;
using test::values_of_floats;

namespace {

using min2 = scheme<affine_min<uint2, scale_as<f16>>, per_token_group<32>>;

struct shape {
  octavo::index queries, keys, head_dim, value_dim;
};

}  // namespace

TEST_CASE("attention over codes of a cache is near the reference of its pages, on every instruction set") {
  for (shape const s :
       {shape{1, 1, 8, 8}, shape{3, 63, 1, 3}, shape{5, 64, 3, 65}, shape{2, 65, 65, 128}, shape{7, 511, 80, 63},
        shape{1, 512, 128, 80}, shape{6, 513, 63, 1}, shape{50, 1100, 128, 128}}) {
    attention_case<float> c(4, 2, s.queries, s.keys, s.head_dim, s.value_dim, 5);
    c.problem.causal = true;
    check_codes<k8, v8>(c, causal{});
    check_codes<k4, v4>(c, causal{});
  }
}

TEST_CASE("attention over a cache with minima and short groups, and with options") {
  for (shape const s : {shape{1, 65, 65, 80}, shape{9, 600, 40, 100}}) {
    attention_case<float> c(2, 1, s.queries, s.keys, s.head_dim, s.value_dim, 6);
    check_codes<min2, scheme<symmetric<e2m1, scale_as<e8m0>>, per_token_group<32>>>(c);
    check_codes<scheme<symmetric<e2m1, scale_as<e8m0>>, per_token_group<32>>, min2>(c);
    c.with_slopes();
    c.with_mask(4, 7);
    c.with_sinks(8);
    c.problem.soft_cap = 3;
    c.problem.left = 400;
    check_codes<k8, v8>(c, alibi{c.slopes.data()}, boolean_mask{c.mask.get(), s.keys, s.queries * s.keys},
                        sink_logits{c.sinks.data()}, soft_cap{3.0f}, sliding_window{.left = 400});
  }
}

TEST_CASE("attention over a cache as floats has the bits of attention over floats") {
  for (shape const s : {shape{1, 1, 8, 8}, shape{3, 65, 3, 65}, shape{5, 513, 65, 80}}) {
    attention_case<float> c(4, 2, s.queries, s.keys, s.head_dim, s.value_dim, 9);
    check_floats<float, f16>(c, causal{});
    check_floats<k8, k4>(c, causal{});
  }
  // Few rows read elements where they are: of whole registers of channels, with and without causal{}, of one row and of
  // ten.
  for (shape const s : {shape{1, 130, 16, 64}, shape{5, 513, 64, 128}}) {
    attention_case<float> c(4, 2, s.queries, s.keys, s.head_dim, s.value_dim, 9);
    check_floats<f16, f16>(c, causal{});
    check_floats<float, bf16>(c);
    check_floats<bf16, float>(c, sliding_window{.left = 70});
  }
  attention_case<float> c(2, 2, 3, 70, 33, 17, 9);
  check_floats<scheme<symmetric<e4m3, scale_as<f16>>, per_token>, scheme<symmetric<nf4>, per_token_group<8>>>(c);
}

TEST_CASE("attention over no keys, and over no channels") {
  attention_case<float> none(2, 1, 3, 0, 8, 5, 1);
  CHECK(attend_cache<q8, p8>(none, filled<k8, v8>(none)) == values_of_floats(30, 0.0f));
  CHECK(attend_cache<as_is, as_is>(none, filled<f16, f16>(none)) == values_of_floats(30, 0.0f));
  attention_case<float> empty(2, 1, 3, 70, 8, 0, 1);
  CHECK(attend_cache<q8, p8>(empty, filled<k8, v8>(empty)).empty());
  attention_case<float> flat(1, 1, 1, 3, 0, 2, 2);  // all scores are 0: the mean
  auto const mean = attend_cache<q8, p8>(flat, filled<k8, v8>(flat));
  CHECK(std::abs(mean[0] - (flat.v[0] + flat.v[2] + flat.v[4]) / 3) < 0.02f);
}

TEST_CASE("bits of attention over a cache do not depend on how tokens came, on queries or on threads") {
  attention_case<float> c(4, 2, 60, 1040, 20, 80, 10);
  auto const cache = filled<k4, v4>(c);
  auto const all = attend_cache<q8, p8>(c, cache, causal{});
  test::backwards const threads;
  CHECK(differences(attend_cache<q8, p8>(c, cache, causal{}, on(threads)), all) == 0);

  auto pieces = cache_of<kv_cache<k4, v4>>(c, 64);
  auto const part = [&](octavo::index first, octavo::index n) {
    pieces.append(heads_view<float const>(c.k.data() + first * 20, 20, 2, n, 1040 * 20, 20),
                  heads_view<float const>(c.v.data() + first * 80, 80, 2, n, 1040 * 80, 80));
  };
  part(0, 700);
  part(3, 70);
  auto other = pieces.fork();
  pieces.truncate(690);
  for (octavo::index i = 690; i < 1040; ++i) { part(i, 1); }
  CHECK(differences(attend_cache<q8, p8>(c, pieces, causal{}, on(threads)), all) == 0);
  CHECK(other.tokens() == 770);

  // A row alone, when its key is the last: codes of later keys are in no page yet, or behind the end.
  for (octavo::index const n : {1, 5}) {
    for (octavo::index const last : {1040, 1024, 1000, 993}) {
      pieces.truncate(last);
      octavo::index const query = 60 - (1040 - last) - n;
      values_of_floats out(static_cast<std::size_t>(4 * n * 80));
      attention<q8, p8>(c.queries(query, n), pieces.keys(), pieces.values(),
                        heads_view<float>(out.data(), 80, 4, n, n * 80, 80), causal{}, on(threads));
      int wrong = 0;
      for (octavo::index h = 0; h < 4; ++h) {
        for (octavo::index i = 0; i < n * 80; ++i) {
          auto const at = static_cast<std::size_t>((h * 60 + query) * 80 + i);
          wrong += test::same_bits(out[static_cast<std::size_t>(h * n * 80 + i)], all[at]) ? 0 : 1;
        }
      }
      INFO(n << " queries, " << last << " keys");
      CHECK(wrong == 0);
    }
    pieces.truncate(690);
    part(690, 350);
  }
}

TEST_CASE("NaN in a key, a value or a query of a cache stays with those who see it") {
  attention_case<float> c(1, 1, 6, 90, 16, 70, 11);
  auto const clean = attend_cache<q8, p8>(c, filled<k8, v8>(c), causal{}, on<scalar>());
  auto const bad = [&](auto const& change) {
    auto changed = c;
    change(changed);
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      auto const out = attend_cache<q8, p8>(changed, filled<k8, v8>(changed), causal{}, on<A>());
      auto const floats = attend_cache<as_is, as_is>(changed, filled<k8, k4>(changed), causal{}, on<A>());
      for (int i = 0; i < 6; ++i) {
        bool const sees = i >= 4;  // query 4 stands at 88
        auto const at = static_cast<std::size_t>(i * 70 + 3);
        INFO(arch_name<A> << " query " << i);
        CHECK((sees ? std::isnan(out[at]) : test::same_bits(out[at], clean[at])));
        CHECK(std::isnan(floats[at]) == sees);
      }
    });
  };
  bad([](auto& x) { x.k[88 * 16 + 5] = std::numeric_limits<float>::infinity(); });
  bad([](auto& x) { x.v[88 * 70 + 69] = std::nanf(""); });
  bad([](auto& x) {
    x.q[4 * 16] = std::nanf("");
    x.q[5 * 16 + 1] = std::nanf("");
  });
}

TEST_CASE("NaN in a value that is read where it is stays with those who see it") {
  attention_case<float> c(1, 1, 6, 90, 16, 64, 11);
  c.v[88 * 64 + 7] = std::numeric_limits<float>::infinity();
  auto const clean = attend_cache<as_is, as_is>(attention_case<float>(1, 1, 6, 90, 16, 64, 11),
                                                filled<f16, float>(attention_case<float>(1, 1, 6, 90, 16, 64, 11)),
                                                causal{}, on<scalar>());
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const out = attend_cache<as_is, as_is>(c, filled<f16, float>(c), causal{}, on<A>());
    for (std::size_t i = 0; i < 6 * 64; ++i) {
      INFO(arch_name<A> << " query " << i / 64);
      CHECK((i / 64 >= 4 ? std::isnan(out[i]) : test::same_bits(out[i], clean[i])));  // query 4 stands at 88
    }
  });
}

TEST_CASE("attention refuses a cache that does not fit") {
  attention_case<float> c(2, 2, 1, 5, 8, 6, 12);
  auto const cache = filled<k8, v8>(c);
  values_of_floats out;
  auto const narrow = output(c, out);
  CHECK(can_attention(c.queries(), cache.keys(), cache.values(), narrow));
  attention_case<float> other(3, 3, 1, 5, 8, 6, 12);
  values_of_floats others;
  auto const three = output(other, others);
  CHECK_FALSE(can_attention(other.queries(), cache.keys(), cache.values(), three));
  CHECK(test::error_of([&] { attention<q8, p8>(other.queries(), cache.keys(), cache.values(), three); }) ==
        "attention: Q has heads 3, K has 2. Query heads must be a multiple of kv heads.");
}
