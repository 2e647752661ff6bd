"""SummaryWriter: writes event files that TensorBoard reads."""
import os
import time

from tensorboard.compat.proto import event_pb2
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from kagari.utils.tensorboard import summary
from kagari.utils.tensorboard._convert_np import figure_to_image, make_np

__all__ = ["FileWriter", "SummaryWriter"]


def _exponential_bins():
    """Limits of histogram buckets that grow by a tenth each, from 1e-12 to 1e20, of both signs."""
    positive, limit = [], 1e-12
    while limit < 1e20:
        positive.append(limit)
        limit *= 1.1
    return [-limit for limit in reversed(positive)] + [0] + positive


class FileWriter:
    """Writes messages into one event file in log_dir.

    max_queue: messages kept in memory. flush_secs: how often they are written. filename_suffix: end of the file's name.
    """

    def __init__(self, log_dir, max_queue=10, flush_secs=120, filename_suffix=""):
        self.event_writer = EventFileWriter(str(log_dir), max_queue, flush_secs, filename_suffix)

    def get_logdir(self):
        return self.event_writer.get_logdir()

    def add_event(self, event, step=None, walltime=None):
        """Writes an Event after setting its time and step."""
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self.event_writer.add_event(event)

    def add_summary(self, summary, global_step=None, walltime=None):
        self.add_event(event_pb2.Event(summary=summary), global_step, walltime)

    def add_graph(self, graph_profile, walltime=None):
        """Writes (GraphDef, RunMetadata or None)."""
        graph, metadata = graph_profile
        self.add_event(event_pb2.Event(graph_def=graph.SerializeToString()), None, walltime)
        if metadata is not None:
            run = event_pb2.TaggedRunMetadata(tag="step1", run_metadata=metadata.SerializeToString())
            self.add_event(event_pb2.Event(tagged_run_metadata=run), None, walltime)

    def flush(self):
        self.event_writer.flush()

    def close(self):
        self.event_writer.close()

    def reopen(self):
        """Goes on writing after close(), in the same folder."""
        writer = self.event_writer
        if getattr(writer, "_async_writer", None) is not None and getattr(writer._async_writer, "_closed", False):
            self.event_writer = EventFileWriter(writer.get_logdir())


