#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/context_windows.h"
#include "pipeline/control_options.h"
#include "pipeline/free_init.h"
#include "pipeline/subject_options.h"
#include "samplers/samplers.h"
#include "weights/lora/stack.h"
#include "weights/subject.h"

namespace cameo {
class Config;
}

namespace cameo::pipeline {

class Encodings;

/// 8-bit RGB, row by row.
struct RgbImage {
  std::vector<uint8_t> data;
  int64_t width = 0;
  int64_t height = 0;
};

/// A file with a word that was learned by textual inversion.
struct EmbeddingFile {
  std::string path;
  std::string token;  // empty: as the file says
};

struct LoadOptions {
  std::string base;
  std::string motion;                // empty: none
  std::vector<std::string> subject;  // laid over the two others in order, adapters last; empty: none
  std::string vae = {};              // instead of the base's own; empty: that
  std::string ip_adapter = {};       // a file, or a folder with one; empty: none
  std::string image_encoder = {};    // the adapter's, a folder; empty: the one that is published with it
  std::string tokenizer = {};        // a folder, instead of the base's own; empty: that
  std::string prediction = {};       // what the base predicts, instead of what its config says; empty: that
  std::vector<EmbeddingFile> embeddings = {};
  /// Instead of what the subject's files say.
  weights::SubjectMetadata subject_metadata = {};
  std::vector<std::string> controls = {};      // ControlNets and SparseCtrl
  std::vector<weights::LoraChoice> lora = {};  // on top of all others
  /// For training: whether a model that has no subject learns to take one.
  bool learns_subject = false;
  /// For training: whether T5 stays in its file but while it reads captions, as their states are kept.
  bool text_by_block = false;
  /// For training: a network whose folder has a config but no weights gets drawn ones, by this seed.
  std::optional<uint64_t> draw_missing = {};
  std::string device = "auto";
  std::vector<std::string> parallel_devices = {};  // that have a copy each, spelled as `device`
  int64_t gpu = 0;                                 // which one `device` means where it doesn't say
  std::string dtype = "auto";
  /// Whether to compute with libtorch's kernels alone (nn/plain_kernels.h).
  bool plain_kernels = false;
  /// Whether to check all that loading checks and to read no tensor. The pipeline is then of no use.
  bool check_only = false;
  /// Bytes of the device's memory that weights and a request may take; none: as much as there is.
  std::optional<uint64_t> max_memory = {};

