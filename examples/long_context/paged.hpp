// SPDX-License-Identifier: MIT
// Caches under a budget of half their blocks: how many of them a token waits for, by which policy.
#pragma once

#include "../generate/checkpoint.hpp"
#include "../generate/layer_cache.hpp"

#include <octavo/io/paged_blocks.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace example {

/// The memory of all layers, whatever its policy, and the blocks that were asked for, in order.
class paged_memory {
 public:
  paged_memory() = default;
  paged_memory(paged_memory const&) = delete;
  paged_memory& operator=(paged_memory const&) = delete;
  virtual ~paged_memory() = default;

  virtual void* allocate(std::size_t bytes, std::size_t align) = 0;
  virtual void deallocate(void* block, std::size_t bytes, std::size_t align) noexcept = 0;
  virtual void request(std::byte const* block, bool bit) = 0;
  virtual void settle() = 0;

  bool predict = false;
  index faults = 0;
  std::vector<std::byte const*> asked;
};
template <class Policy>
class memory_by final : public paged_memory {
 public:
  explicit memory_by(std::unique_ptr<octavo::io::paged_blocks<Policy>> blocks) : blocks_(std::move(blocks)) {}

  void* allocate(std::size_t bytes, std::size_t align) override { return blocks_->allocate(bytes, align); }
  void deallocate(void* block, std::size_t bytes, std::size_t align) noexcept override {
    blocks_->deallocate(block, bytes, align);
  }
  void request(std::byte const* block, bool bit) override {
    asked.push_back(block);
    faults += blocks_->request(block, bit) ? 1 : 0;
  }
  void settle() override { blocks_->settle(); }

 private:
  std::unique_ptr<octavo::io::paged_blocks<Policy>> blocks_;
};

/// A layer whose blocks are in memory that keeps some of them. Attention reads all, so that each step asks for each,
/// with a bit of prediction: 1 for a block that had less than an equal share of the attention so far.
class paged_layer final : public layer_cache {
  using cache = octavo::kv_cache<octavo::schemes::k8, octavo::schemes::v8, paged_memory>;

 public:
  static constexpr index block = octavo::page_tokens;

  static index bytes(octavo::cache_shape shape) {
    shape.block = block;
    return cache::allocation_bytes(shape);
  }
  static index blocks(index tokens) { return octavo::ceil_div(tokens, block); }

  paged_layer(octavo::cache_shape shape, std::shared_ptr<paged_memory> memory)
      : memory_(std::move(memory)),
        cache_((shape.block = block, shape), memory_.get()),
        count_(blocks(shape.capacity)),
        places_(static_cast<std::size_t>(shape.capacity * shape.kv_heads * count_)) {
    for (index t = 0; t < shape.capacity * shape.kv_heads; ++t) {
      places_[static_cast<std::size_t>(t * count_ + t / shape.kv_heads / block)] = 1;
    }
    truncate(0);
  }

  void attend(heads_view<float> q, heads_view<float> k, heads_view<float const> v, heads_view<float> out,
              index position, octavo::rope_table const& turns, machine& m) override {
    octavo::rope(q, position, turns, m.context());
    octavo::rope(k, position, turns, m.context());
    octavo::append(cache_, k, v, m.context());
    index const n = blocks(cache_.tokens());
    predict_.threshold = memory_->predict ? 1.0f / static_cast<float>(n) : 0.0f;
    for (index b = 0; b < n; ++b) {
      memory_->request(cache_.block(b), predict_(b, n, shares_[static_cast<std::size_t>(b)]));
    }
    octavo::attention<octavo::schemes::q8, octavo::schemes::p8>(q, cache_.keys(), cache_.values(), out,
                                                                octavo::causal{}, m.context());
    find_shares(q, m);
    memory_->settle();
  }
  void truncate(index n) override {
    cache_.truncate(n);
    shares_.assign(static_cast<std::size_t>(count_), 0);
    predict_ = {.sinks = 0};
  }
  [[nodiscard]] double token_bytes() const override {
    return static_cast<double>(cache_.block_bytes()) / static_cast<double>(block);
  }

 private:
  /// Of each block in what the last token sees: attention over values that say which block they are in.
  void find_shares(heads_view<float> const& q, machine& m) {
    std::vector<float> found(static_cast<std::size_t>(q.heads() * count_));
    heads_view<float const> const last(q.at(0, q.tokens() - 1), q.head_dim(), q.heads(), 1, q.head_stride(),
                                       q.token_stride());
    index const heads = cache_.shape().kv_heads;
    heads_view<float const> const places(places_.data(), count_, heads, cache_.tokens(), count_, heads * count_);
    octavo::attention<octavo::schemes::q8>(last, cache_.keys(), places,
                                           heads_view<float>(found.data(), count_, q.heads(), 1, count_, count_),
                                           m.context());
    shares_.assign(static_cast<std::size_t>(count_), 0);
    for (std::size_t i = 0; i < found.size(); ++i) {
      shares_[i % shares_.size()] += found[i] / static_cast<float>(q.heads());
    }
  }

