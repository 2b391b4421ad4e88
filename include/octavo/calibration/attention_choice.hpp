// SPDX-License-Identifier: MIT
// attention_choice: which of several ways attention takes in each layer and step, by what inputs lose (SageAttention).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

#include "octavo/calibration/attention_table.hpp"
#include "octavo/core/heads_view.hpp"

namespace octavo {
inline namespace v0 {
namespace calibration {

/// How far O' is from O: cos_sim = Σ O O' / sqrt(Σ O² Σ O'²), rel_l1 = Σ |O - O'| / Σ |O|, rmse = sqrt(mean (O - O')²).
struct output_metrics {
  double cos_sim = 1;
  double rel_l1 = 0;
  double rmse = 0;
};

/// The metrics of two outputs of equal shape: matrices, or heads_views, of float, bf16, f16. Sums are of doubles, by
/// fma, over heads, tokens, channels, ascending. Equal outputs: 1, 0, 0. A number that is not finite: NaN; so is
/// cos_sim where one output is all zeros. *Errors*: extents that differ.
template <class Exact, class Other>
[[nodiscard]] output_metrics compare_outputs(Exact const& exact, Other const& other) {
  auto const a = as_heads(exact, 1).read();
  auto const b = as_heads(other, 1).read();
  auto const check = [](char const* what, index x, index y) {
    if (x != y) {
      octavo::detail::fail_extents("compare_outputs", what, x, "the other has", y, "They must be equal.");
    }
  };
  check("the exact output has heads", a.heads(), b.heads());
  check("the exact output has tokens", a.tokens(), b.tokens());
  check("the exact output has channels", a.head_dim(), b.head_dim());
  double dot = 0;
  double energy = 0;
  double other_energy = 0;
  double size = 0;
  double lost = 0;
  double squares = 0;
  for (index h = 0; h < a.heads(); ++h) {
    for (index t = 0; t < a.tokens(); ++t) {
      for (index c = 0; c < a.head_dim(); ++c) {
        auto const x = static_cast<double>(static_cast<float>(a.at(h, t)[c]));
        auto const y = static_cast<double>(static_cast<float>(b.at(h, t)[c]));
        dot = std::fma(x, y, dot);
        energy = std::fma(x, x, energy);
        other_energy = std::fma(y, y, other_energy);
        size += std::abs(x);
        lost += std::abs(x - y);
        squares = std::fma(x - y, x - y, squares);
      }
    }
  }
  if (squares == 0) { return {}; }
  if (!std::isfinite(squares)) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none, none};
  }
  auto const n = static_cast<double>(a.heads() * a.tokens() * a.head_dim());
  return {dot / (std::sqrt(energy) * std::sqrt(other_energy)), lost / size, std::sqrt(squares / n)};
}

/// What is asked of the worst input.
struct attention_thresholds {
  double cos_sim = .998;  ///< at least
  double rel_l1 = .1;     ///< at most
};

/// Measurements of ways of attention, for each layer and step, over calibration inputs; and the tables that rules make
/// of them, for this list of ways. In a loop over inputs, layers and steps:
///
///     attention_choice choice(layers, steps, ways::count, io::ways_text<ways>());
///     // ...
///     attention(q, k, v, exact, causal{});
///     choice.measure(layer, step, exact, [&](index way) -> auto& {
///       attention_by<ways>(way, q, k, v, out, causal{});
///       return out;
///     });
///
/// then choice.cheapest(). What is NaN, or was not measured, passes no rule. Where no way does, the last one is taken.
class attention_choice {
 public:
  /// Of `ways` ways of the list with the text `list` (attention_table.hpp).
  attention_choice(index layers, index steps, index ways, std::string_view list)
      : ways_(ways), all_last_(layers, steps, checked(ways), list, ways - 1) {
    seen_.resize(static_cast<std::size_t>(product(layers, steps, ways)));
  }

  /// One more input.
  void add(index layer, index step, index way, output_metrics const& m) { seen_[at(layer, step, way)].add(m); }
  /// The same of all ways: run(way) gives the output, or a reference to it.
  template <class Exact, class Run>
  void measure(index layer, index step, Exact const& exact, Run const& run) {
    for (index way = 0; way < ways_; ++way) {
      auto&& out = run(way);
      add(layer, step, way, compare_outputs(exact, out));
    }
  }

  /// Of the inputs of a layer, step and way: how many there were; the worst metrics; mean and deviation (over n) of
  /// cos_sim (1 - rel_l1), SageAttention 2's score.
  struct summary {
    index inputs = 0;
    output_metrics worst{};
    double mean = 0;
    double deviation = 0;

    [[nodiscard]] double score(double deviations) const noexcept { return mean - deviations * deviation; }
  };
  [[nodiscard]] summary of(index layer, index step, index way) const {
    auto const& m = seen_[at(layer, step, way)];
    return {m.inputs, m.worst, m.mean, m.inputs == 0 ? 0 : std::sqrt(m.squares / static_cast<double>(m.inputs))};
  }

