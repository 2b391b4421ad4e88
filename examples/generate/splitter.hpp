// SPDX-License-Identifier: MIT
// Cuts text into the words that byte-pair encoding works on, by the regular expressions of a model's vocabulary.
#pragma once

#include <unicode/uregex.h>
#include <unicode/utext.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace example {

/// The expressions of GPT-2, SmolLM2 and Llama 3, one after the other: each cuts what the one before has left whole.
namespace patterns {
inline constexpr char const* gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr char const* digit = R"(\p{N})";
inline constexpr char const* llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}  // namespace patterns

/// One expression, by ICU. What is not UTF-8 counts as U+FFFD, but keeps its bytes.
class splitter {
 public:
  explicit splitter(std::string const& pattern) {
    UErrorCode status = U_ZERO_ERROR;
    UParseError where;
    expression_.reset(uregex_openC(pattern.c_str(), 0, &where, &status), uregex_close);
  }

  /// Appends the matches in `text` and what is between them, in order, nothing left out.
  void split(std::string_view text, std::vector<std::string_view>& words) const {
    UErrorCode status = U_ZERO_ERROR;
    // A copy has a state of its own, so that threads may share a splitter.
    std::unique_ptr<URegularExpression, decltype(&uregex_close)> const copy(uregex_clone(expression_.get(), &status),
                                                                            uregex_close);
    UText utext = UTEXT_INITIALIZER;
    utext_openUTF8(&utext, text.data(), static_cast<std::int64_t>(text.size()), &status);
    uregex_setUText(copy.get(), &utext, &status);
    std::size_t done = 0;
    auto const add = [&](std::size_t end) {
      if (end > done) { words.push_back(text.substr(done, end - done)); }
      done = end;
    };
    while (U_SUCCESS(status) && uregex_findNext(copy.get(), &status) != 0) {
      add(static_cast<std::size_t>(uregex_start64(copy.get(), 0, &status)));
      add(static_cast<std::size_t>(uregex_end64(copy.get(), 0, &status)));
    }
    add(text.size());
    utext_close(&utext);
  }

 private:
  std::shared_ptr<URegularExpression> expression_;
};

}  // namespace example
