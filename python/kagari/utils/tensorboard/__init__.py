"""Logs for TensorBoard: SummaryWriter. Needs the package `tensorboard` (ImportError without it)."""
import tensorboard  # noqa: F401  its absence is reported here, under its own name

from kagari.utils.tensorboard.writer import FileWriter, SummaryWriter
from tensorboard.summary.writer.record_writer import RecordWriter

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
