// SPDX-License-Identifier: MIT
// What one measures of a language model: the loss on a text it was not trained on, and tokens per second.
#pragma once

#include "lanes.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace example {

/// -ln p(token) by the softmax of these logits, in nats.
inline double surprise(float const* logits, index vocab, int token) {
  float const largest = *std::max_element(logits, logits + vocab);
  double sum = 0;
  for (index i = 0; i < vocab; i += width) {
    index const n = std::min(width, vocab - i);
    sum += (load(logits + i, n) - largest).exp().head(n).cast<double>().sum();
  }
  return std::log(sum) + static_cast<double>(largest - logits[token]);
}

/// What windows of a text took, in nats, and how many tokens of each were predicted.
struct losses {
  struct window {
    double sum;
    std::size_t tokens;
  };
  std::vector<window> windows;

  /// Of a token; its exponential is the perplexity.
  [[nodiscard]] double mean() const {
    double sum = 0;
    std::size_t tokens = 0;
    for (auto const& w : windows) {
      sum += w.sum;
      tokens += w.tokens;
    }
    return sum / static_cast<double>(tokens);
  }
};

/// Windows of the model's context do not overlap, and each starts afresh and predicts all its tokens but the first.
/// `progress(tokens done)` after each.
template <class Model, class Progress>
losses loss(Model& model, std::span<int const> text, Progress const& progress) {
  losses found;
  auto const context = static_cast<std::size_t>(model.context());
  for (std::size_t first = 0; first + 1 < text.size(); first += context) {
    auto const window = text.subspan(first, std::min(context, text.size() - first));
    model.reset();
    auto const logits = model.forward(window, true);
    double sum = 0;
    for (std::size_t t = 0; t + 1 < window.size(); ++t) {
      sum += surprise(logits.token(static_cast<index>(t)), model.vocab(), window[t + 1]);
    }
    found.windows.push_back({sum, window.size() - 1});
    progress(first + window.size());
  }
  return found;
}
template <class Model>
losses loss(Model& model, std::span<int const> text) {
  return loss(model, text, [](std::size_t) {});
}

/// Tokens per second.
struct speed {
  double prompt;
  double decode;
};
/// Tokens that decode is measured with, from the first position on.
inline constexpr index decoded = 128;

/// The best of up to 10 runs, since other programs only ever make a run slower. Pre: text fills the model's context.
template <class Model>
speed measure_speed(Model& model, std::span<int const> text) {
  auto const best_rate = [&](std::size_t tokens, auto const& work) {
    double best = std::numeric_limits<double>::infinity();
    double total = 0;
    for (int run = 0; run < 10 && (run < 2 || total < 5); ++run) {
      model.reset();
      auto const start = std::chrono::steady_clock::now();
      work(text.first(tokens));
      double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      best = std::min(best, seconds);
      total += seconds;
    }
    return static_cast<double>(tokens) / best;
  };
  auto const room = std::min(text.size(), static_cast<std::size_t>(model.context()));
  return {best_rate(room, [&](std::span<int const> prompt) { (void)model.forward(prompt); }),
          best_rate(std::min<std::size_t>(room, decoded), [&](std::span<int const> tokens) {
            for (std::size_t t = 0; t < tokens.size(); ++t) { (void)model.forward(tokens.subspan(t, 1)); }
          })};
}

}  // namespace example
