#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "weights/base_model.h"
#include "weights/component.h"
#include "weights/convert/writing.h"

namespace cameo::weights {

/// Each writes one kind of model in one layout, whichever it was read from.
void writeDiffusersModel(const BaseModel& model, const std::string& folder, Writing& writing);
void writeCheckpoint(const BaseModel& model, const std::string& file, Writing& writing);
void writeDiffusersVae(const Component& vae, const std::string& folder, Writing& writing);
void writeOriginalVae(const Component& vae, const std::string& file, Writing& writing);
void writeMotionAdapter(const Component& motion, const std::string& folder, Writing& writing);
void writeOriginalMotion(const Component& motion, const std::string& file, Writing& writing);

}  // namespace cameo::weights
