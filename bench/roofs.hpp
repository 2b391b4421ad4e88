// SPDX-License-Identifier: MIT
// What this machine can do at best: peak loops that touch registers only, and a plain load loop over memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include "octavo/core/index.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/simd/arch.hpp"
#include "octavo/simd/matrix_unit.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace bench {

using octavo::index;

[[nodiscard]] inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds that f() takes.
template <class F>
[[nodiscard]] double seconds(F const& f) {
  double const start = now();
  f();
  return now() - start;
}

inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// An executor of `threads` threads, the caller among them. The others spin between calls, as those of inference
/// engines do: a call is shorter than waking a thread.
class pool {
 public:
  explicit pool(int threads) {
    for (int i = 1; i < threads; ++i) {
      workers_.emplace_back([this] { work(); });
    }
  }
  pool(pool const&) = delete;
  pool& operator=(pool const&) = delete;
  ~pool() {
    stop_ = true;
    for (auto& w : workers_) { w.join(); }
  }

  [[nodiscard]] int concurrency() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  template <class Task>
  void operator()(index n, Task const& task) {
    run_ = [](void const* t, index i) { (*static_cast<Task const*>(t))(i); };
    task_ = &task;
    tasks_ = n;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    call_.fetch_add(1, std::memory_order_release);
    take();
    while (busy_.load(std::memory_order_acquire) != 0) { pause(); }
  }

 private:
  void take() {
    for (index i = next_++; i < tasks_; i = next_++) { run_(task_, i); }
  }
  void work() {
    constexpr int patience = 1 << 16;
    int idle = 0;
    for (unsigned seen = 0; !stop_;) {
      if (call_.load(std::memory_order_acquire) == seen) {
        pause();
        if (idle < patience) {
          ++idle;
        } else {
          std::this_thread::yield();
        }
        continue;
      }
      idle = 0;
      ++seen;
      take();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  void (*run_)(void const*, index) = nullptr;
  void const* task_ = nullptr;
  index tasks_ = 0;
  std::atomic<index> next_{0};
  std::atomic<int> busy_{0};
  std::atomic<unsigned> call_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

/// What a path spends its time on. A sequence has a register type, a chain of accumulators, and `steps` that together
/// do `operations` (2 for each multiply-add). Steps are assembly, so that the compiler neither merges nor moves them.
namespace sequence {

#if defined(__AVX2__)

/// Registers of so many bytes. Each step of a sequence does the same, unless it says how many there are.
template <int Bytes>
struct in_registers {
  static constexpr int steps = 1;
  static constexpr int bytes = Bytes;
  using vector [[gnu::vector_size(Bytes)]] = long long;
  struct chain {
    vector a{};
    vector b{};
  };
};
using narrow = in_registers<32>;

/// Without a product of bytes that sums to int32, weights of at most 4 bits: `Burst` products are summed in int16, then
/// widened to int32.
template <class Width, int Burst>
struct maddubs : Width {
  using typename Width::chain;
  using typename Width::vector;
  static constexpr int steps = Burst + 1;
  static constexpr double operations = Burst * 2 * Width::bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    vector t;
    if constexpr (Step < Burst) {
      asm volatile("vpmaddubsw %2, %2, %1\n\tvpaddw %1, %0, %0" : "+v"(c.b), "=&v"(t) : "v"(x));
    } else {
      asm volatile("vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0" : "+v"(c.a), "=&v"(t) : "v"(c.b), "v"(x));
    }
  }
};
/// Weights of 8 bits: even and odd bytes as int16.
template <class Width>
struct maddwd : Width {
  using typename Width::chain;
  using typename Width::vector;
  static constexpr double operations = 2 * Width::bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("vpmaddwd %2, %2, %1\n\tvpaddd %1, %0, %0\n\tvpmaddwd %2, %2, %1\n\tvpaddd %1, %0, %0"
                 : "+v"(c.a), "+v"(c.b)
                 : "v"(x));
  }
};
/// Weights up to Highest, after an offset, by whichever of the two holds them.
template <class Width, int Highest>
using int8_without_vnni =
    std::conditional_t<Highest * 256 * 4 >= 32768, maddwd<Width>, maddubs<Width, Highest * 256 * 8 < 32768 ? 8 : 4>>;
template <class Width>
struct fma : Width {
  using typename Width::chain;
  using typename Width::vector;
  static constexpr double operations = Width::bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("vfmadd231ps %2, %2, %0\n\tvfmadd231ps %2, %2, %1" : "+v"(c.a), "+v"(c.b) : "v"(x));
  }
};

#endif
#if defined(__AVXVNNI__)

struct vex_vpdpbusd : narrow {
  static constexpr double operations = 4 * bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("%{vex%} vpdpbusd %2, %2, %0\n\t%{vex%} vpdpbusd %2, %2, %1" : "+x"(c.a), "+x"(c.b) : "x"(x));
  }
};

