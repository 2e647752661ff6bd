"""Summary messages, TensorBoard's unit of data, of numbers, histograms, pictures, sound, text and parameters."""
import io
import json
import wave

import numpy as np
from google.protobuf import struct_pb2
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData
from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData

from kagari.utils.tensorboard._convert_np import as_bytes, convert_to_HWC, make_np, png_bytes


def _shape(sizes):
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=int(size)) for size in sizes])


def _metadata(plugin, content=b""):
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))


def _one(tag, **value):
    return Summary(value=[Summary.Value(tag=tag, **value)])


def scalar(name, tensor, collections=None, new_style=False, double_precision=False):
    """One number. new_style writes it as a tensor of the scalars plugin, with double_precision in float64."""
    values = make_np(tensor)
    if values.size != 1:
        raise AssertionError(f"Tensor should contain one element (0 dimensions). Was given size: {values.size} and {values.ndim} dimensions.")
    value = float(values.reshape(()))
    if not new_style:
        return _one(name, simple_value=value)
    proto = TensorProto(double_val=[value], dtype="DT_DOUBLE") if double_precision else TensorProto(float_val=[value], dtype="DT_FLOAT")
    return _one(name, tensor=proto, metadata=_metadata("scalars"))


# NumPy dtype -> (TensorBoard's name, field of TensorProto)
_TENSOR_FIELDS = {
    "float32": ("DT_FLOAT", "float_val"), "float64": ("DT_DOUBLE", "double_val"), "int8": ("DT_INT8", "int_val"), "uint8": ("DT_UINT8", "int_val"),
    "int16": ("DT_INT16", "int_val"), "int32": ("DT_INT32", "int_val"), "int64": ("DT_INT64", "int64_val"), "bool": ("DT_BOOL", "bool_val"),
}


def tensor_proto(tag, tensor):
    """All elements of a tensor, for the tensor plugin. ValueError for dtypes that TensorBoard has not."""
    array = make_np(tensor) if tensor.dim() else make_np(tensor).reshape(())
    if array.dtype.name not in _TENSOR_FIELDS:
        raise ValueError(f"{tag} has an unsupported dtype: {tensor.dtype}")
    name, field = _TENSOR_FIELDS[array.dtype.name]
    return _one(tag, tensor=TensorProto(dtype=name, tensor_shape=_shape(array.shape), **{field: array.ravel().tolist()}), metadata=_metadata("tensor"))


def histogram_raw(name, min, max, num, sum, sum_squares, bucket_limits, bucket_counts):
    """A histogram that was counted elsewhere; bucket_limits are the right ends of the buckets."""
    if len(bucket_limits) != len(bucket_counts):
        raise ValueError("len(bucket_limits) != len(bucket_counts), see the document.")
    return _one(name, histo=HistogramProto(min=min, max=max, num=num, sum=sum, sum_squares=sum_squares, bucket_limit=bucket_limits, bucket=bucket_counts))


def histogram(name, values, bins, max_bins=None):
    """The histogram of values; bins as numpy.histogram takes them."""
    return _one(name, histo=make_histogram(make_np(values).astype(float), bins, max_bins))


def make_histogram(values, bins, max_bins=None):
    """HistogramProto of an array. Empty buckets at both ends are left out, but one limit before the first full one stays."""
    if values.size == 0:
        raise ValueError("The input has no element.")
    values = values.reshape(-1)
    counts, limits = np.histogram(values, bins=bins)
    if max_bins is not None and len(counts) > max_bins and len(counts) // max_bins > 1:
        step = len(counts) // max_bins
        starts = np.arange(0, len(counts), step)
        counts, limits = np.add.reduceat(counts, starts), np.append(limits[starts], limits[-1])
    full = np.flatnonzero(counts)
    if full.size == 0:
        raise ValueError("The histogram is empty, please file a bug report.")
    first, last = full[0], full[-1]
    return HistogramProto(min=values.min(), max=values.max(), num=len(values), sum=values.sum(), sum_squares=values.dot(values),
                          bucket_limit=limits[first:last + 2].tolist(), bucket=[0, *counts[first:last + 1].tolist()])


def image(tag, tensor, rescale=1, dataformats="NCHW"):
    """A picture, or a grid of pictures; see convert_to_HWC for dataformats."""
    return _one(tag, image=make_image(as_bytes(convert_to_HWC(make_np(tensor), dataformats)), rescale))


def image_boxes(tag, tensor_image, tensor_boxes, rescale=1, dataformats="CHW", labels=None):
    """A picture with rectangles (left, top, right, bottom), each with an optional label."""
    return _one(tag, image=make_image(as_bytes(convert_to_HWC(make_np(tensor_image), dataformats)), rescale, make_np(tensor_boxes), labels))


