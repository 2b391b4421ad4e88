// SPDX-License-Identifier: MIT
// mapped_file: a file in the address space, read only (POSIX).
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace octavo {
inline namespace v0 {
namespace io {

/// A file whose pages are read from disk when they are touched. Everything that was read from its bytes (tensors,
/// names, views of packed matrices) refers to them, so the file must outlive it; moving a mapped_file moves no byte.
///
/// A file that another process makes shorter while it is mapped ends this one with SIGBUS: replace files by renaming.
class mapped_file {
 public:
  /// Nothing, and why in `error`, if the file cannot be read, is empty, or is a folder or device.
  [[nodiscard]] static std::optional<mapped_file> open(std::string const& path, std::string& error) {
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
  mapped_file(mapped_file&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  mapped_file& operator=(mapped_file&&) = delete;
  ~mapped_file() {
    if (data_ != nullptr) { ::munmap(data_, size_); }
  }

  /// The bytes start on a page, so at a multiple of 64.
  [[nodiscard]] std::span<std::byte const> bytes() const noexcept {
    return {static_cast<std::byte const*>(data_), size_};
  }
  [[nodiscard]] std::string_view text() const noexcept { return {static_cast<char const*>(data_), size_}; }

 private:
  mapped_file() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