#endif
#if defined(__AVX512BW__)

using wide = in_registers<64>;

/// One token and 4-bit codes by table: a shift, a lookup and an fma for each sixteen weights.
struct lookup512 : wide {
  static constexpr double operations = 32;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("vpsrld $4, %2, %1\n\tvpermps %2, %1, %1\n\tvfmadd231ps %2, %1, %0" : "+v"(c.a), "+v"(c.b) : "v"(x));
  }
};

#endif
#if defined(__AVX512VNNI__) && defined(__AVX512BF16__)

struct vpdpbusd : wide {
  static constexpr double operations = 4 * bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("vpdpbusd %2, %2, %0\n\tvpdpbusd %2, %2, %1" : "+v"(c.a), "+v"(c.b) : "v"(x));
  }
};
#if defined(__AMX_INT8__) || defined(__AMXINT8__)
/// Four products of whole tiles; every thread configures its tiles first.
struct tdpbsud {
  static constexpr int steps = 1;
  static constexpr double operations = 4 * 2 * 16 * 16 * 64;
  struct vector {};
  struct chain {};
  static void begin() noexcept { octavo::simd::matrix_unit<octavo::avx512amx>::configure(16, 16, 16); }
  static void end() noexcept { octavo::simd::matrix_unit<octavo::avx512amx>::release(); }
  template <int Step>
  [[gnu::always_inline]] static void step(chain&, vector) {
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 4, 7);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
  }
};
#endif
struct vpdpwssd : wide {
  static constexpr double operations = 2 * bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("vpdpwssd %2, %2, %0\n\tvpdpwssd %2, %2, %1" : "+v"(c.a), "+v"(c.b) : "v"(x));
  }
};
struct vdpbf16ps : wide {
  static constexpr double operations = 2 * bytes;
  template <int Step>
  [[gnu::always_inline]] static void step(chain& c, vector x) {
    asm volatile("vdpbf16ps %2, %2, %0\n\tvdpbf16ps %2, %2, %1" : "+v"(c.a), "+v"(c.b) : "v"(x));
  }
};

#endif

}  // namespace sequence

/// The sequences of the paths on one instruction set. int8<Highest> is for weights up to Highest, after an offset.
template <class Arch>
struct sequences;
#if defined(__AVX512VNNI__) && defined(__AVX512BF16__)
template <>
struct sequences<octavo::avx512vnni> {
  template <int Highest>
  using int8 = sequence::vpdpbusd;
  using words = sequence::vpdpwssd;
  using bf16 = sequence::vdpbf16ps;
  using f32 = sequence::fma<sequence::wide>;
  using lookup = sequence::lookup512;
};
#endif
#if defined(__AMX_INT8__) || defined(__AMXINT8__)
template <>
struct sequences<octavo::avx512amx> : sequences<octavo::avx512vnni> {
  template <int Highest>
  using int8 = sequence::tdpbsud;
  using bf16 = sequence::fma<sequence::wide>;
};
#endif
#if defined(__AVX512BW__)
template <>
struct sequences<octavo::avx512bw> {
  template <int Highest>
  using int8 = sequence::int8_without_vnni<sequence::wide, Highest>;
  using bf16 = sequence::fma<sequence::wide>;
  using f32 = sequence::fma<sequence::wide>;
  using lookup = sequence::lookup512;
};
#endif
#if defined(__AVXVNNI__)
template <>
struct sequences<octavo::avxvnni> {
  template <int Highest>
  using int8 = sequence::vex_vpdpbusd;
  using bf16 = sequence::fma<sequence::narrow>;
  using f32 = sequence::fma<sequence::narrow>;
};
#endif
#if defined(__AVX2__) && defined(__FMA__)
template <>
struct sequences<octavo::avx2> {
  template <int Highest>
  using int8 = sequence::int8_without_vnni<sequence::narrow, Highest>;
  using bf16 = sequence::fma<sequence::narrow>;
  using f32 = sequence::fma<sequence::narrow>;
};
#endif

