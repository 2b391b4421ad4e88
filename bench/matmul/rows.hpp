// SPDX-License-Identifier: MIT
// Rows of matmul: one function for every pair of schemes, instruction set, token count and thread count.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include "octavo/octavo.hpp"

#include "../rows.hpp"

namespace bench {

inline constexpr index rows = 4096;
inline constexpr index features = 4096;
inline constexpr index most_tokens = 512;
inline std::vector<index> const all_tokens = {1, 2, 4, 8, 16, 64, 512};
/// Up to so many tokens a row reads its weights from memory, walking through copies of at least so many bytes; beyond
/// it reads one copy, from whatever cache that fits.
inline constexpr index most_cold_tokens = 4;
inline constexpr index cold_bytes = index{128} << 20;

/// Column-major weights and activations, f32.
struct inputs {
  std::vector<float> w = normal(rows * features, 1.0f / 64, 1);
  std::vector<float> x = normal(features * most_tokens, 1.0f, 2);
  Eigen::VectorXf y = Eigen::VectorXf::Zero(rows * most_tokens);  // on cache lines, as Eigen has matrices

  [[nodiscard]] octavo::matrix_view<float> weights() const { return {w.data(), rows, features, 1, rows}; }
  /// Squared error of y against the double reference / squared reference, for 64 rows and at most 4 tokens.
  [[nodiscard]] double nmse(index tokens) const {
    double error = 0;
    double total = 0;
    for (index t = 0; t < std::min<index>(tokens, 4); ++t) {
      for (index r = 0; r < rows; r += rows / 64 + 1) {
        double sum = 0;
        for (index k = 0; k < features; ++k) { sum += double{w_at(r, k)} * double{x_at(k, t)}; }
        error += std::pow(double{y[t * rows + r]} - sum, 2);
        total += sum * sum;
      }
    }
    return error / total;
  }

 private:
  [[nodiscard]] float w_at(index r, index k) const { return w[static_cast<std::size_t>(k * rows + r)]; }
  [[nodiscard]] float x_at(index k, index t) const { return x[static_cast<std::size_t>(t * features + k)]; }
};

[[nodiscard]] inline inputs& the_inputs() {
  static inputs all;
  return all;
}

/// Activations as elements of T.
template <class T>
[[nodiscard]] T const* activations() {
  if constexpr (std::is_same_v<T, float>) {
    return the_inputs().x.data();
  } else {
    static std::vector<T> const converted(the_inputs().x.begin(), the_inputs().x.end());
    return converted.data();
  }
}

/// Packed weights, enough copies to come from memory. Rows that follow each other share them.
template <class S>
[[nodiscard]] std::shared_ptr<std::vector<octavo::quantized_matrix<S>> const> packed_weights() {
  using copies = std::vector<octavo::quantized_matrix<S>>;
  static std::weak_ptr<copies const> last;
  if (auto const shared = last.lock()) { return shared; }
  auto const w = octavo::quantize<S>(the_inputs().weights());
  auto const shared = std::make_shared<copies const>(static_cast<std::size_t>(cold_bytes / w.size_bytes() + 1), w);
  last = shared;
  return shared;
}

/// The peak loop of a path.
template <class Arch, class S, class Act>
[[nodiscard]] constexpr auto peak_of() {
  using F = typename S::format;
  constexpr auto path = octavo::path_of<S, Act>;
  if constexpr (path == octavo::path::int8_dot) {
    return peak<typename sequences<Arch>::template int8<octavo::lattice<F>.highest - octavo::lattice<F>.lowest>>;
  } else if constexpr (path == octavo::path::bf16_dot) {
    return peak<typename sequences<Arch>::bf16>;
  } else {
    return peak<typename sequences<Arch>::f32>;
  }
}

/// One token of 4-bit codes without arithmetic meaning is bound by the lookup, too.
template <class Arch, class S>
inline constexpr bool has_lookup = S::format::bits == 4 && (!octavo::exact_in_bf16<typename S::format> ||
                                                            octavo::has_table<typename S::quantizer>)&&requires {
  typename sequences<Arch>::lookup;
};

template <class Arch>
[[nodiscard]] std::string row_name(std::string const& schemes, index tokens, int threads) {
  return "matmul/" + schemes + "/" + std::to_string(rows) + "x" + std::to_string(features) + "x" +
         std::to_string(tokens) + "/" + octavo::arch_name<Arch> + "/" + std::to_string(threads);
}

/// What all rows share: calls take turns with copies of `bytes` of weights.
[[nodiscard]] inline row matmul_row(index tokens, index bytes, std::vector<void const*> const& copies, int threads) {
  row r;
  r.operations = 2.0 * static_cast<double>(rows * features * tokens);
  r.bytes = static_cast<double>(bytes);
  r.walk_calls = static_cast<int>(copies.size());
  for (void const* const copy : copies) { r.memory.push_back(bytes_of(copy, bytes)); }
  r.nmse = [tokens] { return the_inputs().nmse(tokens); };
  r.threads = std::make_shared<pool>(threads);
  return r;
}

/// Registers `matmul/<schemes>/...` for weights of scheme S and activations X, quantized by scheme A or as they are.
template <class Arch, class S, class A, class X = float>
void add_matmul(std::string const& schemes, std::vector<index> const& token_counts) {
  if constexpr (octavo::arch_compiled<Arch>) {
    if (!octavo::cpu_has<Arch>()) { return; }
    using activations_type = std::conditional_t<std::is_same_v<A, octavo::as_is>, X, A>;
    for (index const tokens : token_counts) {
      for (int const threads : {1, 2}) {
        if (threads > 1 && tokens != 1 && tokens != most_tokens) { continue; }
        add_row(row_name<Arch>(schemes, tokens, threads), [tokens, threads] {
          auto const w = packed_weights<S>();
          std::vector<void const*> copies;
          for (auto const& copy : *w) { copies.push_back(copy.data()); }
          if (tokens > most_cold_tokens) { copies.resize(1); }
          row r = matmul_row(tokens, w->front().size_bytes(), copies, threads);
          r.peak = peak_of<Arch, S, activations_type>();
          if constexpr (has_lookup<Arch, S>) {
            if (tokens == 1) { r.lookup = peak<typename sequences<Arch>::lookup>; }
          }
          octavo::tokens_view<X const> const x(activations<X>(), features, tokens, features);
          octavo::tokens_view<float> const y(the_inputs().y.data(), rows, tokens, rows);
          r.call = [w, x, y, threads_of_call = r.threads, turns = copies.size(), turn = std::size_t{0}]() mutable {
            auto scratch = call_scratch();
            octavo::matmul<A>((*w)[turn], x, y, octavo::on<Arch>(*threads_of_call).scratch(scratch));
            turn = (turn + 1) % turns;
          };
          return r;
        });
      }
    }
  }
}

}  // namespace bench
