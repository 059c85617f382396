#pragma once

namespace cameo::cpu {

/// Makes OpenMP's threads sleep at barriers instead of keeping a core busy while they wait for one that
/// another program has slowed down. Does nothing where OMP_WAIT_POLICY or GOMP_SPINCOUNT says how they wait.
/// May be called by any thread, as often as it likes.
void sleepAtBarriers();

}  // namespace cameo::cpu
