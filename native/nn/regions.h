#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace cameo::nn {

/// Some of a request's references, and the part of the frames that listens to them.
struct Subject {
  int64_t references = 1;  // how many: the first subject's come first, then those of the second
  at::Tensor region;       // (1, 1 or F, h, w), not 0 where frames listen; undefined: everywhere
  bool has_words =
      false;  // whether its region, where it has one, and its references read a text of their own
};

/// A subject at the resolution of one layer. Positions count through all frames: position p of frame f is
/// f * n + p.
struct Listeners {
  /// Frames in which as many positions listen: one batch of attention.
  struct Batch {
    at::Tensor frames;     // (G)
    at::Tensor positions;  // (G*m), frame by frame
  };

  int64_t first, references;   // its references
  bool everywhere;             // all positions listen; the rest is then empty
  at::Tensor positions;        // those that do
  std::vector<Batch> batches;  // the same, frames without any left out
};

/// All subjects at the resolution of one layer.
struct LayerRegions {
  std::vector<Listeners> subjects;
  at::Tensor listens;  // (S, F, n), bool
  at::Tensor bits;     // (S, F, words), int32: the same as bits, in fours of words of 32 positions
  /// Of each subject with words, (F+R, n), fp32, 0 to 1: how far what an image's position has read so far
  /// gives way to that text. Text after text, the last one last, so that in the end each counts as much as
  /// the region covers of the position. Where regions overlap and cover it more than once, texts count for
  /// their parts of the sum, and the request's text for nothing.
  std::vector<at::Tensor> words;

  /// Whether every position listens to every reference, and every reference to all.
  bool isTrivial() const { return subjects.size() == 1 && subjects.front().everywhere; }
};

/// Who listens to whom in PISA where there are several subjects: a frame's position to the references of the
/// subjects whose regions it is in, and these references to that position and to one another.
///
/// What it makes it keeps, so that one object does for a request. Not for several threads at a time.
class Regions {
 public:
  /// Throws `ErrorCode::InvalidOption` for a region of another shape.
  explicit Regions(std::vector<Subject> subjects);

  /// The regions of these frames, in this order: a window's.
  std::shared_ptr<const Regions> ofFrames(const std::vector<int64_t>& frames) const;

  /// The regions of F frames in a layer of height x width positions, on a device. A layer's position is in a
  /// region where half of it is; where no position of a frame is that much, those that have most of the
  /// region are, so that a small region doesn't vanish in deep layers.
  std::shared_ptr<const LayerRegions> ofLayer(int64_t frames, int64_t height, int64_t width,
                                              c10::Device device) const;

  /// How many the subjects have in all.
  int64_t references() const;
  /// Whether a subject has a region.
  bool hasRegions() const;
  /// How many subjects have words.
  size_t withWords() const;

 private:
  std::vector<at::Tensor> wordsOfLayer(int64_t frames, int64_t height, int64_t width,
                                       c10::Device device) const;

  std::vector<Subject> subjects_;
  mutable std::map<std::vector<int64_t>, std::shared_ptr<const Regions>> of_frames_;
  mutable std::map<std::tuple<int64_t, int64_t, int64_t>, std::shared_ptr<const LayerRegions>> of_layers_;
};

}  // namespace cameo::nn
