// SPDX-License-Identifier: MIT
// One matrix from a file: safetensors, GGUF or .npy.
#pragma once

#include "../generate/weights.hpp"
#include "npy.hpp"

#include <octavo/io/gguf.hpp>
#include <octavo/io/mapped_file.hpp>
#include <octavo/io/safetensors.hpp>

#include <Eigen/Core>

#include <optional>
#include <span>
#include <string>

namespace example {
namespace detail {

using matrix = std::optional<Eigen::MatrixXf>;

inline Eigen::MatrixXf floats_of(weights const& w) {
  auto const all = w.floats();
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<row_major const>(all.data(), w.rows, w.cols);
}

/// `there is no tensor x; the matrices are a, b, c and 197 others`.
template <class Tensors, class Describe>
std::string missing(std::string const& tensor, Tensors const& tensors, Describe const& describe) {
  std::string text = tensor.empty() ? "name one of its tensors" : "there is no tensor " + octavo::io::shown(tensor);
  int count = 0;
  for (auto const& t : tensors) {
    auto const name = describe(t);
    if (!name.empty() && ++count <= 8) { text += (count == 1 ? "; its matrices are " : ", ") + name; }
  }
  return count > 8 ? text + " and " + std::to_string(count - 8) + " others" : text;
}

inline matrix from_safetensors(std::span<std::byte const> bytes, std::string const& tensor, std::string& error) {
  auto const file = octavo::io::safetensors::parse(bytes, error);
  if (!file) { return std::nullopt; }
  auto const* const t = file->find(tensor);
  if (t == nullptr) {
    error = missing(tensor, file->tensors(), [](auto const& each) {
      return each.second.shape.size() == 2 ? octavo::io::shown(each.first) : std::string();
    });
    return std::nullopt;
  }
  if (t->shape.size() != 2 || t->shape[0] == 0 || t->shape[1] == 0) {
    error = octavo::io::shown(tensor) + " is " + shown(*t) + ", but a matrix is needed";
    return std::nullopt;
  }
  matrix result;
  auto const as = [&]<class T>(T) {
    auto const view = file->matrix<T>(tensor, t->shape[0], t->shape[1], error);
    if (view) { result = floats_of(weights::of(*view)); }
  };
  if (t->dtype == "F32") {
    as(float());
  } else if (t->dtype == "F16") {
    as(octavo::f16());
  } else if (t->dtype == "BF16") {
    as(octavo::bf16());
  } else {
    error = octavo::io::shown(tensor) + " is " + shown(*t) + ", but this program reads F32, F16 and BF16";
  }
  return result;
}

inline matrix from_gguf(std::span<std::byte const> bytes, std::string const& tensor, std::string& error) {
  auto const file = octavo::io::gguf::parse(bytes, error);
  if (!file) { return std::nullopt; }
  auto const* const t = file->find(tensor);
  if (t == nullptr) {
    error = missing(tensor, file->tensors(),
                    [](auto const& each) { return each.rows() > 1 ? octavo::io::shown(each.name) : std::string(); });
    return std::nullopt;
  }
  if (t->rows() < 1 || t->cols() < 1) {
    error = octavo::io::shown(tensor) + " has no elements";
    return std::nullopt;
  }
  auto const found = weights::of(*t, error);
  return found ? matrix(floats_of(*found)) : std::nullopt;
}

}  // namespace detail

/// The matrix `tensor` of the file at `path`, as floats; a .npy file has but one, and `tensor` is empty. Nothing, and
/// what to do in `error`, for files that cannot be read, tensors that are not there or no matrices, elements that are
/// not finite.
[[nodiscard]] inline std::optional<Eigen::MatrixXf> read_matrix(std::string const& path, std::string const& tensor,
                                                                std::string& error) {
  auto const file = octavo::io::mapped_file::open(path, error);  // whose text says which file
  if (!file) { return std::nullopt; }
  auto const start = file->text();
  bool const npy = start.starts_with("\x93NUMPY");
  std::optional<Eigen::MatrixXf> result;
  if (npy && !tensor.empty()) {
    error = "a .npy file has no names of tensors; leave out " + octavo::io::shown(tensor);
  } else {
    result = npy                         ? read_npy(file->bytes(), error)
             : start.starts_with("GGUF") ? detail::from_gguf(file->bytes(), tensor, error)
                                         : detail::from_safetensors(file->bytes(), tensor, error);
  }
  if (result && !result->allFinite()) {
    error = "an element is NaN or infinite; look for an overflow in what made it";
    result.reset();
  }
  if (!result) { error = path + ": " + error; }
  return result;
}

}  // namespace example
