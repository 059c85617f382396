#include "pipeline/encodings.h"

namespace cameo::pipeline {

void EncodingKey::append(const void* data, size_t size) {
  // Lengths first, so that no two lists are the same bytes.
  const auto length = static_cast<uint64_t>(size);
  bytes_.append(reinterpret_cast<const char*>(&length), sizeof(length));
  bytes_.append(static_cast<const char*>(data), size);
}

EncodingKey& EncodingKey::add(int64_t number) {
  append(&number, sizeof(number));
  return *this;
}

EncodingKey& EncodingKey::add(const PromptTokens& prompt) {
  append(prompt.ids.data(), prompt.ids.size() * sizeof(int32_t));
  append(prompt.weights.data(), prompt.weights.size() * sizeof(float));
  return add(prompt.count);
}

EncodingKey& EncodingKey::add(const std::vector<int64_t>& numbers) {
  append(numbers.data(), numbers.size() * sizeof(int64_t));
  return *this;
}

EncodingKey& EncodingKey::add(const std::vector<RgbImage>& pictures) {
  for (const RgbImage& picture : pictures) {
    add(picture.width).add(picture.height);
    append(picture.data.data(), picture.data.size());
  }
  return *this;
}

Encodings::Tensors Encodings::of(const std::string& kind, const EncodingKey& key,
                                 const std::function<Tensors()>& make) {
  const auto found = kept_.find(kind);
  if (found != kept_.end() && found->second.key == key.bytes()) return found->second.tensors;
  // Where making fails, nothing is kept of this kind.
  kept_.erase(kind);
  Tensors made = make();
  if (key.bytes().size() <= kLongestKey) kept_.emplace(kind, Kept{key.bytes(), made});
  return made;
}

Encodings::Tensors encodedOnce(const SampleRequest& request, const std::string& kind, const EncodingKey& key,
                               const std::function<Encodings::Tensors()>& make) {
  return request.encodings ? request.encodings->of(kind, key, make) : make();
}

}  // namespace cameo::pipeline
