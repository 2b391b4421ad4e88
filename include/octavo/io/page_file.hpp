// SPDX-License-Identifier: MIT
// page_file: a file of pages, written where they are mapped, whose memory is given back page by page (POSIX).
#pragma once

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {
namespace io {

/// `head` bytes for its user, then pages; both begin where pages of the operating system do. A page is at the same
/// address whether it is in memory or not: who reads it waits until it is.
///
/// The file is of one process at a time: another one that opens it is refused. A file that is made shorter all the same
/// ends this process with SIGBUS when the page is read.
class page_file {
 public:
  /// A new file, which must not exist; `temporary`: without a name, so that it goes with this object and nobody else
  /// can reach it. It takes room on the disk for pages that were reserved, and for no others. Nothing, and why in
  /// `error`, if it cannot be made.
  [[nodiscard]] static std::optional<page_file> create(std::string const& path, index head, index page_bytes,
                                                       index pages, bool temporary, std::string& error) {
    if (head < 0 || page_bytes < 1 || pages < 0) {
      error = "a file needs pages of at least one byte, and no negative number of them";
      return std::nullopt;
    }
    int const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) { return failed(path, error); }
    if (temporary) { (void)::unlink(path.c_str()); }
    page_file result(file, head, page_bytes, pages);
    if (::ftruncate(file, static_cast<off_t>(result.size_)) != 0 || !result.reserve(0, result.head_)) {
      (void)failed(path, error);
      if (!temporary) { (void)::unlink(path.c_str()); }
      return std::nullopt;
    }
    auto made = mapped(std::move(result), path, error);
    if (!made && !temporary) { (void)::unlink(path.c_str()); }
    return made;
  }
  /// One that exists, of just this size.
  [[nodiscard]] static std::optional<page_file> open(std::string const& path, index head, index page_bytes,
                                                     index pages, std::string& error) {
    int const file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) { return failed(path, error); }
    page_file result(file, head, page_bytes, pages);
    struct stat info = {};
    if (::fstat(file, &info) != 0) { return failed(path, error); }
    if (!S_ISREG(info.st_mode)) {
      error = path + " is not a regular file";
      return std::nullopt;
    }
    if (static_cast<std::uint64_t>(info.st_size) != result.size_) {
      error = path + " has " + std::to_string(info.st_size) + " bytes, but " + std::to_string(pages) +
              " pages need " + std::to_string(result.size_) + "; it is truncated, or of another cache";
      return std::nullopt;
    }
    return mapped(std::move(result), path, error);
  }
  page_file(page_file&& other) noexcept
      : file_(std::exchange(other.file_, -1)),
        head_(other.head_),
        stride_(other.stride_),
        pages_(other.pages_),
        size_(other.size_),
        data_(std::exchange(other.data_, nullptr)) {}
  page_file& operator=(page_file&&) = delete;
  ~page_file() {
    if (data_ != nullptr) { ::munmap(data_, size_); }
    if (file_ >= 0) { ::close(file_); }
  }

  [[nodiscard]] index pages() const noexcept { return pages_; }
  [[nodiscard]] std::byte* head() const noexcept { return data_; }
  [[nodiscard]] std::byte* page(index p) const noexcept { return data_ + at(p); }
  /// The page that an address lies in.
  [[nodiscard]] index page_of(std::byte const* p) const noexcept {
    return static_cast<index>(static_cast<std::size_t>(p - data_) - head_) / static_cast<index>(stride_);
  }
  /// Room on the disk for a page. False if there is none: then nothing may be written to it.
  [[nodiscard]] bool reserve(index p) const noexcept { return reserve(at(p), stride_); }
  /// The page leaves memory, once it is written.
  void evict(index p) const noexcept {
    (void)::msync(page(p), stride_, MS_SYNC);
    (void)::madvise(page(p), stride_, MADV_DONTNEED);
    (void)::posix_fadvise(file_, static_cast<off_t>(at(p)), static_cast<off_t>(stride_), POSIX_FADV_DONTNEED);
  }
  /// The page will be read: the disk may begin.
  void expect(index p) const noexcept { (void)::madvise(page(p), stride_, MADV_WILLNEED); }
  /// All is on the disk. False if that failed.
  [[nodiscard]] bool sync() const noexcept { return ::msync(data_, size_, MS_SYNC) == 0; }

 private:
  page_file(int file, index head, index page_bytes, index pages)
      : file_(file),
        head_(static_cast<std::size_t>(round_up(head, unit))),
        stride_(static_cast<std::size_t>(round_up(page_bytes, unit))),
        pages_(pages),
        size_(head_ + static_cast<std::size_t>(product(pages, round_up(page_bytes, unit)))) {}
  static constexpr index unit = 65536;  // the largest page of an operating system that there is

  [[nodiscard]] std::size_t at(index p) const noexcept { return head_ + static_cast<std::size_t>(p) * stride_; }
  [[nodiscard]] bool reserve(std::size_t from, std::size_t n) const noexcept {
    errno = n == 0 ? 0 : ::posix_fallocate(file_, static_cast<off_t>(from), static_cast<off_t>(n));  // returns it
    return errno == 0;
  }
  [[nodiscard]] static std::nullopt_t failed(std::string const& path, std::string& error) {
    error = path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  [[nodiscard]] static std::optional<page_file> mapped(page_file result, std::string const& path,
                                                       std::string& error) {
    if (::flock(result.file_, LOCK_EX | LOCK_NB) != 0) {
      error = path + " is in use";
      return std::nullopt;
    }
    if (result.size_ == 0) {
      error = path + " would be empty";
      return std::nullopt;
    }
    void* const data = ::mmap(nullptr, result.size_, PROT_READ | PROT_WRITE, MAP_SHARED, result.file_, 0);
    if (data == MAP_FAILED) { return failed(path, error); }
    result.data_ = static_cast<std::byte*>(data);
    return result;
  }

  int file_ = -1;
  std::size_t head_ = 0;
  std::size_t stride_ = 0;
  index pages_ = 0;
  std::size_t size_ = 0;
  std::byte* data_ = nullptr;
};

}  // namespace io
}  // namespace v0
}  // namespace octavo
