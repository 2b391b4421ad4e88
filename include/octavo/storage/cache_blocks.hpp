// SPDX-License-Identifier: MIT
// cache_blocks: blocks of memory that come one by one, are shared between tables, and copied before they change.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>

#include "octavo/core/buffer.hpp"

namespace octavo {
inline namespace v0 {

/// Blocks from operator new. Others come from any type with these two functions, such as std::pmr::memory_resource.
struct heap_blocks {
  [[nodiscard, gnu::always_inline]] static void* allocate(std::size_t bytes, std::size_t align) {
    return ::operator new (bytes, std::align_val_t{align});
  }
  [[gnu::always_inline]] static void deallocate(void* p, std::size_t, std::size_t align) noexcept {
    ::operator delete (p, std::align_val_t{align});
  }
};

namespace detail {

/// Blocks of `block_bytes` each, zeroed, 64-byte aligned; at most `most` of them. Copies share all blocks: each counts
/// its tables, atomically, so that tables may live on different threads. A table itself belongs to one thread at a
/// time.
template <class Memory>
class cache_blocks {
  static constexpr bool heap = std::is_same_v<Memory, heap_blocks>;

 public:
  [[gnu::always_inline]] cache_blocks(index block_bytes, index most, Memory* memory)
      : block_bytes_(block_bytes), memory_(memory), table_(product(most, sizeof(std::byte*))) {}
  [[gnu::always_inline]] cache_blocks(cache_blocks const& other)
      : block_bytes_(other.block_bytes_), count_(other.count_), memory_(other.memory_), table_(other.table_) {
    for (index i = 0; i < count_; ++i) { (void)__atomic_add_fetch(users(i), 1, __ATOMIC_RELAXED); }
  }
  [[gnu::always_inline]] cache_blocks(cache_blocks&& other) noexcept
      : block_bytes_(other.block_bytes_),
        count_(other.count_),
        memory_(other.memory_),
        table_(static_cast<aligned_buffer&&>(other.table_)) {
    other.count_ = 0;
  }
  [[gnu::always_inline]] cache_blocks& operator=(cache_blocks&& other) noexcept {
    if (this != &other) {
      shrink(0);
      block_bytes_ = other.block_bytes_;
      count_ = other.count_;
      memory_ = other.memory_;
      table_ = static_cast<aligned_buffer&&>(other.table_);
      other.count_ = 0;
    }
    return *this;
  }
  cache_blocks& operator=(cache_blocks const&) = delete;
  [[gnu::always_inline]] ~cache_blocks() { shrink(0); }

  [[nodiscard, gnu::always_inline]] index count() const noexcept { return count_; }
  [[nodiscard, gnu::always_inline]] index block_bytes() const noexcept { return block_bytes_; }
  /// What the memory is asked for at once.
  [[nodiscard, gnu::always_inline]] static index allocation(index block_bytes) noexcept {
    return block_bytes + alignment;
  }
  /// Addresses of the blocks.
  [[nodiscard, gnu::always_inline]] std::byte* const* table() const noexcept {
    return reinterpret_cast<std::byte* const*>(table_.data());
  }
  /// How many tables have block i.
  [[nodiscard, gnu::always_inline]] index users_of(index i) const noexcept {
    return __atomic_load_n(users(i), __ATOMIC_ACQUIRE);
  }

  /// At least n blocks. If one cannot be had, those before it stay.
  [[gnu::always_inline]] void grow(index n) {
    while (count_ < n) {
      slot(count_) = fresh();
      std::memset(slot(count_), 0, static_cast<std::size_t>(block_bytes_));
      ++count_;
    }
  }
  /// At least n blocks, which hold what stands in the memory that comes.
  [[gnu::always_inline]] void adopt(index n) {
    for (; count_ < n; ++count_) { slot(count_) = fresh(); }
  }
  /// At most n blocks.
  [[gnu::always_inline]] void shrink(index n) noexcept {
    while (count_ > n) { release(slot(--count_)); }
  }
  /// Blocks first ... first + n - 1 go, those behind them move up.
  [[gnu::always_inline]] void erase(index first, index n) noexcept {
    for (index i = first; i < first + n; ++i) { release(slot(i)); }
    for (index i = first; i + n < count_; ++i) { slot(i) = slot(i + n); }
    count_ -= n;
  }
  /// Block i, which no other table has: a copy if need be.
  [[gnu::always_inline]] std::byte* own(index i) {
    if (users_of(i) > 1) {
      std::byte* const shared = slot(i);
      std::byte* const copy = fresh();
      std::memcpy(copy, shared, static_cast<std::size_t>(block_bytes_));
      slot(i) = copy;
      release(shared);
    }
    return slot(i);
  }

 private:
  // The number of tables stands in the line before the block.
  [[nodiscard, gnu::always_inline]] static index* users(std::byte* block) noexcept {
    return reinterpret_cast<index*>(block - alignment);
  }
  [[nodiscard, gnu::always_inline]] index* users(index i) const noexcept { return users(table()[i]); }
  [[nodiscard, gnu::always_inline]] std::byte*& slot(index i) noexcept {
    return reinterpret_cast<std::byte**>(table_.data())[i];
  }
  [[nodiscard, gnu::always_inline]] std::size_t allocation() const noexcept {
    return static_cast<std::size_t>(allocation(block_bytes_));
  }
  [[nodiscard, gnu::always_inline]] std::byte* fresh() {
    void* p = nullptr;
    if constexpr (heap) {
      p = Memory::allocate(allocation(), static_cast<std::size_t>(alignment));
    } else {
      p = memory_->allocate(allocation(), static_cast<std::size_t>(alignment));
    }
    auto* const block = static_cast<std::byte*>(p) + alignment;
    *users(block) = 1;
    return block;
  }
  [[gnu::always_inline]] void release(std::byte* block) noexcept {
    if (__atomic_sub_fetch(users(block), 1, __ATOMIC_ACQ_REL) != 0) { return; }
    if constexpr (heap) {
      Memory::deallocate(block - alignment, allocation(), static_cast<std::size_t>(alignment));
    } else {
      memory_->deallocate(block - alignment, allocation(), static_cast<std::size_t>(alignment));
    }
  }

  index block_bytes_ = 0;
  index count_ = 0;
  Memory* memory_ = nullptr;
  aligned_buffer table_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
