// SPDX-License-Identifier: MIT
// A plain thread pool, to show what Octavo asks of one: operator()(n, task), and concurrency() if it is known.
#pragma once

#include <octavo/core/index.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace example {

/// Calls task(0) ... task(n - 1) on `threads` threads, the caller's among them, and returns when all are done.
/// Threads sleep between calls; an engine that wants the last microseconds lets them spin for a while first.
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
    {
      std::lock_guard const lock(mutex_);
      stop_ = true;
    }
    start_.notify_all();
    for (auto& worker : workers_) { worker.join(); }
  }

  [[nodiscard]] int concurrency() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  template <class Task>
  void operator()(octavo::index n, Task const& task) {
    if (workers_.empty() || n <= 1) {
      for (octavo::index i = 0; i < n; ++i) { task(i); }
      return;
    }
    run(
        n, [](void const* t, octavo::index i) { (*static_cast<Task const*>(t))(i); }, &task);
  }

 private:
  void run(octavo::index n, void (*call)(void const*, octavo::index), void const* task) {
    {
      std::lock_guard const lock(mutex_);
      call_ = call;
      task_ = task;
      count_ = n;
      next_ = 0;
      busy_ = workers_.size();
      ++round_;
    }
    start_.notify_all();
    take_tasks();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

  void take_tasks() {
    for (octavo::index i = next_++; i < count_; i = next_++) { call_(task_, i); }
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (unsigned long seen = 0;;) {
      start_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) { return; }
      seen = round_;
      lock.unlock();
      take_tasks();
      lock.lock();
      if (--busy_ == 0) { done_.notify_one(); }
    }
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable done_;
  bool stop_ = false;
  unsigned long round_ = 0;
  std::size_t busy_ = 0;
  void (*call_)(void const*, octavo::index) = nullptr;
  void const* task_ = nullptr;
  octavo::index count_ = 0;
  std::atomic<octavo::index> next_ = 0;
};

}  // namespace example
