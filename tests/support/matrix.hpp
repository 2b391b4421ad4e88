// SPDX-License-Identifier: MIT
// A dense column-major matrix in a heap array of exactly its size, so that a sanitizer sees every step outside.
#pragma once

#include "octavo/core/views.hpp"

#include "support/random.hpp"

#include <cstddef>
#include <memory>

namespace test {

template <class T>
class matrix {
 public:
  static constexpr bool IsRowMajor = false;

  matrix(octavo::index rows, octavo::index cols)
      : rows_(rows), cols_(cols), data_(new T[static_cast<std::size_t>(rows * cols)]) {
    for (octavo::index i = 0; i < rows * cols; ++i) { data_[static_cast<std::size_t>(i)] = T(0.0f); }
  }
  matrix(octavo::index rows, octavo::index cols, std::uint64_t seed) : matrix(rows, cols) {
    random next(seed);
    for (octavo::index i = 0; i < rows * cols; ++i) { data_[static_cast<std::size_t>(i)] = T(next.value()); }
  }
  [[nodiscard]] octavo::index rows() const { return rows_; }
  [[nodiscard]] octavo::index cols() const { return cols_; }
  [[nodiscard]] octavo::index innerStride() const { return 1; }
  [[nodiscard]] octavo::index outerStride() const { return rows_; }
  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] T const* data() const { return data_.get(); }
  [[nodiscard]] T& operator()(octavo::index r, octavo::index c) {
    return data_[static_cast<std::size_t>(r + c * rows_)];
  }
  [[nodiscard]] T const& operator()(octavo::index r, octavo::index c) const {
    return data_[static_cast<std::size_t>(r + c * rows_)];
  }

 private:
  octavo::index rows_;
  octavo::index cols_;
  std::unique_ptr<T[]> data_;
};

/// Columns first ... first + count - 1, as a matrix of its own.
template <class T>
[[nodiscard]] matrix<T> columns(matrix<T> const& m, octavo::index first, octavo::index count) {
  matrix<T> result(m.rows(), count);
  for (octavo::index c = 0; c < count; ++c) {
    for (octavo::index r = 0; r < m.rows(); ++r) { result(r, c) = m(r, first + c); }
  }
  return result;
}

}  // namespace test
