// SPDX-License-Identifier: MIT
// main() of a fuzz target where libFuzzer is not linked: runs it on every file of the folders that it is given, and
// fails if one of them made it allocate more at once than its bytes justify.
#include "support/files.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

/// Bytes of the largest allocation since it was set to 0.
std::size_t largest = 0;

void* allocate(std::size_t bytes, std::size_t alignment) {
  largest = std::max(largest, bytes);
  // Exactly these bytes, which aligned_alloc would round up: a sanitizer sees the first one beyond them.
  if (void* p = nullptr; ::posix_memalign(&p, alignment, std::max(bytes, std::size_t{1})) == 0) { return p; }
  std::abort();
}

/// A byte of a file may become 64: a packed matrix has room for 64 rows, where the file has one. Twice that for what a
/// vector has grown to, and what tables and scratch take whatever the file is.
constexpr std::size_t justified(std::size_t file) { return 128 * file + (std::size_t{1} << 17); }

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

int main(int argc, char** argv) {
  int files = 0;
  double most = 0;
  for (int i = 1; i < argc; ++i) {
    for (auto const& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) { continue; }
      auto const text = test::read_file(entry.path().string());
      std::printf("%s\n", entry.path().c_str());  // the last one printed is the one that failed
      std::fflush(stdout);
      largest = 0;
      LLVMFuzzerTestOneInput(reinterpret_cast<std::uint8_t const*>(text.data()), text.size());
      if (files > 0 && largest > justified(text.size())) {  // what a target makes once, it makes with the first file
        std::printf("%zu bytes were allocated at once for a file of %zu\n", largest, text.size());
        return 1;
      }
      most = std::max(most, static_cast<double>(largest) / static_cast<double>(text.size() + 1));
      ++files;
    }
  }
  std::printf("%d files, at most %.0f bytes at once for each of theirs\n", files, most);
  return files > 0 ? 0 : 1;
}
