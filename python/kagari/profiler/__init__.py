"""torch.profiler: what operators cost."""
from kagari.autograd.profiler import KinetoStepTracker, kineto_available, record_function
from kagari.profiler.profiler import (ExecutionTraceObserver, ProfilerAction, ProfilerActivity, _ExperimentalConfig, _KinetoProfile, profile, schedule,
                                      supported_activities, tensorboard_trace_handler)

__all__ = ["profile", "schedule", "supported_activities", "tensorboard_trace_handler", "ProfilerAction", "ProfilerActivity", "kineto_available",
           "record_function", "ExecutionTraceObserver"]
_ = KinetoStepTracker, _ExperimentalConfig, _KinetoProfile
