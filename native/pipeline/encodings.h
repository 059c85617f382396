#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pipeline/request.h"

namespace cameo::pipeline {

/// What an encoder's result depends on, as bytes.
class EncodingKey {
 public:
  EncodingKey& add(int64_t number);
  EncodingKey& add(const PromptTokens& prompt);
  EncodingKey& add(const std::vector<int64_t>& numbers);
  EncodingKey& add(const std::vector<RgbImage>& pictures);

  const std::string& bytes() const { return bytes_; }

 private:
  void append(const void* data, size_t size);

  std::string bytes_;
};

/// What a model's encoders gave for the last request: the next one may have the same prompts or references,
/// as of films that differ in their seeds alone. Of each kind one result is kept, until weights change, with
/// its key, which has the pictures themselves: a digest of them could be another picture's, too.
class Encodings {
 public:
  using Tensors = std::vector<at::Tensor>;
  /// In bytes: some 80 pictures of 512 x 512. What has a longer key is not kept.
  static constexpr size_t kLongestKey = size_t{1} << 26;

  /// What `make` gave for this key before, or gives now.
  Tensors of(const std::string& kind, const EncodingKey& key, const std::function<Tensors()>& make);
  void clear() { kept_.clear(); }

 private:
  struct Kept {
    std::string key;
    Tensors tensors;
  };
  std::map<std::string, Kept> kept_;
};

/// By the request's encodings, where it has some; else `make` does it.
Encodings::Tensors encodedOnce(const SampleRequest& request, const std::string& kind, const EncodingKey& key,
                               const std::function<Encodings::Tensors()>& make);

}  // namespace cameo::pipeline
