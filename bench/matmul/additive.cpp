// SPDX-License-Identifier: MIT
// Additive codebooks (AQLM) x float activations, beside what they replace: weights decoded to floats, then a float
// product.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "groups.hpp"
#include "rows.hpp"

#include <Eigen/Core>

#include "octavo/ops/matmul_additive.hpp"

namespace bench {
namespace {

using arch = octavo::default_arch;

template <int M, int B>
using matrix = octavo::additive_matrix<M, B>;

/// Random codes: speed does not depend on them, errors would say nothing.
template <int M, int B>
matrix<M, B> random_matrix() {
  std::mt19937 random(3);
  std::vector<typename matrix<M, B>::code_type> codes(static_cast<std::size_t>(rows * features / 8 * M));
  for (auto& c : codes) { c = static_cast<typename matrix<M, B>::code_type>(random() & ((1u << B) - 1)); }
  auto const books = normal(matrix<M, B>::view_type::codebook_size, 1.0f / 64, 4);
  std::vector<octavo::f16> const halves(books.begin(), books.end());
  std::vector<float> const scales(static_cast<std::size_t>(rows), 1.0f);
  return matrix<M, B>(rows, features, codes, halves, scales);
}

/// Rows of floats, decoded as fast as the compiler can: groups of 8 at a time, codebook after codebook.
template <int M, int B>
void decode(octavo::additive_matrix_view<M, B> const& w, std::vector<float> const& codebooks, float* to) {
  using group = Eigen::Array<float, 8, 1>;
  for (index r = 0; r < rows; ++r) {
    auto const* code = w.codes(r);
    for (index i = 0; i < features / 8; ++i) {
      group sum = group::Zero();
      for (index m = 0; m < M; ++m) {
        sum += Eigen::Map<group const>(codebooks.data() + (w.vector(m, *code++) - w.codebooks()));
      }
      Eigen::Map<group>(to + r * features + i * 8) = sum * w.scale(r);
    }
  }
}

template <int M, int B>
void add(std::string const& name) {
  using copies_type = std::vector<matrix<M, B>>;
  for (bool const decoded : {false, true}) {
    for (index const tokens : decoded ? std::vector<index>{1} : all_tokens) {
      add_row(row_name<arch>(decoded ? name + ".decoded.f32" : name + ".f32", tokens, 1), [=] {
        auto const one = random_matrix<M, B>();
        auto const copies = std::make_shared<copies_type const>(
            static_cast<std::size_t>(tokens > most_cold_tokens ? 1 : cold_bytes / one.size_bytes() + 1), one);
        std::vector<void const*> weights;
        for (auto const& copy : *copies) { weights.push_back(copy.view().codes(0)); }
        row r =
            matmul_row(tokens, rows * features / 8 * M * static_cast<index>(sizeof(typename matrix<M, B>::code_type)),
                       weights, 1);
        r.bytes = static_cast<double>(one.size_bytes());
        r.peak = peak<sequences<arch>::f32>;
        r.nmse = {};
        octavo::tokens_view<float const> const x(the_inputs().x.data(), features, tokens, features);
        octavo::tokens_view<float> const y(the_inputs().y.data(), rows, tokens, rows);
        auto const room =
            std::make_shared<std::vector<float>>(decoded ? static_cast<std::size_t>(rows * features) : 0);
        auto const* const book = one.view().codebooks();
        std::vector<float> const books(book, book + matrix<M, B>::view_type::codebook_size);
        r.call = [=, threads = r.threads, turn = std::size_t{0}]() mutable {
          auto const& w = (*copies)[turn];
          if (decoded) {
            decode<M, B>(w.view(), books, room->data());
            using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
            Eigen::Map<Eigen::VectorXf>(y.data(), rows).noalias() =
                Eigen::Map<row_major const>(room->data(), rows, features) *
                Eigen::Map<Eigen::VectorXf const>(x.data(), features);
          } else {
            auto scratch = call_scratch();
            octavo::matmul(w, x, y, octavo::on<arch>(*threads).scratch(scratch));
          }
          turn = (turn + 1) % copies->size();
        };
        return r;
      });
    }
  }
}

}  // namespace

void add_additive_rows() {
  if constexpr (!std::is_same_v<arch, octavo::detail::no_arch>) {
    add<2, 8>("aqlm_2x8");
    add<1, 16>("aqlm_1x16");
  }
}

}  // namespace bench
