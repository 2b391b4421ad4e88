// SPDX-License-Identifier: MIT
// Reads safetensors: maps a file, checks everything that its header claims, and gives views of the tensors in it.
#pragma once

#include <octavo/core/scalar.hpp>
#include <octavo/core/views.hpp>

#include <nlohmann/json.hpp>

#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

// Functions that can fail return an optional, and say in `error` what is wrong with which file or tensor.

/// A file, read only, in the address space: pages are read from disk when they are touched.
class mapped_file {
 public:
  static std::optional<mapped_file> open(std::string const& path, std::string& error) {
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info = {};
    if (file < 0 || ::fstat(file, &info) != 0) {
      error = path + ": " + std::strerror(errno);
      if (file >= 0) { ::close(file); }
      return std::nullopt;
    }
    mapped_file result;
    if (!S_ISREG(info.st_mode)) {
      error = path + " is not a regular file";
    } else if (info.st_size == 0) {  // an empty mapping does not exist
      error = path + " is empty";
    } else {
      result.size_ = static_cast<std::size_t>(info.st_size);
      result.data_ = ::mmap(nullptr, result.size_, PROT_READ, MAP_PRIVATE, file, 0);
      if (result.data_ == MAP_FAILED) {
        error = path + ": " + std::strerror(errno);
        result.data_ = nullptr;
      }
    }
    ::close(file);  // the mapping stays
    if (result.data_ == nullptr) { return std::nullopt; }
    return result;
  }
  mapped_file(mapped_file&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  mapped_file& operator=(mapped_file&&) = delete;
  ~mapped_file() {
    if (data_ != nullptr) { ::munmap(data_, size_); }
  }

  [[nodiscard]] std::span<std::byte const> bytes() const noexcept {
    return {static_cast<std::byte const*>(data_), size_};
  }
  [[nodiscard]] std::string_view text() const noexcept { return {static_cast<char const*>(data_), size_}; }

 private:
  mapped_file() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The tensors of a safetensors file. Refers to the memory that it was parsed from.
///
///     8 bytes: length of the header, little endian | header, JSON | data
///     header: {"name": {"dtype": "BF16", "shape": [rows, cols], "data_offsets": [begin, end]}, ...}
class safetensors {
 public:
  struct tensor {
    std::string dtype;
    std::vector<octavo::index> shape;
    std::uint64_t begin;
    std::uint64_t end;
  };

  static std::optional<safetensors> parse(std::span<std::byte const> file, std::string& error) {
    static_assert(std::endian::native == std::endian::little, "safetensors files are little endian");
    std::uint64_t length = 0;
    if (file.size() < sizeof length) {
      error = "the file has " + std::to_string(file.size()) + " bytes, too few for a safetensors header";
      return std::nullopt;
    }
    std::memcpy(&length, file.data(), sizeof length);
    std::uint64_t const room = file.size() - sizeof length;
    if (length > room || length > largest_header) {
      error = "the header claims " + std::to_string(length) + " bytes, the file has " + std::to_string(room) +
              " after its length; it is truncated, or no safetensors file";
      return std::nullopt;
    }
    auto const* const text = reinterpret_cast<char const*>(file.data()) + sizeof length;
    auto const header = nlohmann::json::parse(text, text + length, nullptr, false);
    if (!header.is_object()) {
      error = "the header is not a JSON object";
      return std::nullopt;
    }
    safetensors result;
    result.data_ = file.subspan(sizeof length + static_cast<std::size_t>(length));
    for (auto const& [name, entry] : header.items()) {
      if (!(name == "__metadata__" ? result.add_metadata(entry, error) : result.add(name, entry, error))) {
        return std::nullopt;
      }
    }
    if (!result.check_layout(error)) { return std::nullopt; }
    return result;
  }

  /// An entry of __metadata__, or nothing.
  [[nodiscard]] std::optional<std::string> metadata(std::string const& name) const {
    auto const found = metadata_.find(name);
    if (found == metadata_.end()) { return std::nullopt; }
    return found->second;
  }

  /// The bf16 tensor `name`, rows x cols and row-major; a tensor of one dimension has one row.
  [[nodiscard]] std::optional<octavo::matrix_view<octavo::bf16>> matrix(std::string const& name, octavo::index rows,
                                                                        octavo::index cols,
                                                                        std::string& error) const {
    auto const found = tensors_.find(name);
    if (found == tensors_.end()) {
      error = "there is no tensor " + name;
      return std::nullopt;
    }
    auto const& t = found->second;
    bool const vector = t.shape.size() == 1 && rows == 1 && t.shape[0] == cols;
    if (!vector && !(t.shape.size() == 2 && t.shape[0] == rows && t.shape[1] == cols)) {
      error = name + " should have the shape " + std::to_string(rows) + " x " + std::to_string(cols);
      return std::nullopt;
    }
    auto const* const bytes = data_.data() + t.begin;
    if (t.dtype != "BF16" || reinterpret_cast<std::uintptr_t>(bytes) % alignof(octavo::bf16) != 0) {
      error = name + " should be BF16, at an even address, but is " + t.dtype;
      return std::nullopt;
    }
    return octavo::matrix_view<octavo::bf16>(reinterpret_cast<octavo::bf16 const*>(bytes), rows, cols, cols, 1);
  }

 private:
  static constexpr std::uint64_t largest_header = 100'000'000;  // the limit of the format's own reader

  bool add_metadata(nlohmann::json const& entry, std::string& error) {
    if (!entry.is_object()) {
      error = "__metadata__ is not a JSON object";
      return false;
    }
    for (auto const& [key, value] : entry.items()) {
      if (auto const* const text = value.get_ptr<std::string const*>()) { metadata_[key] = *text; }
    }
    return true;
  }

  bool add(std::string const& name, nlohmann::json const& entry, std::string& error) {
    error = "the header entry of " + name + " ";
    auto const member = [&](char const* key) -> nlohmann::json const* {
      if (!entry.is_object()) { return nullptr; }
      auto const found = entry.find(key);
      return found == entry.end() ? nullptr : &*found;
    };
    auto const* const dtype = member("dtype");
    auto const* const shape = member("shape");
    auto const* const offsets = member("data_offsets");
    auto const unsigned_numbers = [](nlohmann::json const* list) {
      return list != nullptr && list->is_array() &&
             std::all_of(list->begin(), list->end(), [](auto const& n) { return n.is_number_unsigned(); });
    };
    if (dtype == nullptr || !dtype->is_string() || !unsigned_numbers(shape) || !unsigned_numbers(offsets) ||
        offsets->size() != 2) {
      error += "needs a dtype, a shape and two data_offsets";
      return false;
    }
    tensor t{dtype->get<std::string>(), {}, (*offsets)[0].get<std::uint64_t>(), (*offsets)[1].get<std::uint64_t>()};
    if (t.begin > t.end || t.end > data_.size()) {
      error += "has offsets " + std::to_string(t.begin) + " to " + std::to_string(t.end) + ", but the data has " +
               std::to_string(data_.size()) + " bytes; the file is truncated, or the header is wrong";
      return false;
    }
    std::uint64_t bytes = element_size(t.dtype);
    if (bytes == 0) {
      error += "has the unknown dtype " + t.dtype;
      return false;
    }
    bool fits = true;
    for (auto const& extent : *shape) {
      auto const n = extent.get<std::uint64_t>();
      // Extents and products up to the largest signed index, so that nothing later can overflow.
      fits = fits && n <= std::numeric_limits<octavo::index>::max() && !__builtin_mul_overflow(bytes, n, &bytes);
      t.shape.push_back(static_cast<octavo::index>(n));
    }
    if (!fits || bytes != t.end - t.begin) {
      error += "has a shape that does not fit its " + std::to_string(t.end - t.begin) + " bytes";
      return false;
    }
    error.clear();
    tensors_.emplace(name, std::move(t));
    return true;
  }

  static std::uint64_t element_size(std::string_view dtype) {
    if (dtype == "F64" || dtype == "I64" || dtype == "U64") { return 8; }
    if (dtype == "F32" || dtype == "I32" || dtype == "U32") { return 4; }
    if (dtype == "BF16" || dtype == "F16" || dtype == "I16" || dtype == "U16") { return 2; }
    if (dtype == "I8" || dtype == "U8" || dtype == "BOOL" || dtype.starts_with("F8_")) { return 1; }
    return 0;
  }

  /// Tensors cover the data from the first byte to the last, without overlaps: the format says so.
  bool check_layout(std::string& error) const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (auto const& [name, t] : tensors_) { ranges.emplace_back(t.begin, t.end); }
    std::sort(ranges.begin(), ranges.end());
    std::uint64_t next = 0;
    for (auto const& [begin, end] : ranges) {
      if (begin != next) {
        error = std::string(begin < next ? "tensors overlap" : "tensors leave a gap") + " at byte " +
                std::to_string(std::min(begin, next)) + " of the data";
        return false;
      }
      next = end;
    }
    if (next != data_.size()) {
      error = "the data has " + std::to_string(data_.size()) + " bytes, the tensors " + std::to_string(next);
      return false;
    }
    return true;
  }

  std::map<std::string, tensor> tensors_;
  std::map<std::string, std::string> metadata_;
  std::span<std::byte const> data_;
};

}  // namespace example
