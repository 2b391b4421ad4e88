// SPDX-License-Identifier: MIT
// What the linear layers of a model see: float layers that write down what they are given, and what they give.
#pragma once

#include "../generate/linear.hpp"

#include <Eigen/Core>

#include <cstddef>
#include <deque>
#include <span>
#include <type_traits>
#include <vector>

namespace example {

/// A linear layer, and the tokens that went through it, one column each. Where the model adds to W X (a bias, the
/// residual stream), outputs are the sums.
struct recorded_layer {
  Eigen::MatrixXf weights;     // rows x cols
  std::vector<float> inputs;   // cols of each token
  std::vector<float> outputs;  // rows of each token

  [[nodiscard]] Eigen::Map<Eigen::MatrixXf const> x() const { return map(inputs, weights.cols()); }
  [[nodiscard]] Eigen::Map<Eigen::MatrixXf const> y() const { return map(outputs, weights.rows()); }

 private:
  static Eigen::Map<Eigen::MatrixXf const> map(std::vector<float> const& v, index features) {
    return {v.data(), features, static_cast<index>(v.size()) / features};
  }
};

/// Models that are made while a recording lives write into it. It must outlive them; there is one at a time.
class recording {
 public:
  recording() { current() = this; }
  ~recording() { current() = nullptr; }
  recording(recording const&) = delete;
  recording& operator=(recording const&) = delete;

  static recording*& current() {
    static recording* now = nullptr;
    return now;
  }

  /// In the order in which the model made them; they stay where they are.
  std::deque<recorded_layer> layers;
};

/// In place of the scheme of the weights: llama<recorded, float>, bert<recorded, float>.
struct recorded {};

template <>
class linear<recorded, float> {
  template <class T>
  static auto map(tokens_view<T> const& v) {
    using matrix = std::conditional_t<std::is_const_v<T>, Eigen::MatrixXf const, Eigen::MatrixXf>;
    return Eigen::Map<matrix, 0, Eigen::OuterStride<>>(v.data(), v.features(), v.tokens(),
                                                       Eigen::OuterStride<>(v.stride()));
  }

 public:
  using element = float;

  linear(std::span<weights const> parts, thread_pool&) : to_(&recording::current()->layers.emplace_back()) {
    auto const all = stacked(parts);
    auto const cols = parts[0].cols;
    to_->weights =
        Eigen::Map<Eigen::MatrixXf const>(all.data(), cols, static_cast<index>(all.size()) / cols).transpose();
  }

  [[nodiscard]] index rows() const noexcept { return to_->weights.rows(); }
  [[nodiscard]] index count() const noexcept { return to_->weights.size(); }
  void row(index r, float* out) const { Eigen::RowVectorXf::Map(out, to_->weights.cols()) = to_->weights.row(r); }

  void multiply(tokens_view<float const> x, tokens_view<float> y, machine&) const {
    map(y).noalias() = to_->weights * map(x);
    write_down(x, y);
  }
  void add(tokens_view<float const> x, tokens_view<float> y, machine&) const {
    map(y).noalias() += to_->weights * map(x);
    write_down(x, y);
  }

 private:
  void write_down(tokens_view<float const> x, tokens_view<float> y) const {
    auto const append = [](auto const& v, std::vector<float>& to) {
      for (index t = 0; t < v.tokens(); ++t) { to.insert(to.end(), v.token(t), v.token(t) + v.features()); }
    };
    append(x, to_->inputs);
    append(y, to_->outputs);
  }

  recorded_layer* to_;
};

}  // namespace example
