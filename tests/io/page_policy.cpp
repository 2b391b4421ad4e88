// SPDX-License-Identifier: MIT
#include "octavo/io/page_policy.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace octavo;

namespace {

using trace = std::vector<octavo::index>;
using bits = std::vector<bool>;

trace letters(std::string_view text) { return {text.begin(), text.end()}; }
bits digits(std::string_view text) {
  bits b;
  for (char const c : text) { b.push_back(c == '1'); }
  return b;
}

struct outcome {
  int faults = 0;
  std::string evictions;  // "d>c ": d came, c left
};

template <class Policy>
outcome run(Policy policy, trace const& pages, bits const& bit, octavo::index k) {
  outcome o;
  std::set<octavo::index> there;
  int wrong = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    auto const p = pages[i];
    bool const fault = policy.request(p, bit[i], [&](octavo::index gone) {
      if (gone != p) { o.evictions += {static_cast<char>(p), '>', static_cast<char>(gone), ' '}; }
      wrong += there.erase(gone) == 1 || gone == p ? 0 : 1;
      if (gone == p) { there.insert(-1); }
    });
    o.faults += fault ? 1 : 0;
    bool const left_at_once = there.erase(-1) == 1;
    if (!left_at_once) { there.insert(p); }
    for (auto const q : there) { wrong += policy.holds(q) ? 0 : 1; }
    wrong += static_cast<octavo::index>(there.size()) <= k && policy.holds(p) != left_at_once ? 0 : 1;
  }
  CHECK(wrong == 0);
  return o;
}

/// Belady: the page whose next use is farthest leaves; the bits that this gives.
struct best {
  int faults = 0;
  bits discard;
  best(trace const& pages, octavo::index k) : discard(pages.size(), false) {
    std::vector<std::size_t> there;  // last requests of pages
    auto const next = [&](std::size_t i) {
      auto j = i + 1;
      while (j < pages.size() && pages[j] != pages[i]) { ++j; }
      return j;
    };
    for (std::size_t i = 0; i < pages.size(); ++i) {
      auto const at = std::find_if(there.begin(), there.end(), [&](std::size_t j) { return pages[j] == pages[i]; });
      if (at != there.end()) {
        *at = i;
        continue;
      }
      ++faults;
      if (static_cast<octavo::index>(there.size()) == k) {
        auto const far = std::max_element(there.begin(), there.end(),
                                          [&](std::size_t a, std::size_t b) { return next(a) < next(b); });
        discard[*far] = true;
        there.erase(far);
      }
      there.push_back(i);
    }
  }
};

/// LRU by a list.
int lru_faults(trace const& pages, octavo::index k) {
  trace list;
  int faults = 0;
  for (auto const p : pages) {
    auto const at = std::find(list.begin(), list.end(), p);
    if (at != list.end()) {
      list.erase(at);
    } else {
      ++faults;
      if (static_cast<octavo::index>(list.size()) == k) { list.erase(list.begin()); }
    }
    list.push_back(p);
  }
  return faults;
}

/// 0 where a page is asked for in the next phase: a longest run of requests for k different pages.
bits phase_bits(trace const& pages, octavo::index k) {
  std::vector<std::size_t> begins{0};
  std::set<octavo::index> seen;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (static_cast<octavo::index>(seen.size()) == k && seen.count(pages[i]) == 0) {
      begins.push_back(i);
      seen.clear();
    }
    seen.insert(pages[i]);
  }
  begins.push_back(pages.size());
  begins.push_back(pages.size());
  bits b;
  for (std::size_t f = 0; f + 2 < begins.size(); ++f) {
    auto const next = pages.begin() + static_cast<std::ptrdiff_t>(begins[f + 1]);
    auto const end = pages.begin() + static_cast<std::ptrdiff_t>(begins[f + 2]);
    for (auto i = begins[f]; i < begins[f + 1]; ++i) { b.push_back(std::find(next, end, pages[i]) == end); }
  }
  return b;
}

/// Pages in runs that come again, and others.
trace pages_of(std::uint64_t seed, octavo::index different) {
  test::random next(seed);
  trace t;
  while (t.size() < 300) {
    auto const first = next.below(different);
    auto const n = 1 + next.below(different);
    for (octavo::index i = 0; i < n; ++i) {
      t.push_back(next.below(4) == 0 ? next.below(different) : (first + i) % different);
    }
  }
  return t;
}

}  // namespace

TEST_CASE("the worked trace of the policies") {  // spec/attention.md 9.4
  auto const pages = letters("abcdabcdaebfaebf");
  auto const discard = digits("0010011100101000");
  bits const zeros(16, false);
  CHECK(best(pages, 3).faults == 9);
  CHECK(best(pages, 3).discard == discard);
  CHECK(phase_bits(pages, 3) == digits("0010011110011111"));
  CHECK(run(io::lru_pages(3), pages, zeros, 3).faults == 16);
  auto const flush = run(io::flush_0_pages(3), pages, discard, 3);
  CHECK(flush.faults == 9);
  CHECK(flush.evictions == "d>c c>b e>d b>c f>b b>a ");
  CHECK(run(io::flush_0_pages(3), pages, zeros, 3).faults == 16);
  CHECK(run(io::mark_0_pages<io::pick_first>(3), pages, discard, 3).faults == 9);
  auto const predicted = run(io::mark_predict_pages<io::pick_first>(3), pages, phase_bits(pages, 3), 3);
  CHECK(predicted.faults == 10);
  CHECK(predicted.evictions == "d>c c>b e>a b>d f>c a>f f>e ");
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    sum += run(io::mark_0_pages<>(3, io::pick_random{seed}), pages, zeros, 3).faults;
    CHECK(run(io::mark_0_pages<>(3, io::pick_random{seed}), pages, discard, 3).faults == 9);
  }
  CHECK(std::abs(sum / 2000 - 12.5) < 0.1);
}

