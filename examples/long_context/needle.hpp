// SPDX-License-Identifier: MIT
// Perplexity and needles, token by token in chunks, so that caches may drop tokens on the way.
#pragma once

#include "../generate/measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace example {

/// Tokens that a model sees at once.
inline constexpr std::size_t chunk = 32;

/// Numbers that are the same everywhere.
class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}
  std::size_t below(std::size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state_ >> 33) % n;
  }

 private:
  std::uint64_t state_;
};

/// n tokens of a text, drawn at random: nothing but having seen them tells what follows.
inline std::vector<int> random_tokens(std::span<int const> text, std::size_t n, std::uint64_t seed) {
  dice next(seed);
  std::vector<int> tokens;
  while (tokens.size() < n) { tokens.push_back(text[next.below(text.size())]); }
  return tokens;
}

/// visit(logits of the next token, position of the last) for each token.
template <class Model, class Visit>
void read(Model& model, std::span<int const> text, Visit const& visit) {
  for (std::size_t first = 0; first < text.size(); first += chunk) {
    auto const part = text.subspan(first, std::min(chunk, text.size() - first));
    auto const logits = model.forward(part, true);
    for (std::size_t t = 0; t < part.size(); ++t) { visit(logits.token(static_cast<index>(t)), first + t); }
  }
}

/// What follows the first half of windows of `context` tokens, each afresh: where caches have begun to drop.
template <class Model>
losses second_halves(Model& model, std::span<int const> text, std::size_t context, std::size_t windows) {
  losses found;
  for (std::size_t w = 0; w < windows && (w + 1) * context <= text.size(); ++w) {
    auto const window = text.subspan(w * context, context);
    losses::window half{0, 0};
    model.reset();
    read(model, window, [&](float const* l, std::size_t t) {
      if (t < context / 2 || t + 1 == window.size()) { return; }
      half.sum += surprise(l, model.vocab(), window[t + 1]);
      ++half.tokens;
    });
    found.windows.push_back(half);
  }
  return found;
}

/// A needle is 24 random tokens somewhere in the text; at its end the first 8 come again, then the others, one by one.
/// How many of these 16 were the most likely ones, as a share, over needles at `trials` depths.
template <class Model>
double needles_found(Model& model, std::span<int const> text, std::size_t context, std::size_t trials) {
  constexpr std::size_t length = 24;
  constexpr std::size_t given = 8;
  std::size_t found = 0;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    auto const needle = random_tokens(text, length, trial + 1);
    std::size_t const hay = context - 2 * length;
    std::size_t const depth = (2 * trial + 1) * hay / (2 * trials);
    auto const from = text.subspan(trial * 37 % (text.size() - hay), hay);
    std::vector<int> all(from.begin(), from.end());
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(depth), needle.begin(), needle.end());
    all.insert(all.end(), needle.begin(), needle.end());
    model.reset();
    read(model, all, [&](float const* l, std::size_t t) {
      if (t + 1 < hay + length + given || t + 1 == all.size()) { return; }
      if (std::max_element(l, l + model.vocab()) - l == all[t + 1]) { ++found; }
    });
  }
  return static_cast<double>(found) / static_cast<double>(trials * (length - given));
}

}  // namespace example
