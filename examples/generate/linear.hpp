// SPDX-License-Identifier: MIT
// A linear layer of any scheme of weights and activations, and where its products run.
#pragma once

#include "thread_pool.hpp"
#include "weights.hpp"

#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <memory_resource>
#include <span>
#include <type_traits>
#include <vector>

namespace example {

using octavo::bf16;
using octavo::index;
using octavo::tokens_view;

/// Where products run: the threads of a pool, and scratch memory that every call uses again.
class machine {
 public:
  explicit machine(thread_pool& threads)
      : pool(threads),
        bytes_(std::size_t{1} << 20 << (threads.concurrency() > 1 ? 3 : 1)),
        memory_(bytes_.data(), bytes_.size()) {}

  /// The context of one call. The scratch of the last one is free again.
  [[nodiscard]] auto context() {
    memory_.release();
    return octavo::on(pool).scratch(memory_);
  }

  thread_pool& pool;

 private:
  std::vector<std::byte> bytes_;
  std::pmr::monotonic_buffer_resource memory_;
};

/// What a layer reads, as norms and activations write it. A: the scheme of its activations, or float or bf16, which
/// stay as they are. Elements, which the layer may still have to quantize; their memory only ever grows.
template <class A>
class layer_input {
 public:
  using element = std::conditional_t<octavo::element<A>, A, float>;
  using type = tokens_view<element const>;

  /// features x n, written by write(tokens_view<element>).
  template <class Write>
  type written(index features, index n, Write const& write) {
    auto const size = static_cast<std::size_t>(octavo::product(features, n));
    if (elements_.size() < size) { elements_.resize(size); }
    write(tokens_view<element>(elements_.data(), features, n, features));
    return {elements_.data(), features, n, features};
  }

 private:
  std::vector<element> elements_;
};
/// Integers with a scale for each token are written at once, in place of floats: write(quantized_tokens&).
template <class Q>
  requires octavo::kernel::tracks_range<Q>
class layer_input<octavo::scheme<Q, octavo::per_token>> {
 public:
  using type = octavo::quantized_tokens<octavo::scheme<Q, octavo::per_token>>;

  template <class Write>
  type const& written(index features, index n, Write const& write) {
    if (tokens_.features() != features || tokens_.tokens() != n) { tokens_ = type(features, n); }
    write(tokens_);
    return tokens_;
  }

 private:
  type tokens_;
};

/// A linear layer. W: scheme of the weights. A: as of layer_input, which it reads; or floats, which it quantizes.
/// Several matrices become one with all their rows, since one large product is faster than a few small ones.
template <class W, class A>
class linear {
 public:
  static constexpr char const* path = octavo::path_name(octavo::path_of<W, A>);

  linear(std::span<weights const> parts, thread_pool& pool)
      : weights_(packed<W>(parts, pool)), factor_(factor_of<W>(parts)) {}

  [[nodiscard]] index rows() const noexcept { return weights_.rows(); }
  [[nodiscard]] index count() const noexcept { return weights_.rows() * weights_.cols(); }
  [[nodiscard]] index bytes() const noexcept { return weights_.size_bytes(); }
  void row(index r, float* out) const {
    octavo::dequantize_row(weights_, r, out);
    for (index c = 0; c < weights_.cols(); ++c) { out[c] *= factor_; }
  }

  /// y = W x, a column per token.
  template <class X = tokens_view<float const>>
  void multiply(X const& x, tokens_view<float> y, machine& m) const {
    product(x, y, false, m);
  }
  /// y += W x.
  template <class X = tokens_view<float const>>
  void add(X const& x, tokens_view<float> y, machine& m) const {
    product(x, y, true, m);
  }

 private:
  using scheme = std::conditional_t<octavo::element<A>, octavo::as_is, A>;

  /// The epilogue adds while the sums are still in registers. It is compiled once for both.
  template <class X>
  void product(X const& x, tokens_view<float> y, bool sum_up, machine& m) const {
    auto const write = [y, sum_up, factor = factor_](auto sum, index r, index t) {
      decltype(sum) const scaled = sum * decltype(sum)(factor);
      return sum_up ? scaled + octavo::load_like(scaled, y.token(t) + r) : scaled;
    };
    octavo::matmul<scheme>(weights_, x, y, write, m.context());
  }

  octavo::quantized_matrix<W> weights_;
  float factor_;  // what the packed matrix lacks
};

/// The baseline: float weights and Eigen's product.
template <>
class linear<float, float> {
  using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  template <class M, class T>
  static auto map(tokens_view<T> const& v) {
    return Eigen::Map<M, 0, Eigen::OuterStride<>>(v.data(), v.features(), v.tokens(),
                                                  Eigen::OuterStride<>(v.stride()));
  }

 public:
  static constexpr char const* path = "Eigen";

  linear(std::span<weights const> parts, thread_pool&) {
    auto const all = stacked(parts);
    auto const cols = parts[0].cols;
    weights_ = Eigen::Map<matrix const>(all.data(), static_cast<index>(all.size()) / cols, cols);
  }

  [[nodiscard]] index rows() const noexcept { return weights_.rows(); }
  [[nodiscard]] index count() const noexcept { return weights_.size(); }
  [[nodiscard]] index bytes() const noexcept { return count() * 4; }
  void row(index r, float* out) const { std::copy_n(weights_.data() + r * weights_.cols(), weights_.cols(), out); }

  void multiply(tokens_view<float const> x, tokens_view<float> y, machine&) const {
    map<Eigen::MatrixXf>(y).noalias() = weights_ * map<Eigen::MatrixXf const>(x);
  }
  void add(tokens_view<float const> x, tokens_view<float> y, machine&) const {
    map<Eigen::MatrixXf>(y).noalias() += weights_ * map<Eigen::MatrixXf const>(x);
  }

 private:
  matrix weights_;
};

}  // namespace example
