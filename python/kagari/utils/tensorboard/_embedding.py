"""The files that TensorBoard's projector reads: vectors, their names, one picture with all small pictures."""
import math
import os

import numpy as np

from kagari.utils.tensorboard._convert_np import as_bytes, image_grid, make_np


def write_vectors(vectors, folder):
    """tensors.tsv: one vector per line."""
    with open(os.path.join(folder, "tensors.tsv"), "w", encoding="utf8") as file:
        file.writelines("\t".join(str(x) for x in row) + "\n" for row in vectors.tolist())


def write_metadata(names, folder, header=None):
    """metadata.tsv: one name per vector, or with a header one column per entry."""
    rows = ["\t".join(str(part) for part in row) for row in (header, *names)] if header else [str(name) for name in names]
    with open(os.path.join(folder, "metadata.tsv"), "w", encoding="utf8") as file:
        file.writelines(row + "\n" for row in rows)


def write_sprite(images, folder):
    """sprite.png: all pictures (count, channels, side, side) in a square."""
    from PIL import Image
    images = as_bytes(make_np(images))
    side = math.ceil(math.sqrt(len(images)))
    padded = np.concatenate((images, np.zeros((side * side - len(images), *images.shape[1:]), dtype=images.dtype)))
    Image.fromarray(image_grid(padded, columns=side)).save(os.path.join(folder, "sprite.png"))


def projector_entry(metadata, label_img, subfolder, global_step, tag):
    """The projector's description of one set of vectors."""
    from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo
    info = EmbeddingInfo(tensor_name=f"{tag}:{str(global_step).zfill(5)}", tensor_path=f"{subfolder}/tensors.tsv")
    if metadata is not None:
        info.metadata_path = f"{subfolder}/metadata.tsv"
    if label_img is not None:
        info.sprite.image_path = f"{subfolder}/sprite.png"
        info.sprite.single_image_dim.extend([label_img.size(3), label_img.size(2)])
    return info


def write_config(info, folder):
    """Adds the description to projector_config.pbtxt."""
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    with open(os.path.join(folder, "projector_config.pbtxt"), "a", encoding="utf8") as file:
        file.write(text_format.MessageToString(ProjectorConfig(embeddings=[info])))
