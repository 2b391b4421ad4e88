// SPDX-License-Identifier: MIT
// block_pool: memory of many caches, blocks of one size from one allocation.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>

#include "octavo/core/buffer.hpp"
#include "octavo/core/error.hpp"

namespace octavo {
inline namespace v0 {

/// `blocks` blocks for the sequences of a server, each a kv_cache of its own length; forks share what they have in
/// common.
///
///     using cache = kv_cache<k8, v8, block_pool>;
///     block_pool pool(cache::allocation_bytes(shape), 1000);
///     cache first(shape, &pool), second(shape, &pool);
///
/// Threads may take and give back at once. A page of memory is touched when its block is first used. When no block is
/// left: the one error handler, and the cache that asked stays as it was; free_blocks() tells in time. It outlives its
/// caches.
class block_pool {
 public:
  [[gnu::always_inline]] block_pool(index block_bytes, index blocks)
      : block_bytes_(round_up(larger(block_bytes, alignment), alignment)), blocks_(blocks), free_(blocks) {
    if (block_bytes < 0 || blocks < 0) {
      detail::fail_extents("block_pool", "a block has bytes", block_bytes, "blocks are", blocks,
                           "Extents must not be negative.");
    }
    auto const bytes = static_cast<std::size_t>(product(block_bytes_, larger(blocks, 1)));
    data_ = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{alignment}));
  }
  block_pool(block_pool const&) = delete;
  block_pool& operator=(block_pool const&) = delete;
  [[gnu::always_inline]] ~block_pool() { ::operator delete (data_, std::align_val_t{alignment}); }

  [[nodiscard, gnu::always_inline]] index blocks() const noexcept { return blocks_; }
  [[nodiscard, gnu::always_inline]] index block_bytes() const noexcept { return block_bytes_; }
  [[nodiscard, gnu::always_inline]] index free_blocks() const noexcept {
    return __atomic_load_n(&free_, __ATOMIC_RELAXED);
  }

  [[nodiscard, gnu::always_inline]] void* allocate(std::size_t bytes, std::size_t align) {
    if (bytes > static_cast<std::size_t>(block_bytes_) || align > static_cast<std::size_t>(alignment)) {
      detail::fail_extents("block_pool", "a block has bytes", block_bytes_, "a cache asks for",
                           static_cast<index>(bytes), "Make the pool of the caches' allocation_bytes(shape).");
    }
    lock();
    std::byte* block = returned_;
    if (block != nullptr) {
      std::memcpy(&returned_, block, sizeof returned_);
    } else if (used_ < blocks_) {
      block = data_ + used_++ * block_bytes_;
    }
    if (block != nullptr) { __atomic_store_n(&free_, free_ - 1, __ATOMIC_RELAXED); }
    unlock();
    if (block == nullptr) {
      detail::fail_extents("block_pool", "all blocks are taken", blocks_, "of bytes", block_bytes_,
                           "Truncate or end a sequence, or make the pool larger.");
    }
    return block;
  }
  [[gnu::always_inline]] void deallocate(void* p, std::size_t, std::size_t) noexcept {
    lock();
    std::memcpy(p, &returned_, sizeof returned_);  // the next one stands in it
    returned_ = static_cast<std::byte*>(p);
    __atomic_store_n(&free_, free_ + 1, __ATOMIC_RELAXED);
    unlock();
  }

 private:
  // For some nanoseconds.
  [[gnu::always_inline]] void lock() noexcept {
    while (__atomic_test_and_set(&locked_, __ATOMIC_ACQUIRE)) {}
  }
  [[gnu::always_inline]] void unlock() noexcept { __atomic_clear(&locked_, __ATOMIC_RELEASE); }

  index block_bytes_;
  index blocks_;
  index free_;
  index used_ = 0;  // blocks from there on were never taken
  std::byte* data_ = nullptr;
  std::byte* returned_ = nullptr;
  bool locked_ = false;
};

}  // namespace v0
}  // namespace octavo