TEST_CASE("with true bits FLUSH-0 and MARK0 are as good as the best, and LRU is what a list gives") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    octavo::index const k = 1 + static_cast<octavo::index>(seed % 9);
    auto const pages = pages_of(seed, 4 + static_cast<octavo::index>(seed % 20));
    best const least(pages, k);
    INFO(k << " places");
    CHECK(run(io::lru_pages(k), pages, bits(pages.size()), k).faults == lru_faults(pages, k));
    CHECK(run(io::flush_0_pages(k), pages, least.discard, k).faults == least.faults);
    CHECK(run(io::mark_0_pages<>(k), pages, least.discard, k).faults == least.faults);
    CHECK(run(io::mark_predict_pages<>(k), pages, phase_bits(pages, k), k).faults <= 2 * least.faults + k);
  }
}

TEST_CASE("with wrong bits faults stay within the bounds of the paper") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    octavo::index const k = 2 + static_cast<octavo::index>(seed % 7);
    auto const pages = pages_of(seed + 100, k + 1 + static_cast<octavo::index>(seed % 11));
    best const least(pages, k);
    test::random next(seed);
    auto wrong = least.discard;
    int zeros = 0;
    int ones = 0;
    for (std::size_t i = 0; i < wrong.size(); ++i) {
      if (next.below(5) != 0) { continue; }
      (wrong[i] ? zeros : ones) += 1;
      wrong[i] = !wrong[i];
    }
    INFO(k << " places, " << zeros << " wrong zeros, " << ones << " wrong ones of " << wrong.size());
    auto const places = static_cast<int>(k);
    CHECK(run(io::flush_0_pages(k), pages, wrong, k).faults <= least.faults + (places - 1) * zeros + ones + places);
    double harmonic = 0;
    for (int i = 1; i <= places; ++i) { harmonic += 1.0 / i; }
    double mean = 0;
    for (std::uint64_t s = 0; s < 20; ++s) {
      mean += run(io::mark_0_pages<>(k, io::pick_random{s}), pages, wrong, k).faults / 20.0;
    }
    CHECK(mean <= least.faults + 2 * harmonic * zeros + ones + places);
    // Bits that are all wrong: marking stays O(log k), and FLUSH-0 held to LRU stays near the better of both.
    bits reversed;
    for (bool const b : phase_bits(pages, k)) { reversed.push_back(!b); }
    double marked = 0;
    for (std::uint64_t s = 0; s < 20; ++s) {
      marked += run(io::mark_predict_pages<>(k, io::pick_random{s}), pages, reversed, k).faults / 20.0;
    }
    CHECK(marked <= 2 * (harmonic + 1) * least.faults + places);
    for (auto const& b : {least.discard, wrong}) {
      int const held = run(io::held_to_lru<io::flush_0_pages>(k), pages, b, k).faults;
      int const alone = run(io::flush_0_pages(k), pages, b, k).faults;
      CHECK(held <= 3 * std::min(alone, lru_faults(pages, k)) + places);
    }
  }
}

TEST_CASE("a policy forgets pages that are no more, and needs a place") {
  io::mark_predict_pages<> policy(2);
  auto const never = [](octavo::index) { FAIL("there is room"); };
  (void)policy.request(5, false, never);
  (void)policy.request(7, false, never);
  policy.forget(5);
  policy.forget(6);
  CHECK_FALSE(policy.holds(5));
  CHECK(policy.request(1000, false, never));
  CHECK_FALSE(policy.request(7, true, never));
  CHECK(test::error_of([] { io::lru_pages none(0); }) ==
        "page policy: places are 0, the fewest are 1. Pass at least 1.");
  io::held_to_lru<io::flush_0_pages> held(2);
  (void)held.request(1, false, never);
  held.forget(1);
  CHECK_FALSE(held.holds(1));
}

TEST_CASE("bits of blocks from their share of the attention") {
  io::mass_predictor predict{.threshold = 0.01f, .sinks = 1, .recent = 2};
  CHECK_FALSE(predict(0, 10, 0.0f));
  CHECK_FALSE(predict(8, 10, 0.0f));
  CHECK(predict(7, 10, 0.0f));
  CHECK_FALSE(predict(7, 10, 0.2f));                                  // 0.02
  for (int i = 0; i < 6; ++i) { CHECK_FALSE(predict(7, 10, 0.0f)); }  // 0.02 * 0.9^6 = 0.0106
  CHECK(predict(7, 10, 0.0f));

  io::mass_predictor late{.threshold = 0.01f};  // of blocks that come in any order each begins with its own share
  CHECK_FALSE(late(5, 10, 0.5f));
  CHECK(late(3, 10, 0.0f));
}