/// Operations per second of a sequence on all threads of the pool: the best of a few short runs. Six chains hide every
/// latency; they are variables with names since g++ 12 keeps arrays in memory.
template <class Sequence>
[[nodiscard]] double peak(pool& threads) {
  constexpr index rounds = 200000 / static_cast<index>(Sequence::steps);
  auto const loop = [](index) noexcept {
    if constexpr (requires { Sequence::begin(); }) { Sequence::begin(); }
    typename Sequence::chain a, b, c, d, e, f;
    typename Sequence::vector const x{};
    for (index i = 0; i < rounds; ++i) {
      octavo::detail::unroll<Sequence::steps>([&](auto step) __attribute__((always_inline)) {
        Sequence::template step<step()>(a, x), Sequence::template step<step()>(b, x);
        Sequence::template step<step()>(c, x), Sequence::template step<step()>(d, x);
        Sequence::template step<step()>(e, x), Sequence::template step<step()>(f, x);
      });
    }
    if constexpr (requires { Sequence::end(); }) { Sequence::end(); }
  };
  double best = 1e30;
  for (int i = 0; i < 4; ++i) {
    best = std::min(best, seconds([&] { threads(threads.concurrency(), loop); }));
  }
  return threads.concurrency() * static_cast<double>(rounds) * 6 * Sequence::operations / best;
}

/// Loads the cache line at p.
[[gnu::always_inline]] inline void load_line(std::byte const* p) noexcept {
#if defined(__AVX512F__)
  asm volatile("" : : "v"(_mm512_load_si512(p)));
#elif defined(__AVX2__)
  asm volatile("" : : "x"(_mm256_load_si256(reinterpret_cast<__m256i const*>(p))));
  asm volatile("" : : "x"(_mm256_load_si256(reinterpret_cast<__m256i const*>(p + 32))));
#else
  for (int i = 0; i < 64; i += 8) { asm volatile("" : : "r"(*reinterpret_cast<std::uint64_t const*>(p + i))); }
#endif
}

/// Loads `size` bytes line by line as so many streams, each asking for what is `ahead`.
template <int Streams>
void load_all(std::byte const* data, index size, index ahead) noexcept {
  index const length = size / Streams / 64 * 64;
  for (index i = 0; i < length; i += 64) {
    for (int s = 0; s < Streams; ++s) {
      auto const* const p = data + s * length + i;
      if (ahead != 0) { __builtin_prefetch(p + ahead); }
      load_line(p);
    }
  }
}

/// Bytes per second of a load loop over all of `memory`, each span shared among all threads of the pool: the best of
/// one stream and four, with and without software prefetch.
[[nodiscard]] inline double read_rate(std::vector<std::span<std::byte const>> const& memory, pool& threads) {
  index const n = threads.concurrency();
  double size = 0;
  for (auto const span : memory) { size += static_cast<double>(span.size()); }
  double best = 1e30;
  for (auto const load : {load_all<1>, load_all<4>}) {
    for (index const ahead : {0, 1024, 8192}) {
      auto const part = [&](index i) noexcept {
        for (auto const span : memory) {
          index const share = static_cast<index>(span.size()) / n / 64 * 64;
          load(span.data() + i * share, share, ahead);
        }
      };
      for (int i = 0; i < 2; ++i) {
        best = std::min(best, seconds([&] { threads(n, part); }));
      }
    }
  }
  return size / best;
}

}  // namespace bench
