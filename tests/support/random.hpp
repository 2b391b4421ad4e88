// SPDX-License-Identifier: MIT
// Fixed pseudo-random numbers: an integer generator, the same on every machine and compiler.
#pragma once

#include <cstdint>
#include <vector>

namespace test {

class random {
 public:
  explicit random(std::uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}

  std::uint32_t bits() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33) * 2u + static_cast<std::uint32_t>(state_ >> 32 & 1u);
  }
  /// 0 ... n - 1.
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(bits() >> 1) % n; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(bits() >> 13); }
  /// A multiple of 2^-20 in (-2, 2), more often near 0.
  float value() {
    auto const a = static_cast<float>(static_cast<std::int32_t>(bits() >> 11) - (1 << 20));
    auto const b = static_cast<float>(bits() >> 24) * (1.0f / 128.0f);
    return a * 0x1p-20f * b;
  }

 private:
  std::uint64_t state_;
};

/// n of random::value().
[[nodiscard]] inline std::vector<float> values(std::int64_t n, std::uint64_t seed) {
  random next(seed);
  std::vector<float> v;
  for (std::int64_t i = 0; i < n; ++i) { v.push_back(next.value()); }
  return v;
}

}  // namespace test