  std::shared_ptr<paged_memory> memory_;
  cache cache_;
  index count_;
  std::vector<float> places_;  // [token][head][block]
  std::vector<float> shares_;
  octavo::io::mass_predictor predict_;
};

/// The fewest faults that there can be: the block leaves that is asked for last (Belady 1966). One that is new is no
/// fault.
inline index fewest_faults(std::span<std::byte const* const> asked, std::size_t most) {
  std::vector<std::byte const*> seen;
  std::vector<std::byte const*> held;
  auto const has = [](auto const& list, auto const* p) {
    return std::find(list.begin(), list.end(), p) != list.end();
  };
  index faults = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (has(held, asked[i])) { continue; }
    if (has(seen, asked[i])) {
      ++faults;
    } else {
      seen.push_back(asked[i]);
    }
    if (held.size() == most) {
      auto const rest = asked.subspan(i);
      held.erase(std::max_element(held.begin(), held.end(), [&](auto const* a, auto const* b) {
        return std::find(rest.begin(), rest.end(), a) < std::find(rest.begin(), rest.end(), b);
      }));
    }
    held.push_back(asked[i]);
  }
  return faults;
}

/// For each token of the second halves of windows.
struct paged_faults {
  double faults = 0;
  double requests = 0;
  double fewest = 0;
};
/// Pre: the model keeps paged_layers of this memory.
template <class Model>
paged_faults faults_of(Model& model, paged_memory& memory, index most, std::span<int const> text,
                       std::size_t windows) {
  auto const size = static_cast<std::size_t>(model.context());
  paged_faults result;
  double tokens = 0;
  for (std::size_t w = 0; w < windows && (w + 1) * size <= text.size(); ++w) {
    auto const window = text.subspan(w * size, size);
    model.reset();
    memory.asked.clear();
    (void)model.forward(window.first(size / 2));
    for (std::size_t t = size / 2; t < size; ++t) { (void)model.forward(window.subspan(t, 1)); }
    tokens += static_cast<double>(size - size / 2);
    result.requests += static_cast<double>(memory.asked.size());
    result.fewest += static_cast<double>(fewest_faults(memory.asked, static_cast<std::size_t>(most)));
  }
  return {static_cast<double>(memory.faults) / tokens, result.requests / tokens, result.fewest / tokens};
}

/// The table. Whether what must hold of the model that ships does.
template <class Model>
bool paged(Model& model, checkpoint const& c, std::span<int const> text, std::size_t windows) {
  using namespace octavo::io;
  bool ok = true;
  std::printf("Blocks that a token waits for, half of all in memory:\n%-20s %10s %10s\n", "policy", "without",
              "by shares");
  index const all = static_cast<index>(c.layers.size()) * paged_layer::blocks(model.context());
  index const half = std::max<index>(all / 2, 1);
  auto const run = [&]<class Policy>(std::type_identity<Policy>, bool predict) {
    std::string error;
    auto blocks = paged_blocks<Policy>::create(
        (std::filesystem::temp_directory_path() / "octavo_long_context").string(),
        {paged_layer::bytes({.head_dim = c.head_dim, .kv_heads = c.kv_heads, .capacity = model.context()}), all,
         half},
        error);
    if (!blocks) {
      std::fprintf(stderr, "long_context: %s\n", error.c_str());
      return paged_faults{};
    }
    auto const memory = std::make_shared<memory_by<Policy>>(std::move(blocks));
    memory->predict = predict;
    model.keep([&](octavo::cache_shape const& s, index, index) { return std::make_unique<paged_layer>(s, memory); });
    return faults_of(model, *memory, half, text, windows);
  };
  auto const line = [&](auto policy, char const* name, double most) {
    auto const without = run(policy, false);
    auto const by_shares = run(policy, true);
    std::printf("%-20s %10.2f %10.2f\n", name, without.faults, by_shares.faults);
    std::fflush(stdout);
    ok = ok && by_shares.requests > 0 && by_shares.fewest <= by_shares.faults &&
         by_shares.faults <= most * by_shares.requests;
    return by_shares;
  };
  auto const lru = line(std::type_identity<lru_pages>{}, "LRU", 1);
  ok = ok && lru.faults > 0.95 * lru.requests;
  line(std::type_identity<flush_0_pages>{}, "FLUSH-0", 0.8);
  line(std::type_identity<held_to_lru<flush_0_pages>>{}, "FLUSH-0, held to LRU", 0.8);
  line(std::type_identity<mark_0_pages<>>{}, "MARK0", 0.8);
  line(std::type_identity<mark_predict_pages<>>{}, "MARK&PREDICT", 1);
  std::printf("of %.2f that it asks for; the fewest there can be are %.2f\n", lru.requests, lru.fewest);
  return ok;
}

}  // namespace example
