// SPDX-License-Identifier: MIT
// Which page leaves when memory for pages is full: LRU, and policies that take one bit of prediction with each request.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "octavo/core/error.hpp"
#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

// A policy has a number of places, and
//
//     bool request(index page, bool bit, Evict const& evict)   page is there afterwards; whether it was not before
//     bool holds(index page) const
//     void forget(index page)                                  it is gone, and needs no place
//
// evict(p) is called for each page that leaves. Bits are those of 'Paging with Succinct Predictions' (Antoniadis et al.
// 2023). A discard bit is 1 if the best algorithm would evict this page before it is asked for again; a phase bit is 1
// if the page is not asked for in the next run of requests with as many different pages as there are places. A policy
// of yours is as good.

namespace detail {

/// Places of pages, each with a bit, a mark, and the time when its page came. Finding a page takes no search.
class page_places {
 public:
  struct place {
    index page = -1;
    std::uint64_t since = 0;
    bool bit = false;
    bool marked = false;
  };

  explicit page_places(index n) : places_(static_cast<std::size_t>(checked(n))) {}

  [[nodiscard]] index size() const noexcept { return static_cast<index>(places_.size()); }
  [[nodiscard]] bool full() const noexcept { return used_ == size(); }
  [[nodiscard]] place& operator[](index i) noexcept { return places_[static_cast<std::size_t>(i)]; }
  /// -1: nowhere.
  [[nodiscard]] index find(index page) const noexcept {
    return page < static_cast<index>(of_page_.size()) ? of_page_[static_cast<std::size_t>(page)] : -1;
  }
  void put(index i, index page) {
    if (page >= static_cast<index>(of_page_.size())) { of_page_.resize(static_cast<std::size_t>(page) + 1, -1); }
    of_page_[static_cast<std::size_t>(page)] = i;
    (*this)[i] = {page, ++time_, false, (*this)[i].marked};
    ++used_;
  }
  /// The mark stays.
  void empty(index i) noexcept {
    auto& p = (*this)[i];
    if (p.page < 0) { return; }
    of_page_[static_cast<std::size_t>(p.page)] = -1;
    p.page = -1;
    --used_;
  }
  void renew(index i) noexcept { (*this)[i].since = ++time_; }
  void unmark() noexcept {
    for (auto& p : places_) { p.marked = false; }
  }
  /// The first place of which it is true, or -1.
  template <class Is>
  [[nodiscard]] index first(Is const& is) const {
    for (index i = 0; i < size(); ++i) {
      if (is(places_[static_cast<std::size_t>(i)])) { return i; }
    }
    return -1;
  }
  /// Of the places of which it is true, in the order in which their pages came, the one that pick(their number) says;
  /// or -1.
  template <class Is, class Pick>
  [[nodiscard]] index choose(Is const& is, Pick& pick) {
    chosen_.clear();
    for (index i = 0; i < size(); ++i) {
      if (is(places_[static_cast<std::size_t>(i)])) { chosen_.push_back(i); }
    }
    if (chosen_.empty()) { return -1; }
    auto const nth = chosen_.begin() + pick(static_cast<index>(chosen_.size()));
    std::nth_element(chosen_.begin(), nth, chosen_.end(),
                     [this](index a, index b) { return (*this)[a].since < (*this)[b].since; });
    return *nth;
  }

 private:
  [[nodiscard]] static index checked(index n) {
    if (n < 1) {
      octavo::detail::fail_extents("page policy", "places are", n, "the fewest are", index{1}, "Pass at least 1.");
    }
    return n;
  }
  std::vector<place> places_;
  std::vector<index> of_page_;
  std::vector<index> chosen_;
  index used_ = 0;
  std::uint64_t time_ = 0;
};

/// What all policies have.
class page_policy {
 public:
  [[nodiscard]] bool holds(index page) const noexcept { return places_.find(page) >= 0; }
  [[nodiscard]] index places() const noexcept { return places_.size(); }
  void forget(index page) noexcept {
    if (holds(page)) { places_.empty(places_.find(page)); }
  }

 protected:
  explicit page_policy(index places) : places_(places) {}
  [[nodiscard]] static bool is_free(page_places::place const& p) noexcept { return p.page < 0; }
  [[nodiscard]] static bool is_unmarked(page_places::place const& p) noexcept { return !p.marked; }
  template <class Evict>
  void evict(index place, Evict const& gone) {
    gone(places_[place].page);
    places_.empty(place);
  }
  /// Where a page is served, and whether it was not there before: then make_room() has emptied a place, if all were
  /// full.
  struct served {
    index at;
    bool fault;
  };
  template <class MakeRoom>
  [[nodiscard]] served serve(index page, MakeRoom const& make_room) {
    index at = places_.find(page);
    if (at >= 0) { return {at, false}; }
    if (places_.full()) { make_room(); }
    at = places_.first(is_free);
    places_.put(at, page);
    return {at, true};
  }

  page_places places_;
};

}  // namespace detail

/// Chooses the first of n.
struct pick_first {
  [[nodiscard]] index operator()(index) const noexcept { return 0; }
};
/// Chooses one of n at random: the same ones for the same seed.
struct pick_random {
  std::uint64_t state = 1;
  [[nodiscard]] index operator()(index n) noexcept {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<index>((state >> 33) % static_cast<std::uint64_t>(n));
  }
};

/// The page that was asked for least recently leaves. Bits do not matter.
class lru_pages : public detail::page_policy {
 public:
  explicit lru_pages(index places) : page_policy(places) {}

