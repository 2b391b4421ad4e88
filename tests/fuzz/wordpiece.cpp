// SPDX-License-Identifier: MIT
// Any text by a sound small WordPiece vocabulary, and any bytes as a vocabulary and a text.
#include "../../examples/embed/wordpiece.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

void use(example::wordpiece const& words, std::string_view text, std::size_t length) {
  auto const ids = words.encode(text);
  if (ids.size() < 2 || ids.size() > length) { __builtin_trap(); }
  for (int const id : ids) {
    if (id < 0 || id >= words.size()) { __builtin_trap(); }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  std::string error;
  constexpr std::size_t length = 16;
  static auto const sound = example::wordpiece::read(
      "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\nab\n##a\n##b\n##aab\n.\n$\n\xe6\x97\xa5\ne\n##\xce\xb1\n\xce\xb1", length,
      error);
  if (!sound) { __builtin_trap(); }
  use(*sound, text, length);
  auto const words = example::wordpiece::read("[UNK]\n[CLS]\n[SEP]\n" + std::string(text), length, error);
  if (words) { use(*words, text, length); }
  return words || !error.empty() ? 0 : (__builtin_trap(), 1);
}
