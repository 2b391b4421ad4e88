// SPDX-License-Identifier: MIT
// Linear layers whose matrices stay as a GGUF file has them, each in the scheme of its own type.
#pragma once

#include "linear.hpp"

#include <octavo/io/import_ggml.hpp>
#include <octavo/octavo.hpp>

#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace example {

/// In place of a scheme of weights: the scheme that holds a matrix as its file does. Matrices of elements (F32, F16,
/// BF16), and those of other files, are rounded to `rounded`.
struct stored {
  using rounded = octavo::schemes::w8_g<32>;

  /// Whether a scheme holds the matrix as it is.
  [[nodiscard]] static bool holds(weights const& w) {
    return visit(w, []<class S>(S*) {});
  }

  /// Calls f with a null pointer to the scheme that holds the matrix; false if there is none. A new type is a line
  /// here.
  template <class F>
  static bool visit(weights const& w, F const& f) {
    using namespace octavo::schemes;
    return visit_one_of<w4_g<32>, w4_min_g<32>, w5_g<32>, w5_min_g<32>, w8_g<32>,  // Q4_0 Q4_1 Q5_0 Q5_1 Q8_0
                        q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, tq, mxfp4, nvfp4_blocks>(w, f);
  }

 private:
  template <class... Schemes, class F>
  static bool visit_one_of(weights const& w, F const& f) {
    return ((w.fits<Schemes>() && (f(static_cast<Schemes*>(nullptr)), true)) || ...);
  }
};

/// A matrix of some scheme.
template <class A>
struct stored_block {
  using input = typename layer_input<A>::type;
  virtual ~stored_block() = default;
  [[nodiscard]] virtual index rows() const = 0;
  [[nodiscard]] virtual index bytes() const = 0;
  virtual void row(index r, float* out) const = 0;
  virtual void product(input const& x, tokens_view<float> y, bool sum_up, machine& m) const = 0;
};
/// Of parts of one type. A matmul for each type: compiled by itself, in stored.cpp, for INT8 per token.
template <class A>
std::unique_ptr<stored_block<A> const> make_block(std::span<weights const> parts, thread_pool& pool);

/// The parts one below the other; neighbours of one type are one matrix.
template <class A>
class linear<stored, A> {
  using input = typename layer_input<A>::type;

 public:
  static constexpr char const* path = "each";

  linear(std::span<weights const> parts, thread_pool& pool) : cols_(parts[0].cols) {
    for (std::size_t i = 0; i < parts.size();) {
      std::size_t n = 1;
      while (i + n < parts.size() && same(parts[i], parts[i + n])) { ++n; }
      blocks_.push_back(make_block<A>(parts.subspan(i, n), pool));
      rows_ += blocks_.back()->rows();
      i += n;
    }
  }

  [[nodiscard]] index rows() const noexcept { return rows_; }
  [[nodiscard]] index count() const noexcept { return rows_ * cols_; }
  [[nodiscard]] index bytes() const noexcept {
    index sum = 0;
    for (auto const& b : blocks_) { sum += b->bytes(); }
    return sum;
  }
  void row(index r, float* out) const {
    std::size_t i = 0;
    while (r >= blocks_[i]->rows()) { r -= blocks_[i++]->rows(); }
    blocks_[i]->row(r, out);
  }

  void multiply(input const& x, tokens_view<float> y, machine& m) const { each(x, y, false, m); }
  void add(input const& x, tokens_view<float> y, machine& m) const { each(x, y, true, m); }

 private:
  [[nodiscard]] static bool same(weights const& a, weights const& b) {
    bool held = false;
    return stored::visit(a, [&]<class S>(S*) { held = b.fits<S>() && a.factor == b.factor; }) ? held
                                                                                              : !stored::holds(b);
  }

  void each(input const& x, tokens_view<float> y, bool sum_up, machine& m) const {
    index first = 0;
    for (auto const& b : blocks_) {
      b->product(x, {y.data() + first, b->rows(), y.tokens(), y.stride()}, sum_up, m);
      first += b->rows();
    }
  }

  std::vector<std::unique_ptr<stored_block<A> const>> blocks_;
  index rows_ = 0;
  index cols_;
};

}  // namespace example
