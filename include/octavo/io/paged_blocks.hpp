// SPDX-License-Identifier: MIT
// paged_blocks: memory of caches in two tiers, blocks in memory under a budget, and in a file that they come back from.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octavo/core/error.hpp"
#include "octavo/core/fnv1a.hpp"
#include "octavo/io/cache_file.hpp"
#include "octavo/io/page_file.hpp"
#include "octavo/io/page_policy.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

/// Extents of a file of blocks.
struct paged_shape {
  index block_bytes = 0;  ///< allocation_bytes(shape) of its caches
  index blocks = 0;       ///< in memory and in the file together
  index resident = 0;     ///< the budget: blocks in memory
};

/// Memory of kv_caches whose blocks are pages of a file. At most `resident` of them are kept in memory, by a policy
/// (page_policy.hpp), which needs to be told what is read:
///
///     std::string error;
///     auto const memory = paged_blocks<mark_predict_pages<>>::create("kv.pages", {bytes, 4096, 1024}, error);
///     kv_cache<k4, v4, paged_blocks<mark_predict_pages<>>> cache(shape, memory.get());
///     memory->request(cache.block(b), bit);       // before attention reads block b
///     memory->settle();                           // after it has read others, too
///
/// - Where a block is never changes what is computed: attention reads a block that left as if it were there, and waits
///   for the disk. Between request and settle such blocks take memory beyond the budget, as far as the machine has it.
/// - All caches of one paged_blocks belong to one thread at a time, which may run attention on many.
/// - No room in the file, or on the disk: the one error handler, and the cache stays as it was.
template <class Policy = mark_predict_pages<>>
class paged_blocks {
 public:
  /// Nothing, and why in `error`, if the file cannot be made. `temporary`: it has no name and goes with this object.
  [[nodiscard]] static std::unique_ptr<paged_blocks> create(std::string const& path, paged_shape const& shape,
                                                            std::string& error, bool temporary = true) {
    if (!fits(shape, error)) { return nullptr; }
    auto file = page_file::create(path, head_bytes(shape.blocks), shape.block_bytes, shape.blocks, temporary, error);
    if (!file) { return nullptr; }
    return std::unique_ptr<paged_blocks>(new paged_blocks(*std::move(file), shape));
  }
  /// The same over a file that save() has left; load() brings its cache back. Nothing, and why in `error`, if it is of
  /// another size, in use, or not there.
  [[nodiscard]] static std::unique_ptr<paged_blocks> open(std::string const& path, paged_shape const& shape,
                                                          std::string& error) {
    if (!fits(shape, error)) { return nullptr; }
    auto file = page_file::open(path, head_bytes(shape.blocks), shape.block_bytes, shape.blocks, error);
    if (!file) { return nullptr; }
    return std::unique_ptr<paged_blocks>(new paged_blocks(*std::move(file), shape));
  }
  paged_blocks(paged_blocks const&) = delete;
  paged_blocks& operator=(paged_blocks const&) = delete;

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t align) {
    if (bytes > static_cast<std::size_t>(shape_.block_bytes) || align > 4096) {
      octavo::detail::fail_extents("paged_blocks", "a block has bytes", shape_.block_bytes, "a cache asks for",
                                   static_cast<index>(bytes), "Make it of the caches' allocation_bytes(shape).");
    }
    if (!restored_.empty()) {  // load() is at work
      index const p = restored_.back();
      restored_.pop_back();
      return file_.page(p);
    }
    if (free_.empty()) {
      octavo::detail::fail_extents("paged_blocks", "all blocks are taken", shape_.blocks, "of bytes",
                                   shape_.block_bytes, "Truncate or end a sequence, or make the file larger.");
    }
    index const p = free_.back();
    if (!file_.reserve(p)) {
      octavo::detail::fail_extents("paged_blocks", "the disk has no room for block", p, "of bytes",
                                   shape_.block_bytes, "Make room, or truncate or end a sequence.");
    }
    free_.pop_back();
    (void)ask(p, false);
    return file_.page(p);
  }
  void deallocate(void* block, std::size_t, std::size_t) noexcept {
    index const p = file_.page_of(static_cast<std::byte const*>(block));
    policy_.forget(p);
    free_.push_back(p);  // there is room: it was reserved for all
  }

  /// A block of a cache will be read. `bit`: what the policy takes (mass_predictor gives one). Whether it was away;
  /// then the disk begins to read it.
  bool request(std::byte const* block, bool bit = false) {
    index const p = file_.page_of(block);
    bool const fault = ask(p, bit);
    ++requests_;
    faults_ += fault ? 1 : 0;
    if (fault) { file_.expect(p); }
    return fault;
  }
  /// Blocks that were read though they had left leave again.
  void settle() noexcept {
    std::vector<bool> taken(static_cast<std::size_t>(shape_.blocks), true);
    for (index const p : free_) { taken[static_cast<std::size_t>(p)] = false; }
    for (index p = 0; p < shape_.blocks; ++p) {
      if (taken[static_cast<std::size_t>(p)] && !policy_.holds(p)) { file_.evict(p); }
    }
  }

  [[nodiscard]] bool holds(std::byte const* block) const noexcept { return policy_.holds(file_.page_of(block)); }
  [[nodiscard]] index requests() const noexcept { return requests_; }
  [[nodiscard]] index faults() const noexcept { return faults_; }
  [[nodiscard]] index evictions() const noexcept { return evictions_; }
  [[nodiscard]] index free_blocks() const noexcept { return static_cast<index>(free_.size()); }

  /// Writes which blocks a cache of this memory has, and them to the disk, so that load() of another process finds it.
  /// False, and why in `error`, if the disk fails. What is appended later is not saved.
  template <class K, class V>
  [[nodiscard]] bool save(kv_cache<K, V, paged_blocks> const& cache, std::string& error) {
    static_assert(
        octavo::detail::first_of<K> == 0 && octavo::detail::first_of<V> == 0,
        "Octavo: paged_blocks saves blocks, and tokens that are first_in_float lie beside them: cache_bytes "
        "saves both.");
    if (cache.keys().closed() != cache.tokens()) {
      error =
          "the last keys are floats until their groups close; truncate to " + std::to_string(cache.keys().closed());
      return false;
    }
    header const h = header_of(cache);
    std::memcpy(file_.head(), &h, sizeof h);
    std::string const texts = texts_of(cache);
    std::byte* to = file_.head() + sizeof h;
    std::memset(to, 0, text_bytes);
    std::memcpy(to, texts.data(), std::min(texts.size(), text_bytes));
    to += text_bytes;
    for (index b = 0; b < ceil_div(cache.tokens(), cache.shape().block); ++b) {
      auto const p = static_cast<std::uint32_t>(file_.page_of(cache.block(b)));
      std::memcpy(to + static_cast<std::size_t>(b) * sizeof p, &p, sizeof p);
    }
    if (file_.sync()) { return true; }
    error = "the disk did not take the pages";
    return false;
  }
  /// Replaces the tokens of a cache of this memory by those that were saved; a block is read when it is needed. False,
  /// the cache as it was, and why in `error`, if the file is none, or is of another version, other schemes or another
  /// shape, or names blocks that are not there, or a cache has taken a block of this memory before. What the blocks
  /// hold is not looked at: attention takes any bytes.
  template <class K, class V>
  [[nodiscard]] bool load(kv_cache<K, V, paged_blocks>& cache, std::string& error) {
    header there{};
    std::memcpy(&there, file_.head(), sizeof there);
    header const here = header_of(cache);
    auto const* const text = reinterpret_cast<char const*>(file_.head() + sizeof there);
    std::string const texts = texts_of(cache);
    auto const differ = [&error](char const* what, std::int64_t a, std::int64_t b) {
      error = std::string("the file has ") + what + " " + std::to_string(a) + ", the cache " + std::to_string(b);
      return false;
    };
    if (free_blocks() != shape_.blocks) {
      error = "blocks of this memory are taken already; load before the first token comes";
      return false;
    }
    if (there.magic != here.magic) {
      error = "this is no file of the blocks of a cache, or one of a newer version";
      return false;
    }
    if (there.byte_order != here.byte_order) { return differ("byte order", there.byte_order, here.byte_order); }
    if (there.layout != here.layout) { return differ("layout panel64_v", there.layout, here.layout); }
    if (there.block_bytes != here.block_bytes) {
      return differ("blocks of bytes", there.block_bytes, here.block_bytes);
    }
    if (there.head_dim != here.head_dim) { return differ("head_dim", there.head_dim, here.head_dim); }
    if (there.value_head_dim != here.value_head_dim) {
      return differ("value_head_dim", there.value_head_dim, here.value_head_dim);
    }
    if (there.kv_heads != here.kv_heads) { return differ("kv_heads", there.kv_heads, here.kv_heads); }
    if (there.block != here.block) { return differ("blocks of tokens", there.block, here.block); }
    if (texts.size() >= text_bytes || std::string_view(text, texts.size()) != texts || text[texts.size()] != '\0') {
      std::string_view const all(text, text_bytes);
      error = "the file stores '" + shown(all.substr(0, all.find('\0'))) + "', the cache '" + shown(texts) + "'";
      return false;
    }
    if (there.tokens < 0 || there.tokens > cache.shape().capacity || there.tokens % cache.keys().residual != 0) {
      return differ("tokens", there.tokens, cache.shape().capacity);
    }
    index const tokens = static_cast<index>(there.tokens);
    index const count = ceil_div(tokens, cache.shape().block);
    if (count > shape_.blocks) { return differ("blocks", count, shape_.blocks); }
    std::vector<bool> named(static_cast<std::size_t>(shape_.blocks));
    std::vector<index> order;
    for (index b = 0; b < count; ++b) {
      std::uint32_t p = 0;
      std::memcpy(&p, file_.head() + sizeof there + text_bytes + static_cast<std::size_t>(b) * sizeof p, sizeof p);
      if (p >= static_cast<std::uint64_t>(shape_.blocks) || named[p]) {
        error = "the file names block " + std::to_string(p) + ", which is not there, or is there twice";
        return false;
      }
      if (!file_.reserve(static_cast<index>(p))) {
        error = "the disk has no room for the blocks of the file, which has holes";
        return false;
      }
      named[p] = true;
      order.push_back(static_cast<index>(p));
    }
    free_.erase(
        std::remove_if(free_.begin(), free_.end(), [&](index p) { return named[static_cast<std::size_t>(p)]; }),
        free_.end());
    restored_.assign(order.rbegin(), order.rend());
    cache.adopt(tokens);
    return true;
  }

 private:
  /// What stands at the beginning; then the schemes as text; then the number of each block of the cache.
  struct header {
    std::array<char, 8> magic;
    std::uint32_t byte_order;
    std::uint32_t layout;
    std::int64_t block_bytes;
    std::int64_t head_dim;
    std::int64_t value_head_dim;
    std::int64_t kv_heads;
    std::int64_t block;
    std::int64_t tokens;
  };
  static_assert(sizeof(header) == 64);
  static constexpr std::size_t text_bytes = 448;

  paged_blocks(page_file file, paged_shape const& shape)
      : file_(std::move(file)), shape_(shape), policy_(shape.resident) {
    free_.reserve(static_cast<std::size_t>(shape.blocks));
    for (index p = shape.blocks - 1; p >= 0; --p) { free_.push_back(p); }
  }
  [[nodiscard]] static bool fits(paged_shape const& s, std::string& error) {
    constexpr index most = index{1} << 31;
    if (s.block_bytes < 1 || s.block_bytes > most || s.blocks < 1 || s.blocks > most || s.resident < 1) {
      error = "paged_blocks needs blocks of 1 to 2^31 bytes, 1 to 2^31 of them, at least one in memory";
      return false;
    }
    return true;
  }
  [[nodiscard]] static index head_bytes(index blocks) noexcept {
    return static_cast<index>(sizeof(header) + text_bytes) + blocks * 4;
  }
  template <class K, class V>
  [[nodiscard]] header header_of(kv_cache<K, V, paged_blocks> const& cache) const {
    auto const& s = cache.shape();
    return {{'o', 'c', 't', 'p', 'g', '\n', '\r', 1},
            detail::cache_byte_order,
            panel_layout_version,
            shape_.block_bytes,
            s.head_dim,
            s.value_head_dim,
            s.kv_heads,
            s.block,
            cache.tokens()};
  }
  /// The schemes; and of codebooks, which the cache has already, their hash, FNV-1a.
  template <class K, class V>
  [[nodiscard]] static std::string texts_of(kv_cache<K, V, paged_blocks> const& cache) {
    std::string texts = detail::cache_text<K>() + '\n' + detail::cache_text<V>();
    if constexpr (detail::books_bytes<K, V> != 0) {
      std::array<std::byte, detail::books_bytes<K, V>> bytes{};
      detail::write_books(cache.codebooks(), bytes.data());
      octavo::detail::fnv1a hash;
      for (auto const b : bytes) { hash.add(static_cast<std::uint8_t>(b)); }
      texts += "\ncodebooks " + std::to_string(hash.value());
    }
    return texts;
  }
  bool ask(index p, bool bit) {
    return policy_.request(p, bit, [this, p](index gone) {
      ++evictions_;
      if (gone != p) { file_.evict(gone); }  // settle() takes what leaves as soon as it was read
    });
  }

  page_file file_;
  paged_shape shape_;
  Policy policy_;
  std::vector<index> free_;      // the next one last
  std::vector<index> restored_;  // the first one last
  index requests_ = 0;
  index faults_ = 0;
  index evictions_ = 0;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
