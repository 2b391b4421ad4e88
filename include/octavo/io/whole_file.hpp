// SPDX-License-Identifier: MIT
// write_whole_file: who opens a file while it is written, or after a crash, finds the older one or all of the new one.
#pragma once

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

namespace octavo {
inline namespace v0 {
namespace io {

namespace detail {
/// Asks that what was written be on the disk, where the system can be asked so (POSIX).
[[nodiscard]] inline bool on_disk(std::FILE* file) noexcept {
#if defined(_POSIX_FSYNC) && _POSIX_FSYNC > 0
  return ::fsync(::fileno(file)) == 0;
#else
  return file != nullptr;
#endif
}
}  // namespace detail

/// Writes a file: write(put) calls put(address, count) for its bytes in order, and returns false when a put does.
/// False, and why in `error`, if that cannot be done; then `path` is as it was.
///
/// The bytes go to `path`.part, from there to the disk, and only then by a rename to `path`. So a reader never sees
/// half a file, even after a power cut (POSIX): whether it is the older one then, the file system decides. Mappings of
/// an older file stay whole. Two writers of one `path` at a time are not kept apart.
template <class Write>
[[nodiscard]] bool write_whole_file(std::string const& path, Write const& write, std::string& error) {
  auto const part = path + ".part";
  std::FILE* const file = std::fopen(part.c_str(), "wb");
  bool written = file != nullptr;
  int why = errno;
  auto const then = [&](bool done) {
    if (written && !done) { why = errno; }
    written = written && done;
  };
  if (written) {
    then(write([file](void const* from, std::size_t n) { return std::fwrite(from, 1, n, file) == n; }));
    then(std::fflush(file) == 0 && detail::on_disk(file));
    then(std::fclose(file) == 0);
    then(written && std::rename(part.c_str(), path.c_str()) == 0);
    if (!written) { std::remove(part.c_str()); }
  }
  if (!written) { error = path + " cannot be written: " + std::strerror(why); }
  return written;
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
