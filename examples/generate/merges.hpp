// SPDX-License-Identifier: MIT
// Byte-pair encoding of one word: neighbours are joined, the best pair first, until no pair is known.
#pragma once

#include <cstddef>
#include <optional>
#include <queue>
#include <vector>

namespace example {

/// A part of a word: its bytes, and its token (-1: none).
struct part {
  std::size_t begin;
  std::size_t size;
  int token;
};

/// What two neighbours become. The smallest rank is joined first; of equal ones the leftmost.
struct joined {
  float rank;
  int token;
};

/// join(left, right) -> std::optional<joined>. n log n in the number of parts.
template <class Join>
std::vector<part> merge(std::vector<part> parts, Join const& join) {
  struct candidate {
    float rank;
    std::size_t left;
    std::size_t right;
    std::size_t size;  // of both, to see whether one of them has changed since
    int token;
    bool operator<(candidate const& other) const {  // of a queue that pops the largest
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  constexpr auto none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> next(parts.size());
  std::vector<std::size_t> before(parts.size());
  std::priority_queue<candidate> queue;
  auto const look = [&](std::size_t left, std::size_t right) {
    if (left == none || right == none) { return; }
    if (std::optional<joined> const found = join(parts[left], parts[right])) {
      queue.push({found->rank, left, right, parts[left].size + parts[right].size, found->token});
    }
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    next[i] = i + 1 < parts.size() ? i + 1 : none;
    before[i] = i > 0 ? i - 1 : none;
    if (i > 0) { look(i - 1, i); }
  }
  while (!queue.empty()) {
    auto const best = queue.top();
    queue.pop();
    auto& left = parts[best.left];
    auto& right = parts[best.right];
    if (left.size == 0 || right.size == 0 || left.size + right.size != best.size) { continue; }
    left.size += right.size;
    left.token = best.token;
    right.size = 0;
    next[best.left] = next[best.right];
    if (next[best.right] != none) { before[next[best.right]] = best.left; }
    look(before[best.left], best.left);
    look(best.left, next[best.left]);
  }
  std::vector<part> result;
  for (auto const& p : parts) {
    if (p.size != 0) { result.push_back(p); }
  }
  return result;
}

}  // namespace example
