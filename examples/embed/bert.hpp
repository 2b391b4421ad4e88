// SPDX-License-Identifier: MIT
// A BERT encoder that turns sentences into vectors, of Octavo's operations, with linear layers of any scheme.
#pragma once

#include "../generate/linear.hpp"
#include "bert_checkpoint.hpp"

#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

namespace example {

/// W and A: see linear.
template <class W, class A>
class bert {
 public:
  using linear_type = linear<W, A>;

  bert(bert_checkpoint const& c, thread_pool& pool)
      : c_(c),
        machine_(pool),
        words_(c.words.floats()),
        positions_(c.positions.floats()),
        types_(c.types.floats()),
        norm_(c.norm) {
    for (auto const& l : c.layers) {
      layers_.push_back({dense({l.q, l.k, l.v}, pool), dense({l.attention_output}, pool), norm(l.attention_norm),
                         dense({l.intermediate}, pool), dense({l.output}, pool), norm(l.output_norm)});
    }
  }

  [[nodiscard]] index width() const noexcept { return c_.hidden; }
  /// Bytes of all linear layers. Embeddings are only looked up, and stay float.
  [[nodiscard]] index weight_bytes() const {
    index sum = 0;
    for (auto const& l : layers_) {
      for (auto const* d : {&l.qkv, &l.attention_output, &l.intermediate, &l.output}) { sum += d->weight.bytes(); }
    }
    return sum;
  }

  /// A vector of length 1 for each sentence, the mean over its tokens. The tokens of all are columns of the same
  /// products, and no sentence sees another. Pre: sentences of 1 to c.length ids below c.vocab.
  Eigen::MatrixXf embed(std::span<std::vector<int> const> sentences) {
    std::vector<range> ranges;
    index n = 0;
    for (auto const& s : sentences) {
      ranges.push_back({n, static_cast<index>(s.size())});
      n += ranges.back().size;
    }
    Eigen::MatrixXf x(c_.hidden, n);
    for (std::size_t s = 0; s < sentences.size(); ++s) {
      look_up(sentences[s], x.middleCols(ranges[s].first, ranges[s].size));
    }
    octavo::layer_norm(x, norm_.weight, norm_.bias, x, {.epsilon = c_.eps}, machine_.context());
    for (auto const& l : layers_) {
      auto const mixed = attend(l.qkv(x, machine_), ranges);
      add_and_norm(x, l.attention_output(mixed, machine_), l.attention_norm);
      auto wide = l.intermediate(x, machine_);
      octavo::activate<octavo::gelu>(wide, wide, machine_.context());
      add_and_norm(x, l.output(wide, machine_), l.output_norm);
    }
    Eigen::MatrixXf vectors(c_.hidden, static_cast<index>(sentences.size()));
    for (index s = 0; s < vectors.cols(); ++s) {
      auto const r = ranges[static_cast<std::size_t>(s)];
      vectors.col(s) = x.middleCols(r.first, r.size).rowwise().sum().normalized();
    }
    return vectors;
  }

 private:
  using matrix = Eigen::MatrixXf;  // features x tokens
  using affine = bert_checkpoint::affine;

  /// The tokens of a sentence.
  struct range {
    index first;
    index size;
  };
  struct dense {
    linear_type weight;
    std::vector<float> bias;

    /// The parts as one layer with all their outputs.
    dense(std::initializer_list<affine> parts, thread_pool& pool)
        : weight(all(parts, &affine::weight), pool), bias(stacked(all(parts, &affine::bias))) {}

    static std::vector<weights> all(std::initializer_list<affine> parts, weights affine::*which) {
      std::vector<weights> result;
      for (auto const& part : parts) { result.push_back(part.*which); }
      return result;
    }
    matrix operator()(matrix const& x, machine& m) const {
      matrix y = Eigen::VectorXf::Map(bias.data(), weight.rows()).replicate(1, x.cols());
      weight.add({x.data(), x.rows(), x.cols(), x.rows()}, {y.data(), y.rows(), y.cols(), y.rows()}, m);
      return y;
    }
  };
  struct norm {
    std::vector<float> weight;
    std::vector<float> bias;

    explicit norm(affine const& a) : weight(a.weight.floats()), bias(a.bias.floats()) {}
  };
  struct layer {
    dense qkv, attention_output;
    norm attention_norm;
    dense intermediate, output;
    norm output_norm;
  };

  void look_up(std::vector<int> const& ids, Eigen::Ref<matrix> x) const {
    auto const row = [this](std::vector<float> const& table, index r) {
      return Eigen::VectorXf::Map(table.data() + r * c_.hidden, c_.hidden);
    };
    for (index t = 0; t < x.cols(); ++t) {
      x.col(t) = row(words_, ids[static_cast<std::size_t>(t)]) + row(types_, 0) + row(positions_, t);
    }
  }

  /// x = norm(x + y).
  void add_and_norm(matrix& x, matrix const& y, norm const& n) {
    octavo::add_layer_norm(x, y, n.weight, n.bias, x, {.epsilon = c_.eps}, machine_.context());
  }

  /// Every token of a sentence attends to all of them.
  matrix attend(matrix const& qkv, std::vector<range> const& ranges) {
    matrix out(c_.hidden, qkv.cols());
    index const d = c_.hidden / c_.heads;
    for (auto const r : ranges) {
      auto const part = [&](index which) {
        float const* const data = qkv.data() + r.first * qkv.rows() + which * c_.hidden;
        return octavo::heads_view<float const>(data, d, c_.heads, r.size, d, qkv.rows());
      };
      octavo::heads_view<float> const to(out.data() + r.first * c_.hidden, d, c_.heads, r.size, d, c_.hidden);
      octavo::attention(part(0), part(1), part(2), to, machine_.context());
    }
    return out;
  }

  bert_checkpoint c_;
  machine machine_;
  std::vector<float> words_, positions_, types_;  // rows of c_.hidden
  norm norm_;
  std::vector<layer> layers_;
};

}  // namespace example
