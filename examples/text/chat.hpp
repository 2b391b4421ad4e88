// SPDX-License-Identifier: MIT
// What to write around a question, so that a model that was trained to chat answers it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace example {

/// The text before and after the question, and whether spaces at both ends of it are left out.
struct chat_frame {
  std::string before;
  std::string after;
  bool trimmed = false;
};

namespace detail {

/// The system message that a ChatML template has for those who give none: after its first <|im_start|>system and
/// newline that a text follows, not an expression. Empty if it has none.
inline std::string default_system(std::string_view chat_template) {
  constexpr std::string_view start = "<|im_start|>system";
  for (std::size_t at = chat_template.find(start); at != std::string_view::npos; at = chat_template.find(start, at)) {
    at += start.size();
    auto text = chat_template.substr(at);
    if (text.starts_with("\n")) {
      text.remove_prefix(1);
    } else if (text.starts_with("\\n")) {
      text.remove_prefix(2);
    } else {
      continue;
    }
    text = text.substr(0, text.find("<|im_end|>"));
    if (!text.empty() && text.find_first_of("'\"{}\\") == std::string_view::npos) { return std::string(text); }
  }
  return "";
}

}  // namespace detail

/// For the families ChatML, Llama 3 and Llama 2, which are known by the marks in the template, a Jinja text; it is not
/// run. Nothing, and `error`, for others. The frame is without the token that begins a text. The system prompt of
/// Llama 3.1, which has dates, is left out. The templates of Llama trim what a user says, by `| trim` or `.strip()`.
inline std::optional<chat_frame> frame_of(std::string_view chat_template, std::string& error) {
  auto const has = [&](std::string_view mark) { return chat_template.find(mark) != std::string_view::npos; };
  if (has("<|im_start|>")) {
    auto const system = detail::default_system(chat_template);
    return chat_frame{(system.empty() ? "" : "<|im_start|>system\n" + system + "<|im_end|>\n") + "<|im_start|>user\n",
                      "<|im_end|>\n<|im_start|>assistant\n"};
  }
  bool const trims = has("trim") || has("strip()");
  if (has("<|start_header_id|>")) {
    return chat_frame{"<|start_header_id|>user<|end_header_id|>\n\n",
                      "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", trims};
  }
  if (has("[INST]")) { return chat_frame{"[INST] ", " [/INST]", trims}; }
  error = chat_template.empty()
              ? "the model has no chat template"
              : "the chat template is of no known family: it has neither <|im_start|> (ChatML), nor "
                "<|start_header_id|> (Llama 3), nor [INST] (Llama 2)";
  error += "; write the whole prompt and continue it";
  return std::nullopt;
}

}  // namespace example
