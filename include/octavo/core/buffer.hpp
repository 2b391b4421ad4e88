// SPDX-License-Identifier: MIT
// An owning, movable, 64-byte aligned block of bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {

/// Every packed buffer starts on a cache line.
inline constexpr index alignment = 64;

/// `size` zeroed bytes, 64-byte aligned. Copies are deep.
class aligned_buffer {
 public:
  aligned_buffer() = default;
  explicit aligned_buffer(index size) : size_(size), data_(allocate(size)) {}
  aligned_buffer(aligned_buffer const& other) : aligned_buffer(other.size_) {
    if (size_ != 0) { std::memcpy(data_, other.data_, static_cast<std::size_t>(size_)); }
  }
  aligned_buffer(aligned_buffer&& other) noexcept
      : size_(std::exchange(other.size_, 0)), data_(std::exchange(other.data_, nullptr)) {}
  aligned_buffer& operator=(aligned_buffer other) noexcept {
    std::swap(size_, other.size_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~aligned_buffer() {
    if (data_ != nullptr) { ::operator delete (data_, std::align_val_t{alignment}); }
  }

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] std::byte const* data() const noexcept { return data_; }
  [[nodiscard]] index size() const noexcept { return size_; }

 private:
  static std::byte* allocate(index size) {
    if (size <= 0) { return nullptr; }
    auto const bytes = static_cast<std::size_t>(size);
    void* const p = ::operator new (bytes, std::align_val_t{alignment});
    std::memset(p, 0, bytes);
    return static_cast<std::byte*>(p);
  }

  index size_ = 0;
  std::byte* data_ = nullptr;
};

}  // namespace v0
}  // namespace octavo
