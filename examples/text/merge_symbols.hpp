// SPDX-License-Identifier: MIT
// Byte-pair encoding's loop: joins the best pair of neighbours until none is left, in n log n steps for n symbols.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <queue>
#include <vector>

namespace example {

inline constexpr std::size_t no_symbol = std::numeric_limits<std::size_t>::max();

/// A piece of a text: `size` bytes from `begin`. The id is that of its token, -1 if it has none.
struct symbol {
  std::size_t begin;
  std::size_t size;
  int id;
  std::size_t before = no_symbol;  ///< neighbours, set by merge_symbols
  std::size_t after = no_symbol;
};

/// A pair that may be joined to token `id`.
struct joined {
  double cost;
  int id;
};

/// `find(left, right)` says what two neighbours give, a std::optional<joined>. The least cost goes first, of equal ones
/// the leftmost. `symbols` must follow each other in the text; what remains of them is left, in order. Costs are no
/// NaN.
template <class Find>
void merge_symbols(std::vector<symbol>& symbols, Find find) {
  struct candidate {
    double cost;
    std::size_t left;
    std::size_t right;
    std::size_t size;  // of both: a symbol that has grown since is not what was meant
    int id;
    bool operator<(candidate const& other) const {  // std::priority_queue gives the largest
      return cost != other.cost ? cost > other.cost : left > other.left;
    }
  };
  std::priority_queue<candidate> queue;
  auto const consider = [&](std::size_t left, std::size_t right) {
    if (left == no_symbol || right == no_symbol) { return; }
    if (std::optional<joined> const pair = find(symbols[left], symbols[right])) {
      queue.push({pair->cost, left, right, symbols[left].size + symbols[right].size, pair->id});
    }
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].before = i == 0 ? no_symbol : i - 1;
    symbols[i].after = i + 1 == symbols.size() ? no_symbol : i + 1;
  }
  for (std::size_t i = 1; i < symbols.size(); ++i) { consider(i - 1, i); }
  while (!queue.empty()) {
    auto const best = queue.top();
    queue.pop();
    auto& left = symbols[best.left];
    auto& right = symbols[best.right];
    if (left.size == 0 || right.size == 0 || left.size + right.size != best.size) { continue; }
    left.size = best.size;
    left.id = best.id;
    left.after = right.after;
    if (right.after != no_symbol) { symbols[right.after].before = best.left; }
    right.size = 0;
    consider(left.before, best.left);
    consider(best.left, left.after);
  }
  std::erase_if(symbols, [](symbol const& s) { return s.size == 0; });
}

}  // namespace example
