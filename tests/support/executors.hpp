// SPDX-License-Identifier: MIT
// Executors that make mistakes visible, and a memory resource that counts.
#pragma once

#include "octavo/core/index.hpp"

#include <cstddef>
#include <memory_resource>
#include <thread>
#include <vector>

namespace test {

/// Three threads, each with its share of the tasks, last task first.
struct backwards {
  int threads = 3;

  template <class Task>
  void operator()(octavo::index n, Task const& task) const {
    std::vector<std::thread> pool;
    for (int p = 0; p < threads; ++p) {
      pool.emplace_back([p, n, &task, this] {
        for (octavo::index i = n - 1; i >= 0; --i) {
          if (i % threads == p) { task(i); }
        }
      });
    }
    for (auto& t : pool) { t.join(); }
  }
  [[nodiscard]] int concurrency() const { return threads; }
};

/// An executor without concurrency(), on the calling thread, in an order of its own.
struct odd_first {
  template <class Task>
  void operator()(octavo::index n, Task const& task) const {
    for (octavo::index i = 1; i < n; i += 2) { task(i); }
    for (octavo::index i = 0; i < n; i += 2) { task(i); }
  }
};

class counting_memory : public std::pmr::memory_resource {
 public:
  int allocations = 0;
  std::size_t bytes_held = 0;
  std::size_t most_bytes = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++allocations;
    bytes_held += bytes;
    most_bytes = bytes_held > most_bytes ? bytes_held : most_bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    bytes_held -= bytes;
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(std::pmr::memory_resource const& other) const noexcept override {
    return this == &other;
  }
};

}  // namespace test
