#include "models/causal_vae/film_vae.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::models {

/// The first chunk has what is left over: of 17 frames, 8 at a time, 9.
void FilmVae::forEachChunk(const at::Tensor& film, int64_t together, const OnChunk& each) const {
  nn::ChunkHistory history;
  const int64_t frames = film.size(0), apart = shape_.first_alone ? 1 : 0;
  const int64_t chunks = std::max<int64_t>((frames - apart) / together + apart, 1);
  int64_t first = 0;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t count = i == 0 ? frames - (chunks - 1) * together : together;
    if (i + 1 == chunks) history.beginLast();
    each(film.narrow(0, first, count), history);
    history.endChunk();
    first += count;
  }
}

at::Tensor FilmVae::moments(const at::Tensor& frames) const {
  std::vector<at::Tensor> chunks;
  forEachChunk(frames, shape_.frames_together, [&](const at::Tensor& chunk, nn::ChunkHistory& history) {
    chunks.push_back(encodeChunk(chunk, history));
  });
  return at::cat(chunks);
}

Posterior FilmVae::encode(const at::Tensor& frames, bool tiled) const {
  const auto whole = [this](const at::Tensor& tile) { return moments(tile); };
  const auto inPixels = [this](const TileSide& side) {
    const int64_t scale = shape_.scale;
    return TileSide{side.output, side.input, side.stride * scale, side.blended / scale};
  };
  const at::Tensor all =
      tiled ? mapTiles(frames, inPixels(shape_.rows), inPixels(shape_.columns), whole) : whole(frames);
  const auto halves = all.chunk(2, 1);
  return {halves[0], halves[1].clamp(-30, 20)};
}

void FilmVae::decodeWhole(const at::Tensor& latents, const OnFrames& onFrames) const {
  forEachChunk(latents, shape_.latents_together, [&](const at::Tensor& chunk, nn::ChunkHistory& history) {
    onFrames(decodeChunk(chunk, history));
  });
}

void FilmVae::decode(const at::Tensor& latents, bool tiled, const OnFrames& onFrames) const {
  const TileSide &rows = shape_.rows, &columns = shape_.columns;
  if (!tiled || (latents.size(2) <= rows.input && latents.size(3) <= columns.input)) {
    return decodeWhole(latents, onFrames);
  }
  onFrames(mapTiles(latents, rows, columns, [this](const at::Tensor& tile) {
    std::vector<at::Tensor> frames;
    decodeWhole(tile, [&](const at::Tensor& chunk) { frames.push_back(chunk); });
    return at::cat(frames);
  }));
}

}  // namespace cameo::models
