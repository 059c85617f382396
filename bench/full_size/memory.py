"""This process's resident memory and its peak, as Linux counts them (/proc/self)."""

from pathlib import Path


def resident_bytes(field: str = "VmHWM") -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def restart_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")
