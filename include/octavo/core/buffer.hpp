// SPDX-License-Identifier: MIT
// An owning, movable, 64-byte aligned block of bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {

/// Every packed buffer starts on a cache line.
inline constexpr index alignment = 64;

/// `size` zeroed bytes, 64-byte aligned. Copies are deep.
class aligned_buffer {
 public:
  [[gnu::always_inline]] aligned_buffer() = default;
  [[gnu::always_inline]] explicit aligned_buffer(index size) : size_(size), data_(allocate(size)) {}
  [[gnu::always_inline]] aligned_buffer(aligned_buffer const& other) : aligned_buffer(other.size_) {
    if (size_ > 0) { std::memcpy(data_, other.data_, static_cast<std::size_t>(size_)); }
  }
  [[gnu::always_inline]] aligned_buffer(aligned_buffer&& other) noexcept : size_(other.size_), data_(other.data_) {
    other.size_ = 0;
    other.data_ = nullptr;
  }
  [[gnu::always_inline]] aligned_buffer& operator=(aligned_buffer other) noexcept {
    index const size = size_;
    std::byte* const data = data_;
    size_ = other.size_;
    data_ = other.data_;
    other.size_ = size;
    other.data_ = data;
    return *this;
  }
  [[gnu::always_inline]] ~aligned_buffer() {
    if (data_ != nullptr) { ::operator delete (data_, std::align_val_t{alignment}); }
  }

  [[nodiscard, gnu::always_inline]] std::byte* data() noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] std::byte const* data() const noexcept { return data_; }
  [[nodiscard, gnu::always_inline]] index size() const noexcept { return size_; }

 private:
  [[gnu::always_inline]] static std::byte* allocate(index size) {
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
