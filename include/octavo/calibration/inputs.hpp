// SPDX-License-Identifier: MIT
// inputs: absmax and means of each feature of the activations that a layer sees.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "octavo/calibration/fit.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {

/// Fails when tokens have another number of features than were announced, or an element that is not finite.
template <class T>
void check_tokens(char const* where, tokens_view<T> const& x, index features) {
  if (x.features() != features) {
    fail_extents(where, "X has features", x.features(), "but was made for", features, "A token is a column of X.");
  }
  check_finite(where, x.features(), x.tokens(), [&x](index f, index t) { return x.token(t)[f]; });
}
[[nodiscard]] inline std::size_t check_features(char const* where, index features) {
  if (features < 1) {
    fail_extents(where, "features are", features, "but must be at least", 1, "They are the columns of the weights.");
  }
  return static_cast<std::size_t>(features);
}
/// The number of tokens as a divisor. Fails when there are none.
[[nodiscard]] inline double check_seen(char const* where, index tokens) {
  if (tokens < 1) { fail_extents(where, "tokens are", tokens, "but must be at least", 1, "Call add first."); }
  return static_cast<double>(tokens);
}

}  // namespace detail

namespace calibration {

/// Absmax, mean and mean of |x| of each feature, over tokens that arrive in batches. What it gives does not depend on
/// how they are split: sums are in double, token after token.
class inputs {
 public:
  explicit inputs(index features)
      : absmax_(detail::check_features("inputs", features)), sum_(absmax_.size()), sum_abs_(absmax_.size()) {}

  /// Tokens are columns; any operand of matmul. *Errors*: another number of features, an element that is not finite.
  template <class X>
  void add(X const& tokens) {
    auto const x = as_tokens(tokens);
    detail::check_tokens("inputs", x, features());
    for (index t = 0; t < x.tokens(); ++t) {
      for (std::size_t f = 0; f < sum_.size(); ++f) {
        auto const value = static_cast<float>(x.token(t)[f]);
        float const magnitude = std::fabs(value);
        absmax_[f] = magnitude > absmax_[f] ? magnitude : absmax_[f];
        sum_[f] += double{value};
        sum_abs_[f] += double{magnitude};
      }
    }
    tokens_ += x.tokens();
  }

  [[nodiscard]] index features() const noexcept { return static_cast<index>(sum_.size()); }
  [[nodiscard]] index tokens() const noexcept { return tokens_; }
  [[nodiscard]] std::vector<float> const& absmax() const noexcept { return absmax_; }
  /// *Errors*: no tokens.
  [[nodiscard]] std::vector<float> mean() const { return divided(sum_); }
  [[nodiscard]] std::vector<float> mean_abs() const { return divided(sum_abs_); }

 private:
  [[nodiscard]] std::vector<float> divided(std::vector<double> const& sums) const {
    double const n = detail::check_seen("inputs", tokens_);
    std::vector<float> result;
    for (double const s : sums) { result.push_back(static_cast<float>(s / n)); }
    return result;
  }

  std::vector<float> absmax_;
  std::vector<double> sum_;
  std::vector<double> sum_abs_;
  index tokens_ = 0;
};

}  // namespace calibration
}  // namespace v0
}  // namespace octavo
