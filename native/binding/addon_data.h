#pragma once

#include <napi.h>

#include <memory>

#include "binding/task_runner.h"

namespace cameo::binding {

/// What the addon keeps for one JS environment; nothing is shared between environments.
struct AddonData {
  explicit AddonData(Napi::Env env) : runners(std::make_shared<RunnerSet>()), runner(env, runners) {
    RunnerSet::stopAtExit(env, runners);
  }

  static AddonData& of(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

  std::shared_ptr<RunnerSet> runners;
  TaskRunner runner;  // for the functions that belong to no pipeline
};

}  // namespace cameo::binding