  template <class Evict>
  bool request(index page, bool, Evict const& gone) {
    auto const [at, fault] = serve(page, [&] {
      pick_first pick;
      evict(places_.choose([](auto const&) { return true; }, pick), gone);
    });
    if (!fault) { places_.renew(at); }
    return fault;
  }
};

/// FLUSH-0, by discard bits: a page whose last bit was 1 leaves, the oldest of them; if there is none, all leave. With
/// true bits it has the fewest faults there can be; each wrong 0 costs at most k - 1 more, each wrong 1 one.
class flush_0_pages : public detail::page_policy {
 public:
  explicit flush_0_pages(index places) : page_policy(places) {}

  template <class Evict>
  bool request(index page, bool bit, Evict const& gone) {
    auto const [at, fault] = serve(page, [&] {
      pick_first pick;
      index const victim = places_.choose([](auto const& p) { return p.bit; }, pick);
      for (index i = 0; i < places_.size(); ++i) {
        if (victim < 0 || i == victim) { evict(i, gone); }
      }
    });
    places_[at].bit = bit;
    return fault;
  }
};

/// MARK0, by discard bits, randomized: a page whose bit is 1 leaves once it was served; the others are in phases.
/// Faults are at most those of the best + 2 H_k for each wrong 0 + 1 for each wrong 1, on average.
template <class Pick = pick_random>
class mark_0_pages : public detail::page_policy {
 public:
  explicit mark_0_pages(index places, Pick pick = {}) : page_policy(places), pick_(pick) {}

  template <class Evict>
  bool request(index page, bool bit, Evict const& gone) {
    index at = places_.find(page);
    bool const fault = at < 0;
    if (fault) {
      index const unmarked = places_.first(is_unmarked);
      if (places_.full() && unmarked < 0) {  // a phase begins
        places_.unmark();
        began_with_.clear();
        for (index i = 0; i < places_.size(); ++i) { began_with_.push_back(places_[i].page); }
      }
      bool const was_there = std::find(began_with_.begin(), began_with_.end(), page) != began_with_.end();
      at = places_.full() || (was_there && unmarked >= 0) ? places_.choose(is_unmarked, pick_)
                                                          : places_.first(is_free);
      if (places_[at].page >= 0) {
        began_with_.erase(std::remove(began_with_.begin(), began_with_.end(), places_[at].page), began_with_.end());
        evict(at, gone);
      }
      places_.put(at, page);
    }
    places_[at].marked = true;
    if (bit) { evict(at, gone); }
    return fault;
  }

 private:
  Pick pick_;
  std::vector<index> began_with_;
};

/// MARK&PREDICT, by phase bits, randomized: of the pages that were not asked for in this phase, one whose bit is 1
/// leaves, or any. At most twice the faults of the best + H_k for each wrong 0 + 1 for each wrong 1, and O(log k) times
/// for any bits.
template <class Pick = pick_random>
class mark_predict_pages : public detail::page_policy {
 public:
  explicit mark_predict_pages(index places, Pick pick = {}) : page_policy(places), pick_(pick) {}

  template <class Evict>
  bool request(index page, bool bit, Evict const& gone) {
    auto const [at, fault] = serve(page, [&] {
      if (places_.first(is_unmarked) < 0) { places_.unmark(); }
      index const victim = places_.choose([](auto const& p) { return is_unmarked(p) && p.bit; }, pick_);
      evict(victim >= 0 ? victim : places_.choose(is_unmarked, pick_), gone);
    });
    places_[at].marked = true;
    places_[at].bit = bit;
    return fault;
  }

 private:
  Pick pick_;
};

/// A policy that is not robust, such as FLUSH-0, held to LRU: both are simulated, and pages that the one with fewer
/// faults would not hold leave first. It is followed until LRU would have had at most half as many faults.
template <class Policy>
class held_to_lru : public detail::page_policy {
 public:
  explicit held_to_lru(index places) : page_policy(places), trusted_(places), lru_(places) {}

  template <class Evict>
  bool request(index page, bool bit, Evict const& gone) {
    auto const nothing = [](index) {};
    trusted_faults_ += trusted_.request(page, bit, nothing) ? 1 : 0;
    lru_faults_ += lru_.request(page, bit, nothing) ? 1 : 0;
    auto const make_room = [&] {
      bool const by_lru = 2 * lru_faults_ <= trusted_faults_;
      pick_first pick;
      evict(
          places_.choose([&](auto const& p) { return by_lru ? !lru_.holds(p.page) : !trusted_.holds(p.page); }, pick),
          gone);
    };
    return serve(page, make_room).fault;
  }
  void forget(index page) noexcept {
    trusted_.forget(page);
    lru_.forget(page);
    page_policy::forget(page);
  }

 private:
  Policy trusted_;
  lru_pages lru_;
  index trusted_faults_ = 0;
  index lru_faults_ = 0;
};

/// Bits for the blocks of a cache, from the share of the attention that each had in a step: 1 where the mean over
/// steps, of which each weighs 0.9 of the next, is below `threshold`; 0 for the first blocks (sinks) and the last ones.
struct mass_predictor {
  float threshold = 0;
  index sinks = 1;
  index recent = 1;
  std::vector<float> means{};

  /// Pre: 0 <= block < blocks.
  [[nodiscard]] bool operator()(index block, index blocks, float mass) {
    constexpr float unseen = -1;
    if (block >= static_cast<index>(means.size())) { means.resize(static_cast<std::size_t>(block) + 1, unseen); }
    float& mean = means[static_cast<std::size_t>(block)];
    mean = mean == unseen ? mass : 0.9f * mean + 0.1f * mass;
    return mean < threshold && block >= sinks && block < blocks - recent;
  }
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
