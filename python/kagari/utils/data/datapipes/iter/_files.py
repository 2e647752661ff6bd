"""Pipes over files."""
import fnmatch
import os

from kagari.utils.data.datapipes.datapipe import IterDataPipe, functional_datapipe

__all__ = ["FileLister", "FileOpener", "StreamReader"]


class _Declared(IterDataPipe):
    """Its length is what its maker said, if anything."""

    def __len__(self):
        if self.length == -1:
            raise TypeError(f"{type(self).__name__} instance doesn't have valid length")
        return self.length


@functional_datapipe("list_files")
class FileLister(_Declared):
    """The paths of the files in folders, sorted, whose names fit one of the masks.

    root: a folder, several, or a pipe of folders. recursive: folders within folders, too. abspath: absolute paths.
    """

    def __init__(self, root=".", masks="", *, recursive=False, abspath=False, non_deterministic=False, length=-1):
        super().__init__()
        self.datapipe = [root] if isinstance(root, (str, os.PathLike)) else root
        self.masks = [masks] if isinstance(masks, str) else list(masks)
        self.recursive, self.abspath, self.non_deterministic, self.length = recursive, abspath, non_deterministic, length

    def _fits(self, name):
        return not any(self.masks) or any(fnmatch.fnmatch(name, mask) for mask in self.masks)

    def __iter__(self):
        for root in self.datapipe:
            root = os.path.abspath(root) if self.abspath else root
            for folder, inner, files in os.walk(root):
                inner.sort()
                for name in files if self.non_deterministic else sorted(files):
                    if self._fits(name):
                        yield os.path.join(folder, name)
                if not self.recursive:
                    break


@functional_datapipe("open_files")
class FileOpener(_Declared):
    """Pairs (path, open file) of a pipe of paths."""

    def __init__(self, datapipe, mode="r", encoding=None, length=-1):
        super().__init__()
        if mode not in ("b", "t", "rb", "rt", "r"):
            raise ValueError(f"Invalid mode {mode}")
        if "b" in mode and encoding is not None:
            raise ValueError("binary mode doesn't take an encoding argument")
        self.datapipe, self.mode, self.encoding, self.length = datapipe, mode if "r" in mode else "r" + mode, encoding, length

    def __iter__(self):
        for path in self.datapipe:
            yield path, open(path, self.mode, encoding=self.encoding)      # whoever reads the pipe closes the file


@functional_datapipe("read_from_stream")
class StreamReader(IterDataPipe):
    """Pairs (label, content) of a pipe of pairs (label, open file); with chunk, pieces of that size. Files are closed."""

    def __init__(self, datapipe, chunk=None):
        super().__init__()
        self.datapipe, self.chunk = datapipe, chunk

    def __iter__(self):
        for label, stream in self.datapipe:
            with stream:
                if self.chunk is None:
                    yield label, stream.read()
                    continue
                while piece := stream.read(self.chunk):
                    yield label, piece
