"""Checkpoints of spread state do not exist here; torch.save and torch.load write whole ones. The names raise NotImplementedError when used."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.checkpoint",
                        classes=("FileSystemReader", "FileSystemWriter", "DefaultLoadPlanner", "DefaultSavePlanner", "LoadPlanner", "SavePlanner", "LoadPlan",
                                 "SavePlan", "StorageReader", "StorageWriter", "HuggingFaceStorageReader", "HuggingFaceStorageWriter", "Metadata"),
                        functions=("save", "load", "async_save", "save_state_dict", "load_state_dict", "load_sharded_optimizer_state_dict")))


class CheckpointException(Exception):
    """A checkpoint could not be read or written."""
