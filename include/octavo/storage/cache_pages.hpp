// SPDX-License-Identifier: MIT
// cache_pages: a table of pages that come one by one, are shared between tables, and are copied before they change.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>

#include "octavo/core/buffer.hpp"

namespace octavo {
inline namespace v0 {

/// Pages from operator new. Others come from any type with these two functions, such as std::pmr::memory_resource.
struct heap_pages {
  [[nodiscard, gnu::always_inline]] static void* allocate(std::size_t bytes, std::size_t align) {
    return ::operator new(bytes, std::align_val_t{align});
  }
  [[gnu::always_inline]] static void deallocate(void* p, std::size_t, std::size_t align) noexcept {
    ::operator delete(p, std::align_val_t{align});
  }
};

namespace detail {

/// Pages of `page_bytes` each, zeroed, 64-byte aligned; at most `most` of them. Copies share all pages: each page counts its
/// tables, atomically, so that tables may live on different threads. A table itself belongs to one thread at a time.
template <class Pages>
class cache_pages {
  static constexpr bool heap = std::is_same_v<Pages, heap_pages>;

 public:
  [[gnu::always_inline]] cache_pages(index page_bytes, index most, Pages* pages)
      : page_bytes_(page_bytes), pages_(pages), table_(product(most, sizeof(std::byte*))) {}
  [[gnu::always_inline]] cache_pages(cache_pages const& other)
      : page_bytes_(other.page_bytes_), count_(other.count_), pages_(other.pages_), table_(other.table_) {
    for (index i = 0; i < count_; ++i) { (void)__atomic_add_fetch(users(i), 1, __ATOMIC_RELAXED); }
  }
  [[gnu::always_inline]] cache_pages(cache_pages&& other) noexcept
      : page_bytes_(other.page_bytes_),
        count_(other.count_),
        pages_(other.pages_),
        table_(static_cast<aligned_buffer&&>(other.table_)) {
    other.count_ = 0;
  }
  [[gnu::always_inline]] cache_pages& operator=(cache_pages&& other) noexcept {
    if (this != &other) {
      shrink(0);
      page_bytes_ = other.page_bytes_;
      count_ = other.count_;
      pages_ = other.pages_;
      table_ = static_cast<aligned_buffer&&>(other.table_);
      other.count_ = 0;
    }
    return *this;
  }
  cache_pages& operator=(cache_pages const&) = delete;
  [[gnu::always_inline]] ~cache_pages() { shrink(0); }

  [[nodiscard, gnu::always_inline]] index count() const noexcept { return count_; }
  [[nodiscard, gnu::always_inline]] index page_bytes() const noexcept { return page_bytes_; }
  /// Addresses of the pages.
  [[nodiscard, gnu::always_inline]] std::byte* const* table() const noexcept {
    return reinterpret_cast<std::byte* const*>(table_.data());
  }
  /// How many tables have page i.
  [[nodiscard, gnu::always_inline]] index users_of(index i) const noexcept {
    return __atomic_load_n(users(i), __ATOMIC_ACQUIRE);
  }

  /// At least n pages. If one cannot be had, those before it stay.
  [[gnu::always_inline]] void grow(index n) {
    while (count_ < n) {
      slot(count_) = fresh();
      std::memset(slot(count_), 0, static_cast<std::size_t>(page_bytes_));
      ++count_;
    }
  }
  /// At most n pages.
  [[gnu::always_inline]] void shrink(index n) noexcept {
    while (count_ > n) { release(slot(--count_)); }
  }
  /// Page i, which no other table has: a copy if need be.
  [[gnu::always_inline]] std::byte* own(index i) {
    if (users_of(i) > 1) {
      std::byte* const shared = slot(i);
      std::byte* const copy = fresh();
      std::memcpy(copy, shared, static_cast<std::size_t>(page_bytes_));
      slot(i) = copy;
      release(shared);
    }
    return slot(i);
  }

 private:
  // The number of tables stands in the line before the page.
  [[nodiscard, gnu::always_inline]] static index* users(std::byte* page) noexcept {
    return reinterpret_cast<index*>(page - alignment);
  }
  [[nodiscard, gnu::always_inline]] index* users(index i) const noexcept { return users(table()[i]); }
  [[nodiscard, gnu::always_inline]] std::byte*& slot(index i) noexcept {
    return reinterpret_cast<std::byte**>(table_.data())[i];
  }
  [[nodiscard, gnu::always_inline]] std::size_t allocation() const noexcept {
    return static_cast<std::size_t>(page_bytes_ + alignment);
  }
  [[nodiscard, gnu::always_inline]] std::byte* fresh() {
    void* p = nullptr;
    if constexpr (heap) {
      p = Pages::allocate(allocation(), static_cast<std::size_t>(alignment));
    } else {
      p = pages_->allocate(allocation(), static_cast<std::size_t>(alignment));
    }
    auto* const page = static_cast<std::byte*>(p) + alignment;
    *users(page) = 1;
    return page;
  }
  [[gnu::always_inline]] void release(std::byte* page) noexcept {
    if (__atomic_sub_fetch(users(page), 1, __ATOMIC_ACQ_REL) != 0) { return; }
    if constexpr (heap) {
      Pages::deallocate(page - alignment, allocation(), static_cast<std::size_t>(alignment));
    } else {
      pages_->deallocate(page - alignment, allocation(), static_cast<std::size_t>(alignment));
    }
  }

  index page_bytes_ = 0;
  index count_ = 0;
  Pages* pages_ = nullptr;
  aligned_buffer table_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
