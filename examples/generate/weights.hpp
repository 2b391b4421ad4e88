// SPDX-License-Identifier: MIT
// A matrix of a file, whatever its type: rows as floats, exactly, and the packed form where a scheme holds it as it is.
#pragma once

#include <octavo/io/import_ggml.hpp>
#include <octavo/octavo.hpp>

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
  /// Writes row r, `cols` floats.
  std::function<void(index r, float* out)> row;
  /// The tensor of a GGUF file, if it comes from one.
  octavo::io::gguf_tensor const* stored = nullptr;

  template <class T>
  static weights of(octavo::matrix_view<T> view) {
    return {view.rows(), view.cols(), [view](index r, float* out) {
              for (index c = 0; c < view.cols(); ++c) { out[c] = static_cast<float>(view(r, c)); }
            }};
  }
  /// Nothing, and why in `error`, for a type that Octavo does not read.
  static std::optional<weights> of(octavo::io::gguf_tensor const& tensor, std::string& error) {
    weights w;
    bool const ok = octavo::io::visit_ggml(tensor, error, [&w](auto const& held) {
      if constexpr (requires { held.size_bytes(); }) {
        w = {held.rows(), held.cols(), [held](index r, float* out) { octavo::dequantize_row(held, r, out); }};
      } else {
        w = of(held);
      }
    });
    if (!ok) { return std::nullopt; }
    w.stored = &tensor;
    return w;
  }

  /// All of it, for vectors.
  [[nodiscard]] std::vector<float> floats() const {
    std::vector<float> all(static_cast<std::size_t>(rows * cols));
    for (index r = 0; r < rows; ++r) { row(r, all.data() + r * cols); }
    return all;
  }
};

/// The parts, one below the other, as floats; rows are neighbours.
inline std::vector<float> stacked(std::span<weights const> parts) {
  std::vector<float> all;
  for (auto const& part : parts) {
    auto const floats = part.floats();
    all.insert(all.end(), floats.begin(), floats.end());
  }
  return all;
}

/// The parts in one matrix of scheme S: imported if their types are S already, else quantized.
template <class S>
octavo::quantized_matrix<S> packed(std::span<weights const> parts) {
  std::vector<octavo::io::gguf_tensor const*> stored;
  for (auto const& part : parts) {
    if (part.stored != nullptr && octavo::io::holds_ggml<S>(part.stored->type)) { stored.push_back(part.stored); }
  }
  if (stored.size() == parts.size()) {
    std::string error;
    if (auto result = octavo::io::import_ggml<S>(stored, error)) { return *std::move(result); }
  }
  auto const all = stacked(parts);
  auto const cols = parts[0].cols;
  return octavo::quantize<S>(
      octavo::matrix_view<float>(all.data(), static_cast<index>(all.size()) / cols, cols, cols, 1));
}

}  // namespace example
