"""Pipelines of processes do not exist here; the names raise NotImplementedError when used."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.pipelining", classes=("Pipe", "PipelineStage", "ScheduleGPipe", "Schedule1F1B", "SplitPoint"),
                        functions=("pipe_split", "pipeline", "build_stage")))
