#include "models/video_unet/video_unet_config.h"

#include <c10/util/StringUtil.h>

namespace cameo::models {

VideoUNetConfig VideoUNetConfig::read(const Config& config) {
  VideoUNetConfig video;
  video.unet =
      UNetConfig::readBothWays(config, {"DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"},
                               {"UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"}, 1024);
  video.time_id_channels = config.integer("addition_time_embed_dim", 256, 2);
  const int64_t all = config.integer("projection_class_embeddings_input_dim", 768);
  if (all != kTimeIds * video.time_id_channels) {
    config.fail("projection_class_embeddings_input_dim",
                c10::str("it must be ", kTimeIds, " times addition_time_embed_dim"));
  }
  video.frames = config.integer("num_frames", 25, 1, 1024);
  return video;
}

}  // namespace cameo::models
