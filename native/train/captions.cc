#include "train/captions.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "weights/open_weights.h"
#include "weights/safetensors.h"

namespace cameo::train {

namespace {

/// Of all that read by T5: what follows a prompt is filled with it.
constexpr int32_t kPadding = 0;
constexpr const char* kStates = "states";

pipeline::PromptTokens tokensOf(const Caption& caption) {
  auto count = std::ssize(caption.ids);
  while (count > 1 && caption.ids[count - 1] == kPadding) --count;
  return {.ids = caption.ids, .weights = {}, .count = count};
}

/// (L, D) of a file; undefined where there is none, or another one than what is expected.
at::Tensor readStates(const families::T5Text& text, const std::string& path, int64_t count) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return {};
  try {
    const auto source = weights::openWeights(path);
    const auto entry = std::ranges::find(source->entries, kStates, &weights::TensorEntry::name);
    const std::vector<int64_t> shape{text.statesThatSay(count), text.config().model_size};
    if (entry == source->entries.end() || entry->shape != shape || entry->dtype != text.dtype()) return {};
    at::Tensor states = at::zeros({text.length(), shape[1]}, entry->dtype);
    states.narrow(0, 0, shape[0]).copy_(entry->view());
    return states.to(text.device());
  } catch (const Error&) {
    return {};  // damaged: it is written anew
  }
}

void writeStates(const families::T5Text& text, const std::string& path, const at::Tensor& states,
                 int64_t count) {
  if (path.empty()) return;
  std::error_code ignored;  // the file's own error says more
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  weights::writeSafetensors(path, {{kStates, states.narrow(0, 0, text.statesThatSay(count))}});
}

}  // namespace

at::Tensor captionStates(const families::T5Text& text, const std::vector<const Caption*>& captions) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<at::Tensor> rows;
  std::vector<pipeline::PromptTokens> missing;
  std::vector<size_t> places;
  for (const Caption* caption : captions) {
    pipeline::PromptTokens tokens = tokensOf(*caption);
    rows.push_back(readStates(text, caption->states_path, tokens.count));
    if (rows.back().defined()) continue;
    places.push_back(rows.size() - 1);
    missing.push_back(std::move(tokens));
  }
  if (!missing.empty()) {
    const at::Tensor states = text.statesOf(missing);
    for (size_t i = 0; i < places.size(); ++i) {
      rows[places[i]] = states[static_cast<int64_t>(i)];
      writeStates(text, captions[places[i]]->states_path, rows[places[i]], missing[i].count);
    }
  }
  return at::stack(rows);
}

}  // namespace cameo::train