class SummaryWriter:
    """Logs of a run, for TensorBoard, in the folder log_dir (default runs/<date>_<host><comment>).

    Each add_* method takes a tag (the name of the curve, picture, ...), the value, global_step and walltime (seconds since 1970, default now).
    purge_step: TensorBoard drops what an earlier run wrote from this step on.

        >>> from torch.utils.tensorboard import SummaryWriter
        >>> with SummaryWriter("runs/example") as log:       # doctest: +SKIP
        ...     for step in range(10):
        ...         log.add_scalar("loss", 1 / (step + 1), step)
    """

    def __init__(self, log_dir=None, comment="", purge_step=None, max_queue=10, flush_secs=120, filename_suffix=""):
        if not log_dir:
            import socket
            from datetime import datetime
            log_dir = os.path.join("runs", datetime.now().strftime("%b%d_%H-%M-%S") + "_" + socket.gethostname() + comment)
        self.log_dir, self.purge_step, self.max_queue, self.flush_secs, self.filename_suffix = log_dir, purge_step, max_queue, flush_secs, filename_suffix
        self.file_writer = self.all_writers = None
        self.default_bins = _exponential_bins()
        self._get_file_writer()

    def _get_file_writer(self):
        """The writer of log_dir; made again after close()."""
        if self.all_writers is None or self.file_writer is None:
            self.file_writer = FileWriter(self.log_dir, self.max_queue, self.flush_secs, self.filename_suffix)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
            if self.purge_step is not None:
                step = self.purge_step
                self.file_writer.add_event(Event(step=step, file_version="brain.Event:2"))
                self.file_writer.add_event(Event(step=step, session_log=SessionLog(status=SessionLog.START)))
                self.purge_step = None
        return self.file_writer

    def _add(self, message, global_step, walltime):
        self._get_file_writer().add_summary(message, global_step, walltime)

    def get_logdir(self):
        """The folder of the event files."""
        return self.log_dir

    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None, global_step=None):
        """Hyperparameters and the metrics they led to, as a run of its own in the subfolder run_name (default: the time)."""
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        messages = summary.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        with SummaryWriter(log_dir=os.path.join(self._get_file_writer().get_logdir(), run_name or str(time.time()))) as run:
            for message in messages:
                run._add(message, global_step, None)
            for name, value in metric_dict.items():
                run.add_scalar(name, value, global_step)

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False):
        """One number."""
        self._add(summary.scalar(tag, scalar_value, new_style=new_style, double_precision=double_precision), global_step, walltime)

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        """Several numbers for one chart, {name: value}; each name is a run in a subfolder."""
        walltime = time.time() if walltime is None else walltime
        home = self._get_file_writer().get_logdir()
        for name, value in tag_scalar_dict.items():
            folder = f"{home}/{main_tag.replace('/', '_')}_{name}"
            if folder not in self.all_writers:
                self.all_writers[folder] = FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)
            self.all_writers[folder].add_summary(summary.scalar(main_tag, value), global_step, walltime)

    def add_tensor(self, tag, tensor, global_step=None, walltime=None):
        """All numbers of a tensor."""
        self._add(summary.tensor_proto(tag, tensor), global_step, walltime)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None):
        """The distribution of values. bins: "tensorflow" (growing exponentially), or what numpy.histogram takes."""
        bins = self.default_bins if isinstance(bins, str) and bins == "tensorflow" else bins
        self._add(summary.histogram(tag, values, bins, max_bins=max_bins), global_step, walltime)

    def add_histogram_raw(self, tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts, global_step=None, walltime=None):
        """A histogram that was counted elsewhere."""
        self._add(summary.histogram_raw(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts), global_step, walltime)

    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW"):
        """A picture: floating numbers from 0 to 1, or uint8."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_images(self, tag, img_tensor, global_step=None, walltime=None, dataformats="NCHW"):
        """Several pictures in a grid."""
        self._add(summary.image(tag, img_tensor, dataformats=dataformats), global_step, walltime)

    def add_image_with_boxes(self, tag, img_tensor, box_tensor, global_step=None, walltime=None, rescale=1, dataformats="CHW", labels=None):
        """A picture with rectangles (left, top, right, bottom) and labels (one string, or one per rectangle)."""
        labels = [labels] if isinstance(labels, str) else labels
        if labels is not None and len(labels) != len(box_tensor):
            labels = None
        self._add(summary.image_boxes(tag, img_tensor, box_tensor, rescale, dataformats, labels), global_step, walltime)

    def add_figure(self, tag, figure, global_step=None, close=True, walltime=None):
        """One Matplotlib figure or a list of them; closed afterwards."""
        self.add_image(tag, figure_to_image(figure, close), global_step, walltime, dataformats="NCHW" if isinstance(figure, list) else "CHW")

    def add_video(self, tag, vid_tensor, global_step=None, fps=4, walltime=None):
        """Videos (count, time, channels, height, width)."""
        self._add(summary.video(tag, vid_tensor, fps), global_step, walltime)

    def add_audio(self, tag, snd_tensor, global_step=None, sample_rate=44100, walltime=None):
        """Sound, one dimension, from -1 to 1."""
        self._add(summary.audio(tag, snd_tensor, sample_rate=sample_rate), global_step, walltime)

    def add_text(self, tag, text_string, global_step=None, walltime=None):
        """Text in Markdown."""
        self._add(summary.text(tag, text_string), global_step, walltime)

    def add_onnx_graph(self, prototxt):
        """The graph of an ONNX file. NotImplementedError: use a viewer for ONNX files."""
        raise NotImplementedError("SummaryWriter.add_onnx_graph: kagari draws modules (add_graph), not ONNX files")

    def add_graph(self, model, input_to_model=None, verbose=False, use_strict_trace=True):
        """The layers of a module and the tensors between them; the module runs once on input_to_model (a tensor or a tuple)."""
        from kagari.utils.tensorboard._graph import module_graph
        graph = module_graph(model, () if input_to_model is None else input_to_model)
        if verbose:
            print(graph)
        self._get_file_writer().add_graph((graph, None))

    @staticmethod
    def _encode(rawstr):
        """A tag as the name of a folder."""
        from urllib.parse import quote
        return quote(rawstr, safe="").replace("%", "%%")

    def add_embedding(self, mat, metadata=None, label_img=None, global_step=None, tag="default", metadata_header=None):
        """Vectors (count, length) for the projector, with optional names and small square pictures (count, channels, side, side)."""
        from kagari.utils.tensorboard import _embedding
        vectors = make_np(mat)
        step = 0 if global_step is None else global_step
        home = self._get_file_writer().get_logdir()
        subfolder = f"{str(step).zfill(5)}/{self._encode(tag)}"
        folder = os.path.join(home, subfolder)
        os.makedirs(folder, exist_ok=True)
        if metadata is not None:
            if len(vectors) != len(metadata):
                raise AssertionError("#labels should equal with #data points")
            _embedding.write_metadata(metadata, folder, metadata_header)
        if label_img is not None:
            if len(vectors) != label_img.shape[0]:
                raise AssertionError("#images should equal with #data points")
            if label_img.shape[2] != label_img.shape[3]:
                raise AssertionError("Image should be square, see tensorflow/tensorboard#670")
            _embedding.write_sprite(label_img, folder)
        if vectors.ndim != 2:
            raise AssertionError("mat should be 2D, where mat.size(0) is the number of data points")
        _embedding.write_vectors(vectors, folder)
        _embedding.write_config(_embedding.projector_entry(metadata, label_img, subfolder, step, tag), home)

    def add_pr_curve(self, tag, labels, predictions, global_step=None, num_thresholds=127, weights=None, walltime=None):
        """The precision-recall curve of probabilities for labels 0 and 1."""
        weights = None if weights is None else make_np(weights)
        self._add(summary.pr_curve(tag, make_np(labels), make_np(predictions), num_thresholds, weights), global_step, walltime)

    def add_pr_curve_raw(self, tag, true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts, precision, recall,
                         global_step=None, num_thresholds=127, weights=None, walltime=None):
        """A precision-recall curve that was counted elsewhere."""
        rows = (true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts, precision, recall)
        self._add(summary.pr_curve_raw(tag, *(make_np(row) for row in rows), num_thresholds, weights), global_step, walltime)

    def add_custom_scalars_multilinechart(self, tags, category="default", title="untitled"):
        """One chart for several tags."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(self, tags, category="default", title="untitled"):
        """One chart for a value between two bounds: three tags."""
        if len(tags) != 3:
            raise AssertionError(f"a margin chart needs three tags (value, lower, upper), got {len(tags)}")
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    def add_custom_scalars(self, layout):
        """Charts for TensorBoard's custom scalars page; see summary.custom_scalars."""
        self._add(summary.custom_scalars(layout), None, None)

    def add_mesh(self, tag, vertices, colors=None, faces=None, config_dict=None, global_step=None, walltime=None):
        """Points or triangles in space."""
        self._add(summary.mesh(tag, vertices, colors, faces, config_dict), global_step, walltime)

    def flush(self):
        """Writes what is in memory."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self):
        """Writes what is in memory and closes the files; a later add_* opens new ones."""
        for writer in (self.all_writers or {}).values():
            writer.flush()
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()
