// SPDX-License-Identifier: MIT
// A BERT encoder that turns sentences into vectors; every linear layer is Octavo's, for any scheme.
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
    norm_.apply(x, c_.eps);
    for (auto const& l : layers_) {
      auto const mixed = attend(l.qkv(x, machine_), ranges);
      x = l.attention_output(mixed, machine_) + x;
      l.attention_norm.apply(x, c_.eps);
      auto wide = l.intermediate(x, machine_);
      for (float& v : wide.reshaped()) { v *= 0.5f + 0.5f * std::erf(v * 0.70710678f); }  // GELU
      x = l.output(wide, machine_) + x;
      l.output_norm.apply(x, c_.eps);
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

    void apply(matrix& x, float eps) const {
      auto const w = Eigen::ArrayXf::Map(weight.data(), x.rows());
      auto const b = Eigen::ArrayXf::Map(bias.data(), x.rows());
      for (auto token : x.colwise()) {
        token.array() -= token.mean();
        token.array() = token.array() / std::sqrt(token.squaredNorm() / static_cast<float>(x.rows()) + eps) * w + b;
      }
    }
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

  /// softmax(K^T q / sqrt(head_dim)), then V, for every query q of a sentence and head.
  matrix attend(matrix const& qkv, std::vector<range> const& ranges) {
    index const d = c_.hidden / c_.heads;
    matrix out(c_.hidden, qkv.cols());
    machine_.pool(static_cast<index>(ranges.size()) * c_.heads, [&](index i) {
      auto const r = ranges[static_cast<std::size_t>(i / c_.heads)];
      auto const head = [&](index part) {
        return qkv.block(part * c_.hidden + i % c_.heads * d, r.first, d, r.size);
      };
      matrix scores = head(1).transpose() * head(0) / std::sqrt(static_cast<float>(d));
      for (auto column : scores.colwise()) {
        column = (column.array() - column.maxCoeff()).exp();
        column /= column.sum();
      }
      out.block(i % c_.heads * d, r.first, d, r.size).noalias() = head(2) * scores;
    });
    return out;
  }

  bert_checkpoint c_;
  machine machine_;
  std::vector<float> words_, positions_, types_;  // rows of c_.hidden
  norm norm_;
  std::vector<layer> layers_;
};

}  // namespace example
