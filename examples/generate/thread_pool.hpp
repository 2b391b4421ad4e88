// SPDX-License-Identifier: MIT
// A plain thread pool, to show what Octavo asks of one: operator()(n, task), and concurrency() if it is known.
#pragma once

#include <octavo/core/index.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace example {

/// Calls task(0) ... task(n - 1) on `threads` threads, the caller's among them, and returns when all are done.
///
/// A token is a few hundred calls of some ten microseconds: too short to sleep in between. So threads look a while for
/// the next call, and give way to others while they do; then they sleep.
class thread_pool {
 public:
  explicit thread_pool(int threads) {
    for (int i = 1; i < threads; ++i) {
      workers_.emplace_back([this] { work(); });
    }
  }
  thread_pool(thread_pool const&) = delete;
  thread_pool& operator=(thread_pool const&) = delete;
  ~thread_pool() {
    call_ = nullptr;
    begin_round();
    for (auto& worker : workers_) { worker.join(); }
  }

  [[nodiscard]] int concurrency() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  template <class Task>
  void operator()(octavo::index n, Task const& task) {
    if (workers_.empty() || n <= 1) {
      for (octavo::index i = 0; i < n; ++i) { task(i); }
      return;
    }
    call_ = [](void const* t, octavo::index i) { (*static_cast<Task const*>(t))(i); };
    task_ = &task;
    count_ = n;
    next_ = 0;
    busy_ = concurrency() - 1;
    begin_round();
    take_tasks();
    for (int left = busy_; left != 0; left = busy_) { wait_for_change(busy_, left); }
  }

 private:
  /// Returns when `value` is no longer `old`, or sooner.
  template <class T>
  static void wait_for_change(std::atomic<T> const& value, T old) {
    for (int i = 0; i < 2000; ++i) {
      if (value.load(std::memory_order_acquire) != old) { return; }
      std::this_thread::yield();
    }
    value.wait(old);
  }

  /// What was written before is seen by those who see the new round.
  void begin_round() {
    ++round_;
    round_.notify_all();
  }

  void take_tasks() {
    for (octavo::index i = next_++; i < count_; i = next_++) { call_(task_, i); }
  }

  void work() {
    for (unsigned seen = 0;;) {
      while (round_ == seen) { wait_for_change(round_, seen); }
      seen = round_;
      if (call_ == nullptr) { return; }
      take_tasks();
      if (--busy_ == 0) { busy_.notify_one(); }
    }
  }

  std::vector<std::thread> workers_;
  void (*call_)(void const*, octavo::index) = nullptr;
  void const* task_ = nullptr;
  octavo::index count_ = 0;
  std::atomic<octavo::index> next_ = 0;
  std::atomic<unsigned> round_ = 0;
  std::atomic<int> busy_ = 0;
};

}  // namespace example