  /// `NativeLoadOptions` of ts/native.ts.
  static LoadOptions read(const Config& options);
};

enum class ReferenceNoiseMode {
  Independent,  // drawn anew for every step, over the clean reference
  AsReleased,   // the mean of the model's input over frames, accumulating from step to step
};

/// What a film's frames begin as.
enum class NoiseKind {
  Independent,
  // FreeNoise (arXiv 2310.15169), whose windows are within the motion modules: frames after the first window
  Shuffled,  // begin as earlier ones in another order,
  Repeated,  // begin as those of the first window again and again,
  Random,    // have noise of their own.
};

/// How many of a run's evaluations are made at a time, and when one counts as done.
struct ParallelSteps {
  int64_t window = 1;       // 1: one after another
  double tolerance = 0.01;  // of how far an evaluation's input may move, in deviations of a step's noise
};

/// The pictures that are a prompt. They keep their own size, as CLIP's encoder brings them to its own.
inline constexpr const char* kIpImage = "ipImage";

/// How far pictures as a prompt count, in a part of the schedule.
struct ImagePromptScale {
  double scale = 1;
  std::map<std::string, double> blocks = {};  // of parts of the UNet, which multiply it
  ScheduleRange range{0, 1};
};

/// A prompt as the text encoder reads it. CLIP's are chunks of as many tokens as it has positions, each with
/// a start and an end; T5's are as many tokens as the family reads, with an end, then padding.
struct PromptTokens {
  std::vector<int32_t> ids = {};    // chunk after chunk
  std::vector<float> weights = {};  // what the states of the tokens are multiplied by; empty: 1 throughout
  int64_t count = 0;                // of the ids that are no padding, in front; for encoders that mask it
};

/// An option's meaning and its default are in ts/options/sample_options.ts.
struct SampleRequest {
  int64_t frames;
  int64_t width;
  int64_t height;
  int64_t steps;
  double guidance_scale;
  ScheduleRange guidance_range;  // where there is guidance; elsewhere the conditional half alone
  int64_t cache_interval;        // deep features are computed every so many steps (models::FeatureCache)
  int64_t cache_layers;
  double token_merging;  // the ratio of nn::TokenMerging
  ContextWindows context;
  NoiseKind noise;
  FreeInit free_init;
  double motion_scale;                   // of what the motion modules change
  int64_t clip_skip;                     // how many of the text encoder's last layers the prompt is spared
  std::vector<SubjectOptions> subjects;  // empty: all references are of one, which may be anywhere
  samplers::SamplerChoice sampler;
  ParallelSteps parallel;
  double guidance_rescale;      // arXiv 2305.08891: 0 (none) to 1
  bool dynamic_guidance;        // see Guidance::dynamic
  double image_guidance_scale;  // of models that edit: how strongly the picture holds
  double min_guidance_scale;    // of models that make a film of a picture: at its first frame
  double fps;                   // frames a second, which these are told
  double motion_bucket;         // and how much moves
  double frame_stride;          // or how many frames of a clip lie between two of the film's
  double noise_augmentation;    // the deviation of the noise on the picture
  std::vector<ImagePromptScale> image_prompt_scales;  // the first one counts that is for a moment
  double strength;  // how much of the schedule a film to start from goes through; 1 without one
  uint64_t seed;
  double reference_noise;  // alpha: the references are noised to timestep floor(alpha * t)
  ReferenceNoiseMode reference_noise_mode;
  bool sample_reference_latents;            // a picture's, from the posterior; else its mode
  std::vector<ControlOptions> controls;     // of each ControlNet, in order
  int64_t structure;                        // how often the controls' frames are halved, for less of them
  std::vector<int64_t> keyframes;           // the frames that SparseCtrl is shown
  double keyframe_scale;                    // of what it adds
  double conditioning_scale;                // of what a model for Wan's films is shown
  std::optional<double> temporal_guidance;  // from frames by themselves to the film: 1 is that film
  bool vae_tiling;
  bool preview;
  std::string save_latents;  // empty: don't
  /// Whether frames are reported as they are decoded, and not kept.
  bool hands_out_frames = false;

  // What is no option, and comes beside them.
  int64_t decoded_together = 0;              // as in Decoding
  PromptTokens prompt = {};                  // one after another, of as many chunks each
  std::vector<int64_t> prompt_frames = {0};  // at which each of them holds, rising from 0
  PromptTokens negative = {};                // of as many chunks as one prompt
  std::vector<PromptTokens> words = {};      // of each subject; no ids: it has none
  std::map<std::string, std::vector<RgbImage>> pictures =
      {};                                          // by their options' names, of the request's size
  std::shared_ptr<Encodings> encodings = nullptr;  // of the request before it; null: all is encoded anew

  /// Of an option; none where the request has none.
  const std::vector<RgbImage>& picturesOf(const std::string& name) const;
  int64_t referenceCount() const { return static_cast<int64_t>(picturesOf("reference").size()); }

  /// Whether the context's windows are within the motion modules: all else has all frames at once.
  bool windowsInMotion() const { return noise != NoiseKind::Independent; }
  /// How many frames motion modules see at a time.
  int64_t framesInMotion() const { return context.length == 0 ? frames : std::min(frames, context.length); }
  /// How many frames the denoiser sees at a time.
  int64_t framesAtOnce() const { return windowsInMotion() ? frames : framesInMotion(); }

  /// The options; all that have a default in ts/options must be given, and no others. Fails with
  /// `ErrorCode::InvalidOption`.
  static SampleRequest read(const Config& options);
};

enum class Phase { Load, Encode, Denoise, Decode };

struct Progress {
  Phase phase = Phase::Load;
  int64_t step = 0;
  int64_t steps = 0;
  std::optional<RgbImage> preview;
  std::optional<RgbImage> frame = {};  // of a request that hands them out: the one that is done
};

using OnProgress = std::function<void(Progress)>;

/// (frames, height, width, 3), 8-bit RGB.
using Frames = std::vector<uint8_t>;

}  // namespace cameo::pipeline