  /// The first way whose summary passes.
  template <class Passes>
  [[nodiscard]] attention_table first_that(Passes const& passes) const {
    attention_table table = all_last_;
    for_all([&](index layer, index step) {
      for (index way = ways_; way-- > 0;) {
        auto const s = of(layer, step, way);
        if (s.inputs > 0 && passes(s)) { table.set(layer, step, way); }
      }
    });
    return table;
  }
  /// Of ways in order of cost the cheapest whose worst metrics pass.
  [[nodiscard]] attention_table cheapest(attention_thresholds const& t = {}) const {
    return first_that([&](summary const& s) { return s.worst.cos_sim >= t.cos_sim && s.worst.rel_l1 <= t.rel_l1; });
  }
  /// The first whose score, less so many deviations, is at least this.
  [[nodiscard]] attention_table by_score(double least, double deviations = 0) const {
    return first_that([&](summary const& s) { return s.score(deviations) >= least; });
  }
  /// SageAttention 1: way `bytes`, with probabilities and values of 8 bits, where its worst cos_sim is above `floor`
  /// and above the worst that way `floats`, which differs in these alone, has in any layer and step; else `floats`.
  [[nodiscard]] attention_table bytes_or_floats(index bytes, index floats, double floor = .998) const {
    attention_table table = all_of(floats);
    measurements all;
    for_all([&](index layer, index step) {
      if (auto const& m = seen_[at(layer, step, floats)]; m.inputs > 0) { all.add(m.worst); }
    });
    for_all([&](index layer, index step) {
      auto const& m = seen_[at(layer, step, bytes)];
      if (m.inputs > 0 && m.worst.cos_sim > floor && (all.inputs == 0 || m.worst.cos_sim > all.worst.cos_sim)) {
        table.set(layer, step, bytes);
      }
    });
    return table;
  }
  /// SageAttention 2: way `low` in round(fraction * number) of all layers and steps, those where its score, less so
  /// many deviations, is highest; of equal scores the earlier. Else `high`.
  [[nodiscard]] attention_table keep_top_fraction(double fraction, index low, index high,
                                                  double deviations = 0) const {
    if (!(fraction >= 0 && fraction <= 1)) {
      octavo::detail::fail("attention_choice: keep_top_fraction takes a fraction from 0 to 1.");
    }
    attention_table table = all_of(high);
    struct place {
      index layer, step;
      double score;
    };
    std::vector<place> places;
    index number = 0;
    for_all([&](index layer, index step) {
      auto const s = of(layer, step, low);
      double const score = s.score(deviations);
      if (s.inputs > 0 && score == score) { places.push_back({layer, step, score}); }
      ++number;
    });
    std::stable_sort(places.begin(), places.end(), [](place const& a, place const& b) { return a.score > b.score; });
    double const wanted = std::round(fraction * static_cast<double>(number));
    for (std::size_t i = 0; i < places.size() && static_cast<double>(i) < wanted; ++i) {
      table.set(places[i].layer, places[i].step, low);
    }
    return table;
  }

 private:
  struct measurements {
    index inputs = 0;
    output_metrics worst{};
    double mean = 0;
    double squares = 0;  // of differences from the mean (Welford 1962)

    void add(output_metrics const& m) {
      ++inputs;
      double const score = m.cos_sim * (1 - m.rel_l1);
      double const before = score - mean;
      mean += before / static_cast<double>(inputs);
      squares = std::fma(before, score - mean, squares);
      auto const keep = [&](double& kept, double x, bool worse) {  // NaN stays
        if (inputs == 1 || worse || x != x) { kept = x; }
      };
      keep(worst.cos_sim, m.cos_sim, m.cos_sim < worst.cos_sim);
      keep(worst.rel_l1, m.rel_l1, m.rel_l1 > worst.rel_l1);
      keep(worst.rmse, m.rmse, m.rmse > worst.rmse);
    }
  };

  [[nodiscard]] static index checked(index ways) {
    if (ways < 1) { octavo::detail::fail("attention_choice: there must be a way to choose, at least 1."); }
    return ways;
  }
  [[nodiscard]] std::size_t at(index layer, index step, index way) const {
    if (way < 0 || way >= ways_) {
      octavo::detail::fail_extents("attention_choice", "the way is", way, "the ways are", ways_,
                                   "They are counted from 0.");
    }
    (void)all_last_.way(layer, step);  // checks both
    return static_cast<std::size_t>((layer + step * all_last_.layers()) * ways_ + way);
  }
  [[nodiscard]] attention_table all_of(index way) const {
    attention_table table = all_last_;
    for_all([&](index layer, index step) { table.set(layer, step, way); });
    return table;
  }
  template <class F>
  void for_all(F const& f) const {
    for (index step = 0; step < all_last_.steps(); ++step) {
      for (index layer = 0; layer < all_last_.layers(); ++layer) { f(layer, step); }
    }
  }

  index ways_;
  attention_table all_last_;
  std::vector<measurements> seen_;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