def draw_boxes(disp_image, boxes, labels=None):
    """Draws red rectangles and their labels on a PIL image."""
    from PIL import ImageDraw
    pen = ImageDraw.Draw(disp_image)
    for index, box in enumerate(boxes):
        left, top, right, bottom = (float(corner) for corner in box[:4])
        pen.rectangle((left, top, right, bottom), outline="Red", width=2)
        if labels is not None:
            place = pen.textbbox((left, top), labels[index])
            height = place[3] - place[1]
            pen.rectangle((left, top - height - 2, left + place[2] - place[0] + 2, top), fill="Red")
            pen.text((left + 1, top - height - 2), labels[index], fill="black")
    return disp_image


def make_image(tensor, rescale=1, rois=None, labels=None):
    """Summary.Image of uint8 pixels (height, width, channels)."""
    from PIL import Image
    height, width, channels = tensor.shape
    picture = Image.fromarray(tensor)
    if rois is not None:
        picture = draw_boxes(picture, rois, labels=labels)
    height, width = int(height * rescale), int(width * rescale)
    if rescale != 1:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png_bytes(picture))


def video(tag, tensor, fps=4):
    """Videos (count, time, channels, height, width), side by side, as an animated GIF."""
    from PIL import Image
    films = as_bytes(make_np(tensor))
    if films.ndim != 5:
        raise ValueError(f"a video needs the dimensions (count, time, channels, height, width), got shape {films.shape}")
    side = 2 ** int(np.ceil(np.log2(len(films)) / 2)) if len(films) > 1 else 1
    from kagari.utils.tensorboard._convert_np import image_grid
    frames = [Image.fromarray(image_grid(films[:, moment], columns=max(side, 1))) for moment in range(films.shape[1])]
    file = io.BytesIO()
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0)
    return _one(tag, image=Summary.Image(height=frames[0].height, width=frames[0].width, colorspace=3, encoded_image_string=file.getvalue()))


def audio(tag, tensor, sample_rate=44100):
    """One channel of sound from -1 to 1, as 16-bit WAV."""
    sound = np.squeeze(make_np(tensor))
    if sound.ndim != 1:
        raise AssertionError("input tensor should be 1 dimensional.")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes((sound.clip(-1, 1) * np.iinfo(np.int16).max).astype("<i2").tobytes())
    return _one(tag, audio=Summary.Audio(sample_rate=sample_rate, num_channels=1, length_frames=sound.shape[-1], encoded_audio_string=file.getvalue(),
                                         content_type="audio/wav"))


def text(tag, text):
    """Text in Markdown."""
    proto = TensorProto(dtype="DT_STRING", string_val=[text.encode("utf_8")], tensor_shape=_shape([1]))
    return _one(f"{tag}/text_summary", tensor=proto, metadata=_metadata("text", TextPluginData(version=0).SerializeToString()))


def custom_scalars(layout):
    """The layout of the custom scalars page: {category: {chart: [kind, tags]}}, kind "Multiline" or "Margin"."""
    categories = []
    for category, charts in layout.items():
        made = []
        for name, (kind, tags) in charts.items():
            if kind == "Margin":
                if len(tags) != 3:
                    raise AssertionError(f"a margin chart needs three tags (value, lower, upper), got {len(tags)}")
                series = layout_pb2.MarginChartContent.Series(value=tags[0], lower=tags[1], upper=tags[2])
                made.append(layout_pb2.Chart(title=name, margin=layout_pb2.MarginChartContent(series=[series])))
            else:
                made.append(layout_pb2.Chart(title=name, multiline=layout_pb2.MultilineChartContent(tag=tags)))
        categories.append(layout_pb2.Category(title=category, chart=made))
    content = layout_pb2.Layout(category=categories).SerializeToString()
    return _one("custom_scalars__config__", tensor=TensorProto(dtype="DT_STRING", string_val=[content], tensor_shape=TensorShapeProto()),
                metadata=_metadata("custom_scalars"))


def pr_curve_raw(tag, tp, fp, tn, fn, precision, recall, num_thresholds=127, weights=None):
    """A precision-recall curve that was counted elsewhere, one number per threshold."""
    return _curve(tag, np.stack((tp, fp, tn, fn, precision, recall)), min(num_thresholds, 127))


def pr_curve(tag, labels, predictions, num_thresholds=127, weights=None):
    """The precision-recall curve of probabilities for labels 0 and 1."""
    num_thresholds = min(num_thresholds, 127)         # as many as TensorBoard's plugin stores
    return _curve(tag, compute_curve(labels, predictions, num_thresholds, weights), num_thresholds)


