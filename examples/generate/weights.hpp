// SPDX-License-Identifier: MIT
// A matrix of a file, whatever its type: its floats, exactly, and the packed form where a scheme holds it as it is.
#pragma once

#include <octavo/io/import_ggml.hpp>
#include <octavo/octavo.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace example {

using octavo::index;

/// rows x cols. Refers to the file, which must stay mapped.
struct weights {
  index rows = 0;
  index cols = 0;
  /// Writes all rows, one after the other.
  std::function<void(float* out)> read;
  /// The tensor of a GGUF file, if it comes from one, and what its values are multiplied by: `read` does so (NVFP4 has
  /// a tensor of one number beside its matrix).
  octavo::io::gguf_tensor const* stored = nullptr;
  float factor = 1;

  template <class T>
  static weights of(octavo::matrix_view<T> view) {
    return {view.rows(), view.cols(), [view](float* out) { copy(view, out); }};
  }
  /// Nothing, and why in `error`, for a type that Octavo does not read, or scales that are no numbers. Keeps no copy.
  static std::optional<weights> of(octavo::io::gguf_tensor const& tensor, std::string& error, float factor = 1) {
    if (!octavo::io::can_visit_ggml(tensor, error)) { return std::nullopt; }
    auto const read = [&tensor, factor](float* out) {
      std::string none;  // it can be read
      (void)octavo::io::visit_ggml(tensor, none, [out](auto const& held) { copy(held, out); });
      for (index i = 0; i < tensor.rows() * tensor.cols(); ++i) { out[i] *= factor; }
    };
    return weights{tensor.rows(), tensor.cols(), read, &tensor, factor};
  }

  /// All of it, for vectors.
  [[nodiscard]] std::vector<float> floats() const {
    std::vector<float> all(static_cast<std::size_t>(rows * cols));
    read(all.data());
    return all;
  }

  /// Whether scheme S holds the matrix without rounding.
  template <class S>
  [[nodiscard]] bool fits() const {
    return stored != nullptr && octavo::io::holds_ggml<S>(stored->type);
  }

 private:
  template <class M>
  static void copy(M const& m, float* out) {
    for (index r = 0; r < m.rows(); ++r, out += m.cols()) {
      if constexpr (requires { m.size_bytes(); }) {
        octavo::dequantize_row(m, r, out);
      } else {
        for (index c = 0; c < m.cols(); ++c) { out[c] = static_cast<float>(m(r, c)); }
      }
    }
  }
};

/// The parts, one below the other, as floats; rows are neighbours.
inline std::vector<float> stacked(std::span<weights const> parts) {
  index rows = 0;
  for (auto const& part : parts) { rows += part.rows; }
  std::vector<float> all(static_cast<std::size_t>(rows * parts[0].cols));
  float* out = all.data();
  for (auto const& part : parts) {
    part.read(out);
    out += part.rows * part.cols;
  }
  return all;
}

/// Whether one matrix of scheme S holds the parts as they are, but for one factor.
template <class S>
bool all_fit(std::span<weights const> parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](weights const& part) { return part.fits<S>() && part.factor == parts[0].factor; });
}

/// The parts in one matrix of scheme S: imported, less their factor, if they fit, else quantized by the threads of a
/// pool.
template <class S, class Pool>
octavo::quantized_matrix<S> packed(std::span<weights const> parts, Pool& pool) {
  if (all_fit<S>(parts)) {
    std::vector<octavo::io::gguf_tensor const*> stored;
    for (auto const& part : parts) { stored.push_back(part.stored); }
    std::string error;
    if (auto result = octavo::io::import_ggml<S>(stored, error)) { return *std::move(result); }
  }
  auto const all = stacked(parts);
  auto const cols = parts[0].cols;
  return octavo::quantize<S>(
      octavo::matrix_view<float>(all.data(), static_cast<index>(all.size()) / cols, cols, cols, 1), octavo::on(pool));
}
/// The factor that packed() leaves out.
template <class S>
float factor_of(std::span<weights const> parts) {
  return all_fit<S>(parts) ? parts[0].factor : 1.0f;
}

}  // namespace example