def _curve(tag, rows, num_thresholds):
    proto = TensorProto(dtype="DT_FLOAT", float_val=np.asarray(rows, dtype=np.float64).reshape(-1).tolist(), tensor_shape=_shape(np.shape(rows)))
    content = PrCurvePluginData(version=0, num_thresholds=num_thresholds).SerializeToString()
    return _one(tag, tensor=proto, metadata=_metadata("pr_curves", content))


def compute_curve(labels, predictions, num_thresholds=None, weights=None):
    """(6, thresholds): true and false positives, true and false negatives, precision, recall."""
    labels, predictions = np.asarray(labels, dtype=float), np.asarray(predictions)
    weights = np.ones_like(labels) if weights is None else np.asarray(weights)
    bucket = np.floor(predictions * (num_thresholds - 1)).astype(np.int64)

    def above(amounts):                              # amount with a prediction at or above each threshold
        counted = np.bincount(bucket.ravel(), weights=amounts.ravel(), minlength=num_thresholds)
        return counted[::-1].cumsum()[::-1]

    tp, fp = above(labels * weights), above((1 - labels) * weights)
    tn, fn = fp[0] - fp, tp[0] - tp
    tiny = 1e-7
    return np.stack((tp, fp, tn, fn, tp / np.maximum(tiny, tp + fp), tp / np.maximum(tiny, tp + fn)))


def mesh(tag, vertices, colors, faces, config_dict, display_name=None, description=None):
    """Points (batch, n, 3) with optional colours (batch, n, 3) and triangles (batch, m, 3) of point numbers."""
    from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
    parts = [(kind, tensor) for kind, tensor in (("VERTEX", vertices), ("FACE", faces), ("COLOR", colors)) if tensor is not None]
    kinds = {"VERTEX": 1, "FACE": 2, "COLOR": 3}
    components = sum(1 << kinds[kind] for kind, _ in parts)
    values = []
    for kind, tensor in parts:
        array = make_np(tensor)
        content = MeshPluginData(version=0, name=tag, content_type=kinds[kind], components=components, shape=array.shape,
                                 json_config=json.dumps(config_dict or {}, sort_keys=True))
        metadata = _metadata("mesh", content.SerializeToString())
        metadata.display_name, metadata.summary_description = display_name or "", description or ""
        proto = TensorProto(dtype="DT_FLOAT", float_val=array.reshape(-1).tolist(), tensor_shape=_shape(array.shape))
        values.append(Summary.Value(tag=f"{tag}_{kind}", tensor=proto, metadata=metadata))
    return Summary(value=values)


def hparams(hparam_dict=None, metric_dict=None, hparam_domain_discrete=None):
    """Three summaries, of an experiment, of the start and of the end of a session with these hyperparameters and metrics.

    hparam_domain_discrete: {name: the values it may have}. TypeError for arguments that are no dict, ValueError for values that are no number,
    str, bool or one-element tensor.
    """
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
    for given in (hparam_dict, metric_dict):
        if not isinstance(given, dict):
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
    domains = hparam_domain_discrete or {}
    if not isinstance(domains, dict):
        raise TypeError("hparam_domain_discrete should be a dictionary.")
    for name, values in domains.items():
        if name not in hparam_dict or not isinstance(values, list) or not all(isinstance(value, type(hparam_dict[name])) for value in values):
            raise TypeError(f"parameter: hparam_domain_discrete[{name}] should be a list of same type as hparam_dict[{name}].")

    start, infos = plugin_data_pb2.SessionStartInfo(), []
    for name, value in hparam_dict.items():
        if value is None:
            continue
        kind, converted = _hparam(name, value)
        info = api_pb2.HParamInfo(name=name, type=kind)
        if name in domains:
            info.domain_discrete.CopyFrom(struct_pb2.ListValue(values=[_hparam(name, each)[1] for each in domains[name]]))
        start.hparams[name].CopyFrom(converted)
        infos.append(info)
    experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in metric_dict])
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.Status.Value("STATUS_SUCCESS"))

    def message(tag, **content):
        data = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **content)
        return _one(tag, metadata=_metadata(metadata.PLUGIN_NAME, data.SerializeToString()))

    return (message(metadata.EXPERIMENT_TAG, experiment=experiment), message(metadata.SESSION_START_INFO_TAG, session_start_info=start),
            message(metadata.SESSION_END_INFO_TAG, session_end_info=end))


def _hparam(name, value):
    """(type, protobuf value) of a hyperparameter."""
    from tensorboard.plugins.hparams import api_pb2

    import kagari
    if isinstance(value, kagari.Tensor):
        value = float(make_np(value).reshape(()))
    if isinstance(value, (int, float, np.number)):            # bool counts as a number
        return api_pb2.DATA_TYPE_FLOAT64, struct_pb2.Value(number_value=float(value))
    if isinstance(value, str):
        return api_pb2.DATA_TYPE_STRING, struct_pb2.Value(string_value=value)
    raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")
